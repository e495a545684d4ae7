"""``AlertMessage``: what an alert sends, with its text in Korean."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from koalab.alerts.grammar import PriceRule, quantity
from koalab.dates import SEOUL, seoul
from koalab.live.condition_watch import MemberChange
from koalab.orders.record import OrderChange, OrderRecord


class AlertMessage(NamedTuple):
    """One message of an alert; a function given as ``to`` is called with it.

    ``alert`` is the alert's number, ``time`` when it happened (Asia/Seoul), ``text`` what the targets get. ``code`` and
    ``name`` are the issue's, blank where it is about none. ``value`` is that of the field, or the price of a fill in
    KRW; NaN otherwise.
    """

    alert: int
    time: pd.Timestamp
    text: str
    code: str
    name: str
    value: float


class Occurrence(NamedTuple):
    """What happened at ``at`` (server time, seconds since the epoch), as text and numbers of a message."""

    at: float
    time: pd.Timestamp
    text: str
    code: str = ""
    name: str = ""
    value: float = float("nan")


def of_price(rule: PriceRule, value: float, time: pd.Timestamp, at: float) -> Occurrence:
    """A field came to be as the rule says; ``time`` is naive Seoul wall time."""
    unit = rule.field.unit
    text = (
        f"{rule.name}({rule.code}) {rule.field.name} {quantity(value)}{unit}"
        f" ({rule.comparator} {quantity(rule.number)}{unit})"
    )
    return Occurrence(at, time.tz_localize(SEOUL), text, rule.code, rule.name, float(value))


def of_fill(record: OrderRecord, change: OrderChange) -> Occurrence:
    """Shares of an order were filled."""
    name = record.name or record.code
    text = (
        f"{name}({record.code}) {record.side} 체결 {change.volume:,}주 × {change.price:,}원"
        f" ({change.filled:,}/{record.quantity:,}주, 주문 {record.number})"
    )
    return Occurrence(change.at, seoul(change.at), text, record.code, name, float(change.price))


def of_member(condition: str, change: MemberChange) -> Occurrence:
    """An issue entered or left a condition."""
    name = change.name or change.code
    text = f"조건식 {condition} {'편입' if change.entered else '이탈'}: {name}({change.code})"
    return Occurrence(change.time.timestamp(), change.time, text, change.code, name)


def of_loss(at: float, why: str) -> Occurrence:
    """The connection was lost."""
    return Occurrence(at, seoul(at), f"연결 끊김: {why}")


def of_return(at: float, since: float) -> Occurrence:
    """The connection is back."""
    return Occurrence(at, seoul(at), f"다시 연결됨 ({max(0, round(at - since)):,}초 동안 끊김)")

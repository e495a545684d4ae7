"""What the broker says about orders and positions: Chejan events, and rows of opt10075 and opw00018, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from koalab.errors import KoalabError
from koalab.orders.quote_types import name_in_reports
from koalab.transport.base import ChejanEvent

Action = Literal["new", "modify", "cancel"]

_NO_ORDER: Final = "0000000"
# Seconds.
_SEOUL, _DAY, _AHEAD = 9 * 3600, 86_400, 600
_SIDES: Final = ("매수", "매도")
# FIDs of a Chejan event.
_ACCOUNT, _CODE, _NAME, _NUMBER, _ORIGINAL = 9201, 9001, 302, 9203, 904
_STATE, _KIND, _QUOTE, _QUANTITY, _PRICE, _LEFT, _VALUE = 913, 905, 906, 900, 901, 902, 903
_TIME, _UNIT_PRICE, _UNIT_VOLUME, _REASON, _CLOSED = 908, 914, 915, 919, 819
_CREDIT, _LOAN_DATE, _HELD_CREDIT, _HELD_LOAN_DATE = 922, 923, 917, 916
_HELD, _AVERAGE, _COST, _SELLABLE, _LAST = 930, 931, 932, 933, 10


class UnreadableReport(KoalabError):
    """Raised when an event about an order lacks what it must have."""


@dataclass(frozen=True, slots=True)
class OrderReport:
    """The state of one order, as of ``at`` (server time, seconds since the epoch).

    Attributes:
        state: 접수, 확인, 체결, 취소 or 거부.
        side: 매수 or 매도.
        action: what the order does.
        filled: shares so far; None in an event, which has the newest fill only. ``value`` is their KRW.
        fill: shares and price of the newest fill, None where this is no fill.
        closed: nothing is open any more though it is not filled (미체결 클리어).
        clock: HHMMSS of the order's entry or newest fill.
        original: the number of the order that it changes; blank.
        credit, loan_date: 신용구분 and 대출일 (YYYYMMDD), blank without credit, and in a list, which lacks them.
    """

    account: str
    number: str
    original: str
    code: str
    name: str
    state: str
    side: str
    action: Action
    type: str
    quantity: int
    price: int
    left: int
    filled: int | None
    value: int
    fill: tuple[int, int] | None
    closed: bool
    reason: str
    clock: str
    at: float
    credit: str = ""
    loan_date: str = ""


@dataclass(frozen=True, slots=True)
class PositionReport:
    """A position: ``quantity`` and ``sellable`` shares, ``average`` KRW, as of ``at``; ``price`` is the last.

    ``credit`` and ``loan_date`` are 신용구분 and 대출일 (YYYYMMDD) of shares bought on credit, which are a position
    apart; blank of others.
    """

    account: str
    code: str
    name: str
    quantity: int
    sellable: int
    average: float
    cost: int
    price: int
    at: float
    credit: str = ""
    loan_date: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Its key among the positions of an account."""
        return self.code, self.credit, self.loan_date


@dataclass(frozen=True, slots=True)
class Lists:
    """What the broker lists of an account.

    Attributes:
        orders: today's, in any state.
        open: numbers of those that the broker lists as open; read after ``orders``. None: not read.
        positions: with shares.
        until: server time of the last page.
        trs: TRs that it took.
    """

    orders: list[OrderReport]
    open: Set[str] | None
    positions: list[PositionReport]
    until: float
    trs: int = 0


def from_event(event: ChejanEvent) -> OrderReport | PositionReport | None:
    """The report of a Chejan event; None for kinds that are about neither.

    Raises:
        UnreadableReport: a number is missing or is none. The text has no account number.
    """
    values = event.values
    if event.kind == "0":
        side, action = side_and_action(_text(values, _KIND))
        volume, price = _optional(values, _UNIT_VOLUME), _optional(values, _UNIT_PRICE)
        state = values.get(_STATE, "").strip()
        return OrderReport(
            account=_text(values, _ACCOUNT),
            number=_text(values, _NUMBER),
            original=_original(values.get(_ORIGINAL, "")),
            code=bare_code(_text(values, _CODE)),
            name=values.get(_NAME, "").strip(),
            state=state,
            side=side,
            action=action,
            type=name_in_reports(values.get(_QUOTE, "").strip()),
            quantity=_whole(values, _QUANTITY),
            price=abs(_optional(values, _PRICE)),
            left=_whole(values, _LEFT),
            filled=None,
            value=_optional(values, _VALUE),
            fill=(volume, price) if state == "체결" and volume else None,
            closed=values.get(_CLOSED, "").strip() == "1",
            reason=values.get(_REASON, "").strip().strip("0"),
            clock=values.get(_TIME, "").strip(),
            at=event.time,
            credit=_filled(values, _CREDIT),
            loan_date=_filled(values, _LOAN_DATE),
        )
    if event.kind == "1":
        return PositionReport(
            account=_text(values, _ACCOUNT),
            code=bare_code(_text(values, _CODE)),
            name=values.get(_NAME, "").strip(),
            quantity=_whole(values, _HELD),
            sellable=_whole(values, _SELLABLE),
            average=float(_optional(values, _AVERAGE)),
            cost=_optional(values, _COST),
            price=abs(_optional(values, _LAST)),
            at=event.time,
            credit=_filled(values, _HELD_CREDIT),
            loan_date=_filled(values, _HELD_LOAN_DATE),
        )
    return None


def order_rows(frame: pd.DataFrame, account: str, at: float) -> Iterator[OrderReport]:
    """The orders of ``kw.orders()`` (opt10075)."""
    for row in frame.reset_index().to_dict("records"):
        side, action = side_and_action(str(row["side"]))
        time: pd.Timestamp = row["time"]
        yield OrderReport(
            account=account,
            number=str(row["order"]),
            original=str(row["original"]),
            code=str(row["code"]),
            name=str(row["name"]),
            state=str(row["status"]),
            side=side,
            action=action,
            type=name_in_reports(str(row["type"])),
            quantity=int(row["quantity"]),
            price=int(row["order_price"]),
            left=int(row["left"]),
            filled=0 if action == "cancel" else int(row["filled"]),
            value=int(row["filled_value"]),
            fill=None,
            closed=False,
            reason="",
            clock="" if pd.isna(time) else f"{time:%H%M%S}",
            at=at,
        )


def position_rows(frame: pd.DataFrame, account: str, at: float) -> Iterator[PositionReport]:
    """The positions of opw00018, 개별."""
    for row in frame.reset_index().to_dict("records"):
        date: pd.Timestamp = row["loan_date"]
        yield PositionReport(
            account=account,
            code=str(row["code"]),
            name=str(row["name"]),
            quantity=int(row["quantity"]),
            sellable=int(row["sellable"]),
            average=float(row["average_price"]),
            cost=int(row["cost"]),
            price=int(row["price"]),
            at=at,
            credit="" if pd.isna(date) else str(row["credit"]),
            loan_date="" if pd.isna(date) else f"{date:%Y%m%d}",
        )


def side_and_action(text: str) -> tuple[str, Action]:
    """매수 or 매도, and what an order does, from 주문구분.

    Raises:
        UnreadableReport: it is neither.

    >>> side_and_action("+매수정정"), side_and_action("매도취소"), side_and_action("-매도")
    (('매수', 'modify'), ('매도', 'cancel'), ('매도', 'new'))
    """
    plain = text.strip().lstrip("+-")
    if not plain.startswith(_SIDES):
        raise UnreadableReport(f"주문구분 of an order is {text!r}, which begins with neither 매수 nor 매도")
    action: Action = "modify" if plain.endswith("정정") else "cancel" if plain.endswith("취소") else "new"
    return plain[:2], action


def entered_at(report: OrderReport) -> float:
    """The moment of a listed order's time of day, seconds since the epoch; the list's own where it has none."""
    if not report.clock.isdecimal() or len(report.clock) != 6:
        return report.at
    clock = int(report.clock[:2]) * 3600 + int(report.clock[2:4]) * 60 + int(report.clock[4:])
    midnight = report.at - (report.at + _SEOUL) % _DAY
    moment = midnight + clock
    return moment if moment <= report.at + _AHEAD else moment - _DAY


def bare_code(code: str) -> str:
    """A code without the letter that Chejan events put before it (A share, J ELW, Q ETN)."""
    return code[1:] if len(code) == 7 and code[0].isalpha() else code


def _original(text: str) -> str:
    number = text.strip()
    return "" if number == _NO_ORDER else number


def _text(values: Mapping[int, str], fid: int) -> str:
    found = values.get(fid, "").strip()
    if not found:
        raise UnreadableReport(f"an event about an order has no value for FID {fid}")
    return found


def _filled(values: Mapping[int, str], fid: int) -> str:
    """A text; blank where it is of zeros alone."""
    text = values.get(fid, "").strip()
    return text if text.strip("0") else ""


def _whole(values: Mapping[int, str], fid: int) -> int:
    """A whole number from 0 on, which must be there: a blank is no 0."""
    text = _text(values, fid)
    if not text.isdecimal():
        raise UnreadableReport(
            f"FID {fid} of an event about an order is {text!r}, which is no whole number from 0 on"
        )
    return int(text)


def _optional(values: Mapping[int, str], fid: int) -> int:
    """A whole number; 0 where it is blank."""
    text = values.get(fid, "").strip()
    try:
        return int(text or 0)
    except ValueError:
        raise UnreadableReport(
            f"FID {fid} of an event about an order is {text!r}, which is no whole number"
        ) from None

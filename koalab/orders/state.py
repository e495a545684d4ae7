"""``AccountState``: one account's orders and positions, from its events and from the broker's lists."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from koalab.orders.reports import Action, OrderReport, PositionReport

OrderStatus = Literal[
    "sent",
    "accepted",
    "partly filled",
    "filled",
    "cancelled",
    "replaced",
    "confirmed",
    "rejected",
    "unknown",
]
"""``replaced``: by a modification, which is an order with a number of its own; ``confirmed``: a cancellation is."""
DONE: Final = frozenset({"filled", "cancelled", "replaced", "confirmed", "rejected"})
"""States that an order never leaves."""


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A change of an order at ``at`` (server time): its status after it, and the fill or message that it was."""

    at: float
    status: OrderStatus
    filled: int
    left: int
    volume: int = 0
    price: int = 0
    message: str = ""


@dataclass(slots=True)
class OrderRecord:
    """The state of one order; read it with the state's lock held.

    Attributes:
        number: the broker's; blank while it is not known.
        quantity, left, filled: shares; ``value`` KRW of the fills.
        price: KRW, 0 at market.
        entered: server time, seconds since the epoch: when it was sent, or first heard of.
        ours: whether this session sent it.
    """

    account: str
    code: str
    name: str
    side: str
    action: Action
    type: str
    quantity: int
    price: int
    original: str
    entered: float
    number: str = ""
    status: OrderStatus = "sent"
    left: int = 0
    filled: int = 0
    value: int = 0
    clock: str = ""
    reason: str = ""
    ours: bool = False
    changes: list[OrderChange] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def average_price(self) -> float:
        """KRW a share of the fills so far; NaN before the first."""
        return self.value / self.filled if self.filled else float("nan")


class AccountState:
    """Orders by number and positions by code, changed by events and by the broker's lists in any order.

    An order only goes forward: an older report than what is known changes nothing.

    Args:
        account: its number.

    Attributes:
        changed: notified on every change; its lock guards everything here.
        orders: by number, those of other programs included.
        positions: by code, without those that are sold.
        version: counts the changes.
        since: server time up to which everything is known to be in it; None before the first lists.
        stale: why events may be missing, blank if they are not; ``stale_since`` when that began.
        look_again_at: server time of the next look for orders of unknown fate.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self.changed = threading.Condition()
        self.process = os.getpid()
        self.orders: dict[str, OrderRecord] = {}
        self.positions: dict[str, PositionReport] = {}
        self.version = 0
        self.since: float | None = None
        self.stale = "the account has not been read yet"
        self.stale_since = 0.0
        self.look_again_at = 0.0
        self._listeners: list[Callable[[OrderRecord, OrderChange], None]] = []
        self._wakers: list[Callable[[], None]] = []
        self._unknown: list[OrderRecord] = []

    # -- what happened

    def on_order(self, report: OrderReport) -> None:
        """An order's report, from an event or from a list."""
        with self.changed:
            record = self.orders.get(report.number) or self._adopted(report)
            if record is None:
                record = OrderRecord(
                    account=report.account,
                    code=report.code,
                    name=report.name,
                    side=report.side,
                    action=report.action,
                    type=report.type,
                    quantity=report.quantity,
                    price=report.price,
                    original=report.original,
                    entered=report.at,
                    number=report.number,
                    left=report.left,
                )
                self.orders[report.number] = record
            self._update(record, report)

    def on_position(self, report: PositionReport) -> None:
        """A position's report; an older one than what is known changes nothing."""
        with self.changed:
            known = self.positions.get(report.code)
            if known is not None and known.at > report.at:
                return
            if report.quantity:
                self.positions[report.code] = report
            else:
                self.positions.pop(report.code, None)
            self._notify()

    def on_lists(self, orders: Iterable[OrderReport], positions: Iterable[PositionReport], at: float) -> None:
        """The broker's own lists, read at ``at``: what they do not have is gone."""
        with self.changed:
            listed = list(orders)
            for report in sorted(listed, key=lambda one: one.number):
                self.on_order(report)
            numbers = {report.number for report in listed}
            for number, record in self.orders.items():
                if number not in numbers and not record.done and record.entered < at:
                    self._change(record, "cancelled", at, reason="it is in the broker's list no more")
            held = {position.code: position for position in positions}
            for code, known in list(self.positions.items()):
                if code not in held and known.at <= at:
                    del self.positions[code]
            for position in held.values():
                self.on_position(position)
            self.since, self.stale = at, ""
            self._notify()

    def on_gap(self, at: float, why: str) -> None:
        """Events after ``at`` may be missing, until the next ``on_lists``."""
        with self.changed:
            if not self.stale:
                self.stale, self.stale_since = why, at
            self._notify()

    # -- this session's orders

    def sent(self, record: OrderRecord) -> None:
        """An order is about to be sent."""
        record.ours = True
        with self.changed:
            self._change(record, "sent", record.entered)

    def numbered(self, record: OrderRecord, number: str, message: str, at: float) -> None:
        """The broker gave a number to an order of this session."""
        with self.changed:
            self._forget_unknown(record)
            heard = self.orders.get(number)
            record.number = number
            self.orders[number] = record
            if heard is not None and heard is not record:  # its events came first
                record.left, record.filled, record.value = heard.left, heard.filled, heard.value
                record.clock, record.reason = heard.clock, heard.reason
                for change in heard.changes:
                    self._record(record, change)
            if record.status in ("sent", "unknown"):
                self._change(record, "accepted", at, message=message)

    def refused(self, record: OrderRecord, reason: str, at: float) -> None:
        """The broker refused an order of this session, or it was not sent."""
        with self.changed:
            self._forget_unknown(record)
            record.left = 0
            self._change(record, "rejected", at, reason=reason)

    def lost(self, record: OrderRecord, why: str, at: float) -> None:
        """Nobody knows whether the broker has an order of this session; its lists will show."""
        with self.changed:
            self._unknown.append(record)
            self._change(record, "unknown", at, reason=why)

    def settle_unknown(self, at: float, patience: float) -> None:
        """After lists as of ``at``: an unknown order that is not in them ``patience`` seconds later was not sent."""
        with self.changed:
            for record in list(self._unknown):
                if record.entered + patience <= at:
                    self.refused(record, "it is not in the broker's list: it was not sent", at)

    @property
    def has_unknown(self) -> bool:
        return bool(self._unknown)

    def add_waker(self, wake: Callable[[], None]) -> None:
        """Calls ``wake`` with the lock held on every change, until ``remove_waker``."""
        with self.changed:
            self._wakers.append(wake)

    def remove_waker(self, wake: Callable[[], None]) -> None:
        with self.changed:
            self._wakers.remove(wake)

    def listen(self, listener: Callable[[OrderRecord, OrderChange], None]) -> None:
        """Calls ``listener`` with the lock held after every change of an order."""
        with self.changed:
            self._listeners.append(listener)

    # -- with the lock held

    def _adopted(self, report: OrderReport) -> OrderRecord | None:
        """The unknown order of this session that this is, by code, side, quantity, price and time."""
        for record in self._unknown:
            same = (
                record.code == report.code
                and record.side == report.side
                and record.action == report.action
                and record.original == report.original
                and record.quantity == report.quantity
                and (record.action == "cancel" or record.price == report.price)
            )
            if same and _not_before(report, record.entered):
                self._forget_unknown(record)
                record.number = report.number
                self.orders[report.number] = record
                return record
        return None

    def _forget_unknown(self, record: OrderRecord) -> None:
        if record in self._unknown:
            self._unknown.remove(record)

    def _update(self, record: OrderRecord, report: OrderReport) -> None:
        if record.done:
            return
        record.clock = report.clock or record.clock
        if report.state == "거부":
            record.left = 0
            self._change(record, "rejected", report.at, reason=report.reason or "거부")
            return
        volume, price = self._fills(record, report)
        if record.status in ("sent", "unknown") or report.left < record.left:
            record.left = report.left
        status = self._status(record, report)
        if status != record.status or volume:
            self._change(record, status, report.at, volume=volume, price=price)

    def _fills(self, record: OrderRecord, report: OrderReport) -> tuple[int, int]:
        """Adds the fills that a report brings; returns their shares and price.

        체결누계금액 only grows, so a report that is doubled or late brings none, and one that grows by more than its
        own fill shows that a fill before it was missed.
        """
        if report.value <= record.value:
            return 0, 0
        if report.filled is not None:
            volume, more = report.filled - record.filled, report.value - record.value
            price = round(more / volume) if volume > 0 else 0
        else:
            volume, price = report.fill or (0, 0)
            if record.value + volume * price != report.value:
                self.on_gap(report.at, "an event of a fill was missed")
        record.filled, record.value = record.filled + volume, report.value
        return volume, price

    def _status(self, record: OrderRecord, report: OrderReport) -> OrderStatus:
        if record.action == "cancel":
            return "confirmed" if report.state == "확인" else "accepted"
        if record.filled >= record.quantity:
            return "filled"
        if report.closed or not record.left:
            record.left = 0
            return self._ended_by(record)
        if record.filled:
            return "partly filled"
        return "accepted"

    def _ended_by(self, record: OrderRecord) -> OrderStatus:
        """Whether another order modified or cancelled this one."""
        by = [one.action for one in self.orders.values() if one.original == record.number]
        return "replaced" if by and by[-1] == "modify" else "cancelled"

    def _change(
        self,
        record: OrderRecord,
        status: OrderStatus,
        at: float,
        *,
        volume: int = 0,
        price: int = 0,
        reason: str = "",
        message: str = "",
    ) -> None:
        record.reason = reason or record.reason
        self._record(
            record, OrderChange(at, status, record.filled, record.left, volume, price, message or reason)
        )

    def _record(self, record: OrderRecord, change: OrderChange) -> None:
        record.status = change.status
        record.changes.append(change)
        for listener in self._listeners:
            listener(record, change)
        self._notify()

    def _notify(self) -> None:
        self.version += 1
        self.changed.notify_all()
        for wake in self._wakers:
            wake()


def _not_before(report: OrderReport, entered: float) -> bool:
    """Whether an order may have been entered after that moment, by its time in whole seconds."""
    if not report.clock.isdecimal() or len(report.clock) != 6:
        return True
    clock = int(report.clock[:2]) * 3600 + int(report.clock[2:4]) * 60 + int(report.clock[4:])
    wall = (entered + 9 * 3600) % 86_400
    return clock >= wall - 2.0

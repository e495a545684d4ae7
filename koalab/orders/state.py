"""``AccountState``: one account's orders and positions, from its events and from the broker's lists."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Set
from dataclasses import replace
from datetime import date

from koalab.dates import seoul
from koalab.errors import KoalabError
from koalab.orders.credit import ALL_DATES
from koalab.orders.holdings import Holdings
from koalab.orders.record import OrderChange, OrderRecord, OrderStatus, same_order
from koalab.orders.reports import Lists, OrderReport, PositionReport, entered_at
from koalab.orders.unknown import UnknownOrders
from koalab.transport import forking


class AccountState:
    """Orders by number and positions by code, changed by events and by the broker's lists.

    Events are applied in the order of their stream, and a list between those that came before it was asked for and
    those that come after it. An order only goes forward: what is known already changes nothing.

    Args:
        account: its number.
        day_of: the trading day of a moment (server time); order numbers begin anew with each.
        source: name of the source of prices.

    Attributes:
        changed: notified on every change; its lock guards everything here.
        orders: by number, those of other programs included.
        holdings: the positions.
        version: counts the changes.
        since: server time of the newest lists; None before the first.
        until: server time up to which all is known.
        trs: TRs that the newest lists took.
        stale: why events may be missing, blank if they are not; ``stale_since`` when that began.
        ended: why nothing more will come; None while the events are followed.
        unsettled: whether the lists have to be read again soon to settle something.
    """

    def __init__(
        self,
        account: str,
        day_of: Callable[[float], date] = lambda at: seoul(at).date(),
        source: str = "",
    ) -> None:
        self.account = account
        self.source = source
        self.changed = threading.Condition()
        self.process = os.getpid()
        self.orders: dict[str, OrderRecord] = {}
        self.holdings = Holdings()
        self.version = 0
        self.since: float | None = None
        self.until = 0.0
        self.trs = 0
        self.stale = "the account has not been read yet"
        self.stale_since = 0.0
        self.ended: KoalabError | None = None
        self._day_of = day_of
        self._day: date | None = None
        self._heard = 0
        self._listeners: list[Callable[[OrderRecord, OrderChange], None]] = []
        self._wakers: list[Callable[[], None]] = []
        self._unknown = UnknownOrders()
        self._on_the_way: list[OrderRecord] = []
        self._doubtful: dict[str, tuple[int, int]] = {}
        forking.watch(self)

    def after_fork(self) -> None:
        """In a child: the lock may be held by a thread of the parent's."""
        self.changed = threading.Condition()

    @property
    def unsettled(self) -> bool:
        return bool(self._unknown or self._doubtful or self.holdings.crossed)

    def positions(self) -> list[PositionReport]:
        """See ``Holdings.positions``."""
        return self.holdings.positions(self.orders.values())

    # -- what happened

    def on_order(self, report: OrderReport) -> None:
        """An order's report, from an event or from a list."""
        with self.changed:
            self._begin_day(report.at)
            if self._day is not None and self._day_of(report.at) < self._day:
                return  # its number is another order's by now
            record = self.orders.get(report.number)
            if record is None or not same_order(record, report):
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
                    entered=report.at if report.filled is None else entered_at(report),
                    number=report.number,
                    left=report.quantity,
                    first_seen=self._next(),
                    credit=report.credit,
                    loan_date=report.loan_date,
                )
                self.orders[report.number] = record
            before = record.reserved
            record.reported = True
            self._update(record, report)
            self._on_reserved(record, before, report.at)
            original = self.orders.get(report.original)
            if (
                original is not None
                and original.status == "cancelled"
                and record.status != "rejected"
                and self._ended_by(original) == "replaced"
            ):  # the end was known first
                self._change(original, "replaced", report.at)

    def on_position(self, report: PositionReport) -> None:
        """A position's report, from an event."""
        with self.changed:
            self._begin_day(report.at)
            missed = self.holdings.on_report(report, self.orders.values())
            if missed:
                self.on_gap(report.at, missed)
            self._notify()

    def on_lists(self, lists: Lists, known: Set[str]) -> None:
        """The broker's own lists, which have what happened before they were asked for.

        Args:
            lists: of this account.
            known: the numbers that were known when they were asked for: what is missing of these is gone.
        """
        with self.changed:
            self._begin_day(lists.until)
            day = self._day_of(lists.until)
            if self._day is not None and day < self._day:
                self.on_gap(lists.until, "the account was read on the day before")
                return
            # A broker whose day begins later lists the orders of the day before until then.
            today = [one for one in lists.orders if self._day_of(entered_at(one)) >= day]
            lists = replace(lists, orders=today)
            for report in sorted(lists.orders, key=lambda one: one.number):
                self.on_order(report)
            listed = {report.number for report in lists.orders}
            self._end_doubtful(lists, known - listed)
            at_broker = [self.orders[number] for number in sorted(listed)]
            for lost, found, like in self._unknown.found(at_broker, self._on_the_way):
                self._adopt(lost, found, like, lists.until)
            self.holdings.on_list(lists.positions, lists.until, self.orders.values())
            self.since, self.stale, self.trs = lists.until, "", lists.trs
            self.until = max(self.until, lists.until)
            self._notify()

    def on_time(self, until: float) -> None:
        """Every event up to ``until`` has been applied."""
        with self.changed:
            if not self.stale:
                self.until = max(self.until, until)
            missed = self.holdings.overdue(until)
            if missed:
                self.on_gap(until, missed)

    def on_gap(self, at: float, why: str) -> None:
        """Events after ``at`` may be missing, until the next ``on_lists``."""
        with self.changed:
            if not self.stale:
                self.stale, self.stale_since = why, at
                self._notify()

    def on_end(self, error: KoalabError) -> None:
        """Nothing more will come: waits raise ``error``."""
        with self.changed:
            self.ended = error
            self._notify()

    # -- this session's orders

    def sent(self, record: OrderRecord) -> None:
        """An order is about to be sent."""
        with self.changed:
            self._begin_day(record.entered)
            record.ours, record.first_seen = True, self._next()
            self._on_the_way.append(record)
            self._change(record, "sent", record.entered)

    def numbered(self, record: OrderRecord, number: str, message: str, at: float) -> None:
        """The broker gave a number to an order of this session."""
        with self.changed:
            self._begin_day(at)
            self._answered(record)
            reported, record.number = self.orders.get(number), number
            if (
                reported is not None and not reported.ours and same_order(reported, record)
            ):  # its events came first
                self._take_over(record, reported)
            self.orders[number] = record
            if not record.reported:  # its report may be lost
                self.holdings.on_reserved(at, record.offered)
            if record.status in ("sent", "unknown"):
                self._change(record, "accepted", at, message=message)

    def refused(self, record: OrderRecord, reason: str, at: float) -> None:
        """The broker refused an order of this session, or it was not sent."""
        with self.changed:
            self._answered(record)
            record.left = 0
            self._change(record, "rejected", at, reason=reason)

    def lost(self, record: OrderRecord, why: str, at: float) -> None:
        """The answer to an order of this session was lost; the broker's lists will show whether it has the order."""
        with self.changed:
            if record.number or record.done:  # interrupted after its answer
                return
            self._answered(record)
            self._unknown.add(record, at)
            self._change(record, "unknown", at, reason=why)
            self.on_gap(at, f"an order has no answer: {why}")

    def settle_unknown(self, at: float, patience: float) -> None:
        """After lists asked for at ``at``: what was lost ``patience`` seconds before and is not there was not sent."""
        with self.changed:
            for record in self._unknown.not_sent(at, patience):
                self.refused(record, "it is not in the broker's list: it was not sent", at)

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

    def unlisten(self, listener: Callable[[OrderRecord, OrderChange], None]) -> None:
        """Calls it no more. Idempotent."""
        with self.changed:
            self._listeners = [one for one in self._listeners if one != listener]

    # -- with the lock held

    def _next(self) -> int:
        self._heard += 1
        return self._heard

    def _begin_day(self, at: float) -> None:
        """A new trading day: the orders of the last are over, and their numbers are given again."""
        day = self._day_of(at)
        if self._day is not None and day > self._day:
            for record in self.orders.values():
                if not record.done:
                    self._end(record, "cancelled", at, "its trading day is over")
                self.holdings.on_day_over(record)
            for record in self._unknown.clear():
                record.reason = "its trading day ended before the broker's list could be read: see opw00007"
            self.orders.clear()
            self._doubtful.clear()
            self._notify()
        self._day = day if self._day is None else max(day, self._day)

    def _end_doubtful(self, lists: Lists, missing: Set[str]) -> None:
        """Ends the orders that are open here and not at the broker, by two lists in a row.

        Of an order that expires with its session nothing is reported. One that ended after a list was read is reported,
        so its state is another one by the next list.
        """
        doubtful = {}
        left = {report.number for report in lists.orders if report.left}
        for number, record in list(self.orders.items()):
            expired = lists.open is not None and number in left and number not in lists.open
            if number not in missing and (not expired or record.done):
                continue
            if self._doubtful.get(number) != (record.left, record.value):
                doubtful[number] = (record.left, record.value)
            elif record.done:
                del self.orders[number]  # of a broker that was set up anew
            else:
                self._end(record, "cancelled", lists.until, "it is not open at the broker any more")
        self._doubtful = doubtful

    def _adopt(self, lost: OrderRecord, found: OrderRecord, like: int, at: float) -> None:
        lost.number = found.number
        self._answered(lost)
        lost.reason = "" if like == 1 else f"one of {like} orders like it at the broker"
        self._take_over(lost, found)
        self.orders[found.number] = lost
        if lost.status == "unknown":
            self._change(lost, "accepted", at)

    def _take_over(self, record: OrderRecord, reported: OrderRecord) -> None:
        """Moves the reports that came before the order's number was known to the order of this session."""
        record.quantity, record.left, record.filled, record.value = (
            reported.quantity,
            reported.left,
            reported.filled,
            reported.value,
        )
        record.clock, record.unsure, record.reported = reported.clock, reported.unsure, reported.reported
        record.reason = reported.reason or record.reason
        for change in reported.changes:
            self._record(record, change)

    def _answered(self, record: OrderRecord) -> None:
        self._unknown.discard(record)
        self._on_the_way = [one for one in self._on_the_way if one is not record]

    def _update(self, record: OrderRecord, report: OrderReport) -> None:
        if record.done and not (record.status == "cancelled" and report.value > record.value):
            return
        if record.done:
            record.left = report.left
        record.clock = report.clock or record.clock
        record.credit, record.loan_date = (
            record.credit or report.credit,
            record.loan_date or report.loan_date,
        )
        if report.state == "거부":
            self._end(record, "rejected", report.at, report.reason or "거부")
            return
        if record.action != "new" and report.quantity < record.quantity:
            record.left -= record.quantity - report.quantity
            record.quantity = report.quantity  # no more of the original was open
        volume, price = self._fills(record, report)
        before, record.left = record.left, min(record.left, report.left)
        status = self._status(record, report)
        if status != record.status or volume or record.left != before:
            self._change(record, status, report.at, volume=volume, price=price)

    def _on_reserved(self, record: OrderRecord, before: int, at: float) -> None:
        """A report changed the shares that an order takes of its position: ``before`` is how many they were."""
        more = record.reserved - before
        if more < 0 and record.loan_date == ALL_DATES:
            self.holdings.crossed = True  # only a list shows to which loans they go back
        self.holdings.on_reserved(at, more)

    def _fills(self, record: OrderRecord, report: OrderReport) -> tuple[int, int]:
        """Adds the fills that a report brings; returns their shares and price.

        체결누계금액 only grows, so a report that is doubled or late brings none, and one that grows by more than its
        own fill shows that a fill before it was missed.
        """
        if report.filled is not None:  # a list has the sums
            record.unsure = False
            volume, more = report.filled - record.filled, report.value - record.value
            if volume <= 0:
                return 0, 0
            price = round(more / volume)
        elif report.value <= record.value:
            return 0, 0
        else:
            volume, price = report.fill or (0, 0)
            if record.value + volume * price != report.value:
                record.unsure = True
                self.on_gap(report.at, "the report of a fill was missed")
            shares = volume if record.side == "매수" else -volume
            self.holdings.on_fill(record.code, bool(record.credit), shares, report.at)
        record.filled, record.value = record.filled + volume, report.value
        return volume, price

    def _status(self, record: OrderRecord, report: OrderReport) -> OrderStatus:
        if record.action == "cancel":
            return "confirmed" if report.state == "확인" else "accepted"
        if record.filled >= record.quantity:
            return "filled"
        if record.unsure:
            return "partly filled"
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

    def _end(self, record: OrderRecord, status: OrderStatus, at: float, reason: str) -> None:
        record.left = 0
        self._change(record, status, at, reason=reason)

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

"""Follows orders from the answer to SendOrder through their Chejan events, whichever comes first.

Kiwoom tells an order's number in OnReceiveTrData, and Chejan events by number only; under load they may come
before it. So events of the same account and code are held until the number is known. An order that is refused
before it has a number is told of in a message alone, which looks like any other: when nothing else comes
after it, it was the refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import grpc

from kernel_server.clock import Clock, Timer
from kernel_server.control.event_context import EventContext
from kernel_server.failure import Failure
from kernel_server.streams import event_codec
from kernel_server.streams.mailbox import Mailbox
from kernel_server.wire import openapi_pb2

REFUSED_AFTER = 3.0
"""Seconds after a message within which an order that was taken gets its number (guess)."""
ANSWERED_WITHIN = 15.0
"""Seconds within which something is heard of an order that was sent."""
CLOSED_WITHIN = 3.0
"""Seconds after a confirmed cancel or modify within which the original order is heard of."""

_ORDER, _BALANCES = "0", ("1", "4")
_NEW = (1, 2, 7, 8)
# FIDs of a Chejan event.
_ACCOUNT, _CODE, _NUMBER, _ORIGINAL = 9201, 9001, 9203, 904
_STATUS, _LEFT, _CLOSED, _SCREEN, _REASON = 913, 902, 819, 920, 919


class SentOrder(NamedTuple):
    """An order as it was sent: on which screen and under which name of the server's, and the client's own."""

    account: str
    code: str
    type: int
    original: str
    screen: str
    name: str
    client_screen: str
    client_name: str


@dataclass(frozen=True)
class _Report:
    """A Chejan event of this account and code, and what it says."""

    packed: bytes
    kind: str
    number: str
    original: str
    status: str
    left: int
    closed: bool
    screen: str
    reason: str


class TrackedOrder:
    """One order. It is touched on the control thread alone; what it tells goes into ``box``.

    It ends when the order is filled and its balance told, when a cancel or modify is confirmed and the original
    order told of, when the order is cancelled by another, or refused.
    """

    def __init__(
        self,
        ticket: SentOrder,
        box: Mailbox[bytes],
        clock: Clock,
        later: Callable[[Callable[[], None]], None],
        over: Callable[[TrackedOrder], None],
    ) -> None:
        self.ticket = ticket
        self._box = box
        self._clock = clock
        self._later = later
        self._over = over
        self.number = ""
        self._early: list[_Report] = []
        self._message = ""
        self._filled = self._confirmed = self._original_told = False
        self._timer: Timer | None = None
        self._ended = False

    def sent(self) -> None:
        """SendOrder has returned 0. What was heard inside the call counts too."""
        if not self._ended and not self.number and self._timer is None:
            self._wait(ANSWERED_WITHIN, self._unanswered)

    def answered(self, moment: EventContext) -> None:
        """OnReceiveMsg and OnReceiveTrData of this order's screen and name."""
        if self._ended:
            return
        arguments = (self.ticket.client_screen, self.ticket.client_name, *moment.arguments[2:])
        if moment.name == "OnReceiveMsg":
            self._message = str(moment.arguments[3])
            self._box.put(event_codec.plain(moment.name, arguments).SerializeToString())
            if not self.number:
                self._wait(REFUSED_AFTER, self._unanswered)
            return
        names, values = moment.single
        number = dict(zip(names, values, strict=True)).get("주문번호", "").strip()
        response = event_codec.plain(moment.name, arguments)
        response.single_data.names.extend(names)
        response.single_data.values.extend([value.strip() for value in values])
        self._box.put(response.SerializeToString())
        if not number:
            self._end(self._refused(self._message or "the broker gave the order no number"))
        else:
            self._known(number)

    def chejan(self, moment: EventContext) -> None:
        """A Chejan event of this order's account and code."""
        if self._ended:
            return
        report = _read(moment, self.ticket)
        if not self.number and report.kind == _ORDER:
            self._early.append(report)
        elif self.number or report.kind in _BALANCES:
            self._hear(report)

    def lost(self, code: int) -> None:
        """The connection to the broker is gone."""
        self._end(
            Failure(
                grpc.StatusCode.UNAVAILABLE,
                "ServerLost",
                f"the connection to the broker was lost ({code}) while the order {self.number or 'was on its way'}"
                " could still change: look at opt10075 (open orders) and opt10076 (fills) before sending it again",
                code,
            )
        )

    def stop(self) -> None:
        """Nobody listens any more. The order itself stays where it is."""
        self._end(None)

    def _known(self, number: str) -> None:
        self.number = number
        if self._timer is not None:
            self._timer.cancel()
        early, self._early = self._early, []
        for report in early:
            self._hear(report)

    def _hear(self, report: _Report) -> None:
        if self._ended:
            return
        if report.kind in _BALANCES:
            self._box.put(report.packed)
            if self._filled:
                self._end(None)
            return
        mine, original = report.number == self.number, report.number == self.ticket.original
        if not mine and not original and report.original != self.number:
            return
        self._box.put(report.packed)
        if mine:
            self._hear_mine(report)
        elif original and self.ticket.original:
            self._original_told = True
        if self._confirmed and self._original_told:
            self._end(None)

    def _hear_mine(self, report: _Report) -> None:
        if report.status == "거부":
            self._end(self._refused(report.reason or "거부"))
        elif report.closed:
            self._end(None)  # cancelled or modified away by another order
        elif report.status == "체결" and not report.left:
            self._filled = True
            self._wait(CLOSED_WITHIN, lambda: self._end(None))
        elif report.status == "확인" and self.ticket.type not in _NEW:
            self._confirmed = True
            self._wait(CLOSED_WITHIN, lambda: self._end(None))

    def _unanswered(self) -> None:
        """Nothing more has come: the number may stand in a Chejan event, or the message was the refusal."""
        if self._ended or self.number:
            return
        for report in self._early:
            if report.screen == self.ticket.screen:
                self._known(report.number)
                return
        if self._message:
            self._end(self._refused(self._message))
            return
        self._end(
            Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "NoAnswer",
                f"nothing was heard of the order within {ANSWERED_WITHIN:g} s; it may be at the exchange all the same:"
                " look at opt10075 (open orders) before sending it again",
            )
        )

    def _refused(self, text: str) -> Failure:
        return Failure(grpc.StatusCode.FAILED_PRECONDITION, "OrderRejected", text)

    def _wait(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._clock.now() + seconds, lambda: self._later(call))

    def _end(self, error: Failure | None) -> None:
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._box.end(error)
        self._over(self)


def _read(moment: EventContext, ticket: SentOrder) -> _Report:
    kind = str(moment.arguments[0])
    value = moment.chejan_value
    order = kind == _ORDER
    left = value(_LEFT) if order else ""
    response = event_codec.with_data(moment)
    screen = value(_SCREEN) if order else ""
    if screen == ticket.screen:
        # The client knows the screen that it named, not the server's.
        place = list(moment.chejan).index(_SCREEN)
        response.single_data.values[place] = ticket.client_screen
    return _Report(
        packed=response.SerializeToString(),
        kind=kind,
        number=value(_NUMBER) if order else "",
        original=value(_ORIGINAL) if order else "",
        status=value(_STATUS) if order else "",
        left=int(left) if left.isdigit() else 0,
        closed=order and value(_CLOSED) == "1",
        screen=screen,
        reason=value(_REASON) if order else "",
    )


class OrderTracker:
    """All orders that somebody follows, by account and code. On the control thread alone."""

    def __init__(self) -> None:
        self._watches: dict[tuple[str, str], list[TrackedOrder]] = {}

    def add(self, watch: TrackedOrder) -> None:
        self._watches.setdefault(_key(watch), []).append(watch)

    def remove(self, watch: TrackedOrder) -> None:
        left = self._watches.get(_key(watch), [])
        if watch in left:
            left.remove(watch)
        if not left:
            self._watches.pop(_key(watch), None)

    def __len__(self) -> int:
        return sum(len(found) for found in self._watches.values())

    def __call__(self, moment: EventContext) -> None:
        """A Chejan event, to whoever follows an order of that account and code."""
        key = (moment.chejan_value(_ACCOUNT), moment.chejan_value(_CODE)[-6:])
        for watch in list(self._watches.get(key, ())):
            watch.chejan(moment)

    def connected(self, moment: EventContext) -> None:
        """OnEventConnect: a lost connection ends everything that waits here."""
        code = int(moment.arguments[0])
        if code < 0:
            for watch in [watch for watches in self._watches.values() for watch in watches]:
                watch.lost(code)


def _key(watch: TrackedOrder) -> tuple[str, str]:
    return watch.ticket.account, watch.ticket.code[-6:]


def request_of(ticket: SentOrder, request: openapi_pb2.OrderRequest) -> tuple[str | int, ...]:
    """The arguments of SendOrder."""
    return (
        ticket.name,
        ticket.screen,
        request.account_no,
        request.order_type,
        request.code,
        request.quantity,
        request.price,
        request.quote_type,
        request.original_order_no,
    )

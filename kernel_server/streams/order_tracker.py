"""Tracks orders from SendOrder's answer through their Chejan events, in whichever order these come.

OnReceiveTrData gives an order's number, and Chejan events carry only that number; under load they may come first.
So Chejan events of the same account and code are kept until the number is there. An order that is refused before
it has a number gets only an OnReceiveMsg, which looks like any other message: it was the refusal if nothing follows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import grpc

from kernel_server.clock import Clock, Timer
from kernel_server.control.event_context import EventContext
from kernel_server.control.screens import OWN
from kernel_server.failure import Failure
from kernel_server.streams import event_codec
from kernel_server.streams.mailbox import Mailbox
from kernel_server.wire import openapi_pb2

REFUSED_AFTER = 3.0
"""Seconds after a message within which an accepted order gets its number (guess)."""
ANSWERED_WITHIN = 15.0
"""Seconds within which the first event of an order comes."""
CLOSED_WITHIN = 3.0
"""Seconds after a confirmed cancel or modify within which the original order's event comes."""

# In the broker's messages about orders that it takes; their codes differ between its servers and change.
_ACCEPTED = ("완료", "정상처리")

_ORDERS_REMEMBERED = 10_000

_ORDER, _BALANCES = "0", ("1", "4")
_NEW = (1, 2, 7, 8)
# FIDs of a Chejan event.
_ACCOUNT, _CODE, _NUMBER, _ORIGINAL = 9201, 9001, 9203, 904
_STATUS, _LEFT, _CLOSED, _SCREEN, _REASON = 913, 902, 819, 920, 919


class SentOrder(NamedTuple):
    """An order as it was sent, with the screen and request name of the server and those of the client.

    ``credit`` is sCreditGb and sLoanDate of an order on credit.
    """

    account: str
    code: str
    type: int
    original: str
    screen: str
    name: str
    client_screen: str
    client_name: str
    credit: tuple[str, ...] = ()

    @property
    def function(self) -> str:
        return "SendOrderCredit" if self.credit else "SendOrder"


@dataclass(frozen=True)
class _Report:
    """A Chejan event of the order's account and code, serialized, and its values."""

    serialized: bytes
    kind: str
    number: str
    original: str
    status: str
    left: int
    closed: bool
    screen: str
    reason: str


class TrackedOrder:
    """One order. It is used on the control thread only and puts the order's events into ``box``.

    It ends with the balance event after the last fill, with the original order's event after a confirmed cancel or
    modify, when another order cancels it, or when it is refused.
    """

    def __init__(
        self,
        sent: SentOrder,
        box: Mailbox[bytes],
        clock: Clock,
        post: Callable[[Callable[[], None]], None],
        on_end: Callable[[TrackedOrder], None],
    ) -> None:
        self.sent = sent
        self._box = box
        self._clock = clock
        self._post = post
        self._on_end = on_end
        self.number = ""
        self._unmatched: list[_Report] = []
        self._message = ""
        self._filled = self._confirmed = self._original_reported = False
        self._timer: Timer | None = None
        self._ended = False

    def on_sent(self) -> None:
        """Starts waiting for an answer: SendOrder has returned 0. Events may have come inside the call."""
        if not self._ended and not self.number and self._timer is None:
            self._set_timer(ANSWERED_WITHIN, self._on_timeout)

    def on_answer(self, context: EventContext) -> None:
        """Handles OnReceiveMsg and OnReceiveTrData of the order's screen and request name."""
        try:
            self._answer(context)
        except Exception as error:
            self.on_unreadable(error)
            raise

    def _answer(self, context: EventContext) -> None:
        if self._ended:
            return
        arguments = (self.sent.client_screen, self.sent.client_name, *context.arguments[2:])
        if context.name == "OnReceiveMsg":
            self._message = str(context.arguments[3])
            self._box.put(event_codec.plain(context.name, arguments).SerializeToString())
            if not self.number:
                self._set_timer(REFUSED_AFTER, self._on_timeout)
            return
        names, values = context.single
        number = dict(zip(names, values, strict=True)).get("주문번호", "").strip()
        response = event_codec.plain(context.name, arguments)
        response.single_data.names.extend(names)
        response.single_data.values.extend([value.strip() for value in values])
        self._box.put(response.SerializeToString())
        if not number:
            self._end(self._refused(self._message or "the broker gave the order no number"))
        else:
            self._set_number(number)

    def on_chejan(self, context: EventContext, screen: str) -> None:
        """Handles a Chejan event of the order's account and code, which the control gave with that screen."""
        if self._ended:
            return
        report = _report(context, screen)
        if not self.number and report.kind == _ORDER:
            self._unmatched.append(report)
        elif self.number or report.kind in _BALANCES:
            self._on_report(report)

    def on_disconnect(self, code: int) -> None:
        """Fails the stream: the connection to the broker is lost."""
        self._end(
            Failure(
                grpc.StatusCode.UNAVAILABLE,
                "ServerLost",
                f"the connection to the broker was lost ({code}) while the order {self.number or 'was on its way'}"
                " could still change: look at opt10075 (open orders) and opt10076 (fills) before sending it again",
                code,
            )
        )

    def on_unreadable(self, error: Exception) -> None:
        """Fails the stream: an event that may be this order's could not be read."""
        self._end(
            Failure(
                grpc.StatusCode.INTERNAL,
                "NoAnswer",
                f"an event of the order {self.number or 'on its way'} could not be read ({type(error).__name__}:"
                f" {error}): look at opt10075 (open orders) and opt10076 (fills) before sending it again",
            )
        )

    def stop(self) -> None:
        """Stops tracking because the client left. The order stays at the exchange."""
        self._end(None)

    def _set_number(self, number: str) -> None:
        self.number = number
        if self._timer is not None:
            self._timer.cancel()
        unmatched, self._unmatched = self._unmatched, []
        for report in unmatched:
            self._on_report(report)

    def _on_report(self, report: _Report) -> None:
        if self._ended:
            return
        if report.kind in _BALANCES:
            self._box.put(report.serialized)
            if self._filled:
                self._end(None)
            return
        own, original = report.number == self.number, report.number == self.sent.original
        if not own and not original and report.original != self.number:
            return
        self._box.put(report.serialized)
        if own:
            self._on_own_report(report)
        elif original and self.sent.original:
            self._original_reported = True
        if self._confirmed and self._original_reported:
            self._end(None)

    def _on_own_report(self, report: _Report) -> None:
        if report.status == "거부":
            self._end(self._refused(report.reason or "거부"))
        elif report.closed:
            self._end(None)  # cancelled or modified away by another order
        elif report.status == "체결" and not report.left:
            self._filled = True
            self._set_timer(CLOSED_WITHIN, lambda: self._end(None))
        elif report.status == "확인" and self.sent.type not in _NEW:
            self._confirmed = True
            self._set_timer(CLOSED_WITHIN, lambda: self._end(None))

    def _on_timeout(self) -> None:
        """Looks for the number in a Chejan event; without one the message, if any, was the refusal."""
        if self._ended or self.number:
            return
        for report in self._unmatched:
            if report.screen == self.sent.screen:
                self._set_number(report.number)
                return
        accepted = any(word in self._message for word in _ACCEPTED)
        if self._message and not accepted:
            self._end(self._refused(self._message))
            return
        heard = f"only {self._message!r}" if accepted else "nothing"
        self._end(
            Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "NoAnswer",
                f"{heard} was heard of the order, and no number; it may be at the exchange all the same: look at"
                " opt10075 (open orders) before sending it again",
            )
        )

    def _refused(self, text: str) -> Failure:
        return Failure(grpc.StatusCode.FAILED_PRECONDITION, "OrderRejected", text)

    def _set_timer(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._clock.now() + seconds, lambda: self._post(call))

    def _end(self, error: Failure | None) -> None:
        if self._ended:
            return
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._box.end(error)
        self._on_end(self)


def _report(context: EventContext, screen: str) -> _Report:
    kind = str(context.arguments[0])
    value = context.chejan_value
    order = kind == _ORDER
    left = value(_LEFT) if order else ""
    return _Report(
        serialized=event_codec.with_data(context).SerializeToString(),
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
    """Tracked orders by account and code. It is used on the control thread only.

    It also remembers which screen the client of an order named, and puts it in place of the server's own into all
    Chejan events (FID 920), in every stream.
    """

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], list[TrackedOrder]] = {}
        # The client's screen by account and order number, of orders that are not tracked any more.
        self._screens: OrderedDict[tuple[str, str], str] = OrderedDict()

    def add(self, order: TrackedOrder) -> None:
        self._orders.setdefault(_key(order), []).append(order)

    def remove(self, order: TrackedOrder) -> None:
        left = self._orders.get(_key(order), [])
        if order in left:
            left.remove(order)
        if not left:
            self._orders.pop(_key(order), None)
        if order.number:
            self._screens[order.sent.account, order.number] = order.sent.client_screen
            self._screens.move_to_end((order.sent.account, order.number))
            if len(self._screens) > _ORDERS_REMEMBERED:
                self._screens.popitem(last=False)

    def __len__(self) -> int:
        return sum(len(found) for found in self._orders.values())

    def __call__(self, context: EventContext) -> None:
        """Routes a Chejan event to the tracked orders of its account and code; listeners that come after it see the
        client's screen. One that cannot be read ends all orders that it may be of."""
        try:
            self._route(context)
        except Exception as error:
            for order in self._all():
                order.on_unreadable(error)
            raise

    def _route(self, context: EventContext) -> None:
        account, code = context.chejan_value(_ACCOUNT), context.chejan_value(_CODE)[-6:]
        tracked = list(self._orders.get((account, code), ()))
        screen = context.chejan_value(_SCREEN) if context.arguments[0] == _ORDER else ""
        if screen.isdecimal() and int(screen) in OWN and _SCREEN in context.chejan:
            number = context.chejan_value(_NUMBER)
            context.chejan[_SCREEN] = self._client_screen(account, number, screen, tracked)
        for order in tracked:
            order.on_chejan(context, screen)

    def _client_screen(self, account: str, number: str, screen: str, tracked: list[TrackedOrder]) -> str:
        """The screen that the order's client named; blank where an earlier server has sent the order."""
        named = [order for order in tracked if order.number == number]
        if not named and (known := self._screens.get((account, number))) is not None:
            return known
        # Its number may come after its first event.
        named = named or [order for order in tracked if not order.number and order.sent.screen == screen]
        return named[0].sent.client_screen if named else ""

    def on_connect(self, context: EventContext) -> None:
        """Handles OnEventConnect: a lost connection ends all tracked orders."""
        code = int(context.arguments[0])
        if code < 0:
            for order in self._all():
                order.on_disconnect(code)

    def _all(self) -> list[TrackedOrder]:
        return [order for orders in self._orders.values() for order in orders]


def _key(order: TrackedOrder) -> tuple[str, str]:
    return order.sent.account, order.sent.code[-6:]


def send_order_arguments(sent: SentOrder, request: openapi_pb2.OrderRequest) -> tuple[str | int, ...]:
    """Arguments of SendOrder, or of SendOrderCredit."""
    return (
        sent.name,
        sent.screen,
        request.account_no,
        request.order_type,
        request.code,
        request.quantity,
        request.price,
        request.quote_type,
        *sent.credit,
        request.original_order_no,
    )

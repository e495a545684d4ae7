"""``OrderChecks``: holds an order against ``kw.guards`` before anything is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from kernel_server.reference.sessions import Sessions
from kernel_server.security.order_value import NotValued, Valued, value
from koalab.errors import OrderGuarded
from koalab.inputs.issue_codes import venue_of
from koalab.orders.guards import Guards
from koalab.orders.issue_facts import IssueFacts
from koalab.orders.quote_hours import why_not_taken
from koalab.orders.quote_types import QuoteType
from koalab.orders.recent import OtherOrder, RecentOrders
from koalab.orders.record import OrderRecord

_EXCHANGE_BAND: Final = 30.0

_Key = tuple[object, ...]


class OrderChecks:
    """Holds orders against the guards. Any thread may check.

    Args:
        guards: the settings, read at each check.
        sessions: of the exchange.
        recent: orders of other processes; None: they are not looked at.
    """

    def __init__(
        self, guards: Guards, sessions: Callable[[], Sessions], recent: RecentOrders | None = None
    ) -> None:
        self._guards = guards
        self._sessions = sessions
        self._recent = recent
        self._lock = threading.Lock()
        self._sent: dict[_Key, OrderRecord] = {}

    def check(self, record: OrderRecord, quote: QuoteType, facts: IssueFacts) -> None:
        """Everything but duplicates.

        Raises:
            OrderGuarded: it may not be sent.
        """
        self._check_exchange(record)
        self._check_quantity(record)
        if quote.priced:
            self._check_tick(record, facts)
            self._check_band(record, facts)
        self._check_value(record, quote, facts)
        if not venue_of(record.code):  # the hours of 거래구분 are the Korea Exchange's
            self._check_session(quote, facts)

    def check_duplicate(self, record: OrderRecord, now: float) -> None:
        """Raises OrderGuarded where the same order was sent just before, or its fate is not known yet."""
        with self._lock:
            self._refuse_duplicate(record, now)
        within = self._guards.duplicates_within
        if self._recent is not None and within is not None:
            _refuse_other(self._recent.find(record, now, within))

    def reserve(self, record: OrderRecord, now: float) -> None:
        """``check_duplicate``, and from then on the order counts as sent, unless it is refused or given back."""
        with self._lock:
            self._refuse_duplicate(record, now)
            for key in list(self._old(now)):
                del self._sent[key]
            within = self._guards.duplicates_within
            if self._recent is not None and within is not None:
                _refuse_other(self._recent.reserve(record, now, within))
            self._sent[record.same_if] = record

    def renew(self, record: OrderRecord, now: float) -> None:
        """A reserved order is sent only now, after a question."""
        record.entered = now
        if self._recent is not None and self._guards.duplicates_within is not None:
            self._recent.renew(record, now)

    def give_back(self, record: OrderRecord) -> None:
        """A reserved order is not sent after all."""
        with self._lock:
            self._sent.pop(record.same_if, None)
        if self._recent is not None and self._guards.duplicates_within is not None:
            self._recent.give_back(record)

    def _check_exchange(self, record: OrderRecord) -> None:
        if self._guards.exchange and venue_of(record.code):
            _refuse(
                "exchange",
                f"how OpenAPI+ takes an order for {record.code} is not known, and 모의투자 took none; "
                f"{record.code[:6]} is for the Korea Exchange",
                "False",
            )

    def _check_quantity(self, record: OrderRecord) -> None:
        most = self._guards.max_quantity
        if most is not None and record.quantity > most:
            _refuse(
                "max_quantity",
                f"{record.quantity:,} shares are more than the {most:,} of one order",
                f"{record.quantity:_}",
            )

    def _check_tick(self, record: OrderRecord, facts: IssueFacts) -> None:
        rules = facts.rules
        if not self._guards.tick_size or rules is None or rules.floor(record.price) == record.price:
            return
        step, below, above = rules.tick(record.price), rules.floor(record.price), rules.ceil(record.price)
        near = f"{above:,}" if not below else f"{below:,} or {above:,}"
        _refuse(
            "tick_size",
            f"{record.price:,}원 is no price of {record.name}, whose 호가단위 there is {step:,}원, so {near}",
            "False",
        )

    def _check_band(self, record: OrderRecord, facts: IssueFacts) -> None:
        band = self._guards.band
        if band is None:
            return
        if not facts.base:
            _refuse(
                "band",
                f"the broker has no 기준가 of {record.name}, so the price cannot be compared with it",
                "None",
            )
        limits = (
            facts.limits
            if band >= _EXCHANGE_BAND
            else (facts.base * (100 - band) / 100, facts.base * (100 + band) / 100)
        )
        if limits is not None and not limits[0] <= record.price <= limits[1]:
            lower, upper = limits
            _refuse(
                "band",
                f"{record.price:,}원 is outside {lower:,.0f}~{upper:,.0f}원, around 기준가 {facts.base:,}원 of "
                f"{record.name}",
                "None",
            )

    def _check_value(self, record: OrderRecord, quote: QuoteType, facts: IssueFacts) -> None:
        most = self._guards.max_value
        if most is None:
            return
        try:
            worth = most_worth(record, quote, facts)
        except NotValued as error:
            _refuse("max_value", f"what the order may be worth at most is not known, for {error}", "None")
        if worth.value > most:
            _refuse(
                "max_value",
                f"{record.quantity:,}주 × {worth.price:,.0f}원 = {worth.value:,.0f}원{worth.counted} is more than the "
                f"{most:,}원 of one order",
                f"{int(-(-worth.value // 1)):_}",
            )

    def _check_session(self, quote: QuoteType, facts: IssueFacts) -> None:
        if not self._guards.session:
            return
        why = why_not_taken(quote, facts.board, self._sessions(), facts.now)
        if why:
            _refuse("session", why, "False")

    def _refuse_duplicate(self, record: OrderRecord, now: float) -> None:
        within, before = self._guards.duplicates_within, self._sent.get(record.same_if)
        if within is None or before is None or before.status == "rejected":
            return
        ago = now - before.entered
        if before.status == "unknown":
            _refuse(
                "duplicates_within",
                "it is not known yet whether the broker has the same order already",
                "None",
            )
        if ago < within:
            _refuse(
                "duplicates_within",
                f"the same order was sent {max(ago, 0.0):.1f} s before, maybe by mistake",
                "None",
            )

    def _old(self, now: float) -> Iterator[_Key]:
        """What no guard asks about any more."""
        within = self._guards.duplicates_within or 0.0
        for key, record in self._sent.items():
            if record.status not in ("sent", "unknown") and now - record.entered >= within:
                yield key


def most_worth(record: OrderRecord, quote: QuoteType, facts: IssueFacts) -> Valued:
    """What an order may be worth at most, counted as the server does it.

    Raises:
        NotValued: that is not known.
    """
    return value(
        facts, record.code, record.quantity, record.price, quote.code, record.side == "매도", facts.now
    )


def _refuse_other(other: OtherOrder | None) -> None:
    if other is None:
        return
    number = f" (주문번호 {other.number})" if other.number else ""
    fate = ", and its fate is not known yet" if other.status == "unknown" else ""
    _refuse(
        "duplicates_within",
        f"the same order{number} was sent {other.ago:.1f} s before by another process, {other.process}{fate}",
        "None",
    )


def _refuse(guard: str, why: str, value_that_allows: str) -> NoReturn:
    raise OrderGuarded(f"{why}: kw.guards.{guard} = {value_that_allows} allows it", guard, value_that_allows)

"""The Korea Exchange, Nextrade and both together behind one ``Exchange``: a code says which of them is meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import (
    NO_EXPECTED_TRADE,
    ExchangeSubscriber,
    ExpectedPrice,
    Fill,
    Interruption,
    IssueState,
    Level,
    NewOrder,
    OrderRejected,
    QueuedShares,
    SinglePriceState,
    Tape,
    Trade,
    TradeLog,
)
from kernel_server.simulated.exchange.nextrade.combined import CombinedIssues
from kernel_server.simulated.exchange.nextrade.exchange import NextradeExchange
from kernel_server.simulated.market.nextrade.venues import COMBINED, NEXTRADE, split
from kernel_server.simulated.market.phases import Phase


class CombinedEvents:
    """The subscriber of both exchanges: forwards their events, and those of issues at both together.

    ``combined`` is set before the first event.
    """

    combined: CombinedIssues

    def __init__(self, subscriber: ExchangeSubscriber) -> None:
        self._subscriber = subscriber
        self.watched: Counter[str] = Counter()
        self._together: dict[str, str] = {}  # codes of issues at both together, by the codes at each

    def watch(self, code: str) -> None:
        """Forward the events of a code."""
        self.watched[code] += 1
        own, venue = split(code)
        if venue == COMBINED:
            self._together[own] = self._together[own + NEXTRADE] = code

    def forget(self, code: str) -> None:
        """Take back a ``watch``."""
        self.watched[code] -= 1
        if self.watched[code] <= 0:
            del self.watched[code]
            for at in [at for at, each in self._together.items() if each == code]:
                del self._together[at]

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        """See ``ExchangeSubscriber``."""
        if trade.code in self.watched:
            self._subscriber.on_trade(trade, tape, ask, bid)
        code = self._together.get(trade.code)
        if code is not None:
            own = split(code)[0]
            self._deliver(lambda: self._traded(own, trade._replace(code=code)))

    def _traded(self, own: str, trade: Trade) -> None:
        self._subscriber.on_trade(trade, self.combined.tape(own), *self.combined.best(own))

    def on_quote(self, code: str, time: float) -> None:
        """See ``ExchangeSubscriber``."""
        if code in self.watched:
            self._subscriber.on_quote(code, time)
        together = self._together.get(code)
        if together is not None:
            self._deliver(lambda: self._subscriber.on_quote(together, time))

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        """See ``ExchangeSubscriber``."""
        if code in self.watched:
            self._subscriber.on_expected_price(code, time, expected, tape)
        together = self._together.get(code)
        if together is not None:
            own = split(code)[0]
            self._deliver(
                lambda: self._subscriber.on_expected_price(together, time, expected, self.combined.tape(own))
            )

    def on_interruption(self, interruption: Interruption) -> None:
        """See ``ExchangeSubscriber``."""
        code = interruption.code
        if code in self.watched:
            self._subscriber.on_interruption(interruption)
        if code in self._together:
            together = interruption._replace(code=self._together[code])
            self._deliver(lambda: self._subscriber.on_interruption(together))

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        """See ``ExchangeSubscriber``."""
        if code in self.watched:
            self._subscriber.on_single_price(code, time, trade)

    def on_phase(self, phase: Phase, time: float) -> None:
        """See ``ExchangeSubscriber``; the book of both together changes with what is open."""
        self._subscriber.on_phase(phase, time)
        for code in sorted(set(self._together.values())):
            self.on_quote(split(code)[0], time)

    def _deliver(self, event: Callable[[], None]) -> None:
        before, self.combined.delivering = self.combined.delivering, True
        try:
            event()
        finally:
            self.combined.delivering = before


class BothExchanges:
    """An ``Exchange`` of which codes like ``005930_NX`` are at Nextrade, and ``005930_AL`` at both together.

    Args:
        exchange: the Korea Exchange.
        nextrade: Nextrade.
        combined: both together.
        events: the subscriber of both.
    """

    def __init__(
        self,
        exchange: SimulatedExchange,
        nextrade: NextradeExchange,
        combined: CombinedIssues,
        events: CombinedEvents,
    ) -> None:
        self._exchange = exchange
        self._nextrade = nextrade
        self._combined = combined
        self._events = events
        events.combined = combined

    def _of(self, code: str) -> SimulatedExchange | NextradeExchange:
        return self._nextrade if code.endswith(NEXTRADE) else self._exchange

    def _parts(self, code: str) -> list[str]:
        """The codes at each exchange that a code means."""
        own, venue = split(code)
        return [own, own + NEXTRADE] if venue == COMBINED else [code]

    def subscribe(self, code: str) -> None:
        """See the interface."""
        self._events.watch(code)
        for part in self._parts(code):
            self._of(part).subscribe(part)

    def unsubscribe(self, code: str) -> None:
        """See the interface."""
        self._events.forget(code)
        for part in self._parts(code):
            self._of(part).unsubscribe(part)

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        """See the interface."""
        parts = [part for code in codes for part in self._parts(code)]
        own = [part for part in parts if not part.endswith(NEXTRADE)]
        elsewhere = [part for part in parts if part.endswith(NEXTRADE)]
        return self._exchange.prepare_tapes(own) and self._nextrade.prepare_tapes(elsewhere)

    def tape(self, code: str) -> Tape:
        """See the interface."""
        own, venue = split(code)
        return self._combined.tape(own) if venue == COMBINED else self._of(code).tape(code)

    def base(self, code: str) -> int:
        """See the interface."""
        own, venue = split(code)
        return self._combined.base(own) if venue == COMBINED else self._of(code).base(code)

    def trades(self, code: str) -> TradeLog:
        """See the interface."""
        own, venue = split(code)
        return self._combined.trades(own) if venue == COMBINED else self._of(code).trades(code)

    def depth(self, code: str) -> tuple[Sequence[Level], Sequence[Level]]:
        """See the interface."""
        own, venue = split(code)
        return self._combined.depth(own) if venue == COMBINED else self._of(code).depth(code)

    def states(self, codes: Sequence[str], moment: float | None = None) -> dict[str, IssueState]:
        """See the interface; ``moment`` is for the Korea Exchange's issues alone."""
        together = [code for code in codes if code.endswith(COMBINED)]
        parts = list(dict.fromkeys(part for code in codes for part in self._parts(code)))
        elsewhere = [part for part in parts if part.endswith(NEXTRADE)]
        if not elsewhere:
            return self._exchange.states(codes, moment)
        found = self._exchange.states([part for part in parts if part not in elsewhere], moment)
        found |= self._nextrade.states(elsewhere, moment)
        for code in together:
            own, other = self._parts(code)
            state = self._combined.state(own, found.get(own), found.get(other))
            if state is not None:
                found[code] = state
        return found

    def exceptional(self, codes: Sequence[str]) -> list[str]:
        """See the interface."""
        return self._exchange.exceptional(codes)

    def expected_price(self, code: str) -> ExpectedPrice:
        """See the interface; of both together it is the Korea Exchange's."""
        own, venue = split(code)
        if venue == COMBINED:
            return self._exchange.expected_price(own) if self._combined.begun(own) else NO_EXPECTED_TRADE
        return self._of(code).expected_price(code)

    def closing_price_queue(self, code: str) -> QueuedShares:
        """See the interface; there is no 시간외종가 at Nextrade."""
        own, venue = split(code)
        return QueuedShares(0, 0) if venue == NEXTRADE else self._exchange.closing_price_queue(own)

    def single_price(self, code: str) -> SinglePriceState:
        """See the interface."""
        return self._exchange.single_price(code)

    def phase(self, code: str = "") -> Phase:
        """See the interface."""
        return self._combined.phase() if code.endswith(COMBINED) else self._of(code).phase()

    def interruptions(self, max_issues: int | None = None) -> list[Interruption] | None:
        """See the interface: those of the Korea Exchange."""
        return self._exchange.interruptions(max_issues)

    def interruptions_of(self, code: str) -> list[Interruption]:
        """See the interface."""
        found = [each for part in self._parts(code) for each in self._of(part).interruptions_of(part)]
        return sorted((each._replace(code=code) for each in found), key=lambda each: each.time)

    def submit(self, order: NewOrder, on_fill: Callable[[Fill], None]) -> int:
        """See the interface.

        Raises:
            OrderRejected: likewise; orders are for one of the two exchanges.
        """
        if order.code.endswith(COMBINED):
            raise OrderRejected("not_listed")
        return self._of(order.code).submit(order, on_fill)

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """See the interface."""
        return self._exchange.cancel(number, quantity) or self._nextrade.cancel(number, quantity)

    def close(self) -> None:
        """See the interface."""
        self._exchange.close()
        self._nextrade.close()

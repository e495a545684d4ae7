"""The control's line on a stepped clock, an exchange of hand-made trades, and a way to call one TR handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kernel_server import reference
from kernel_server.clock import SteppedClock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRequest
from kernel_server.simulated.exchange.interface import (
    NO_EXPECTED_TRADE,
    ExpectedPrice,
    Fill,
    Interruption,
    Level,
    NewOrder,
    QueuedShares,
    SinglePriceState,
    Tape,
    Trade,
    TradeLog,
)
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from tests.support.simulated_broker import HandMarket, Row, bars, moment, sessions
from tests.support.waiting import let_pass


def calendar() -> Sessions:
    return sessions(date(2021, 1, 1), date(2022, 12, 31))


class Line:
    """The line of a control on a stepped clock; a cut ends whatever is under way."""

    def __init__(self, start: str) -> None:
        self.clock = SteppedClock(moment(start))
        self.events: list[tuple[object, ...]] = []
        self.work: list[Callable[[], None]] = []
        self._session = 0

    def now(self) -> float:
        return self.clock.now()

    def fire(self, name: str, *arguments: str | int) -> None:
        self.events.append((name, *arguments))

    def GetConnectState(self) -> int:
        return 1

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        session = self._session

        def turn() -> None:
            if session == self._session:
                work()

        if seconds > 0:
            self.clock.call_at(self.now() + seconds, lambda: self.work.append(turn))
        else:
            self.work.append(turn)

    def cut(self) -> None:
        self._session += 1

    def settle(self, seconds: float = 1.0) -> None:
        let_pass(self.clock, self.work, self.now() + seconds)

    def take(self, name: str) -> list[tuple[object, ...]]:
        """The events of that name since they were last taken, without the name."""
        found = [event[1:] for event in self.events if event[0] == name]
        self.events = [event for event in self.events if event[0] != name]
        return found


@dataclass
class HandExchange:
    """An exchange that shows what it was given."""

    tapes: Mapping[str, Tape]
    traded: dict[str, list[Trade]] = field(default_factory=dict)
    asks: list[Level] = field(default_factory=list)
    bids: list[Level] = field(default_factory=list)
    at: Phase = Phase.CONTINUOUS
    queue: QueuedShares = field(default_factory=lambda: QueuedShares(0, 0))

    def subscribe(self, code: str) -> None: ...

    def unsubscribe(self, code: str) -> None: ...

    def tape(self, code: str) -> Tape:
        return self.tapes[code]

    def base(self, code: str) -> int:
        return self.tape(code).base

    def trades(self, code: str) -> TradeLog:
        self.tape(code)
        return TradeLog.of(code, self.traded.get(code, []))

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        return self.asks, self.bids

    def closing_price_queue(self, code: str) -> QueuedShares:
        return self.queue

    def single_price(self, code: str) -> SinglePriceState:
        raise LookupError(code)

    def phase(self, code: str = "") -> Phase:
        return self.at

    def interruptions(self, most: int | None = None) -> list[Interruption] | None:
        return []

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        return True

    def expected_price(self, code: str) -> ExpectedPrice:
        return NO_EXPECTED_TRADE

    def interruptions_of(self, code: str) -> list[Interruption]:
        return [each for each in self.interruptions() or () if each.code == code]

    def submit(self, order: NewOrder, filled: Callable[[Fill], None]) -> int:
        raise NotImplementedError

    def cancel(self, number: int, quantity: int | None = None) -> int:
        raise NotImplementedError

    def close(self) -> None: ...


def tape(code: str, base: int, upper: int, lower: int) -> Tape:
    return Tape(code, base, upper, lower, 1000, 1000 * base, 1_000_000, base)


def trade(code: str, at: str, price: int, volume: int, side: Side) -> Trade:
    return Trade(code, moment(at), price, volume, side)


def ask(
    handlers: Mapping[str, TrHandler], tr: str, now: str, after: int | None = None, **inputs: str
) -> tuple[TrAnswer, list[dict[str, str]]]:
    """The handler's answer, over as many turns as it takes, and its rows by field name."""
    definition = reference.tr(tr)
    filled = {**{known.name: "" for known in definition.inputs}, **inputs}
    request = TrRequest(definition, tr, "요청", "0101", filled, after)
    while True:
        try:
            answer = handlers[tr.lower()](request, moment(now))
        except AnswerPending:
            continue
        break
    assert all(len(row) == len(definition.multi_names) for row in answer.rows)
    return answer, [dict(zip(definition.multi_names, row, strict=True)) for row in answer.rows]


def single(tr: str, answer: TrAnswer) -> dict[str, str]:
    return dict(zip(reference.tr(tr).single_names, answer.single, strict=True))


def stock(code: str, shares: int = 10_000_000, market: str = "KOSPI", industry: str = "화학") -> Issue:
    return Issue(code, f"종목{code}", market, "stock", shares, date(2000, 1, 3), 500, industry)


def market_of(
    issues: Sequence[Issue], days: Mapping[str, Sequence[Row]], minutes: Mapping[str, Sequence[Row]]
) -> HandMarket:
    return HandMarket(
        issues,
        {code: bars(rows) for code, rows in days.items()},
        {},
        {code: bars(rows) for code, rows in minutes.items()},
    )

"""An exchange on a stepped clock, and a subscriber that records its callbacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from kernel_server.clock import SteppedClock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import (
    Exchange,
    ExpectedPrice,
    Fill,
    Interruption,
    NewOrder,
    SinglePriceState,
    Tape,
    Trade,
)
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Script, Side
from tests.support.market_calendar import at
from tests.support.quiet_market import TRADE_SIZE
from tests.support.simulated_broker import SAMSUNG, HandMarket, bars, sessions

DAY = "2022-01-18"
CODE = SAMSUNG.code


@dataclass
class RecordingWatcher:
    """A subscriber that writes everything down, each note with its kind, and sees that no book is crossed.

    ``trades`` are those of the day's tape, ``evenings`` what is told of 시간외 단일가.
    """

    exchange: Exchange | None = None
    trades: list[Trade] = field(default_factory=list)
    evenings: list[tuple[str, float, SinglePriceState, Trade | None]] = field(default_factory=list)
    all: list[tuple[object, ...]] = field(default_factory=list)
    expectations: list[tuple[str, float, ExpectedPrice]] = field(default_factory=list)
    phases: list[tuple[Phase, float]] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        assert not ask or not bid or bid < ask
        assert tape.last == trade.price
        self.trades.append(trade)
        self.all.append(("traded", trade, tape.volume, tape.value, ask, bid))

    def on_quote(self, code: str, time: float) -> None:
        self.all.append(("quoted", code, time))

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        self.expectations.append((code, time, expected))
        self.all.append(("expected", code, time, expected))

    def on_interruption(self, interruption: Interruption) -> None:
        self.interruptions.append(interruption)
        self.all.append(("interrupted", interruption, interruption.released or interruption.time))

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        assert self.exchange is not None
        evening = self.exchange.single_price(code)
        assert not evening.asks or not evening.bids or evening.bids[0].price < evening.asks[0].price
        assert trade is None or evening.tape.last == trade.price
        held = replace(evening, tape=replace(evening.tape))  # the tape goes on
        self.evenings.append((code, time, held, trade))
        self.all.append(("evening", code, time, held, trade))

    def on_phase(self, phase: Phase, time: float) -> None:
        self.phases.append((phase, time))
        self.all.append(("phase", phase, time))


class SteppedExchange:
    """An exchange and its subscriber; the control thread is the caller of ``settle``."""

    def __init__(
        self,
        market: Market,
        start: str,
        calendar: Callable[[], Sessions],
        seed: int = 1,
        recorded: Callable[[str, int], Script | None] | None = None,
    ) -> None:
        self.clock = SteppedClock(at(*start.split()))
        self.work: list[Callable[[], None]] = []
        self.notes = RecordingWatcher()
        self.fills: list[Fill] = []
        self.turns = 0
        self.exchange = SimulatedExchange(
            market, self.clock, calendar, self.work.append, seed, self.notes, recorded, trade_size=TRADE_SIZE
        )
        self.notes.exchange = self.exchange

    def settle(self, until: str) -> None:
        """Let time pass up to that HH:MM[:SS] of the clock's day, in such steps as timers ask for."""
        end = _of_day(self.clock.now(), until)
        while True:
            self.work_off()
            due = self.clock.next_due()
            if due is None or due > end:
                break
            self.clock.advance(due - self.clock.now())
        self.clock.advance(end - self.clock.now())

    def leap(self, until: str) -> None:
        """Let time pass in one go; what is due on the way is late."""
        self.clock.advance(_of_day(self.clock.now(), until) - self.clock.now())

    def work_off(self) -> None:
        while self.work:
            self.turns += 1
            self.work.pop(0)()

    def buy(self, quantity: int, price: int = 0, kind: str = "day", board: Board = Board.REGULAR) -> int:
        return self._submit(Side.BUY, quantity, price, kind, board)

    def sell(self, quantity: int, price: int = 0, kind: str = "day", board: Board = Board.REGULAR) -> int:
        return self._submit(Side.SELL, quantity, price, kind, board)

    def _submit(self, side: Side, quantity: int, price: int, kind: str, board: Board) -> int:
        return self.exchange.submit(NewOrder(CODE, side, quantity, price, kind, board), self.fills.append)

    def filled(self, number: int) -> list[tuple[int, int]]:
        """Price and volume of each of the order's fills."""
        return [(fill.price, fill.volume) for fill in self.fills if fill.order == number]


def _of_day(now: float, clock: str) -> float:
    midnight = (now + 9 * 3600) // 86_400 * 86_400 - 9 * 3600
    hours, minutes, seconds = (*(int(part) for part in clock.split(":")), 0)[:3]
    return midnight + hours * 3600 + minutes * 60 + seconds


Scripted = Sequence[tuple[str, int, int, Side]]  # HH:MM:SS, price, volume, side


def script(trades: Scripted) -> Script:
    """Trades of ``DAY`` by hand. A first one in the first minute and a last one after the close are the auctions'."""
    return Script(
        np.array([at(DAY, time) for time, *_ in trades]),
        np.array([price for _, price, _, _ in trades], np.int64),
        np.array([volume for _, _, volume, _ in trades], np.int64),
        np.array([int(side) for *_, side in trades], np.int64),
        bool(trades) and trades[0][0] < "09:01",
        bool(trades) and trades[-1][0] >= "15:30",
    )


def hand_market() -> HandMarket:
    """One issue whose 기준가 on ``DAY`` is 77,500, so that its limits are 54,300 and 100,500."""
    days = bars(
        [(20220117, 77600, 77800, 76900, 77500, 8785122), (20220118, 77600, 77800, 76600, 77000, 7715780)]
    )
    return HandMarket([SAMSUNG], {CODE: days})


def hand_sessions() -> Sessions:
    return sessions(date(2022, 1, 3), date(2022, 1, 28))


def scripted(trades: Scripted, start: str = "09:30") -> SteppedExchange:
    """An exchange that trades 005930 by hand on ``DAY``, watched from ``start`` on."""
    floor = SteppedExchange(
        hand_market(), f"{DAY} {start}", hand_sessions, recorded=lambda code, day: script(trades)
    )
    floor.exchange.subscribe(CODE)
    floor.work_off()
    return floor

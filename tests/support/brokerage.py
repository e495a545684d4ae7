"""A brokerage on a hand-made exchange and a stepped clock, with what it fires recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kernel_server import reference
from kernel_server.clock import SteppedClock
from kernel_server.simulated import tr_registry
from kernel_server.simulated.base.tr import TrAnswer, TrRequest
from kernel_server.simulated.brokerage.brokerage import Brokerage
from kernel_server.simulated.brokerage.outbox import OrderNumberReader
from kernel_server.simulated.exchange.interface import (
    NO_EXPECTED_TRADE,
    ExpectedPrice,
    Fill,
    Interruption,
    Level,
    NewOrder,
    OrderRejected,
    Tape,
    TradeLog,
)
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings
from tests.support.simulated_broker import FUND, GRT, NOTE, SAMSUNG, moment, sessions
from tests.support.waiting import let_pass

ACCOUNT = "8000000011"
BASES = {
    "005930": (77_500, 100_500, 54_300),
    "900290": (1_225, 1_590, 860),
    "069500": (38_000, 49_400, 26_600),
    "530031": (10_000, 13_000, 7_000),
}


@dataclass
class Resting:
    order: NewOrder
    left: int
    filled: Callable[[Fill], None]


@dataclass
class HandExchange:
    """Books set by the test: an order fills against the levels of the other side, its rest waits for ``trade``."""

    clock: SteppedClock
    now_in: Phase = Phase.CONTINUOUS
    tapes: dict[str, Tape] = field(default_factory=dict)
    asks: dict[str, list[Level]] = field(default_factory=dict)
    bids: dict[str, list[Level]] = field(default_factory=dict)
    resting: dict[int, Resting] = field(default_factory=dict)
    refuse: str = ""
    idle: bool = False  # nobody in the levels trades

    def __post_init__(self) -> None:
        self._numbers = itertools.count(9001)
        for code, (base, upper, lower) in BASES.items():
            self.tapes[code] = Tape(code, base, upper, lower, 1000, base * 1000, 10**9, base)

    def subscribe(self, code: str) -> None:
        raise AssertionError("the brokerage watches nothing")

    def unsubscribe(self, code: str) -> None:
        raise AssertionError("the brokerage watches nothing")

    def tape(self, code: str) -> Tape:
        return self.tapes[code]

    def base(self, code: str) -> int:
        return self.tape(code).base

    def trades(self, code: str) -> TradeLog:
        return TradeLog(code)

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        return self.asks.get(code, []), self.bids.get(code, [])

    def phase(self, code: str = "") -> Phase:
        return self.now_in

    def interruptions(self, most: int | None = None) -> list[Interruption] | None:
        return []

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        return True

    def expected_price(self, code: str) -> ExpectedPrice:
        return NO_EXPECTED_TRADE

    def interruptions_of(self, code: str) -> list[Interruption]:
        return [each for each in self.interruptions() or () if each.code == code]

    def close(self) -> None:
        self.resting.clear()

    def book(self, code: str, ask: int, bid: int, volume: int = 100, last: int = 0) -> None:
        self.asks[code], self.bids[code] = [Level(ask, volume)], [Level(bid, volume)]
        self.tapes[code].last = last or bid

    def submit(self, order: NewOrder, filled: Callable[[Fill], None]) -> int:
        if self.refuse:
            raise OrderRejected(self.refuse)
        number = next(self._numbers)
        held = self.resting[number] = Resting(order, order.quantity, filled)
        levels = (self.asks if order.side == Side.BUY else self.bids).get(order.code, [])
        if self.now_in == Phase.CONTINUOUS and not self.idle:
            for level in [*levels]:
                beyond = order.price and order.side * (level.price - order.price) > 0
                volume = min(held.left, level.volume)
                if volume and not beyond:
                    levels[levels.index(level)] = level._replace(volume=level.volume - volume)
                    self.fill(number, level.price, volume)
            levels[:] = [level for level in levels if level.volume]
        return number

    def fill(self, number: int, price: int, volume: int) -> None:
        held = self.resting[number]
        held.left -= volume
        if not held.left:
            del self.resting[number]
        self.tapes[held.order.code].last = price
        held.filled(Fill(number, held.order.code, self.clock.now(), price, volume, held.left))

    def trade(self, code: str, price: int, volume: int, side: Side) -> None:
        """A trade at that price against the orders of ``side`` that wait there or better, oldest first."""
        for number, held in [*self.resting.items()]:
            if held.order.code != code or held.order.side != side or not volume:
                continue
            if held.order.price and side * (price - held.order.price) > 0:
                continue
            taken = min(volume, held.left)
            volume -= taken
            self.fill(number, held.order.price or price, taken)

    def cancel(self, number: int, quantity: int | None = None) -> int:
        held = self.resting.get(number)
        if held is None:
            return 0
        taken = min(held.left, held.left if quantity is None else quantity)
        held.left -= taken
        if not held.left:
            del self.resting[number]
        return taken


@dataclass
class Told:
    """One event: its name, its arguments, and every value that could be read inside it; ``time`` is the clock's."""

    name: str
    arguments: tuple[str | int, ...]
    values: Mapping[int, str] = field(default_factory=dict)
    number: str = ""
    time: float = 0.0

    @property
    def short(self) -> str:
        """``Msg``, ``TrData``, 주문상태 of an order's event or 잔고."""
        if self.name == "OnReceiveChejanData":
            return "잔고" if self.arguments[0] == "1" else self.values[913]
        return self.name.removeprefix("OnReceive")


class Desk:
    """A brokerage on a hand-made exchange and a stepped clock, connected unless ``online`` says otherwise."""

    def __init__(
        self,
        start: str = "2022-01-18 14:29:40",
        online: bool = True,
        after_hours: Mapping[str, int] | None = None,
        **settings: object,
    ) -> None:
        self.after_hours = after_hours
        self.clock = SteppedClock(moment(start))
        self.exchange = HandExchange(self.clock)
        self.exchange.book("005930", 77_100, 77_000)
        self.exchange.book("900290", 1_230, 1_225)
        self.exchange.book("069500", 38_005, 38_000)
        self.exchange.book("530031", 10_005, 10_000)
        self.work: list[Callable[[], None]] = []
        self.told: list[Told] = []
        self.closes: dict[
            tuple[str, int], int
        ] = {}  # of sessions that are over; 기준가 where nothing is said
        self.settings = BrokerSettings(**settings)  # type: ignore[arg-type]
        self.brokerage = self.build()
        if online:
            self.brokerage.connect()

    def build(self) -> Brokerage:
        return Brokerage(
            self,
            self.exchange,
            self.settings,
            {issue.code: issue for issue in (SAMSUNG, GRT, FUND, NOTE)},
            lambda: sessions(date(2021, 12, 1), date(2023, 3, 31)),
            self.deliver,
            self.after_hours.__getitem__ if self.after_hours else None,
            lambda code, day: self.closes.get((code, day), self.exchange.tapes[code].base),
        )

    def now(self) -> float:
        return self.clock.now()

    def fire(self, name: str, *arguments: str | int) -> None:
        values = {}
        if name == "OnReceiveChejanData":
            fids = [int(fid) for fid in str(arguments[2]).split(";")]
            values = {fid: self.brokerage.GetChejanData(fid) for fid in fids}
        self.told.append(Told(name, arguments, values, time=self.now()))

    def deliver(self, screen: str, name: str, code: str, reading: OrderNumberReader) -> None:
        number = reading.value(0, "주문번호")
        self.told.append(Told("OnReceiveTrData", (screen, name, code, "", ""), number=number))

    def GetConnectState(self) -> int:
        return 1

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        if seconds > 0:
            self.clock.call_at(self.clock.now() + seconds, lambda: self.work.append(work))
        else:
            self.work.append(work)

    def settle(self, seconds: float = 1.0) -> None:
        let_pass(self.clock, self.work, self.clock.now() + seconds)

    def order(
        self,
        type: int,
        code: str = "005930",
        quantity: int = 1,
        price: int = 0,
        quote: str = "",
        original: str = "",
        account: str = ACCOUNT,
        screen: str = "0001",
    ) -> int:
        """SendOrder; without a quote type a limit order where there is a price, else a market order."""
        hoga = quote or ("00" if price or original else "03")
        return self.brokerage.SendOrder("주문", screen, account, type, code, quantity, price, hoga, original)

    def do(
        self, type: int, code: str = "005930", quantity: int = 1, price: int = 0, **more: str
    ) -> list[Told]:
        """Send an order that SendOrder accepts; every event of the next second."""
        self.told.clear()
        assert self.order(type, code, quantity, price, **more) == 0
        self.settle()
        return self.told

    def trade(self, code: str, price: int, volume: int, side: Side) -> list[Told]:
        """Trade at the exchange; the events that follow."""
        self.told.clear()
        self.exchange.trade(code, price, volume, side)
        self.settle(0)
        return self.told

    def number(self) -> str:
        """주문번호 of the newest answer."""
        return next(told.number for told in reversed(self.told) if told.name == "OnReceiveTrData")

    def answer(self, code: str, after: int | None = None, **inputs: str) -> TrAnswer:
        """A TR's answer; inputs that are not given are blank, and the account is the first."""
        tr = reference.tr(code)
        filled = {**{given.name: "" for given in tr.inputs}, "계좌번호": ACCOUNT, **inputs}
        handler = tr_registry.account_handlers(self.brokerage)[code]
        return handler(TrRequest(tr, code, "조회", "0101", filled, after), self.now())

    def single(self, code: str, **inputs: str) -> dict[str, str]:
        return dict(zip(reference.tr(code).single_names, self.answer(code, **inputs).single, strict=True))

    def rows(self, code: str, **inputs: str) -> list[dict[str, str]]:
        """The rows of every page."""
        names, found, after = reference.tr(code).multi_names, [], None
        while True:
            page = self.answer(code, after, **inputs)
            found += [dict(zip(names, row, strict=True)) for row in page.rows]
            after = page.after
            if after is None:
                return found


def shorts(told: list[Told]) -> list[str]:
    return [each.short for each in told]


def messages(told: list[Told]) -> list[str]:
    return [str(each.arguments[3]) for each in told if each.name == "OnReceiveMsg"]

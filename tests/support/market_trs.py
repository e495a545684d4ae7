"""The handlers of all TRs about the market, over one market at one moment."""

from __future__ import annotations

from kernel_server.clock import SteppedClock
from kernel_server.simulated import tr_registry
from kernel_server.simulated.base.tr import TrHandler
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import Exchange, Interruption, Tape, Trade
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.scanner import MarketScanner
from tests.support.quiet_market import TRADE_SIZE, quiet
from tests.support.simulated_broker import moment
from tests.support.tr_handlers import ask, calendar

RUNNING, OVER = "2022-01-18 11:00", "2022-01-18 18:00"
"""A full minute, at which what is added up over minutes is what has been traded; and after the close."""
SEED = 3  # of what happens within a day


class SilentWatcher:
    """A subscriber without callbacks, as no issue is subscribed."""

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None: ...

    def on_quote(self, code: str, time: float) -> None: ...

    def on_expected_price(self, code: str, time: float, expected: object, tape: Tape) -> None: ...

    def on_interruption(self, interruption: Interruption) -> None: ...

    def on_phase(self, phase: Phase, time: float) -> None: ...


class MarketTrs:
    """Handlers by TR over a market that stands still at ``now``."""

    def __init__(self, market: Market, now: str, **settings: object) -> None:
        self.market, self.now, self.moment = market, now, moment(now)
        self.settings = quiet(BrokerSettings(**settings))  # type: ignore[arg-type]
        self.survey = MarketScanner(market, self.settings, calendar)
        self.indices = IndexValues(market, calendar)
        clock = SteppedClock(self.moment)
        self.exchange: Exchange = SimulatedExchange(
            market, clock, calendar, lambda work: None, SEED, SilentWatcher(), trade_size=TRADE_SIZE
        )
        self.handlers: dict[str, TrHandler] = tr_registry.market_handlers(
            tr_registry.MarketParts(
                market,
                self.settings,
                calendar,
                self.exchange,
                PreviousSession(market, calendar, SEED, trade_size=TRADE_SIZE),
                self.survey,
                self.indices,
                SEED,
            )
        )

    def page(self, tr: str, after: int | None = None, **inputs: str) -> list[dict[str, str]]:
        return ask(self.handlers, tr, self.now, after, **inputs)[1]

    def rows(self, tr: str, most: int = 10_000, **inputs: str) -> list[dict[str, str]]:
        """The rows of all pages, or of the first so many rows' worth."""
        answer, rows = ask(self.handlers, tr, self.now, **inputs)
        while answer.after is not None and len(rows) < most:
            answer, more = ask(self.handlers, tr, self.now, answer.after, **inputs)
            rows += more
        return rows

    def quoted(self, codes: list[str]) -> dict[str, dict[str, str]]:
        """The rows of the watch list by code."""
        found = [
            self.page("OPTKWFID", 종목코드=";".join(codes[at : at + 100])) for at in range(0, len(codes), 100)
        ]
        return {row["종목코드"]: row for page in found for row in page}


def plain(text: str) -> int:
    """A number whose sign is a colour, or that has two signs: its own is the last one."""
    return int(text.replace("--", "-").lstrip("+"))


def size(text: str) -> int:
    """A price, or anything else of which the sign is none of its own."""
    return abs(int(text))

"""A subscribed issue: its real-time types, and the writers of its strings."""

from __future__ import annotations

from functools import cache, lru_cache

from kernel_server import reference
from kernel_server.simulated.exchange.interface import ExpectedPrice, Tape
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.realtime.book_strings import BookStrings
from kernel_server.simulated.realtime.registry import CodeRegistration
from kernel_server.simulated.realtime.string_parts import PriceTexts
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.settings import BrokerSettings


@cache
def _fids(realtype: str) -> frozenset[str]:
    return frozenset(str(fid) for fid in reference.realtype(realtype).fids)


@lru_cache
def subscribed_types(registration: CodeRegistration | None, types: tuple[str, ...]) -> frozenset[str]:
    """The types among ``types`` that a registration subscribes to."""
    if registration is None:
        return frozenset()
    return frozenset(name for name in types if registration.by_tr or registration.fids & _fids(name))


class IssueSubscription:
    """Types of a subscribed issue; from the first event of a day on, also its writers and last values.

    ``venue`` is ``_NX`` or ``_AL`` of an issue at another exchange. ``auctioned`` is the phase of the newest trade: in
    a phase of an auction, that trade has ended it. ``started`` says whether the writers exist. The
    tape is not read before, as it may have to be computed.
    """

    __slots__ = (
        "_settings",
        "auctioned",
        "best_quotes",
        "books",
        "expected",
        "interrupted",
        "started",
        "tape",
        "trades",
        "types",
        "venue",
    )

    tape: Tape
    trades: TradeStrings
    books: BookStrings
    best_quotes: tuple[int, int]
    expected: ExpectedPrice | None
    auctioned: Phase | None

    def __init__(self, types: frozenset[str], settings: BrokerSettings, venue: str = "") -> None:
        self.types = types
        self.venue = venue
        self.started = self.interrupted = False
        self._settings = settings

    def start_day(self, tape: Tape) -> None:
        """Create the writers for a day."""
        price_texts = PriceTexts(tape.base)
        self.started = True
        self.tape = tape
        self.trades = TradeStrings(tape, self._settings, price_texts)
        self.books = BookStrings(self.trades, self._settings, price_texts)
        self.best_quotes = (0, 0)
        self.expected = self.auctioned = None
        self.interrupted = False

    def update_tape(self, tape: Tape) -> None:
        """Set the newest tape; start a new day if it is of another one."""
        if self.started:
            trades = self.trades
            self.started = tape.base == trades.base
            self.started &= (tape.previous_volume, tape.previous_value) == trades.previous
        if self.started:
            self.tape = tape
        else:
            self.start_day(tape)

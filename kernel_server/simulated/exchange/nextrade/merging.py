"""Tapes, books and trades of an issue at both exchanges together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.exchange.interface import Level, Tape, Trade, TradeLog
from kernel_server.simulated.exchange.quotes.book_levels import BookLevels, best_price
from kernel_server.simulated.exchange.quotes.quote_rule import LEVELS
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Script, joined

_NEXTRADE_OPEN = (Phase.NXT_PRE, Phase.NXT_MAIN, Phase.NXT_AFTER)
_EXCHANGE_OPEN = (Phase.CONTINUOUS, Phase.CLOSING_AUCTION, Phase.AFTER_MARKET)
_OPENING = (Phase.BEFORE_OPEN, Phase.OPENING_AUCTION)

Book = tuple[Sequence[Level], Sequence[Level]]


class VenueBook(NamedTuple):
    """Asks and bids of an exchange, its phase, and the time of its newest trade."""

    book: Book
    phase: Phase
    traded: float


def merged_phase(exchange: Phase, nextrade: Phase) -> Phase:
    """The phase of both together: the Korea Exchange's, or that of Nextrade while it trades without or beside it."""
    return nextrade if nextrade in (Phase.NXT_PRE, Phase.NXT_AFTER) else exchange


def merged_tape(code: str, exchange: Tape, nextrade: Tape) -> Tape:
    """The totals of both. 기준가 and limits are those of the Korea Exchange."""
    own, other = exchange, nextrade
    newer = other if other.last_time > own.last_time else own
    opened, high, low = own, own, own
    if other.open:
        if not own.open or other.open_time < own.open_time:
            opened = other
        if (other.high, own.high_time) > (own.high, other.high_time):
            high = other
        if not own.open or (other.low, other.low_time) < (own.low, own.low_time):
            low = other
    return Tape(
        code=code,
        base=own.base,
        upper=own.upper,
        lower=own.lower,
        previous_volume=own.previous_volume + other.previous_volume,
        previous_value=own.previous_value + other.previous_value,
        shares=own.shares,
        last=newer.last,
        open=opened.open,
        high=high.high,
        low=low.low,
        volume=own.volume + other.volume,
        value=own.value + other.value,
        buys=own.buys + other.buys,
        sells=own.sells + other.sells,
        buy_count=own.buy_count + other.buy_count,
        sell_count=own.sell_count + other.sell_count,
        open_time=opened.open_time,
        high_time=high.high_time,
        low_time=low.low_time,
        last_time=newer.last_time,
    )


def merged_book(exchange: VenueBook, nextrade: VenueBook) -> Book:
    """The book of both: the shares at a price added up, of the exchanges that are open.

    Where the two cross, the levels of the exchange with the older trade are left out: they would have been taken.
    While neither is open it is the book of the newer trade.
    """
    newer, older = exchange, nextrade
    if nextrade.traded > exchange.traded:
        newer, older = nextrade, exchange
    other = nextrade.phase in _NEXTRADE_OPEN
    own = exchange.phase in _EXCHANGE_OPEN or (exchange.phase in _OPENING and not other)
    if not (own and other):
        return (exchange if own else nextrade if other else newer).book
    (asks, bids), (old_asks, old_bids) = newer.book, older.book
    return _added(asks, old_asks, best_price(bids), 1), _added(bids, old_bids, best_price(asks), -1)


def _added(levels: Sequence[Level], more: Sequence[Level], crossed: int, direction: int) -> BookLevels:
    """The ten best levels of a side of both, of ``more`` those that are not crossed by that price, 0 for none."""
    one, other = BookLevels.of(levels), BookLevels.of(more)
    own, beside, place, start = one.prices, other.prices, 0, 0
    count, end = len(one), len(other)
    while crossed and start < end and (beside[start] - crossed) * direction <= 0:
        start += 1
    prices: list[int] = []
    sizes = array("q")
    while len(prices) < LEVELS and (place < count or start < end):
        ahead = 0  # whose price is better: the first side's if it is negative
        if place >= count:
            ahead = 1
        elif start >= end:
            ahead = -1
        else:
            ahead = (own[place] - beside[start]) * direction
        prices.append(own[place] if ahead <= 0 else beside[start])
        sizes.append((one.sizes[place] if ahead <= 0 else 0) + (other.sizes[start] if ahead >= 0 else 0))
        place += ahead <= 0
        start += ahead >= 0
    return BookLevels(prices, sizes)


class MergedTrades(TradeLog):
    """The trades of both, oldest first; they are sorted when more than the newest one is read."""

    __slots__ = ("_parts", "_sorted")

    def __init__(self, code: str, exchange: TradeLog, nextrade: TradeLog) -> None:
        self.code = code
        self._parts = (exchange, nextrade)
        self._sorted: Script | None = None

    @property
    def columns(self) -> Script:  # type: ignore[override]  # read alone, as in the class above
        if self._sorted is None:
            both = joined([part.columns for part in self._parts])
            order = np.argsort(both.time, kind="stable")
            columns = both.time[order], both.price[order], both.volume[order], both.side[order]
            self._sorted = Script(*columns, carried=None if both.carried is None else both.carried[order])
        return self._sorted

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def newest(self) -> Trade | None:
        """The newest trade."""
        exchange, nextrade = self._parts
        return merged_newest(self.code, exchange.newest(), nextrade.newest())


def merged_newest(code: str, exchange: Trade | None, nextrade: Trade | None) -> Trade | None:
    """The newer trade."""
    found = [each for each in (exchange, nextrade) if each is not None]
    return max(found, key=lambda each: each.time)._replace(code=code) if found else None


def merged_session(
    exchange: DaySummary, nextrade: DaySummary, newest: Trade | None, nextrade_first: bool
) -> DaySummary:
    """The session of both so far, with the newest trade; ``nextrade_first`` says where the day's first one is."""
    traded = [each for each in (exchange, nextrade) if each.volume]
    if not traded or newest is None:
        return exchange
    return replace(
        exchange,
        open=traded[-1 if nextrade_first else 0].open,
        high=max(each.high for each in traded),
        low=min(each.low for each in traded),
        last=newest.price,
        volume=exchange.volume + nextrade.volume,
        value=exchange.value + nextrade.value,
        previous_volume=exchange.previous_volume + nextrade.previous_volume,
    )


def without_trades(tape: Tape) -> Tape:
    """The tape of another exchange that has none of the issue's trades."""
    return Tape(tape.code, tape.base, tape.upper, tape.lower, 0, 0, tape.shares, tape.base)

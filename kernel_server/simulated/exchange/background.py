"""The background: it carries a script out in a book and keeps the book around it plausible.

Before each scripted trade the background's quotes are where the trade needs them: the best opposite quote is
its price, with shares enough. Then an order of the background takes them. Clients' orders that have priority
take part beyond what is scripted; clients' orders that the background's quotes come across are met at their
own price. Prices beyond the day's limits have no quotes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.market.tick_size import PriceRules
from kernel_server.simulated.market.trade_script import Side

LEVELS = 10
_TRIMMED_AT = 24  # levels of a side, of which the farthest go
_POOL = 64  # draws, taken in turn
_WIDE = 9  # one in so many times the spread is two ticks

Met = tuple[Side, Match]
"""Whose initiative a match was, and the match."""


def sizes(key: int, usual: float) -> tuple[int, ...]:
    """Log-normal numbers of shares about ``usual``, in the order in which they are put into a book."""
    drawn = usual * np.exp(0.7 * hash_random.bell(key, np.arange(_POOL)))
    return tuple(np.maximum(np.rint(drawn), 1).astype(np.int64).tolist())


class BackgroundOrders:
    """The background of one issue's book on one day.

    Args:
        book: whose background it is; it has no other.
        grid: the day's ticks.
        lower, upper: 하한가 and 상한가.
        pool: what ``sizes`` gave.
        turn: where in the pool to begin.
    """

    __slots__ = ("_above", "_ask", "_below", "_bid", "_grid", "_pool", "_turn", "book", "lower", "upper")

    def __init__(
        self, book: OrderBook, grid: PriceRules, lower: int, upper: int, pool: Sequence[int], turn: int = 0
    ) -> None:
        self.book = book
        self.lower = lower
        self.upper = upper
        self._grid = grid
        self._pool = pool
        self._turn = turn
        self._above: dict[int, int] = {}
        self._below: dict[int, int] = {}
        self._ask = self._bid = 0  # best quotes of the background, 0 for none

    def above(self, price: int) -> int:
        """The next price up, 0 beyond the limit."""
        found = self._above.get(price)
        if found is None:
            found = self._grid.ceil(price + 1)
            found = self._above[price] = found if found <= self.upper else 0
        return found

    def below(self, price: int) -> int:
        """The next price down, 0 beyond the limit."""
        found = self._below.get(price)
        if found is None:
            found = self._grid.floor(price - 1)
            found = self._below[price] = found if found >= self.lower else 0
        return found

    def settle(self, price: int) -> list[Met]:
        """Quotes on both sides of the price: it is the best ask or the best bid."""
        if self._next() % 2 or price >= self.upper:
            return self._quote(self.above(price), price)
        return self._quote(price, self.below(price))

    def trade(self, side: Side, price: int, volume: int) -> list[Met]:
        """A scripted trade. ``side`` takes the initiative; NONE, where nobody knows who did, trades at the ask."""
        if side is Side.SELL:
            met = [] if price == self._bid else self._quote(self._away(self.above, price), price)
            self._provide(Side.BUY, price, volume, price <= self.lower)
        else:
            met = [] if price == self._ask else self._quote(price, self._away(self.below, price))
            self._provide(Side.SELL, price, volume, price >= self.upper)
        for match in self.book.trade(side or Side.BUY, price, volume):
            met.append((side, match))
        return met

    def flicker(self) -> None:
        """Somebody adds shares to one of the best five levels or takes some back."""
        draw = self._next()
        buys = draw & 1
        side, price = (Side.BUY, self._bid) if buys else (Side.SELL, self._ask)
        step = self._below if buys else self._above
        for _ in range(self._turn % 5):
            price = step.get(price, 0) or price
        if not price:
            return
        have = self.book.background(side, price)
        if have > draw:
            self.book.thin(side, price, have // 3)
        elif have:
            self.book.stack(side, price, draw)

    def yielded(self) -> None:
        """A client's order has come in: the background does not quote across what now waits."""
        ask, bid = self.book.ask(), self.book.bid()
        if self._bid and ask and ask <= self._bid:
            self._bid = self._grid.floor(ask - 1)
            self._bid = self._bid if self._bid >= self.lower else 0
        if self._ask and bid >= self._ask:
            self._ask = self._grid.ceil(bid + 1)
            self._ask = self._ask if self._ask <= self.upper else 0

    def _provide(self, side: Side, price: int, volume: int, at_limit: bool) -> None:
        """Sees to it that the background has ``volume`` there, and more than that where it is not at a limit."""
        missing = volume - self.book.background(side, price)
        more = missing if at_limit else missing + self._next() if missing >= 0 else 0
        if more > 0:
            self.book.stack(side, price, more)

    def _away(self, step: Callable[[int], int], price: int) -> int:
        """Where the quotes begin that have ``price`` against them: one step away, at times two."""
        first = step(price)
        return (step(first) or first) if first and self._next() % _WIDE == 0 else first

    def _next(self) -> int:
        self._turn = (self._turn + 1) % _POOL
        return self._pool[self._turn]

    def _quote(self, ask: int, bid: int) -> list[Met]:
        """Moves the background's best quotes to these, 0 for none; which clients it came across."""
        book = self.book
        book.withdraw(Side.SELL, ask - 1 if ask else self.upper)
        book.withdraw(Side.BUY, bid + 1)
        met: list[Met] = []
        if ask and book.bid() >= ask:
            met += [(Side.SELL, match) for match in book.trade(Side.SELL, ask, 0)]
        if bid and 0 < book.ask() <= bid:
            met += [(Side.BUY, match) for match in book.trade(Side.BUY, bid, 0)]
        self._ask, self._bid = ask, bid
        self._fill(Side.SELL, ask)
        self._fill(Side.BUY, bid)
        return met

    def _fill(self, side: Side, price: int) -> None:
        """Ten levels from ``price`` on; those that are far behind them go."""
        book = self.book
        step = self.above if side is Side.SELL else self.below
        for _ in range(LEVELS):
            if not price:
                break
            if not book.volume(side, price):
                book.stack(side, price, self._next())
            price = step(price)
        if book.prices(side) > _TRIMMED_AT:
            book.trim(side, LEVELS + 2)

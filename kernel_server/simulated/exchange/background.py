"""The background order flow: carries out a script in an order book and keeps plausible quotes around it.

Before each scripted trade the background moves its quotes so that the best opposite quote has the trade's price and
enough shares; then a background order takes them. Clients' orders with priority are filled in addition to the scripted
volume, and clients' orders that the moved quotes would cross are filled at their own price. There are no quotes
beyond the day's price limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.market.trade_script import Side

LEVELS = 10
_MAX_LEVELS = 24  # of a side; beyond that the farthest are removed
_SIZES = 64  # random sizes, used in rotation
_WIDE_SPREAD = 9  # one quote move in that many leaves a spread of two ticks

InitiatedMatch = tuple[Side, Match]
"""A match and the side that initiated it."""


def level_sizes(key: int, usual: float) -> tuple[int, ...]:
    """Log-normal level sizes in shares around ``usual``, in the order in which they are used."""
    sizes = usual * np.exp(0.7 * hash_random.normal(key, np.arange(_SIZES)))
    return tuple(np.maximum(np.rint(sizes), 1).astype(np.int64).tolist())


class BackgroundOrders:
    """The background order flow of one issue's book on one day.

    Args:
        book: the book; this is its only background.
        grid: the day's tick table.
        lower, upper: 하한가 and 상한가.
        sizes: as from ``level_sizes``.
        start: where in ``sizes`` to begin.
    """

    __slots__ = ("_ask", "_bid", "_cursor", "_down", "_grid", "_sizes", "_up", "book", "lower", "upper")

    def __init__(
        self, book: OrderBook, grid: PriceRules, lower: int, upper: int, sizes: Sequence[int], start: int = 0
    ) -> None:
        self.book = book
        self.lower = lower
        self.upper = upper
        self._grid = grid
        self._sizes = sizes
        self._cursor = start
        self._up: dict[int, int] = {}
        self._down: dict[int, int] = {}
        self._ask = self._bid = 0  # the background's best quotes, 0 for none

    def next_up(self, price: int) -> int:
        """One tick up, 0 beyond the limit."""
        found = self._up.get(price)
        if found is None:
            found = self._grid.ceil(price + 1)
            found = self._up[price] = found if found <= self.upper else 0
        return found

    def next_down(self, price: int) -> int:
        """One tick down, 0 beyond the limit."""
        found = self._down.get(price)
        if found is None:
            found = self._grid.floor(price - 1)
            found = self._down[price] = found if found >= self.lower else 0
        return found

    def quote_around(self, price: int) -> list[InitiatedMatch]:
        """Move the quotes so that ``price`` is the best ask or the best bid; matches with crossed clients."""
        if self._next_size() % 2 or price >= self.upper:
            return self._move_quotes(self.next_up(price), price)
        return self._move_quotes(price, self.next_down(price))

    def trade(self, side: Side, price: int, volume: int) -> list[InitiatedMatch]:
        """Carry out a scripted trade. One of unknown initiative (NONE) takes from the ask."""
        if side is Side.SELL:
            matches = (
                [] if price == self._bid else self._move_quotes(self._first_quote(self.next_up, price), price)
            )
            self._ensure_volume(Side.BUY, price, volume, price <= self.lower)
        else:
            matches = (
                []
                if price == self._ask
                else self._move_quotes(price, self._first_quote(self.next_down, price))
            )
            self._ensure_volume(Side.SELL, price, volume, price >= self.upper)
        for match in self.book.trade_background(side or Side.BUY, price, volume):
            matches.append((side, match))
        return matches

    def change_quotes(self) -> None:
        """Add shares to one of the best five levels, or remove some."""
        size = self._next_size()
        buys = size & 1
        side, price = (Side.BUY, self._bid) if buys else (Side.SELL, self._ask)
        step = self._down if buys else self._up
        for _ in range(self._cursor % 5):
            price = step.get(price, 0) or price
        if not price:
            return
        volume = self.book.background_volume(side, price)
        if volume > size:
            self.book.remove_background(side, price, volume // 3)
        elif volume:
            self.book.add_background(side, price, size)

    def avoid_crossing(self) -> None:
        """Move the background's quotes away from a client's order that has come in."""
        ask, bid = self.book.ask(), self.book.bid()
        if self._bid and ask and ask <= self._bid:
            self._bid = self._grid.floor(ask - 1)
            self._bid = self._bid if self._bid >= self.lower else 0
        if self._ask and bid >= self._ask:
            self._ask = self._grid.ceil(bid + 1)
            self._ask = self._ask if self._ask <= self.upper else 0

    def _ensure_volume(self, side: Side, price: int, volume: int, at_limit: bool) -> None:
        """Fill a level up to ``volume`` background shares, and beyond it unless the price is at a limit."""
        missing = volume - self.book.background_volume(side, price)
        more = missing if at_limit else missing + self._next_size() if missing >= 0 else 0
        if more > 0:
            self.book.add_background(side, price, more)

    def _first_quote(self, step: Callable[[int], int], price: int) -> int:
        """The best quote opposite ``price``: one tick away, sometimes two."""
        first = step(price)
        return (step(first) or first) if first and self._next_size() % _WIDE_SPREAD == 0 else first

    def _next_size(self) -> int:
        self._cursor = (self._cursor + 1) % _SIZES
        return self._sizes[self._cursor]

    def _move_quotes(self, ask: int, bid: int) -> list[InitiatedMatch]:
        """Set the background's best quotes, 0 for none; matches with the clients' orders that they cross."""
        book = self.book
        book.withdraw_background(Side.SELL, ask - 1 if ask else self.upper)
        book.withdraw_background(Side.BUY, bid + 1)
        matches: list[InitiatedMatch] = []
        if ask and book.bid() >= ask:
            matches += [(Side.SELL, match) for match in book.trade_background(Side.SELL, ask, 0)]
        if bid and 0 < book.ask() <= bid:
            matches += [(Side.BUY, match) for match in book.trade_background(Side.BUY, bid, 0)]
        self._ask, self._bid = ask, bid
        self._fill_levels(Side.SELL, ask)
        self._fill_levels(Side.BUY, bid)
        return matches

    def _fill_levels(self, side: Side, price: int) -> None:
        """Put shares into the ten levels from ``price`` that have none, and trim what is far behind."""
        book = self.book
        step = self.next_up if side is Side.SELL else self.next_down
        for _ in range(LEVELS):
            if not price:
                break
            if not book.volume(side, price):
                book.add_background(side, price, self._next_size())
            price = step(price)
        if book.level_count(side) > _MAX_LEVELS:
            book.trim_background(side, LEVELS + 2)

"""시간외종가: trading at one price (the close, or the previous one) by time priority.

The background rests on one side. Clients' orders rest in the same queue: they take part in the background's trades,
and their trades with each other come on top.
"""

from __future__ import annotations

from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.exchange.interface import QueuedShares
from kernel_server.simulated.market.trade_script import Side


class ClosingPrice:
    """The two queues of a board of 시간외종가.

    Args:
        price: the board's price, KRW.
        side: on which the background rests.
        resting: the background's shares at first.
        collected: background shares collected on both sides before trading begins; None if it has begun.

    Attributes:
        queued: the shares on each side.
    """

    __slots__ = ("_book", "_generated", "_side", "_totals", "_trading", "price", "queued")

    def __init__(self, price: int, side: Side, resting: int, collected: int | None = None) -> None:
        self.price = price
        self.queued = QueuedShares(0, 0)
        self._side = side
        self._generated = resting
        self._trading = collected is None
        self._book = OrderBook()
        if resting:
            self._book.collect(BACKGROUND, side, resting, price)
        if collected:
            self._book.collect(BACKGROUND, Side.BUY, collected, price)
            self._book.collect(BACKGROUND, Side.SELL, collected, price)
        self._totals = self._volumes()
        self._update_queued()

    def submit(self, number: int, side: Side, quantity: int) -> list[Match]:
        """Match a client's order at once, or collect it before trading begins. The rest rests."""
        if self._trading:
            matches = self._book.submit(number, side, quantity, self.price)
        else:
            matches = []
            self._book.collect(number, side, quantity, self.price)
        self._update_queued()
        return matches

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Cancel a client's order, or ``quantity`` shares of it with its priority kept; the cancelled shares."""
        cancelled = self._book.cancel(number, quantity)
        if cancelled:
            self._update_queued()
        return cancelled

    def start_trading(self) -> list[Match]:
        """Uncross the collected orders, without an initiator."""
        self._trading = True
        _, matches = self._book.uncross(self.price)
        self._update_queued()
        return matches

    def advance(self, resting: int, volume: int = 0) -> list[Match]:
        """Trade ``volume`` background shares, then leave ``resting`` of them in the queue, not counting clients.

        The background adds and removes as many shares as it would without clients' orders.
        """
        matches: list[Match] = []
        change = resting + volume - self._generated
        self._generated = resting
        if change > 0:
            matches += self._add_background(change)
        elif change < 0:
            self._book.remove_background(self._side, self.price, -change)
        if volume:
            other = Side(-self._side)
            missing = volume - self._book.background_volume(self._side, self.price)
            if missing > 0:
                # Clients resting on the other side have priority over the background order that trades now.
                matches += self._add_background(missing + self._book.volume(other, self.price))
            matches += self._book.trade_background(other, self.price, volume)
        self._update_queued()
        return matches

    def _add_background(self, shares: int) -> list[Match]:
        """Add background shares; they first fill clients' orders on the other side."""
        return self._book.submit(BACKGROUND, self._side, shares, self.price)

    def _volumes(self) -> tuple[int, int]:
        return self._book.volume(Side.SELL, self.price), self._book.volume(Side.BUY, self.price)

    def _update_queued(self) -> None:
        before, (asks, bids) = self._totals, self._volumes()
        self._totals = (asks, bids)
        self.queued = QueuedShares(asks, bids, asks - before[0], bids - before[1])

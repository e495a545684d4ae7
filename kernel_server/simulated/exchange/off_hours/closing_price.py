"""시간외종가: trading at one price, the close or the one before, in the order in which orders come.

Of the background there is one side that waits. Whoever comes to the other side trades with it, after whoever came
before; clients stand in the same queue, take part in what the background trades, and add to it.
"""

from __future__ import annotations

from kernel_server.simulated.exchange.background import Met
from kernel_server.simulated.exchange.book import OrderBook
from kernel_server.simulated.exchange.interface import QueuedShares
from kernel_server.simulated.exchange.queues import BACKGROUND
from kernel_server.simulated.market.trade_script import Side


class ClosingPrice:
    """The queues at that price (KRW).

    Args:
        price: the one there is.
        side: on which the background waits.
        waiting: its shares, at first.
        collected: what the background has on both sides before trading begins; None where it has begun.
    """

    __slots__ = ("_book", "_counted", "_drawn", "_side", "_trading", "price", "waiting")

    def __init__(self, price: int, side: Side, waiting: int, collected: int | None = None) -> None:
        self.price = price
        self.waiting = QueuedShares(0, 0)
        self._side = side
        self._drawn = waiting
        self._trading = collected is None
        self._book = OrderBook()
        if waiting:
            self._book.collect(BACKGROUND, side, waiting, price)
        if collected:
            self._book.collect(BACKGROUND, Side.BUY, collected, price)
            self._book.collect(BACKGROUND, Side.SELL, collected, price)
        self._counted = self._totals()
        self._count()

    def submit(self, number: int, side: Side, quantity: int) -> list[Met]:
        """A client's order: what it meets at once. The rest waits."""
        if self._trading:
            met = [(side, match) for match in self._book.submit(number, side, quantity, self.price)]
        else:
            met = []
            self._book.collect(number, side, quantity, self.price)
        self._count()
        return met

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Takes (so much of) a client's order out, priority kept; how many shares that was."""
        gone = self._book.cancel(number, quantity)
        if gone:
            self._count()
        return gone

    def begin(self) -> list[Met]:
        """Trading begins with what has been collected, on nobody's initiative."""
        self._trading = True
        _, matches = self._book.uncross(self.price)
        self._count()
        return [(Side.NONE, match) for match in matches]

    def move(self, waiting: int, volume: int = 0) -> list[Met]:
        """The background on the other side takes so many shares, and ``waiting`` are drawn to be left of those here.

        What the background does hangs on no client: as many shares come or go as if there were none.
        """
        met: list[Met] = []
        change = waiting + volume - self._drawn
        self._drawn = waiting
        if change > 0:
            met += self._come(change)
        elif change < 0:
            self._book.thin(self._side, self.price, -change)
        if volume:
            other = Side(-self._side)
            missing = volume - self._book.background(self._side, self.price)
            if missing > 0:
                # Clients may wait on the other side. They came before the one who takes now.
                met += self._come(missing + self._book.volume(other, self.price))
            met += [(other, match) for match in self._book.trade(other, self.price, volume)]
        self._count()
        return met

    def _come(self, shares: int) -> list[Met]:
        """So many of the background's shares come to its side; clients whom they find on the other trade first."""
        matches = self._book.submit(BACKGROUND, self._side, shares, self.price)
        return [(self._side, match) for match in matches]

    def _totals(self) -> tuple[int, int]:
        return self._book.volume(Side.SELL, self.price), self._book.volume(Side.BUY, self.price)

    def _count(self) -> None:
        before, (asks, bids) = self._counted, self._totals()
        self._counted = (asks, bids)
        self.waiting = QueuedShares(asks, bids, asks - before[0], bids - before[1])

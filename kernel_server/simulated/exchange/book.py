"""A limit order book under price-time priority, in whole shares at whole prices.

Orders are a client's or the background's. The background is one body: what it has side by side in a queue is
one order, and a level that no client stands in is a number of shares.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kernel_server.simulated.exchange.clearing import Clearing, clear
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.exchange.queues import BACKGROUND, Half, QueuedOrder
from kernel_server.simulated.market.trade_script import Side

_BUY = Side.BUY  # looking a member up costs more than the comparison
_ANY = 1 << 60  # what a market order bids in an auction
_WHOLE = 1 << 60  # shares, more than any book holds


class Match(NamedTuple):
    """Two orders have met: their numbers, KRW, shares. In an auction ``taker`` is the buyer's."""

    maker: int
    taker: int
    price: int
    volume: int


class OrderBook:
    """The book of one issue. Prices in KRW, quantities in shares, both above 0 unless said otherwise."""

    __slots__ = ("_asks", "_bids", "_orders")

    def __init__(self) -> None:
        self._asks, self._bids = Half(Side.SELL), Half(Side.BUY)
        self._orders: dict[int, QueuedOrder] = {}

    def ask(self) -> int:
        """The best ask, 0 where there is none."""
        keys = self._asks.keys
        return -keys[-1] if keys else 0

    def bid(self) -> int:
        """The best bid, 0 where there is none."""
        keys = self._bids.keys
        return keys[-1] if keys else 0

    def depth(self, side: Side, count: int = 10) -> list[Level]:
        """The best ``count`` prices of that side, best first."""
        half = self._bids if side is _BUY else self._asks
        sign, volumes = half.sign, half.volumes
        return [Level(sign * key, volumes[key]) for key in half.keys[: -count - 1 : -1]]

    def prices(self, side: Side) -> int:
        """How many prices that side has."""
        return len(self._half(side).keys)

    def trim(self, side: Side, count: int) -> None:
        """The background leaves all but the best ``count`` prices of that side."""
        half = self._bids if side is _BUY else self._asks
        for key in half.keys[:-count]:
            self.thin(side, half.sign * key, _WHOLE)

    def volume(self, side: Side, price: int) -> int:
        """Shares that wait at that price."""
        half = self._bids if side is _BUY else self._asks
        return half.volumes.get(half.sign * price, 0)

    def left(self, number: int) -> int:
        """What of a client's order is open, 0 where nothing is."""
        order = self._orders.get(number)
        return order.left if order else 0

    def ahead(self, number: int) -> int:
        """Shares at the order's price that have priority before it; 0 where it is not in the book."""
        order = self._orders.get(number)
        if order is None:
            return 0
        shares = 0
        half = self._half(order.side)
        for other in half.queues[half.sign * order.price]:
            if other is order:
                break
            shares += other.left
        return shares

    def clients(self) -> list[int]:
        """The numbers of the clients' orders that are open, oldest first."""
        return list(self._orders)

    def submit(
        self, number: int, side: Side, quantity: int, price: int = 0, kind: str = "day"
    ) -> list[Match]:
        """An order comes in: what it meets at once. The rest of a ``day`` order waits, that of an ``ioc`` is void.

        A ``fok`` order meets all or nothing. A price of 0 takes any price and never waits.
        """
        if kind == "fok" and self._within_reach(side, price) < quantity:
            return []
        matches, left = self._take(self._opposite(side), number, quantity, price)
        if left and price and kind == "day":
            self._wait(number, side, left, price)
        return matches

    def collect(self, number: int, side: Side, quantity: int, price: int = 0) -> None:
        """An order for the next auction: it waits, even where it crosses. A price of 0 takes any price."""
        self._wait(number, side, quantity, price or (_ANY if side is Side.BUY else 0))

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Takes (so much of) a client's order out, priority kept; how many shares that was."""
        order = self._orders.get(number)
        if order is None:
            return 0
        gone = order.left if quantity is None else min(quantity, order.left)
        half = self._half(order.side)
        key = half.sign * order.price
        order.left -= gone
        half.volumes[key] -= gone
        if not order.left:
            del self._orders[number]
            half.queues[key].remove(order)
            if half.volumes[key]:
                half.join(key)
            else:
                half.drop(key)
        return gone

    def uncross(self, reference: int) -> tuple[Clearing, list[Match]]:
        """The call auction: one price for all that can meet, and who met whom. What is left stays.

        ``reference`` decides, by nearness, between prices at which as much would trade.
        """
        cleared = self.clearing(reference)
        matches: list[Match] = []
        left = cleared.volume
        while left:
            buying, selling = self._bids.keys[-1], self._asks.keys[-1]
            buyer, bought = self._bids.first(buying)
            seller, sold = self._asks.first(selling)
            volume = min(bought, sold, left)
            matches.append(Match(seller, buyer, cleared.price, volume))
            self._fill(self._bids, buying, volume)
            self._fill(self._asks, selling, volume)
            left -= volume
        return cleared, matches

    def clearing(self, reference: int) -> Clearing:
        """What ``uncross`` would give now."""
        return clear(
            [*self._bids.volumes.items()],
            [(-key, volume) for key, volume in self._asks.volumes.items()],
            reference,
            _ANY,
        )

    def stack(self, side: Side, price: int, volume: int) -> None:
        """The background adds shares behind whoever waits at that price. They must not cross the other side."""
        half = self._bids if side is _BUY else self._asks
        key = half.sign * price
        half.add(key, volume)
        queue = half.queues.get(key)
        if queue is None:
            return
        if queue[-1].number == BACKGROUND:
            queue[-1].left += volume
        else:
            queue.append(QueuedOrder(BACKGROUND, side, price, volume))

    def thin(self, side: Side, price: int, volume: int) -> int:
        """The background takes back shares, its youngest first; how many there were to take."""
        half = self._bids if side is _BUY else self._asks
        key = half.sign * price
        held = half.volumes.get(key)
        if held is None:
            return 0
        queue = half.queues.get(key)
        gone = min(held, volume) if queue is None else _thinned(queue, volume)
        if gone == held:
            half.drop(key)
        elif gone:
            half.volumes[key] = held - gone
            if queue is not None:
                half.queues[key] = deque(order for order in queue if order.left)
                half.join(key)
        return gone

    def withdraw(self, side: Side, price: int) -> None:
        """The background leaves every price of that side that is better than ``price``, or as good."""
        half = self._bids if side is _BUY else self._asks
        edge = half.sign * price
        keys = half.keys
        place = len(keys)
        while place and keys[place - 1] >= edge:
            place -= 1
            key = keys[place]
            if key in half.queues:
                self.thin(side, half.sign * key, _WHOLE)
            else:
                half.drop(key)

    def background(self, side: Side, price: int) -> int:
        """Shares of the background at that price."""
        half = self._bids if side is _BUY else self._asks
        return half.background(half.sign * price)

    def trade(self, side: Side, price: int, volume: int) -> list[Match]:
        """A background order of that side takes ``volume`` of the background's shares, down to ``price``.

        Clients that stand before them are met as well, beyond ``volume``: they take part in the trade and do
        not take it away. With a volume of 0 all clients better than ``price`` or as good are met.
        """
        half = self._opposite(side)
        keys, edge = half.keys, int(half.side) * price
        matches: list[Match] = []
        while keys and keys[-1] >= edge:
            key = keys[-1]
            number, part = half.first(key)
            if number == BACKGROUND:
                part = min(part, volume)
                if not part:
                    break
                volume -= part
            matches.append(Match(number, BACKGROUND, half.sign * key, part))
            self._fill(half, key, part)
            if not volume and number == BACKGROUND:
                break
        return matches

    def _half(self, side: Side) -> Half:
        return self._bids if side is _BUY else self._asks

    def _opposite(self, side: Side) -> Half:
        return self._asks if side is _BUY else self._bids

    def _within_reach(self, side: Side, price: int) -> int:
        half = self._opposite(side)
        edge = half.sign * price if price else -_ANY
        return sum(volume for key, volume in half.volumes.items() if key >= edge)

    def _take(self, half: Half, number: int, quantity: int, price: int) -> tuple[list[Match], int]:
        matches: list[Match] = []
        keys, edge = half.keys, half.sign * price if price else -_ANY
        while quantity and keys and keys[-1] >= edge:
            key = keys[-1]
            maker, left = half.first(key)
            part = min(left, quantity)
            matches.append(Match(maker, number, half.sign * key, part))
            self._fill(half, key, part)
            quantity -= part
        return matches, quantity

    def _wait(self, number: int, side: Side, quantity: int, price: int) -> None:
        if number == BACKGROUND:
            self.stack(side, price, quantity)
            return
        half = self._half(side)
        key = half.sign * price
        order = self._orders[number] = QueuedOrder(number, side, price, quantity)
        half.queue(key).append(order)
        half.add(key, quantity)

    def _fill(self, half: Half, key: int, volume: int) -> None:
        """Takes shares from the first order at that price."""
        number, left = half.first(key)
        half.take(key, volume)
        if number != BACKGROUND and left == volume:
            del self._orders[number]


def _thinned(queue: deque[QueuedOrder], volume: int) -> int:
    """Takes back that many of the background's shares, its youngest first; how many there were."""
    gone = 0
    for order in reversed(queue):
        if order.number == BACKGROUND and gone < volume:
            part = min(order.left, volume - gone)
            order.left -= part
            gone += part
    return gone

"""A limit order book with price-time priority, in whole shares at whole prices (KRW).

Its orders are clients' orders and background orders. The background counts as one participant: its orders that are
neighbours in a queue are merged into one, and a level without a client's order is a plain number of shares.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kernel_server.simulated.exchange.book_side import BACKGROUND, BookSide, QueuedOrder
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.exchange.uncrossing import Uncrossing, uncrossing
from kernel_server.simulated.market.trade_script import Side

_BUY = Side.BUY  # an enum member's lookup costs more than the comparison with it
_MARKET_BID = 1 << 60  # the price of a market order to buy in an auction
_ALL = 1 << 60  # shares, more than any level has


class Match(NamedTuple):
    """Two orders that traded: numbers, KRW, shares. In an auction the seller is the maker, the buyer the taker."""

    maker: int
    taker: int
    price: int
    volume: int


class OrderBook:
    """The order book of one issue. Prices in KRW and quantities in shares, both above 0 unless noted."""

    __slots__ = ("_asks", "_bids", "_orders")

    def __init__(self) -> None:
        self._asks, self._bids = BookSide(Side.SELL), BookSide(Side.BUY)
        self._orders: dict[int, QueuedOrder] = {}

    def ask(self) -> int:
        """The best ask, 0 for none."""
        keys = self._asks.keys
        return -keys[-1] if keys else 0

    def bid(self) -> int:
        """The best bid, 0 for none."""
        keys = self._bids.keys
        return keys[-1] if keys else 0

    def depth(self, side: Side, count: int = 10) -> list[Level]:
        """The best ``count`` levels of a side, best first."""
        levels = self._bids if side is _BUY else self._asks
        sign, volumes = levels.sign, levels.volumes
        return [Level(sign * key, volumes[key]) for key in levels.keys[: -count - 1 : -1]]

    def volume(self, side: Side, price: int) -> int:
        """Shares resting at a price."""
        levels = self._bids if side is _BUY else self._asks
        return levels.volumes.get(levels.sign * price, 0)

    def left(self, number: int) -> int:
        """Open quantity of a client's order, 0 if it is not in the book."""
        order = self._orders.get(number)
        return order.left if order else 0

    def volume_ahead(self, number: int) -> int:
        """Queue position of a client's order: shares before it at its price, 0 if it is not in the book."""
        order = self._orders.get(number)
        if order is None:
            return 0
        shares = 0
        levels = self._same_side(order.side)
        for other in levels.queues[levels.sign * order.price]:
            if other is order:
                break
            shares += other.left
        return shares

    def client_orders(self) -> list[int]:
        """Numbers of the clients' resting orders, oldest first."""
        return list(self._orders)

    # Orders.

    def submit(
        self, number: int, side: Side, quantity: int, price: int = 0, kind: str = "day"
    ) -> list[Match]:
        """Match an order at once. The rest of a ``day`` order rests, the rest of an ``ioc`` order is void.

        A ``fok`` order is filled completely or not at all. A price of 0 is a market order, which never rests.
        """
        if kind == "fok" and self._available(side, price) < quantity:
            return []
        matches, left = self._match(self._opposite_side(side), number, quantity, price)
        if left and price and kind == "day":
            self._rest(number, side, left, price)
        return matches

    def collect(self, number: int, side: Side, quantity: int, price: int = 0) -> None:
        """Let an order rest for the next auction, even if it crosses. A price of 0 is a market order."""
        self._rest(number, side, quantity, price or (_MARKET_BID if side is Side.BUY else 0))

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Cancel a client's order, or ``quantity`` shares of it with its priority kept; the cancelled shares."""
        order = self._orders.get(number)
        if order is None:
            return 0
        cancelled = order.left if quantity is None else min(quantity, order.left)
        levels = self._same_side(order.side)
        key = levels.sign * order.price
        order.left -= cancelled
        levels.volumes[key] -= cancelled
        if not order.left:
            del self._orders[number]
            levels.queues[key].remove(order)
            if levels.volumes[key]:
                levels.drop_plain_queue(key)
            else:
                levels.remove_level(key)
        return cancelled

    # Call auctions.

    def uncross(self, reference: int) -> tuple[Uncrossing, list[Match]]:
        """Trade everything that crosses at one price, and return who traded with whom. The rest stays.

        Among prices of equal volume and imbalance the nearest to ``reference`` wins.
        """
        result = self.indicative(reference)
        matches: list[Match] = []
        left = result.volume
        while left:
            bid_key, ask_key = self._bids.keys[-1], self._asks.keys[-1]
            buyer, bid_volume = self._bids.front(bid_key)
            seller, ask_volume = self._asks.front(ask_key)
            volume = min(bid_volume, ask_volume, left)
            matches.append(Match(seller, buyer, result.price, volume))
            self._take_front(self._bids, bid_key, volume)
            self._take_front(self._asks, ask_key, volume)
            left -= volume
        return result, matches

    def indicative(self, reference: int) -> Uncrossing:
        """What ``uncross`` would trade now."""
        return uncrossing(
            [*self._bids.volumes.items()],
            [(-key, volume) for key, volume in self._asks.volumes.items()],
            reference,
            _MARKET_BID,
        )

    # The background.

    def add_background(self, side: Side, price: int, volume: int) -> None:
        """Add background shares at the end of a level's queue. They must not cross the other side."""
        levels = self._bids if side is _BUY else self._asks
        key = levels.sign * price
        levels.add_volume(key, volume)
        queue = levels.queues.get(key)
        if queue is None:
            return
        if queue[-1].number == BACKGROUND:
            queue[-1].left += volume
        else:
            queue.append(QueuedOrder(BACKGROUND, side, price, volume))

    def remove_background(self, side: Side, price: int, volume: int) -> int:
        """Remove at most ``volume`` background shares of a level, youngest first; the removed shares."""
        levels = self._bids if side is _BUY else self._asks
        key = levels.sign * price
        total = levels.volumes.get(key)
        if total is None:
            return 0
        queue = levels.queues.get(key)
        removed = min(total, volume) if queue is None else _remove_youngest(queue, volume)
        if removed == total:
            levels.remove_level(key)
        elif removed:
            levels.volumes[key] = total - removed
            if queue is not None:
                levels.queues[key] = deque(order for order in queue if order.left)
                levels.drop_plain_queue(key)
        return removed

    def withdraw_background(self, side: Side, price: int) -> None:
        """Remove all background shares of a side at ``price`` and better."""
        levels = self._bids if side is _BUY else self._asks
        limit = levels.sign * price
        keys = levels.keys
        index = len(keys)
        while index and keys[index - 1] >= limit:
            index -= 1
            key = keys[index]
            if key in levels.queues:
                self.remove_background(side, levels.sign * key, _ALL)
            else:
                levels.remove_level(key)

    def background_volume(self, side: Side, price: int) -> int:
        """The background's shares at a price."""
        levels = self._bids if side is _BUY else self._asks
        return levels.background_volume(levels.sign * price)

    def trade_background(self, side: Side, price: int, volume: int) -> list[Match]:
        """Match a background order with ``volume`` background shares of the other side, at ``price`` or better.

        Clients' orders with priority over those shares are filled too, in addition to ``volume``: they take part
        in the trade without reducing it. With a volume of 0 all clients' orders at ``price`` or better are filled.
        """
        levels = self._opposite_side(side)
        keys, limit = levels.keys, int(levels.side) * price
        matches: list[Match] = []
        while keys and keys[-1] >= limit:
            key = keys[-1]
            number, part = levels.front(key)
            if number == BACKGROUND:
                part = min(part, volume)
                if not part:
                    break
                volume -= part
            matches.append(Match(number, BACKGROUND, levels.sign * key, part))
            self._take_front(levels, key, part)
            if not volume and number == BACKGROUND:
                break
        return matches

    def _same_side(self, side: Side) -> BookSide:
        return self._bids if side is _BUY else self._asks

    def _opposite_side(self, side: Side) -> BookSide:
        return self._asks if side is _BUY else self._bids

    def _available(self, side: Side, price: int) -> int:
        """Shares that an order of that side and price could trade with now."""
        levels = self._opposite_side(side)
        limit = levels.sign * price if price else -_MARKET_BID
        return sum(volume for key, volume in levels.volumes.items() if key >= limit)

    def _match(self, levels: BookSide, number: int, quantity: int, price: int) -> tuple[list[Match], int]:
        """Match an order against the other side; the matches, and the quantity left."""
        matches: list[Match] = []
        keys, limit = levels.keys, levels.sign * price if price else -_MARKET_BID
        while quantity and keys and keys[-1] >= limit:
            key = keys[-1]
            maker, left = levels.front(key)
            part = min(left, quantity)
            matches.append(Match(maker, number, levels.sign * key, part))
            self._take_front(levels, key, part)
            quantity -= part
        return matches, quantity

    def _rest(self, number: int, side: Side, quantity: int, price: int) -> None:
        """Append an order to the queue of its price."""
        if number == BACKGROUND:
            self.add_background(side, price, quantity)
            return
        levels = self._same_side(side)
        key = levels.sign * price
        order = self._orders[number] = QueuedOrder(number, side, price, quantity)
        levels.queue(key).append(order)
        levels.add_volume(key, quantity)

    def _take_front(self, levels: BookSide, key: int, volume: int) -> None:
        """Take shares from the first order of a level, and forget a client's order that is filled."""
        number, left = levels.front(key)
        levels.take_front(key, volume)
        if number != BACKGROUND and left == volume:
            del self._orders[number]


def _remove_youngest(queue: deque[QueuedOrder], volume: int) -> int:
    """Remove at most ``volume`` background shares from a queue, youngest first; the removed shares."""
    removed = 0
    for order in reversed(queue):
        if order.number == BACKGROUND and removed < volume:
            part = min(order.left, volume - removed)
            order.left -= part
            removed += part
    return removed

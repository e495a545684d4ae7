"""One side of an order book: its price levels in order, and the queue at each level that has a client's order."""

from __future__ import annotations

from bisect import insort
from collections import deque

from kernel_server.simulated.market.trade_script import Side

BACKGROUND = 0
"""The number of every background order. Clients' orders are numbered from 1."""


class QueuedOrder:
    """A resting order; ``left`` is its open quantity."""

    __slots__ = ("left", "number", "price", "side")

    def __init__(self, number: int, side: Side, price: int, left: int) -> None:
        self.number = number
        self.side = side
        self.price = price
        self.left = left


class BookSide:
    """The bids or the asks. A key is a signed price, negative for asks, so that the best key is the largest.

    Attributes:
        keys: keys of the levels, ascending: the best one is last.
        volumes: total shares of each level, by key.
        queues: orders of a level in time priority, by key. A level of background shares alone has no queue, as
            its volume says it all: a whole market has tens of thousands of such levels.
    """

    __slots__ = ("keys", "queues", "side", "sign", "volumes")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = int(side)
        self.keys: list[int] = []
        self.volumes: dict[int, int] = {}
        self.queues: dict[int, deque[QueuedOrder]] = {}

    def add_volume(self, key: int, volume: int) -> None:
        """Add shares to a level's total. Its queue, if there is one, is the caller's to update."""
        total = self.volumes.get(key)
        if total is None:
            insort(self.keys, key)
            self.volumes[key] = volume
        else:
            self.volumes[key] = total + volume

    def queue(self, key: int) -> deque[QueuedOrder]:
        """The queue of a level, created from the background's shares if there is none."""
        queue = self.queues.get(key)
        if queue is None:
            total = self.volumes.get(key)
            orders = [QueuedOrder(BACKGROUND, self.side, self.sign * key, total)] if total else []
            queue = self.queues[key] = deque(orders)
        return queue

    def remove_level(self, key: int) -> None:
        """Remove a level that has no orders any more."""
        del self.volumes[key]
        self.queues.pop(key, None)
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            self.keys.remove(key)

    def front(self, key: int) -> tuple[int, int]:
        """Number and open quantity of the order that is first in a level's queue."""
        queue = self.queues.get(key)
        return (queue[0].number, queue[0].left) if queue else (BACKGROUND, self.volumes[key])

    def take_front(self, key: int, volume: int) -> None:
        """Take shares from the first order of a level, which has at least that many."""
        left = self.volumes[key] - volume
        if not left:
            self.remove_level(key)
            return
        self.volumes[key] = left
        queue = self.queues.get(key)
        if queue is not None:
            queue[0].left -= volume
            if not queue[0].left:
                queue.popleft()
                self.drop_plain_queue(key)

    def drop_plain_queue(self, key: int) -> None:
        """Drop the queue of a level that holds nothing but one background order."""
        queue = self.queues[key]
        if len(queue) == 1 and queue[0].number == BACKGROUND:
            del self.queues[key]

    def background_volume(self, key: int) -> int:
        """The background's shares at a level."""
        queue = self.queues.get(key)
        if queue is None:
            return self.volumes.get(key, 0)
        return sum(order.left for order in queue if order.number == BACKGROUND)

"""One side of an order book: its prices in order, the shares at each, and who waits where a client is among them."""

from __future__ import annotations

from bisect import insort
from collections import deque

from kernel_server.simulated.market.trade_script import Side

BACKGROUND = 0
"""The number of every background order. Clients' are from 1 on."""


class QueuedOrder:
    """An order in a queue; ``left`` is what is still open."""

    __slots__ = ("left", "number", "price", "side")

    def __init__(self, number: int, side: Side, price: int, left: int) -> None:
        self.number = number
        self.side = side
        self.price = price
        self.left = left


class Half:
    """One side of the book. A key is the price with such a sign that the highest is the best, and stands last.

    Attributes:
        keys: of the prices at which anybody waits, ascending.
        volumes: the shares at each of them.
        queues: the orders, the one with priority first, at those where a client waits or a gap that a client
            has left parts the background. Elsewhere the background is alone and its shares are all there is to
            know: a whole market has tens of thousands of such levels.
    """

    __slots__ = ("keys", "queues", "side", "sign", "volumes")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = int(side)
        self.keys: list[int] = []
        self.volumes: dict[int, int] = {}
        self.queues: dict[int, deque[QueuedOrder]] = {}

    def add(self, key: int, volume: int) -> None:
        """So many shares more at that price; whose they are is told to ``queues`` by whoever knows."""
        held = self.volumes.get(key)
        if held is None:
            insort(self.keys, key)
            self.volumes[key] = volume
        else:
            self.volumes[key] = held + volume

    def queue(self, key: int) -> deque[QueuedOrder]:
        """The orders at that price, in a queue from now on."""
        found = self.queues.get(key)
        if found is None:
            held = self.volumes.get(key)
            alone = [QueuedOrder(BACKGROUND, self.side, self.sign * key, held)] if held else []
            found = self.queues[key] = deque(alone)
        return found

    def drop(self, key: int) -> None:
        """Nobody waits at that price any more."""
        del self.volumes[key]
        self.queues.pop(key, None)
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            self.keys.remove(key)

    def first(self, key: int) -> tuple[int, int]:
        """The order with priority at that price: its number, and what is open of it."""
        queue = self.queues.get(key)
        return (queue[0].number, queue[0].left) if queue else (BACKGROUND, self.volumes[key])

    def take(self, key: int, volume: int) -> None:
        """Takes shares from the first order at that price, which has as many."""
        left = self.volumes[key] - volume
        if not left:
            self.drop(key)
            return
        self.volumes[key] = left
        queue = self.queues.get(key)
        if queue is not None:
            queue[0].left -= volume
            if not queue[0].left:
                queue.popleft()
                self.join(key)

    def join(self, key: int) -> None:
        """Where one order of the background is left of a queue, no queue is needed any more."""
        queue = self.queues[key]
        if len(queue) == 1 and queue[0].number == BACKGROUND:
            del self.queues[key]

    def background(self, key: int) -> int:
        """Shares of the background at that price."""
        queue = self.queues.get(key)
        if queue is None:
            return self.volumes.get(key, 0)
        return sum(order.left for order in queue if order.number == BACKGROUND)

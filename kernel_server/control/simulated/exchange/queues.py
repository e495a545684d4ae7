"""The queues of an order book: who waits at a price, and the prices of one side in order."""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass

from kernel_server.control.simulated.exchange.interface import Side

BACKGROUND = 0
"""The number of every background order. Clients' are from 1 on."""


class Order:
    """An order in a queue; ``left`` is what is still open."""

    __slots__ = ("left", "number", "price", "side")

    def __init__(self, number: int, side: Side, price: int, left: int) -> None:
        self.number = number
        self.side = side
        self.price = price
        self.left = left


@dataclass(slots=True)
class Queue:
    """The orders at one price, KRW, the one with priority first, and the shares they add up to."""

    price: int
    volume: int
    orders: deque[Order]


class Half:
    """One side of the book. A key is the price with such a sign that the highest is the best, and stands last."""

    __slots__ = ("keys", "queues", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = int(side)
        self.keys: list[int] = []
        self.queues: dict[int, Queue] = {}

    def queue(self, price: int) -> Queue:
        key = self.sign * price
        found = self.queues.get(key)
        if found is None:
            found = self.queues[key] = Queue(price, 0, deque())
            insort(self.keys, key)
        return found

    def drop(self, queue: Queue) -> None:
        key = self.sign * queue.price
        del self.queues[key]
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            self.keys.remove(key)

    def background(self, queue: Queue) -> int:
        """Shares of the background at that price."""
        return sum(order.left for order in queue.orders if order.number == BACKGROUND)

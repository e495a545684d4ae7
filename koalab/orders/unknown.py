"""``UnknownOrders``: orders of a session whose answer was lost, until the broker's lists show what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from koalab.orders.record import OrderRecord

# Seconds before it was sent, by another clock, and after its answer was lost, when the broker may enter an order.
_EARLY, _LATE = 3.0, 60.0


@dataclass(slots=True)
class _Lost:
    record: OrderRecord
    at: float


class UnknownOrders:
    """Orders that were sent, or not; use it with the account's lock held.

    An order at the broker is one of these if it is like it, was not known before that was sent, was entered in the
    time in question, and is certainly not another client's; its number is that of no other order of this session.
    """

    def __init__(self) -> None:
        self._lost: list[_Lost] = []

    def __bool__(self) -> bool:
        return bool(self._lost)

    def add(self, record: OrderRecord, at: float) -> None:
        self._lost.append(_Lost(record, at))

    def discard(self, record: OrderRecord) -> None:
        self._lost = [one for one in self._lost if one.record is not record]

    def clear(self) -> list[OrderRecord]:
        """Forgets all; returns them."""
        records = [one.record for one in self._lost]
        self._lost = []
        return records

    def found(
        self, orders: Iterable[OrderRecord], on_the_way: Iterable[OrderRecord]
    ) -> list[tuple[OrderRecord, OrderRecord, int]]:
        """Each lost order that is among ``orders``, what it is there, and how many there are like it.

        Args:
            orders: those in the broker's list.
            on_the_way: orders of this session whose number is still to come: what may be theirs is left to them.
        """
        waiting = list(on_the_way)
        free = [one for one in orders if not one.ours and not any(_alike(sent, one) for sent in waiting)]
        free.sort(key=lambda one: (one.entered, one.number))
        pairs = []
        for lost in sorted(self._lost, key=lambda one: one.record.entered):
            like = [one for one in free if _alike(lost.record, one) and _in_time(lost, one)]
            if like:
                nearest = min(like, key=lambda one: abs(one.entered - lost.record.entered))
                pairs.append((lost.record, nearest, len(like)))
                free.remove(nearest)
        return pairs

    def not_sent(self, at: float, patience: float) -> list[OrderRecord]:
        """Those lost for ``patience`` seconds at ``at``: no list has them, so the broker never got them."""
        return [one.record for one in self._lost if one.at + patience <= at]


def _alike(sent: OrderRecord, listed: OrderRecord) -> bool:
    changes = sent.action != "new"
    return (
        (sent.code, sent.side, sent.action, sent.original)
        == (listed.code, listed.side, listed.action, listed.original)
        # The broker changes no more than what is still open.
        and (listed.quantity == sent.quantity or (changes and listed.quantity < sent.quantity))
        and (sent.action == "cancel" or not sent.price or listed.price == sent.price)
        and listed.first_seen > sent.first_seen
    )


def _in_time(lost: _Lost, listed: OrderRecord) -> bool:
    """Whether it may have been entered between the sending and a while after its answer was lost."""
    late = listed.entered > lost.at + _LATE and not listed.filled  # a list has the time of the newest fill
    return not late and listed.entered >= lost.record.entered - _EARLY

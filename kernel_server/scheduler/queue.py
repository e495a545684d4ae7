"""The order of waiting calls: by priority, then clients in turn, then by arrival."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping
from operator import attrgetter

from kernel_server.scheduler.call import Priority, RateLimitedCall

# While bulk work waits, so many interactive calls go before one bulk call: bulk slows down and never stops.
BEFORE_BULK = 9

_number = attrgetter("number")
_Rows = OrderedDict[str, list[RateLimitedCall]]


class Queue:
    """The waiting calls of one kind, of which at most one is taken out to be made at a time.

    Within a priority clients take turns: a new client comes last, and one that was served goes to the end.
    """

    def __init__(self) -> None:
        # In the order of turns: each client's calls in the order of arrival.
        self._rows: dict[Priority, _Rows] = {priority: OrderedDict() for priority in Priority}
        self._counts = dict.fromkeys(Priority, 0)
        self._passed = 0  # interactive calls since the last bulk call, while bulk work waits
        self._passed_before = 0

    def __len__(self) -> int:
        return sum(self._counts.values())

    @property
    def counts(self) -> Mapping[Priority, int]:
        return self._counts

    def push(self, call: RateLimitedCall) -> None:
        """Puts a call among its client's by its number."""
        row = self._rows[call.priority].setdefault(call.client, [])
        if not row or row[-1].number < call.number:
            row.append(call)
        else:
            insort(row, call, key=_number)
        self._counts[call.priority] += 1

    def take(self) -> RateLimitedCall | None:
        """Removes and returns the most urgent call; its client has had its turn."""
        self._passed_before = self._passed
        priority = self._next_priority()
        if priority is None:
            return None
        rows = self._rows[priority]
        client, row = next(iter(rows.items()))
        rows.move_to_end(client)
        call = row[0]
        self._drop(row, 0, call)
        return call

    def give_back(self, call: RateLimitedCall) -> None:
        """Puts back the call that was taken last and not served: it keeps its place, its client its turn."""
        self.push(call)
        self._rows[call.priority].move_to_end(call.client, last=False)
        self._passed = self._passed_before

    def remove(self, call: RateLimitedCall) -> bool:
        """Removes the call; whether it was in the queue."""
        row = self._rows[call.priority].get(call.client, [])
        index = bisect_left(row, call.number, key=_number)
        if index == len(row) or row[index] is not call:
            return False
        self._drop(row, index, call)
        return True

    def ahead(self, call: RateLimitedCall) -> int:
        """The number of calls that go before this one as things stand; it need not be in the queue now."""
        row = self._rows[call.priority].get(call.client, [])
        return self._ahead(call.priority, bisect_left(row, call.number, key=_number), call.client)

    def ahead_of_new(self, priority: Priority, count: int) -> int:
        """The number of calls before the last of ``count`` new ones of a new client, those others included."""
        return self._ahead(priority, count - 1, None)

    def _ahead(self, priority: Priority, index: int, client: str | None) -> int:
        rank = self._rank(priority, index, client)
        orders, interactive, bulk = (self._counts[each] for each in Priority)
        if priority is Priority.ORDER:
            return rank
        if priority is Priority.INTERACTIVE:
            return orders + rank + min(bulk, (rank + self._passed) // BEFORE_BULK)
        return orders + rank + min(interactive, BEFORE_BULK - self._passed + rank * BEFORE_BULK)

    def _rank(self, priority: Priority, index: int, client: str | None) -> int:
        """The number of calls of the same priority before the client's call at ``index``."""
        rows = self._rows[priority]
        if not index:
            # Most clients wait for one call, and there may be many clients.
            return len(rows) if client is None or client not in rows else list(rows).index(client)
        rank, turns = index, index + 1  # clients before this one are one turn further
        for other, row in rows.items():
            if other == client:
                turns = index
            else:
                waiting = len(row)
                rank += waiting if waiting < turns else turns
        return rank

    def _next_priority(self) -> Priority | None:
        if self._counts[Priority.ORDER]:
            return Priority.ORDER
        interactive, bulk = self._counts[Priority.INTERACTIVE], self._counts[Priority.BULK]
        if interactive and bulk and self._passed < BEFORE_BULK:
            self._passed += 1
            return Priority.INTERACTIVE
        self._passed = 0
        if bulk:
            return Priority.BULK
        return Priority.INTERACTIVE if interactive else None

    def _drop(self, row: list[RateLimitedCall], index: int, call: RateLimitedCall) -> None:
        del row[index]
        if not row:
            del self._rows[call.priority][call.client]
        self._counts[call.priority] -= 1

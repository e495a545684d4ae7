"""Answers of several messages and of streams whose origin is checked, message by message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from koalab.errors import NoAnswer, ServerLost
from koalab.link.connection import Connection
from koalab.transport.base import UNKNOWN, Origin, Scalar, TickBatch, TickStream

Call = tuple[str, tuple[Scalar, ...]]
CallMany = Callable[[Sequence[Call]], list[Scalar | None]]
"""Calls many control functions, and returns their values in order."""

# So many calls go into one message: the server and others get their turn in between.
_CALLS_A_MESSAGE: Final = 2_000


class OneConnection:
    """Calls of control functions that all fall into one connection of the broker, or raise.

    Args:
        connection: to the broker.
        at_work: called with each message that comes.
    """

    def __init__(self, connection: Connection, at_work: Callable[[], None]) -> None:
        self._connection = connection
        self._at_work = at_work
        self._origin: Origin | None = None

    def call_many(self, calls: Sequence[Call]) -> list[Scalar | None]:
        values: list[Scalar | None] = []
        for start in range(0, len(calls), _CALLS_A_MESSAGE):
            part = calls[start : start + _CALLS_A_MESSAGE]
            answer = self._connection.transport.call_many(part)
            self._connection.check(answer.origin)
            self._origin = self._origin or answer.origin
            if not answer.origin.connected or answer.origin != self._origin:
                raise ServerLost(
                    "the connection to the broker was lost, and what master functions answered with it"
                )
            if len(answer.values) != len(part):
                raise NoAnswer(f"the server answered {len(answer.values)} of {len(part)} calls")
            values += answer.values
            self._at_work()
        return values


class CheckedTicks:
    """A stream of real-time events whose origin is checked; see ``TickStream``.

    Args:
        stream: as the transport has it.
        check: raises for an origin that is not the session's.
    """

    def __init__(self, stream: TickStream, check: Callable[[Origin], None]) -> None:
        self._stream = stream
        self._check = check
        self.add, self.remove, self.mark = stream.add, stream.remove, stream.mark
        self.close = stream.close

    def __iter__(self) -> Iterator[TickBatch]:
        known = False
        for batch in self._stream:
            if batch.origin is not None or not known:
                self._check(batch.origin or UNKNOWN)
                known = True
            yield batch

"""Tells callers in metadata how long they wait, those included that know nothing of our own messages."""

from __future__ import annotations

from kernel_server.rpc.context import Context
from kernel_server.scheduler import Place
from kernel_server.wire import AHEAD_KEY, EXPECTED_START_KEY, EXPECTED_WAIT_KEY, WAITED_KEY


class QueueMetadata:
    """The waiting of one RPC, with one or more calls in it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told = False
        self._waited = 0.0

    async def begin(self, place: Place, now: float) -> None:
        """A call has that place in the queue at clock time ``now``.

        It is told of the first call only: what comes after an answer comes too late for that.
        """
        if self._told or place.wait <= 0.0:
            return
        self._told = True
        await self._context.send_initial_metadata(
            (
                (AHEAD_KEY, str(place.ahead)),
                (EXPECTED_WAIT_KEY, _milliseconds(place.wait)),
                (EXPECTED_START_KEY, _milliseconds(now + place.wait)),
            )
        )

    def end(self, waited: float) -> None:
        """A call has been made, after so many seconds."""
        self._told = True
        self._waited += waited
        self._context.set_trailing_metadata(((WAITED_KEY, _milliseconds(self._waited)),))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))

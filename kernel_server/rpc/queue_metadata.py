"""Queue position and waiting time of a call as gRPC metadata, which clients of any origin can read."""

from __future__ import annotations

from kernel_server.rpc.context import Context
from kernel_server.scheduler import QueuePosition
from kernel_server.wire import AHEAD_KEY, EXPECTED_START_KEY, EXPECTED_WAIT_KEY, WAITED_KEY


class QueueMetadata:
    """The waiting of one RPC, with one or more rate-limited calls in it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sent = False
        self._waited = 0.0

    async def begin(self, position: QueuePosition, now: float) -> None:
        """Sends the queue position of a call at clock time ``now``, if it has to wait.

        Only the first call's is sent: initial metadata cannot follow an answer.
        """
        if self._sent or position.wait <= 0.0:
            return
        self._sent = True
        await self._context.send_initial_metadata(
            (
                (AHEAD_KEY, str(position.ahead)),
                (EXPECTED_WAIT_KEY, _milliseconds(position.wait)),
                (EXPECTED_START_KEY, _milliseconds(now + position.wait)),
            )
        )

    def end(self, waited: float) -> None:
        """Adds the seconds that a call waited until it was made."""
        self._sent = True
        self._waited += waited
        self._context.set_trailing_metadata(((WAITED_KEY, _milliseconds(self._waited)),))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))

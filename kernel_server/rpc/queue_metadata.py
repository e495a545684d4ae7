"""What clients of any origin can read of an answer in its gRPC metadata: queue position, waiting time, and origin."""

from __future__ import annotations

from kernel_server.control.origin import Origin
from kernel_server.rpc.context import Context
from kernel_server.rpc.values import Metadata, origin_metadata
from kernel_server.scheduler import QueuePosition
from kernel_server.wire import AHEAD_KEY, EXPECTED_START_KEY, EXPECTED_WAIT_KEY, WAITED_KEY


class QueueMetadata:
    """The metadata of one RPC, with one or more rate-limited calls in it.

    Args:
        context: of the RPC.
        origin: of a stream of events, which is known before its first message.
    """

    def __init__(self, context: Context, origin: Origin | None = None) -> None:
        self._context = context
        self._stream_origin: Metadata = () if origin is None else origin_metadata(origin)
        self._sent = False
        self._called = False
        self._origin: Metadata = ()
        self._waited: Metadata = ()
        self._waited_seconds = 0.0

    async def begin(self, position: QueuePosition, now: float) -> None:
        """Sends the queue position of a call at clock time ``now``, if it has to wait.

        Only the first call's is sent: initial metadata cannot follow an answer.
        """
        if self._sent or self._called or position.wait <= 0.0:
            return
        self._sent = True
        await self._context.send_initial_metadata(
            (
                (AHEAD_KEY, str(position.ahead)),
                (EXPECTED_WAIT_KEY, _milliseconds(position.wait)),
                (EXPECTED_START_KEY, _milliseconds(now + position.wait)),
                *self._stream_origin,
            )
        )

    async def confirm(self) -> None:
        """Sends a stream's origin, if it has not been sent with a queue position."""
        if not self._sent:
            self._sent = True
            await self._context.send_initial_metadata(self._stream_origin)

    def end(self, waited: float) -> None:
        """Adds the seconds that a call waited until it was made."""
        self._called = True
        self._waited_seconds += waited
        self._waited = ((WAITED_KEY, _milliseconds(self._waited_seconds)),)
        self._set_trailing()

    def answered(self, origin: Origin) -> None:
        """Sends the origin of the answer after it."""
        self._origin = origin_metadata(origin)
        self._set_trailing()

    def _set_trailing(self) -> None:
        self._context.set_trailing_metadata((*self._waited, *self._origin))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))

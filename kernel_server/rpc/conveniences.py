"""Call: control functions by name, and the functions of KOAPY's server that the control does not have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from kernel_server import failure
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Scalar, Value
from kernel_server.rpc.call import FunctionCalls
from kernel_server.rpc.condition import ConditionSearches
from kernel_server.rpc.context import Context
from kernel_server.rpc.login import LoginFlow
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.values import checked_plain, to_argument, to_scalar
from kernel_server.wire import openapi_pb2

Answer = Value | bool


class Conveniences:
    """Functions that a client of KOAPY's wire calls by name.

    Args:
        host: the control.
        calls: the control's functions.
        login: logs in.
        conditions: loads conditions.
    """

    def __init__(
        self, host: ControlHost, calls: FunctionCalls, login: LoginFlow, conditions: ConditionSearches
    ) -> None:
        self._host = host
        self._calls = calls
        self._login = login
        self._conditions = conditions

    async def call(self, request: openapi_pb2.CallRequest, context: Context) -> openapi_pb2.CallResponse:
        """Call.

        Raises:
            failure.Failure: as ``FunctionCalls.call``; BadInput for a wrong number of arguments.
        """
        name, waits = request.name, QueueMetadata(context)
        arguments = [to_scalar(argument) for argument in request.arguments]
        waits.answered(self._host.origins.last)  # of what the control is not asked for
        value: Answer
        if name not in _TABLE:
            value = await self._calls.call(context, name, arguments, waits)
        else:
            convenience, counts = _TABLE[name]
            if len(arguments) not in counts:
                raise failure.bad_input(f"{name} does not take {len(arguments)} arguments")
            value = await convenience(self, context, arguments, waits)
        return openapi_pb2.CallResponse(return_value=to_argument(value))

    async def _is_connected(
        self, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
    ) -> bool:
        """GetConnectState."""
        return await self._host.connected()

    async def _ensure_connected(
        self, context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
    ) -> bool:
        """CommConnect, and its OnEventConnect, unless a user is logged in."""
        await self._login.log_in(context)
        return True

    async def _load_condition(
        self, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
    ) -> int:
        """GetConditionLoad, and its OnReceiveConditionVer."""
        await self._conditions.load()
        return 1

    async def _is_condition_loaded(
        self, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
    ) -> bool:
        return self._conditions.loaded

    async def _ensure_condition_loaded(
        self, _context: Context, arguments: Sequence[Scalar], _waits: QueueMetadata
    ) -> int:
        """An argument that is not 0 loads them again."""
        await self._conditions.ensure_loaded(bool(arguments and arguments[0]))
        return 1

    async def _comm_rq_data(
        self, context: Context, arguments: Sequence[Scalar], waits: QueueMetadata
    ) -> Value:
        """CommRqData in its turn; its inputs were set by SetInputValue, or follow as name, value, name, value."""
        fixed, inputs = arguments[:4], arguments[4:]
        for name, value in zip(inputs[::2], inputs[1::2], strict=True):
            await self._calls.call(context, "SetInputValue", (name, value))
        return await self._calls.call(context, "CommRqData", fixed, waits)

    async def _send_condition(
        self, context: Context, arguments: Sequence[Scalar], waits: QueueMetadata
    ) -> Value:
        """SendCondition in its turn."""
        checked_plain("SendCondition", arguments)
        await self._conditions.ensure_loaded()
        return await self._calls.call(context, "SendCondition", arguments, waits)


_Convenience = Callable[[Conveniences, Context, Sequence[Scalar], QueueMetadata], Awaitable[Answer]]
# With the numbers of arguments that each takes.
_TABLE: Mapping[str, tuple[_Convenience, range]] = {
    "IsConnected": (Conveniences._is_connected, range(1)),
    "EnsureConnected": (Conveniences._ensure_connected, range(2)),
    "LoadCondition": (Conveniences._load_condition, range(1)),
    "IsConditionLoaded": (Conveniences._is_condition_loaded, range(1)),
    "EnsureConditionLoaded": (Conveniences._ensure_condition_loaded, range(2)),
    "RateLimitedCommRqData": (Conveniences._comm_rq_data, range(4, 205, 2)),
    "RateLimitedSendCondition": (Conveniences._send_condition, range(4, 5)),
}

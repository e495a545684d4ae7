"""What a client of KOAPY's wire calls by name although it is no function of the control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from kernel_server import failure
from kernel_server.control.seam import Scalar, Value
from kernel_server.rpc import call, condition, login
from kernel_server.rpc.context import Context, Parts
from kernel_server.rpc.queue_metadata import QueueMetadata

Answer = Value | bool


async def _is_connected(
    parts: Parts, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
) -> bool:
    """GetConnectState."""
    return await parts.host.run(lambda control: control.call("GetConnectState", ())) == 1


async def _ensure_connected(
    parts: Parts, context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
) -> bool:
    """CommConnect, and its OnEventConnect, where nobody is logged in."""
    await login.login(parts, parts.caller(context))
    return True


async def _load_condition(
    parts: Parts, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
) -> int:
    """GetConditionLoad, and its OnReceiveConditionVer."""
    await condition.load(parts)
    return 1


async def _is_condition_loaded(
    parts: Parts, _context: Context, _arguments: Sequence[Scalar], _waits: QueueMetadata
) -> bool:
    return parts.conditions_loaded


async def _ensure_condition_loaded(
    parts: Parts, _context: Context, arguments: Sequence[Scalar], _waits: QueueMetadata
) -> int:
    """``force`` downloads them again."""
    await condition.ensure_loaded(parts, bool(arguments and arguments[0]))
    return 1


async def _comm_rq_data(
    parts: Parts, context: Context, arguments: Sequence[Scalar], waits: QueueMetadata
) -> Value:
    """CommRqData in its turn. Its inputs have been set by SetInputValue, or follow as name, value, name, value."""
    fixed, inputs = arguments[:4], arguments[4:]
    for name, value in zip(inputs[::2], inputs[1::2], strict=True):
        await call.call(parts, context, "SetInputValue", (name, value))
    return await call.call(parts, context, "CommRqData", fixed, waits)


async def _send_condition(
    parts: Parts, context: Context, arguments: Sequence[Scalar], waits: QueueMetadata
) -> Value:
    """SendCondition in its turn."""
    call.checked_plain("SendCondition", arguments)
    await condition.ensure_loaded(parts)
    return await call.call(parts, context, "SendCondition", arguments, waits)


_Convenience = Callable[[Parts, Context, Sequence[Scalar], QueueMetadata], Awaitable[Answer]]
# With the numbers of arguments that each takes.
_TABLE: Mapping[str, tuple[_Convenience, range]] = {
    "IsConnected": (_is_connected, range(1)),
    "EnsureConnected": (_ensure_connected, range(2)),
    "LoadCondition": (_load_condition, range(1)),
    "IsConditionLoaded": (_is_condition_loaded, range(1)),
    "EnsureConditionLoaded": (_ensure_condition_loaded, range(2)),
    "RateLimitedCommRqData": (_comm_rq_data, range(4, 205, 2)),
    "RateLimitedSendCondition": (_send_condition, range(4, 5)),
}


def call_any(
    parts: Parts, context: Context, name: str, arguments: Sequence[Scalar], waits: QueueMetadata
) -> Awaitable[Answer]:
    """A control function, or one of these; ``waits`` tells the caller how long it waits for its turn.

    Raises:
        failure.Failure: as ``call.call``; BadInput for a wrong number of arguments.
    """
    found = _TABLE.get(name)
    if found is None:
        return call.call(parts, context, name, arguments, waits)
    convenience, counts = found
    if len(arguments) not in counts:
        raise failure.bad_input(f"{name} does not take {len(arguments)} arguments")
    return convenience(parts, context, arguments, waits)

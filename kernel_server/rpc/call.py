"""Call and CallMany: control functions by name."""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server import failure
from kernel_server.control import plain
from kernel_server.control.seam import Scalar, Value
from kernel_server.reference.signature import BadCall, check
from kernel_server.rpc.context import Context, Parts, client_of
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import LIMITED, in_turn

# TR codes of orders begin so; orders have functions of their own.
_ORDER_TR = "KOA_NORMAL"
# So many calls are made at a time before others on the control thread get their turn.
_CHUNK = 500


def checked(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    try:
        return check(name, arguments)
    except BadCall as error:
        raise failure.bad_input(str(error)) from None


def checked_plain(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    """The same of a call that a client makes by name: it may not name a screen of the server's."""
    try:
        typed = check(name, arguments)
    except BadCall as error:
        raise failure.bad_input(str(error)) from None
    plain.check(name, typed)
    return typed


async def call(
    parts: Parts, context: Context, name: str, arguments: Sequence[object], waits: QueueMetadata | None = None
) -> Value:
    """One control function. A limited one waits for its turn; SetInputValue is kept for its client's CommRqData.

    ``waits`` tells the caller how long.
    """
    typed, client = checked_plain(name, arguments), client_of(context)
    if name == "SetInputValue":
        parts.inputs_of(client)[str(typed[0])] = str(typed[1])
        return None
    snapshot = parts.snapshots.find(client, name)
    if snapshot is not None:
        return snapshot.answer(name, typed)
    if name == "CommConnect":
        return await parts.host.run(lambda _: parts.logins.ask(client))
    if name not in LIMITED:
        return await parts.host.run(lambda _: parts.plain.call(name, typed))
    inputs = dict(parts.inputs_of(client)) if name == "CommRqData" else {}
    if name == "CommRqData":
        parts.inputs_of(client).clear()
        if str(typed[1]).upper().startswith(_ORDER_TR):
            raise failure.bad_input(f"{typed[1]} is an order and no TR that can be asked for: call SendOrder")

    def send() -> int:
        for key, value in inputs.items():
            parts.host.control.call("SetInputValue", (key, value))
        code = parts.plain.call(name, typed)
        assert isinstance(code, int)
        return code

    return await in_turn(parts, context, name, typed, send, waits)


async def call_many(parts: Parts, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Value]:
    """Many control functions, none of them limited, in order."""
    work = []
    for name, arguments in calls:
        if name in LIMITED or name in ("CommConnect", "SetInputValue"):
            raise failure.bad_input(f"{name} cannot be one of many calls: it has to be asked for by itself")
        work.append((name, checked_plain(name, arguments)))

    def run(chunk: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Value]:
        return [parts.plain.call(name, arguments) for name, arguments in chunk]

    values: list[Value] = []
    for start in range(0, len(work), _CHUNK):
        chunk = work[start : start + _CHUNK]
        values += await parts.host.run(lambda _, chunk=chunk: run(chunk))  # type: ignore[misc]
    return values

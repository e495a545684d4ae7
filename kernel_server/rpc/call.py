"""CallMany, and the calls of control functions by name behind Call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from kernel_server import failure
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.control.seam import Control, Scalar, Value
from kernel_server.reference.short_repr import shown
from kernel_server.rpc.context import Context, client_of
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import LIMITED, CallMaker, ClientCall
from kernel_server.rpc.values import checked_plain, to_argument, to_scalar
from kernel_server.security import rights
from kernel_server.security.orders import OrderRules
from kernel_server.streams.client_inputs import ClientInputs, InputOwner
from kernel_server.streams.logins import Logins
from kernel_server.streams.snapshots import Snapshots
from kernel_server.wire import AUTHORIZATION, kernel_pb2

_TR_CODE = re.compile(r"[A-Za-z0-9_]{1,40}\Z")
# So many calls are made at a time before other work on the control thread gets its turn.
_CHUNK = 500


class NamedCall(ClientCall):
    """A limited control function called by name; before CommRqData the client's inputs are set."""

    def __init__(
        self,
        name: str,
        arguments: tuple[Scalar, ...],
        context: Context,
        rules: OrderRules,
        plain: PlainCalls,
        inputs: Mapping[str, str],
    ) -> None:
        super().__init__(name, arguments, context, rules)
        self._plain = plain
        self._inputs = inputs

    def call(self, control: Control) -> int:
        for key, value in self._inputs.items():
            control.call("SetInputValue", (key, value))
        code = self._plain.call(self.name, self.arguments)
        assert isinstance(code, int)
        return code


class FunctionCalls:
    """Control functions by name.

    Args:
        host: the control.
        plain: calls of functions that are not limited.
        maker: makes limited calls in their turn.
        rules: which orders may be sent.
        logins: answers CommConnect.
        snapshots: events that clients are handling, from which functions about them are answered.
        inputs: keeps what clients set for their CommRqData.
    """

    def __init__(
        self,
        host: ControlHost,
        plain: PlainCalls,
        maker: CallMaker,
        rules: OrderRules,
        logins: Logins,
        snapshots: Snapshots,
        inputs: ClientInputs,
    ) -> None:
        self._host = host
        self._plain = plain
        self._maker = maker
        self._rules = rules
        self._logins = logins
        self._snapshots = snapshots
        self._inputs = inputs

    async def call(
        self, context: Context, name: str, arguments: Sequence[object], waits: QueueMetadata | None = None
    ) -> Value:
        """One control function. A limited one waits for its turn; SetInputValue is stored until CommRqData.

        ``waits`` sends the client its queue position.

        Raises:
            failure.Failure: BadInput, or what the broker answers.
        """
        typed, client = checked_plain(name, arguments), client_of(context)
        if name == "SetInputValue":
            self._inputs.set(_owner(context), str(typed[0]), str(typed[1]))
            return None
        snapshot = self._snapshots.find(client, name)
        if snapshot is not None:
            return snapshot.answer(name, typed)
        if name == "CommConnect":
            return await self._host.run(lambda _: self._logins.log_in(client))
        if name not in LIMITED:
            return await self._host.run(lambda _: self._plain.call(name, typed))
        if name == "CommRqData":
            _check_tr(str(typed[1]))
        inputs = self._inputs.take(_owner(context)) if name == "CommRqData" else {}
        call = NamedCall(name, typed, context, self._rules, self._plain, inputs)
        return await self._maker.make(call, waits)

    async def call_many(
        self, request: kernel_pb2.CallManyRequest, _context: Context
    ) -> kernel_pb2.CallManyResponse:
        """CallMany: many control functions, none of them limited, in order."""
        work = []
        for one in request.calls:
            if one.name in LIMITED or one.name in ("CommConnect", "SetInputValue"):
                raise failure.bad_input(
                    f"{one.name} cannot be one of many calls: it has to be asked for by itself"
                )
            work.append((one.name, checked_plain(one.name, [to_scalar(each) for each in one.arguments])))
        response = kernel_pb2.CallManyResponse()
        left = iter(work)
        while chunk := list(islice(left, _CHUNK)):
            values = await self._host.run(lambda _, chunk=chunk: self._call_each(chunk))  # type: ignore[misc]
            response.return_values.extend([to_argument(value) for value in values])
        return response

    def _call_each(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Value]:
        return [self._plain.call(name, arguments) for name, arguments in calls]


def _check_tr(code: str) -> None:
    if rights.is_order_tr(code):
        raise failure.bad_input(
            f"{shown(code)} is an order and no TR that can be asked for: call SendOrder or SendOrderCredit"
        )
    if not _TR_CODE.match(code):
        raise failure.bad_input(f"{shown(code)} is no TR code: opt10001 is one")


def _owner(context: Context) -> InputOwner:
    token = [str(value) for key, value in context.invocation_metadata() or () if key == AUTHORIZATION]
    return InputOwner(client_of(context), ";".join(token))

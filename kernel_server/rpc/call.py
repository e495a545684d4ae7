"""CallMany, and the calls of control functions by name behind Call."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from kernel_server import failure
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.control.seam import Control, Scalar, Value
from kernel_server.reference.short_repr import shown
from kernel_server.rpc.context import Context, client_of, require_expected
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import LIMITED, CallMaker, ClientCall
from kernel_server.rpc.values import checked_plain, to_argument, to_origin, to_scalar
from kernel_server.security import rights
from kernel_server.security.orders import OrderRules
from kernel_server.streams.client_inputs import ClientInputs, InputOwner
from kernel_server.streams.logins import Logins
from kernel_server.streams.snapshots import Snapshots
from kernel_server.wire import AUTHORIZATION, kernel_pb2

_TR_CODE = re.compile(r"[A-Za-z0-9_]{1,40}\Z")
_CHECKED_AT_A_TIME = 200
MANY_TURN = 0.02
"""Seconds for which CallMany makes calls before other work on the control thread gets its turn."""
MANY_BYTES = 8 * 2**20
"""Bytes that one answer to CallMany may have. The longest useful one, details of 2,000 issues, has some 100,000."""
MANY_OF_A_CLIENT = 8
"""CallMany RPCs that one client may have open; they are made one after the other."""


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
        monotonic: seconds of a clock that only goes forward, for the turns of CallMany.
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._plain = plain
        self._maker = maker
        self._rules = rules
        self._logins = logins
        self._snapshots = snapshots
        self._inputs = inputs
        self._many = ManyCalls(host, plain, monotonic)

    async def call(
        self, context: Context, name: str, arguments: Sequence[object], waits: QueueMetadata | None = None
    ) -> Value:
        """One control function. A limited one waits for its turn; SetInputValue is stored until CommRqData.

        ``waits`` sends the client its queue position.

        Raises:
            failure.Failure: BadInput, or what the broker answers.
        """
        require_expected(context, self._host.origins.last)
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
            value, origin = await self._host.answer(lambda _: self._plain.call(name, typed))
            if waits is not None:
                waits.answered(origin)
            return value
        if name == "CommRqData":
            _check_tr(str(typed[1]))
        inputs = self._inputs.take(_owner(context)) if name == "CommRqData" else {}
        call = NamedCall(name, typed, context, self._rules, self._plain, inputs)
        return await self._maker.make(call, waits)

    async def call_many(
        self, request: kernel_pb2.CallManyRequest, context: Context
    ) -> kernel_pb2.CallManyResponse:
        """CallMany: many control functions, none of them limited, in order; after its caller has gone no more are made.

        Raises:
            failure.Failure: BadInput: a function that cannot be one of many, or more answers than go into a message;
                RateLimited: the client has too many open.
        """
        work = []
        for number, one in enumerate(request.calls):
            if number % _CHECKED_AT_A_TIME == 0:
                await asyncio.sleep(0)
            if one.name in LIMITED or one.name in ("CommConnect", "SetInputValue"):
                raise failure.bad_input(
                    f"{one.name} cannot be one of many calls: it has to be asked for by itself"
                )
            work.append((one.name, checked_plain(one.name, [to_scalar(each) for each in one.arguments])))
        async with self._many.one_at_a_time(client_of(context)):
            return await self._many.make(work)


class ManyCalls:
    """The calls of all CallMany RPCs: each makes some, for a moment, then the next does, and so does all other work.

    Args:
        host: the control.
        plain: calls of functions that are not limited.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, host: ControlHost, plain: PlainCalls, monotonic: Callable[[], float]) -> None:
        self._host = host
        self._plain = plain
        self._monotonic = monotonic
        # Only one turn is on its way to the control thread, so that other work waits for one at most.
        self._turn = asyncio.Lock()
        self._clients: dict[str, asyncio.Lock] = {}
        self._open: Counter[str] = Counter()

    @asynccontextmanager
    async def one_at_a_time(self, client: str) -> AsyncIterator[None]:
        """Waits until no other CallMany of that client is under way.

        Raises:
            failure.Failure: RateLimited: too many wait already.
        """
        if self._open[client] >= MANY_OF_A_CLIENT:
            raise failure.too_many(
                f"this client has {MANY_OF_A_CLIENT} CallMany open, which is the most that this server takes: ask one"
                " after the other"
            )
        self._open[client] += 1
        try:
            async with self._clients.setdefault(client, asyncio.Lock()):
                yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client], self._clients[client]

    async def make(self, work: Sequence[tuple[str, tuple[Scalar, ...]]]) -> kernel_pb2.CallManyResponse:
        """Makes the calls, a turn at a time.

        Raises:
            failure.Failure: BadInput: their answers are too large for a message.
        """
        response, size, done = kernel_pb2.CallManyResponse(), 0, 0
        origins = [self._host.origins.last]
        while done < len(work):
            async with self._turn:
                (values, letters), origin = await self._host.answer(
                    lambda _, done=done, size=size: self._one_turn(work, done, MANY_BYTES - size)  # type: ignore[misc]
                )
            size += letters
            done += len(values)
            if size > MANY_BYTES:
                raise failure.bad_input(
                    f"CallMany: the answers to the first {done:,} of {len(work):,} calls have more than {MANY_BYTES:,}"
                    " bytes, which is the most that goes into one answer: ask for fewer at a time"
                )
            response.return_values.extend([to_argument(value) for value in values])
            origins.append(origin)
        # One connection from the first call to the last, or none.
        steady = all(origin == origins[-1] for origin in origins[1:])
        response.origin.CopyFrom(to_origin(origins[-1] if steady else origins[-1]._replace(connected=False)))
        return response

    def _one_turn(
        self, work: Sequence[tuple[str, tuple[Scalar, ...]]], start: int, room: int
    ) -> tuple[list[Value], int]:
        """On the control thread: the results of some calls, and how many bytes they have at most."""
        end = self._monotonic() + MANY_TURN
        values: list[Value] = []
        size = 0
        for name, arguments in itertools.islice(work, start, None):
            value = self._plain.call(name, arguments)
            values.append(value)
            if isinstance(value, str):
                size += len(value) if value.isascii() else 3 * len(value)
            if size > room or self._monotonic() >= end:
                break
        return values, size


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

"""What every RPC needs: the parts of the server, who is asking, and failures told in one way."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import grpc
import grpc.aio

from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Scalar, Value
from kernel_server.failure import Failure
from kernel_server.observe.metrics import Metrics
from kernel_server.reconnecting import Reconnector
from kernel_server.scheduler import Scheduler
from kernel_server.security.access import Access
from kernel_server.security.guard import Caller, Guard
from kernel_server.streams.logins import Logins
from kernel_server.streams.mailbox import Waker
from kernel_server.streams.order_tracker import OrderTracker
from kernel_server.streams.realtime import RealTimeRouter
from kernel_server.streams.snapshots import Snapshots
from kernel_server.transactions import TrService
from kernel_server.wire import openapi_pb2

T = TypeVar("T")
Ready = Callable[[], Awaitable[None]]
"""Says to a stream's reader that it is heard of from now on, by sending the stream's headers."""
Context = grpc.aio.ServicerContext[Any, Any]
log = logging.getLogger(__name__)

_CLIENTS_REMEMBERED = 1000


class Seen(NamedTuple):
    """How things stood at the control: whether somebody is logged in and where, and the market's session and phase."""

    connected: bool
    simulation: bool
    user_id: str
    session: str
    phase: str


@dataclass
class Parts:
    """The parts of a running server, as the RPCs use them."""

    host: ControlHost
    scheduler: Scheduler
    transactions: TrService
    clock: Clock
    started_at: float
    waker: Waker
    realtime: RealTimeRouter
    orders: OrderTracker
    live_screens: Screens
    search_screens: Screens
    keeper: Reconnector
    snapshots: Snapshots = field(default_factory=Snapshots)
    streams: int = 0
    conditions_loaded: bool = False
    custom_code: bool = False
    access: Access = field(default_factory=Access)
    guard: Guard = field(default_factory=lambda: Guard(None))
    metrics: Metrics = field(default_factory=Metrics)
    # What is wrong with the server.
    problems: Callable[[], Sequence[str]] = tuple
    # How things stood at the control when it was last asked.
    seen: Seen | None = None
    # SetInputValue of each client until its CommRqData: the control has one set of inputs for all.
    inputs: OrderedDict[str, dict[str, str]] = field(default_factory=OrderedDict)
    plain: PlainCalls = field(init=False)
    logins: Logins = field(init=False)
    standing: Callable[[float], tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        self.plain = PlainCalls(self.host.control)
        self.logins = Logins(self.host.control)

    def inputs_of(self, client: str) -> dict[str, str]:
        inputs = self.inputs.setdefault(client, {})
        self.inputs.move_to_end(client)
        if len(self.inputs) > _CLIENTS_REMEMBERED:
            self.inputs.popitem(last=False)
        return inputs

    def caller(self, context: Context) -> Caller:
        """Who is asking, and what they may do.

        Raises:
            failure.Failure: Forbidden: nobody we know (the door has looked at that before).
        """
        return self.guard.caller(context.invocation_metadata())


def client_of(context: Context) -> str:
    """Who is asking: one connection is one client."""
    return str(context.peer())


def ready_of(context: Context) -> Ready:
    async def ready() -> None:
        await context.send_initial_metadata(())

    return ready


def to_scalar(argument: openapi_pb2.Argument) -> Scalar:
    kind = argument.WhichOneof("value")
    if kind == "string_value":
        return argument.string_value
    return int(argument.bool_value) if kind == "bool_value" else argument.long_value


def to_argument(value: Value | bool) -> openapi_pb2.Argument:
    """A value on the wire. A table has no form there; outside its event there is none to send."""
    if isinstance(value, bool):
        return openapi_pb2.Argument(bool_value=value)
    if isinstance(value, str):
        return openapi_pb2.Argument(string_value=value)
    if isinstance(value, int):
        return openapi_pb2.Argument(long_value=value)
    return openapi_pb2.Argument()


async def answered(context: Context, work: Awaitable[T]) -> T:
    """The result of ``work``; a failure ends the RPC with its status and the problem in the trailers."""
    try:
        return await work
    except Failure as failure:
        await _abort(context, failure)
    except Exception as error:  # noqa: BLE001 - told to the caller and logged; the server goes on
        await _abort(context, _unexpected(error))
    raise AssertionError("abort does not return")


async def streamed(context: Context, items: AsyncIterator[T]) -> AsyncIterator[T]:
    """The items of a stream, with failures told as in ``answered``."""
    try:
        async for item in items:
            yield item
    except Failure as failure:
        await _abort(context, failure)
    except Exception as error:  # noqa: BLE001 - as above
        await _abort(context, _unexpected(error))
    finally:
        aclose = getattr(items, "aclose", None)
        if aclose is not None:
            await aclose()


def _unexpected(error: Exception) -> Failure:
    log.error("an RPC failed in the server", exc_info=error)
    return Failure(
        grpc.StatusCode.INTERNAL,
        "NoAnswer",
        f"the server failed: {type(error).__name__}: {error} (its log says more)",
    )


async def _abort(context: Context, failure: Failure) -> None:
    await context.abort(failure.status, failure.message, failure.metadata())


def as_map(inputs: Mapping[str, str]) -> dict[str, str]:
    return dict(inputs.items())

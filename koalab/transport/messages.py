"""Converts between protobuf messages and the values of ``koalab.transport.base``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from google.protobuf.message import DecodeError

from kernel_server.wire import EXPECTED_KEY, ORIGIN_KEY, kernel_pb2, openapi_pb2
from koalab.errors import NotConnected
from koalab.transport.base import Origin, Page, Priority, QueuePosition, Quota, Scalar, Status, StopCondition

_COMPARATORS = ("<=", "<", ">=", ">", "==", "!=")


class _HasOrigin(Protocol):
    """A message with an origin."""

    @property
    def origin(self) -> kernel_pb2.Origin: ...

    def HasField(self, field_name: str) -> bool: ...


def origin_of(message: _HasOrigin) -> Origin:
    """The origin of a message.

    Raises:
        NotConnected: it has none: the server is older than this client.
    """
    if not message.HasField("origin"):
        raise _no_origin()
    return _origin(message.origin)


def origin_in(metadata: Iterable[tuple[str, str | bytes]]) -> Origin:
    """The origin in the metadata of an answer; raises as ``origin_of``."""
    found = dict(metadata).get(ORIGIN_KEY)
    try:
        if isinstance(found, bytes):
            return _origin(kernel_pb2.Origin.FromString(found))
    except DecodeError:
        pass
    raise _no_origin()


def expecting(origin: Origin) -> tuple[tuple[str, bytes], ...]:
    """The metadata of an RPC that no other server may take."""
    message = kernel_pb2.Origin(
        server=origin.server, login=origin.login, prices=origin.prices, connected=origin.connected
    )
    return ((EXPECTED_KEY, message.SerializeToString()),)


def _origin(message: kernel_pb2.Origin) -> Origin:
    return Origin(message.server, message.login, message.prices, message.connected)


def _no_origin() -> NotConnected:
    return NotConnected(
        "the kernel server does not say where its answers come from, so they cannot be believed: it is older than"
        " this koalab; install the same version at both ends"
    )


def call_request(name: str, arguments: Sequence[Scalar]) -> openapi_pb2.CallRequest:
    request = openapi_pb2.CallRequest(name=name)
    _add_arguments(request, arguments)
    return request


def call_many_request(calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> kernel_pb2.CallManyRequest:
    # Built in place: a message made beforehand would be copied, which takes as long again.
    request = kernel_pb2.CallManyRequest()
    for name, arguments in calls:
        _add_arguments(request.calls.add(name=name), arguments)
    return request


def _add_arguments(request: openapi_pb2.CallRequest, arguments: Sequence[Scalar]) -> None:
    for argument in arguments:
        if isinstance(argument, str):
            request.arguments.add(string_value=argument)
        else:
            request.arguments.add(long_value=argument)


def scalar(argument: openapi_pb2.Argument) -> Scalar | None:
    """A return value; a bool becomes 0 or 1, a void function gives None."""
    kind = argument.WhichOneof("value")
    if kind == "string_value":
        return argument.string_value
    if kind == "long_value":
        return argument.long_value
    return int(argument.bool_value) if kind == "bool_value" else None


def pages_request(
    tr: str, inputs: Mapping[str, str], stop: StopCondition | None, priority: Priority, max_pages: int
) -> kernel_pb2.PagesRequest:
    request = kernel_pb2.PagesRequest(
        transaction_code=tr,
        inputs=dict(inputs),
        priority=kernel_pb2.BULK if priority == "bulk" else kernel_pb2.INTERACTIVE,
        max_pages=max_pages,
    )
    if stop is not None:
        request.stop_condition.name = stop.name
        request.stop_condition.value = stop.value
        request.stop_condition.comparator = _COMPARATORS.index(stop.comparator)  # type: ignore[assignment]
    return request


def page(message: kernel_pb2.Page) -> Page | QueuePosition:
    if message.HasField("waiting"):
        return QueuePosition(message.waiting.ahead, message.waiting.expected_wait)
    return Page(
        single=tuple(message.single),
        columns=tuple(message.columns),
        rows=message.rows,
        prev_next=message.prev_next,
        messages=tuple(message.messages),
        received_at=message.received_at,
        stopped=message.stopped,
        origin=origin_of(message),
    )


def status(message: kernel_pb2.StatusResponse) -> Status:
    return Status(
        version=message.version,
        control=message.control,
        source=message.source,
        connected=message.connected,
        simulation=message.simulation,
        user_id=message.user_id,
        now=message.now,
        speed=message.speed,
        limits=message.limits,
        quotas=tuple(
            Quota(one.kind, one.limit, one.seconds, one.used, one.next_free) for one in message.quotas
        ),
        queued=message.queued,
        streams=message.streams,
        started_at=message.started_at,
        trs=message.trs,
        clock=message.clock,
        clock_begins=message.clock_begins,
        clock_replays=message.clock_replays,
        clock_leaps_at=message.clock_leaps_at,
        session=message.session,
        phase=message.phase,
        problems=tuple(message.problems),
        rights=message.rights,
        real_orders=message.real_orders,
        max_order_value=message.max_order_value,
        next_login=message.next_login,
        expected_wait=message.expected_wait,
        origin=origin_of(message),
    )

"""Converts events to messages of the wire: their arguments, and the data read inside them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from kernel_server import reference
from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Scalar
from kernel_server.streams.realtime import Connection, RealEvent
from kernel_server.wire import openapi_pb2

Response = openapi_pb2.ListenResponse

_SENT = {"OnReceiveTrData": 5}
"""The number of an event's arguments that are sent, where not all are."""

LOST = "koalab"
"""sRQName of the message about events that were dropped for a slow reader."""


class Options(NamedTuple):
    """The FIDs that a stream of real-time data sends, ``infer`` for all of each type, and whether by name."""

    fids: tuple[int, ...]
    infer: bool
    readable: bool


def plain(name: str, arguments: Sequence[Scalar]) -> Response:
    """The event with its arguments only."""
    response = Response(name=name)
    for argument in arguments[: _SENT.get(name, len(arguments))]:
        if isinstance(argument, str):
            response.arguments.add(string_value=argument)
        else:
            response.arguments.add(long_value=argument)
    return response


def with_data(context: EventContext) -> Response:
    """The event with all data that can be read inside it; called inside it, on the control thread."""
    response = plain(context.name, context.arguments)
    if context.name == "OnReceiveTrData":
        fill_blocks(response, context)
    elif context.name == "OnReceiveChejanData":
        response.single_data.names.extend([_fid_name(fid) for fid in context.chejan])
        response.single_data.values.extend([value.strip() for value in context.chejan.values()])
    elif context.name == "OnReceiveRealData":
        code, realtype, data = (str(argument) for argument in context.arguments)
        response = real(RealEvent(code, realtype, data, 0.0), Options((), infer=True, readable=True))
    return response


def fill_blocks(response: Response, context: EventContext) -> None:
    """Adds the blocks of a TR, with values stripped, as the wire has them."""
    names, values = context.single
    response.single_data.names.extend(names)
    response.single_data.values.extend([value.strip() for value in values])
    names, rows = context.rows
    if rows:
        response.multi_data.names.extend(names)
        for row in rows:
            response.multi_data.values.add().values.extend([value.strip() for value in row])


def real(event: RealEvent, options: Options) -> Response:
    """A real-time event with its values from sRealData, which holds the type's values in order.

    A broker may append values that the tables do not have, which are left out, or send fewer, which become blank.
    """
    response = Response()
    response.CopyFrom(_template(event.realtype, options))
    for argument in (event.code, event.realtype, event.data):
        response.arguments.add(string_value=argument)
    response.single_data.values.extend(_values(event, options))
    return response


@cache
def _template(realtype: str, options: Options) -> Response:
    """The parts that all events of a type share: copying some forty names is cheaper than adding them."""
    names, _places = _layout(realtype, options)
    return Response(name="OnReceiveRealData", single_data=openapi_pb2.SingleData(names=names))


def _values(event: RealEvent, options: Options) -> list[str]:
    names, places = _layout(event.realtype, options)
    values = event.data.split("\t")
    count = len(values)
    if places is None:
        return values if count == len(names) else values[: len(names)] + [""] * (len(names) - count)
    return [values[place] if 0 <= place < count else "" for place in places]


def real_bytes(event: RealEvent, options: Options) -> bytes:
    """The same, serialized once for all subscribers with these options."""
    found = event.serialized.get(options)
    if found is None:
        found = event.serialized[options] = real(event, options).SerializeToString()
    return found


def serialized(item: RealEvent | Connection, options: Options) -> bytes:
    """An item of a stream of real-time data, serialized."""
    if isinstance(item, Connection):
        return plain("OnEventConnect", (item.code,)).SerializeToString()
    return real_bytes(item, options)


def dropped(count: int) -> bytes:
    """The OnReceiveMsg about dropped events, serialized; a stream of events has no other place for it."""
    text = f"{count} real-time events were dropped because this reader is too slow"
    return plain("OnReceiveMsg", ("", LOST, "", text)).SerializeToString()


@cache
def _layout(realtype: str, options: Options) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
    """The names to send and the positions of their values in sRealData; None where these are in that order."""
    try:
        known = reference.realtype(realtype).fids
    except reference.UnknownReference:
        known = ()
    fids = known if options.infer else options.fids
    names = tuple(_fid_name(fid) if options.readable else str(fid) for fid in fids)
    if fids == known:
        return names, None
    return names, tuple(known.index(fid) if fid in known else -1 for fid in fids)


@cache
def _fid_name(fid: int) -> str:
    try:
        return reference.fid(fid).name
    except reference.UnknownReference:
        return str(fid)

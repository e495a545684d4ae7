"""Size limits of requests: counts of codes, FIDs, inputs and arguments, and lengths of texts.

gRPC itself refuses messages of more than 4 MiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from kernel_server import failure

MAX_ITEMS = 500
"""Elements of a repeated field that ``BOUNDS`` does not list: inputs, FIDs, codes of a TR."""
MAX_CHARACTERS = 10_000
"""Characters of one text. The longest useful one, a hundred codes with semicolons, has some 1,300."""

MOST_CALLS = 20_000
"""Calls of one CallMany: a client with more asks in parts, between which others get their turn."""

_LISTED_ISSUES = 10_000
BOUNDS: Mapping[tuple[str, str], int] = {
    ("koalab.openapi.CallRequest", "arguments"): 20,  # no control function takes more than 11
    ("koalab.kernel.v1.CallManyRequest", "calls"): MOST_CALLS,
    ("koalab.kernel.v1.TicksRequest", "add"): _LISTED_ISSUES,
    ("koalab.kernel.v1.TicksRequest", "remove"): _LISTED_ISSUES,
    ("koalab.openapi.RealRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.BidirectionalRealRegisterRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.BidirectionalRealRemoveRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.ListenRequest", "code"): 200_000,  # a client's program (CustomListen)
}
"""Message and field → at most so many elements of a repeated field, or characters of a text."""

_SHORT = min(MAX_ITEMS, MAX_CHARACTERS)


@cache
def _small_bounds(message: Descriptor) -> tuple[tuple[str, int], ...] | None:
    """The fields whose bounds a message of ``_SHORT`` bytes can exceed; None where nested messages have such fields."""
    for field in message.fields:
        if field.message_type is not None and _small_bounds(field.message_type) != ():
            return None
    name = message.full_name
    return tuple((field, most) for (of, field), most in BOUNDS.items() if of == name and most < _SHORT)


def check(request: Message) -> None:
    """Checks that the request is within bounds.

    Raises:
        failure.Failure: BadInput, naming the field.
    """
    if request.ByteSize() <= _SHORT:
        # A message this short cannot exceed the general limits, only the smaller ones of BOUNDS.
        small = _small_bounds(request.DESCRIPTOR)
        if small is not None:
            for name, most in small:
                if len(getattr(request, name)) > most:
                    break
            else:
                return
    _check(request)


def _check(request: Message) -> None:
    for field, value in request.ListFields():
        if _is_repeated(field):
            most = _bound(request, field, MAX_ITEMS)
            if len(value) > most:
                raise failure.bad_input(
                    f"{request.DESCRIPTOR.name}: {len(value):,} {field.name}, at most {most:,} go into one request"
                )
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                for pair in value.items():
                    _check_values(request, field, pair)
            else:
                _check_values(request, field, value)
        else:
            _check_values(request, field, (value,))


def _check_values(request: Message, field: FieldDescriptor, values: object) -> None:
    for value in values:  # type: ignore[attr-defined]  # repeated fields are iterable, whatever their type
        if isinstance(value, Message):
            check(value)  # most are short
        elif isinstance(value, (str, bytes)) and len(value) > MAX_CHARACTERS:
            most = MAX_CHARACTERS if _is_repeated(field) else _bound(request, field, MAX_CHARACTERS)
            if len(value) > most:
                raise failure.bad_input(
                    f"{request.DESCRIPTOR.name}: {field.name} has {len(value):,} letters, at most {most:,} do"
                )


def _bound(request: Message, field: FieldDescriptor, otherwise: int) -> int:
    return BOUNDS.get((request.DESCRIPTOR.full_name, field.name), otherwise)


@cache
def _is_repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)

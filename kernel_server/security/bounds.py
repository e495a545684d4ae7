"""How much a request may hold: nobody needs more, and whoever sends more is mistaken or means ill.

gRPC refuses messages of more than 4 MiB by itself; here it is the counts of codes, FIDs, inputs and arguments, and
the lengths of texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from kernel_server import failure

MOST = 500
"""Elements of a repeated field that ``BOUNDS`` does not list: inputs, FIDs, codes of a TR."""
LONGEST = 10_000
"""Letters of one text. The longest that is of use, a hundred codes with semicolons, has some 1,300."""

_LISTED_ISSUES = 10_000
BOUNDS: Mapping[tuple[str, str], int] = {
    ("koalab.openapi.CallRequest", "arguments"): 20,  # no control function takes more than 11
    (
        "koalab.kernel.v1.CallManyRequest",
        "calls",
    ): 100_000,  # five functions of every issue, warrants included
    ("koalab.kernel.v1.TicksRequest", "add"): _LISTED_ISSUES,
    ("koalab.kernel.v1.TicksRequest", "remove"): _LISTED_ISSUES,
    ("koalab.openapi.RealRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.BidirectionalRealRegisterRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.BidirectionalRealRemoveRequest", "code_list"): _LISTED_ISSUES,
    ("koalab.openapi.ListenRequest", "code"): 200_000,  # a program of the client's (CustomListen)
}
"""Message and field → elements of a repeated field, letters of a text."""

_SHORT = min(MOST, LONGEST)


@cache
def _tight(message: Descriptor) -> tuple[tuple[str, int], ...] | None:
    """The fields of such a message whose bounds a short one can exceed; None where messages inside it have such."""
    for field in message.fields:
        if field.message_type is not None and _tight(field.message_type) != ():
            return None
    name = message.full_name
    return tuple((field, most) for (of, field), most in BOUNDS.items() if of == name and most < _SHORT)


def check(request: Message) -> None:
    """Whether the request keeps within bounds.

    Raises:
        failure.Failure: BadInput, naming the field.
    """
    if request.ByteSize() <= _SHORT:
        # So short a message holds no more than MOST of anything, and no text that is too long.
        tight = _tight(request.DESCRIPTOR)
        if tight is not None:
            for name, most in tight:
                if len(getattr(request, name)) > most:
                    break
            else:
                return
    _check(request)


def _check(request: Message) -> None:
    for field, value in request.ListFields():
        if _repeated(field):
            most = _most(request, field, MOST)
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
            _check(value)
        elif isinstance(value, (str, bytes)) and len(value) > LONGEST:
            most = LONGEST if _repeated(field) else _most(request, field, LONGEST)
            if len(value) > most:
                raise failure.bad_input(
                    f"{request.DESCRIPTOR.name}: {field.name} has {len(value):,} letters, at most {most:,} do"
                )


def _most(request: Message, field: FieldDescriptor, otherwise: int) -> int:
    return BOUNDS.get((request.DESCRIPTOR.full_name, field.name), otherwise)


@cache
def _repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)

"""Validation of a call against the control's signature.

The control does not validate: a missing argument arrives as the text ``QString``, a text in place of a number as 0,
and an unknown function returns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from kernel_server.reference import tables
from kernel_server.reference.short_repr import shown

Scalar = str | int

_LONG = range(-(2**31), 2**31)
_WORDS = {"str": "text", "int": "a whole number"}


# Looked up in every call.
_function = cache(tables.function)


class BadCall(ValueError):
    """A call that does not fit the control: unknown function, wrong number of arguments, wrong type."""


def check(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    """The arguments with the types of the signature.

    Raises:
        BadCall: names the function, the argument, and the expected type.

    >>> check("GetMasterCodeName", ["005930"])
    ('005930',)
    >>> check("GetMasterCodeName", [])
    Traceback (most recent call last):
        ...
    kernel_server.reference.signature.BadCall: GetMasterCodeName(sTrCode) takes 1 argument, not 0
    """
    try:
        function = _function(name)
    except tables.UnknownReference as error:
        raise BadCall(str(error)) from None
    if len(arguments) != len(function.arguments):
        names = ", ".join(argument for argument, _ in function.arguments)
        count = len(function.arguments)
        plural = "" if count == 1 else "s"
        raise BadCall(f"{name}({names}) takes {count} argument{plural}, not {len(arguments)}")
    return tuple(
        [
            _typed(name, argument, kind, value)
            for (argument, kind), value in zip(function.arguments, arguments, strict=True)
        ]
    )


def _typed(function: str, argument: str, kind: str, value: object) -> Scalar:
    if kind == "int" and isinstance(value, int):
        number = int(value)  # a bool is passed as a LONG
        if number not in _LONG:
            raise BadCall(f"{function}: {argument} must fit 32 bits, {shown(number)} does not")
        return number
    if kind == "str" and isinstance(value, str):
        if "\0" in value:
            raise BadCall(f"{function}: {argument} holds a NUL character, which a BSTR cannot carry on")
        return value
    raise BadCall(f"{function}: {argument} must be {_WORDS[kind]}, not {type(value).__name__} {shown(value)}")

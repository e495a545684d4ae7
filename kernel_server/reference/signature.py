"""Checks a call against the control's signature before the control sees it.

The control itself would not: a missing argument reaches it as the text ``QString``, a word in a number's
place as 0, and a function it has not got answers nothing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from kernel_server.reference import tables

Scalar = str | int

_LONG = range(-(2**31), 2**31)
_WORDS = {"str": "text", "int": "a whole number"}


# Looked up in every call.
_function = cache(tables.function)


class BadCall(ValueError):
    """A call that does not fit the control: unknown function, wrong number of arguments, wrong type."""


def check(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    """The arguments, typed as the control wants them.

    Raises:
        BadCall: naming the function, the argument, and what it should have been.

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
        number = int(value)  # a bool is the LONG it stands for
        if number not in _LONG:
            raise BadCall(f"{function}: {argument} must fit 32 bits, {number} does not")
        return number
    if kind == "str" and isinstance(value, str):
        if "\0" in value:
            raise BadCall(f"{function}: {argument} holds a NUL character, which a BSTR cannot carry on")
        return value
    raise BadCall(f"{function}: {argument} must be {_WORDS[kind]}, not {type(value).__name__} {value!r}")

"""``kw.call``: the control's functions, with arguments checked before they are sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernel_server import reference
from kernel_server.reference.signature import BadCall, check
from kernel_server.security.rights import Right, of_function
from koalab.errors import BadInput
from koalab.inputs.text import encodable, shown
from koalab.link import Link
from koalab.transport.base import Scalar

_LONGEST = 100


class Calls:
    """Every control function as a method: ``kw.call.GetMasterCodeName("005930")``.

    Functions that only work inside an event (GetCommData and the like) return nothing here; rate-limited ones
    (CommRqData, SendOrder …) wait in the server's queue.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def __getattr__(self, name: str) -> ControlFunction:
        if name.startswith("_"):
            raise AttributeError(name)
        if len(name) > _LONGEST:
            raise UnknownFunction(f"no function {shown(name)}; dir(session.call) lists all")
        try:
            return ControlFunction(self._link, reference.function(name))
        except reference.UnknownReference as error:
            # It is both: AttributeError for hasattr and the like, BadInput for users.
            raise UnknownFunction(f"{error}; dir(session.call) lists all") from None

    def __dir__(self) -> list[str]:
        return sorted(reference.functions())

    def __repr__(self) -> str:
        return f"<{len(reference.functions())} control functions; dir() lists them>"


class UnknownFunction(BadInput, AttributeError):
    """The control has no function of that name."""


class ControlFunction:
    """One control function, with the control's own argument names."""

    def __init__(self, link: Link, function: reference.FunctionSignature) -> None:
        self._link = link
        self._function = function
        self.__name__ = function.name
        self.__doc__ = repr(self)

    def __call__(self, *arguments: Scalar, **named: Scalar) -> Any:
        """Calls the function, with arguments by position or by the control's names.

        Raises:
            BadInput: the arguments do not fit the function's signature; nothing was sent.
            NotConnected: it answered a blank or 0 about the broker's data while the connection was not up.
        """
        names = [name for name, _ in self._function.arguments]
        values: list[Scalar] = list(arguments)
        values += [named.pop(name) for name in names[len(arguments) :] if name in named]
        if named:
            raise BadInput(f"{self!r} cannot take {shown(', '.join(named))}")
        values = [_plain_number(value) for value in values]
        if any(isinstance(value, str) and not encodable(value) for value in values):
            raise BadInput(f"{self!r}: an argument holds half of a character (a lone surrogate)")
        try:
            typed = check(self._function.name, values)
        except BadCall as error:
            raise BadInput(str(error)) from None
        name, needs_login = self._function.name, self._function.needs_login
        if of_function(name, typed) > Right.READ:  # an order is never sent twice
            return self._link.call(name, *typed, needs_login=needs_login)
        return self._link.retrying(lambda: self._link.call(name, *typed, needs_login=needs_login))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}: {kind}" for name, kind in self._function.arguments)
        return f"{self._function.name}({arguments}) -> {self._function.returns}"


def _plain_number(value: Scalar) -> Scalar:
    """numpy's whole numbers as Python's; others as they are."""
    number = isinstance(value, np.integer) and not isinstance(value, np.timedelta64)
    return int(value) if number else value

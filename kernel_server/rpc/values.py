"""Arguments and return values of control functions on the wire, and the checks of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kernel_server import failure
from kernel_server.control import plain
from kernel_server.control.origin import Origin
from kernel_server.control.seam import Scalar, Value
from kernel_server.reference.signature import BadCall, check
from kernel_server.wire import ORIGIN_KEY, kernel_pb2, openapi_pb2

Metadata = tuple[tuple[str, str | bytes], ...]


def to_scalar(argument: openapi_pb2.Argument) -> Scalar:
    kind = argument.WhichOneof("value")
    if kind == "string_value":
        return argument.string_value
    return int(argument.bool_value) if kind == "bool_value" else argument.long_value


def to_argument(value: Value | bool) -> openapi_pb2.Argument:
    """A value on the wire. A table has no form there: outside its event there is none to send."""
    if isinstance(value, bool):
        return openapi_pb2.Argument(bool_value=value)
    if isinstance(value, str):
        return openapi_pb2.Argument(string_value=value)
    if isinstance(value, int):
        return openapi_pb2.Argument(long_value=value)
    return openapi_pb2.Argument()


@lru_cache(maxsize=16)
def to_origin(origin: Origin) -> kernel_pb2.Origin:
    """An origin on the wire; not to be changed, as it is shared."""
    return kernel_pb2.Origin(
        server=origin.server, login=origin.login, prices=origin.prices, connected=origin.connected
    )


@lru_cache(maxsize=16)
def origin_metadata(origin: Origin) -> Metadata:
    """An origin as metadata."""
    return ((ORIGIN_KEY, to_origin(origin).SerializeToString()),)


def checked(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    """The arguments of a control function in the types of its signature.

    Raises:
        failure.Failure: BadInput: there is no such function, or they do not fit.
    """
    try:
        return check(name, arguments)
    except BadCall as error:
        raise failure.bad_input(str(error)) from None


def checked_plain(name: str, arguments: Sequence[object]) -> tuple[Scalar, ...]:
    """The same for a call that a client makes by name: it may not use a screen of the server's own."""
    typed = checked(name, arguments)
    plain.check(name, typed)
    return typed

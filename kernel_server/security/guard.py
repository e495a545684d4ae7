"""Authentication and authorization of RPCs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.protobuf.message import Message

from kernel_server import failure
from kernel_server.security import rights
from kernel_server.security.rights import Right
from kernel_server.security.tokens import Tokens
from kernel_server.wire import AUTHORIZATION, openapi_pb2

Metadata = Iterable[tuple[str, str | bytes]]

_SCHEME = "bearer "


class Caller(NamedTuple):
    """A caller: its name in the table of tokens, and its right."""

    name: str
    right: Right


# Without a table of tokens the server listens on loopback only, and every process of this machine may do anything.
LOCAL_CALLER = Caller("", Right.ADMIN)
ANONYMOUS = Caller("", Right.OPEN)


class Guard:
    """Authenticates callers by their tokens and checks their rights.

    Its refusals do not reveal whether a method or function exists.

    Attributes:
        needs_token: whether callers need a token.
    """

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        self.needs_token = tokens is not None

    def fixed_caller(self, method: str) -> Caller | None:
        """The caller of an RPC that needs no token; None where the metadata decides."""
        if rights.of_method(method) is Right.OPEN:
            return ANONYMOUS
        return None if self.needs_token else LOCAL_CALLER

    def caller(self, metadata: Metadata | None) -> Caller:
        """The caller with this metadata.

        Raises:
            failure.Failure: Forbidden (UNAUTHENTICATED): no token, or an unknown one.
        """
        if self._tokens is None:
            return LOCAL_CALLER
        given = [value for key, value in metadata or () if key == AUTHORIZATION]
        if not given:
            raise failure.unauthenticated(
                "this server wants a token: kl.connect(target, token=…), or KOALAB_TOKEN in the environment"
            )
        text = given[0] if len(given) == 1 and isinstance(given[0], str) else ""
        entry = None
        if text[: len(_SCHEME)].lower() == _SCHEME:
            entry = self._tokens.find(text[len(_SCHEME) :])
        if entry is None:
            raise failure.unauthenticated(
                "this server does not know the token: it was mistyped, or has been taken out of the server's table"
            )
        return Caller(entry.name, entry.right)

    def admit(self, method: str, metadata: Metadata | None) -> Caller:
        """The caller of that RPC, once its right is checked.

        Raises:
            failure.Failure: Forbidden: no token, an unknown one, or too small a right.
        """
        needed = rights.of_method(method)
        if needed is Right.OPEN:
            return ANONYMOUS
        caller = self.caller(metadata)
        require(caller, needed, method.rpartition("/")[2])
        return caller

    def check(self, caller: Caller, request: Message) -> None:
        """Checks that the caller may call the control functions in the request.

        Raises:
            failure.Failure: Forbidden (PERMISSION_DENIED).
        """
        if caller.right is Right.ADMIN:
            return
        for call in calls_in(request):
            texts = [argument.string_value for argument in call.arguments[:2]]
            require(caller, rights.of_function(call.name, texts), call.name[:40])


def require(caller: Caller, needed: Right, what: str) -> None:
    """Checks that the caller's right includes ``needed``; ``what`` names the RPC or function in the error.

    Raises:
        failure.Failure: Forbidden (PERMISSION_DENIED).
    """
    if caller.right < needed:
        raise failure.forbidden(
            f"{what} is beyond the rights of this token ({caller.right}): ask the server's operator for another"
        )


def calls_in(message: Message) -> Iterator[openapi_pb2.CallRequest]:
    """The calls of control functions in a message, at any depth."""
    if isinstance(message, openapi_pb2.CallRequest):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in value if field.is_repeated else (value,):
            yield from calls_in(each)

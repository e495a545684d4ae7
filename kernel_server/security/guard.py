"""The guard: whose token comes with an RPC, and whether it reaches far enough."""

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
    """Who is asking: the name that the table of tokens has, and what they may do."""

    name: str
    right: Right


# Without a table of tokens the server listens on loopback only, and whoever is on this machine may do everything.
ANYBODY = Caller("", Right.ADMIN)
STRANGER = Caller("", Right.OPEN)


class Guard:
    """Decides who may ask what. Its refusals do not tell a wrong name from one that is not theirs to know.

    Attributes:
        asks: whether callers need a token.
    """

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        self.asks = tokens is not None

    def anybody(self, method: str) -> Caller | None:
        """Who calls that RPC, where that is the same for all callers."""
        if rights.of_method(method) is Right.OPEN:
            return STRANGER
        return None if self.asks else ANYBODY

    def caller(self, metadata: Metadata | None) -> Caller:
        """Who sent this metadata.

        Raises:
            failure.Failure: Forbidden (UNAUTHENTICATED): there is no token, or it is not known.
        """
        if self._tokens is None:
            return ANYBODY
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
        """Who calls that RPC.

        Raises:
            failure.Failure: Forbidden: nobody we know, or their rights do not reach that far.
        """
        needed = rights.of_method(method)
        if needed is Right.OPEN:
            return STRANGER
        caller = self.caller(metadata)
        require(caller, needed, method.rpartition("/")[2])
        return caller

    def check(self, caller: Caller, request: Message) -> None:
        """Whether the caller may call the control functions that the request names.

        Raises:
            failure.Failure: Forbidden (PERMISSION_DENIED).
        """
        if caller.right is Right.ADMIN:
            return
        for call in calls_in(request):
            first = [argument.string_value for argument in call.arguments[:1]]
            require(caller, rights.of_function(call.name, first), call.name[:40])


def require(caller: Caller, needed: Right, what: str) -> None:
    """Whether the caller's rights include ``needed``.

    Raises:
        failure.Failure: Forbidden (PERMISSION_DENIED): they do not; ``what`` was asked for.
    """
    if caller.right < needed:
        raise failure.forbidden(
            f"{what} is beyond the rights of this token ({caller.right}): ask whoever runs the server for another"
        )


def calls_in(message: Message) -> Iterator[openapi_pb2.CallRequest]:
    """The control functions that a message names, itself or inside."""
    if isinstance(message, openapi_pb2.CallRequest):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in value if field.is_repeated else (value,):
            yield from calls_in(each)

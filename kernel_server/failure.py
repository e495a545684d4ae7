"""What went wrong, in the words of a gRPC status and of our own client's exceptions."""

from __future__ import annotations

import grpc

from kernel_server import reference
from kernel_server.wire import PROBLEM_KEY, kernel_pb2

_NOT_CONNECTED = (-100, -101, -106)
_WRONG_INPUT = (-201, -202, -204, -206, -300, -500)
# What no repetition mends: another account, limits of price and quantity.
_ORDER_REFUSED = (-301, -302, -303, -304, -305, -306, -309, -310, -340)


class Failure(Exception):
    """A call that failed for a reason its caller can understand.

    Attributes:
        status: the gRPC status code.
        kind: the name of the client's exception.
        message: what was wrong and what to do.
        code: the control's return code, 0 where there was none.
        retry_at: clock time from which asking again makes sense, 0 where none is known.
    """

    def __init__(
        self, status: grpc.StatusCode, kind: str, message: str, code: int = 0, retry_at: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.retry_at = retry_at

    def metadata(self) -> tuple[tuple[str, bytes], ...]:
        problem = kernel_pb2.Problem(
            kind=self.kind, message=self.message, code=self.code, retry_at=self.retry_at
        )
        return ((PROBLEM_KEY, problem.SerializeToString()),)


def bad_input(message: str) -> Failure:
    return Failure(grpc.StatusCode.INVALID_ARGUMENT, "BadInput", message)


def unauthenticated(message: str) -> Failure:
    """Nobody we know is asking."""
    return Failure(grpc.StatusCode.UNAUTHENTICATED, "Forbidden", message)


def forbidden(message: str) -> Failure:
    """We know who is asking, and they may not."""
    return Failure(grpc.StatusCode.PERMISSION_DENIED, "Forbidden", message)


def not_connected() -> Failure:
    return Failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "NotConnected",
        "nobody is logged in on this server: log in first (session.login(), %kiwoom login, LoginCall)",
    )


def connection_lost(code: int) -> Failure:
    """The broker's connection is gone, and this server logs in again by itself."""
    return Failure(
        grpc.StatusCode.UNAVAILABLE,
        "ServerLost",
        f"the connection to the broker is lost ({code}); the server logs in again by itself: ask again when it has",
        code,
    )


def returned(what: str, code: int) -> Failure:
    """The control returned ``code`` where 0 was hoped for."""
    try:
        meaning = reference.error(code).message
    except reference.UnknownReference:
        meaning = "unknown code"
    if code in _NOT_CONNECTED:
        failure = not_connected()
        failure.code = code
        return failure
    status, kind = grpc.StatusCode.UNAVAILABLE, "NoAnswer"
    if code in _WRONG_INPUT:
        status, kind = grpc.StatusCode.INVALID_ARGUMENT, "BadInput"
    elif code in _ORDER_REFUSED:
        status, kind = grpc.StatusCode.FAILED_PRECONDITION, "OrderRejected"
    return Failure(status, kind, f"{what}: the broker answers {code} ({meaning})", code)


def window_full(what: str, key: str, retry_at: float) -> Failure:
    """The call would have to wait for a window of its own, and the server is set not to let it."""
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "RateLimited",
        f"{what}: {key} has been asked for as often as the broker takes for now; wait and ask again",
        retry_at=retry_at,
    )


def rate_limited(what: str, code: int, retry_at: float | None) -> Failure:
    meaning = reference.error(code).message
    advice = (
        "the broker refuses everything until the next login: restart the server's broker session and log in again"
        if retry_at is None
        else "wait and ask again"
    )
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "RateLimited",
        f"{what}: the broker answers {code} ({meaning}); {advice}",
        code,
        retry_at or 0.0,
    )

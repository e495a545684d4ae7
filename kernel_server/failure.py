"""Failures of calls: their gRPC status, and the exception that our own client raises for them."""

from __future__ import annotations

import grpc

from kernel_server import reference
from kernel_server.wire import PROBLEM_KEY, kernel_pb2

_NOT_CONNECTED = (-100, -101, -106)
_WRONG_INPUT = (-201, -202, -204, -206, -300, -500)
# A retry does not help: another account, limits of price and quantity.
_ORDER_REFUSED = (-301, -302, -303, -304, -305, -306, -309, -310, -340)


_TRAILER_BYTES = 6000
"""gRPC refuses trailers of more than 8 KiB, and the client would see that in place of the failure."""
_MOST_A_LETTER = 18


class Failure(Exception):
    """A failure that its caller can understand and act on.

    Attributes:
        status: the gRPC status code.
        kind: the name of the client's exception.
        message: what is wrong and what to do, cut to what goes into the trailers of an RPC.
        code: the control's return code, 0 where there was none.
        retry_at: clock time from which a retry makes sense, 0 where none is known.
    """

    def __init__(
        self, status: grpc.StatusCode, kind: str, message: str, code: int = 0, retry_at: float = 0.0
    ) -> None:
        message = _fitting(message)
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


def other_prices(here: str, expected: str) -> Failure:
    """The caller means a server with other prices, which was at this address before."""
    return Failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "OtherPrices",
        f"the server came back with other prices: {here}, and this session's are {expected}; nothing was sent to its"
        " broker: kl.connect() makes a new session",
    )


def started_anew() -> Failure:
    """The caller means an earlier process of this server."""
    return Failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "NotConnected",
        "the kernel server was started anew in between, and nothing was sent to its broker: ask again",
    )


def bad_input(message: str) -> Failure:
    return Failure(grpc.StatusCode.INVALID_ARGUMENT, "BadInput", message)


def unauthenticated(message: str) -> Failure:
    """The caller is not known."""
    return Failure(grpc.StatusCode.UNAUTHENTICATED, "Forbidden", message)


def forbidden(message: str) -> Failure:
    """The caller is known and may not do this."""
    return Failure(grpc.StatusCode.PERMISSION_DENIED, "Forbidden", message)


def not_connected() -> Failure:
    return Failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "NotConnected",
        "no user is logged in on this server: log in first (session.login(), %kiwoom login, LoginCall)",
    )


def connection_lost(code: int) -> Failure:
    """The connection to the broker is lost, and this server logs in again by itself."""
    return Failure(
        grpc.StatusCode.UNAVAILABLE,
        "ServerLost",
        f"the connection to the broker is lost ({code}); the server logs in again by itself: ask again when it has",
        code,
    )


def connection_changed(what: str) -> Failure:
    """The connection to the broker was lost and is back, in the middle of a request."""
    return Failure(
        grpc.StatusCode.UNAVAILABLE,
        "ServerLost",
        f"{what}: the connection to the broker was lost and is back, and the request with it: send it again",
    )


def returned(what: str, code: int) -> Failure:
    """The control returned ``code`` instead of 0."""
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


def too_many(message: str) -> Failure:
    """A client, or all of them, ask for more at a time than the server takes."""
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "RateLimited", message)


def window_full(what: str, key: str, retry_at: float) -> Failure:
    """One of the call's windows is full, and the server is set not to let it wait."""
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "RateLimited",
        f"{what}: {key} has been asked for as often as the broker takes for now; wait and ask again",
        retry_at=retry_at,
    )


def unexpected(error: BaseException) -> Failure:
    """An error that is no Failure: the server has a bug, or its control failed."""
    return Failure(
        grpc.StatusCode.INTERNAL,
        "NoAnswer",
        f"the server failed: {type(error).__name__}: {error} (its log says more)",
    )


def unreadable(what: str, error: Exception) -> Failure:
    """The control fired an event and failed while its data was read."""
    return Failure(
        grpc.StatusCode.INTERNAL,
        "NoAnswer",
        f"{what}: the answer could not be read ({type(error).__name__}: {error})",
    )


def rate_limited(what: str, code: int, retry_at: float | None) -> Failure:
    """The broker refuses a call for its rate; ``retry_at`` None: until the next login."""
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


def _fitting(message: str) -> str:
    """As much of the message as the trailers take, which have it twice: percent-encoded, and in base 64.

    >>> _fitting("짧다"), len(_fitting("x" * 9000)) < 3000, len(_fitting("길" * 9000)) < 600
    ('짧다', True, True)
    """
    if len(message) * _MOST_A_LETTER <= _TRAILER_BYTES:
        return message
    used = 0
    for place, letter in enumerate(message):
        size = len(letter.encode("utf-8", "replace"))
        used += (1 if " " <= letter <= "~" and letter != "%" else 3 * size) + (4 * size + 2) // 3
        if used > _TRAILER_BYTES:
            return f"{message[:place]} …"
    return message

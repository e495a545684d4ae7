"""Every error a user of koalab can meet. Each says what was wrong and what to do next.

KoalabError
├── NotConnected      no server answers there, or nobody is logged in on it
├── LoginFailed       the broker refused the login
├── RateLimited       the broker or the queue takes no more now; ``retry_at`` says when it will
├── UnknownCode       no such issue, index or condition; ``near`` holds names that are close
├── BadInput          a date, range, interval, TR, input or function that cannot be asked for
├── TooEarly          it is not final yet; ``retry_at`` says when it will be
├── NoAnswer          the broker took the request and did not answer in time, or answered with a failure
├── OrderRejected     the broker refused an order; its message is in the text
├── ServerLost        the server went away in the middle and did not come back in time
├── CacheDamaged      what the cache holds does not add up
├── PlanIncomplete    some issues of a plan could not be loaded; all others are
└── Forbidden         the server does not allow this to whoever asks
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class KoalabError(Exception):
    """The root: catch this to catch everything koalab raises on purpose."""


class NotConnected(KoalabError, ConnectionError):
    """No server answers at the target, or the broker behind it is not logged in."""


class LoginFailed(KoalabError):
    """The broker refused the login. ``code`` is OnEventConnect's nErrCode."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class RateLimited(KoalabError):
    """Too much was asked. ``retry_at`` is when asking again makes sense, where that is known."""

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class TooEarly(KoalabError):
    """What was asked for is not final yet; nothing was sent. ``retry_at`` is when it will be (Seoul)."""

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class BadInput(KoalabError, ValueError):
    """Something that cannot be asked for; nothing was sent."""


class UnknownCode(BadInput, LookupError):
    """No issue, index or condition has that code or name. ``near`` holds (code, name) pairs that are close."""

    def __init__(self, message: str, near: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.near = tuple(near)


class NoAnswer(KoalabError, TimeoutError):
    """The broker took the request and did not answer in time, or answered that it failed.

    ``code`` is its return code, where there was one.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class OrderRejected(KoalabError):
    """The broker refused the order; the text holds its message."""


class ServerLost(KoalabError, ConnectionError):
    """The server went away in the middle. What had come is kept: asking again goes on from there."""


class CacheDamaged(KoalabError):
    """The cache holds something that does not add up; ``session.cache.verify()`` tells what."""


class PlanIncomplete(KoalabError):
    """Some issues of a plan could not be loaded; all others are. Running it again tries them again.

    ``report`` is the frame that ``run()`` gives, with an ``error`` for each of them; ``failed`` the errors by code.
    """

    def __init__(self, message: str, report: pd.DataFrame, failed: Mapping[str, KoalabError]) -> None:
        super().__init__(message)
        self.report = report
        self.failed = dict(failed)


class Forbidden(KoalabError, PermissionError):
    """The server does not allow this."""

"""Every error of koalab, each with a message that says what was wrong and what to do next.

KoalabError                       catches everything that koalab raises on purpose
├── NotConnected                  no server answers, or the broker is not logged in   (also a ConnectionError)
├── LoginFailed                   the broker refused the login
├── RateLimited                   the broker or the queue accepts no more requests now
├── TooEarly                      the data is not final yet
├── BadInput                      an invalid argument; nothing was sent               (also a ValueError)
│   ├── OrderGuarded              a guard of ``kw.guards``, or an unanswered prompt, stopped an order
│   ├── UnknownCode               no such issue, index, condition, TR, FID …          (also a LookupError)
│   └── UnknownFunction           no such control function; ``koalab.calls``          (also an AttributeError)
├── NoAnswer                      the broker did not answer in time, or failed        (also a TimeoutError)
├── OrderRejected                 the broker refused an order
├── ServerLost                    the server was lost and did not recover in time     (also a ConnectionError)
│   └── OtherPrices               the server serves other prices than this session's
├── Forbidden                     the server does not authorise the call              (also a PermissionError)
├── PlanIncomplete                some issues of a plan could not be loaded
├── CacheDamaged                  the cache is inconsistent
├── CacheUnavailable              the cache cannot be used; ``koalab.store.disk``     (also an OSError)
├── AdjustmentChanged             cached prices have an older adjustment; ``koalab.store.bars``
├── UnreadableValue               the broker sent an invalid value; ``koalab.frames``
└── ConflictingBars               bars overlap or run backwards; ``koalab.frames``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd


def __dir__() -> list[str]:
    return [name for name, one in globals().items() if isinstance(one, type) and one.__module__ == __name__]


class KoalabError(Exception):
    """The root of all errors that koalab raises on purpose.

    In notebooks they are shown in a few lines: the user's own and the message. ``%tb`` shows the whole traceback.
    They can be pickled, so that one that is raised in another process arrives.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own calls the class with the message alone, and some of these take more: a pool waits for ever
        # for an answer that it cannot read.
        return _made_again, (type(self), self.args), self.__dict__

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows."""
        from koalab import short_traceback

        return short_traceback.render(self)


def _made_again(kind: type[KoalabError], args: tuple[Any, ...]) -> KoalabError:
    """An unpickled error, before its attributes."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


class NotConnected(KoalabError, ConnectionError):
    """Raised when no server answers at the target, or its broker is not logged in."""


class LoginFailed(KoalabError):
    """Raised when the broker refuses the login. ``code`` is OnEventConnect's nErrCode."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class RateLimited(KoalabError):
    """Raised when the broker's rate limit or the server's queue is exhausted. ``retry_at`` is None if unknown."""

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class TooEarly(KoalabError):
    """Raised before anything is sent, when the requested data is not final yet. ``retry_at`` is when it is (Seoul)."""

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class BadInput(KoalabError, ValueError):
    """Raised before anything is sent, for an invalid date, range, interval, TR, input or other argument."""


class UnknownCode(BadInput, LookupError):
    """Raised when no issue, index, condition or entry of ``kl.reference`` has that code or name.

    ``near`` has similar (code, name) pairs, of issues, indices and conditions.
    """

    def __init__(self, message: str, near: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.near = tuple(near)


class OrderGuarded(BadInput):
    """Raised before an order is sent, by a guard or because nobody confirmed it; the message says what would allow it.

    ``guard`` is the setting of ``kw.guards`` that stopped it, or ``"confirm"``; ``allows`` the value that would let
    the order pass, as text, or blank.
    """

    def __init__(self, message: str, guard: str, allows: str = "") -> None:
        super().__init__(message)
        self.guard = guard
        self.allows = allows


class NoAnswer(KoalabError, TimeoutError):
    """Raised when the broker accepted a request and then did not answer in time, or answered with a failure.

    ``code`` is its return code, 0 without one.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class OrderRejected(KoalabError):
    """Raised when the broker refuses an order; the message contains the broker's."""


class ServerLost(KoalabError, ConnectionError):
    """Raised when the server is lost during a call and does not recover in time. Loaded pages are cached: a repeated
    call continues from there."""


class OtherPrices(ServerLost):
    """Raised when another server has taken the place of the session's, with prices of another source. Nothing of its
    answer is used or stored: ``kl.connect()`` makes a session with it."""


class CacheDamaged(KoalabError):
    """Raised when cached data is inconsistent; ``session.cache.verify()`` lists the problems."""


class PlanIncomplete(KoalabError):
    """Raised at the end of a plan's run, when some of its issues could not be loaded. Another run retries those.

    ``report`` is the frame that ``run()`` returns, with an ``error`` for each of them; ``failed`` the errors by code.
    """

    def __init__(self, message: str, report: pd.DataFrame, failed: Mapping[str, KoalabError]) -> None:
        super().__init__(message)
        self.report = report
        self.failed = dict(failed)


class Forbidden(KoalabError, PermissionError):
    """Raised when the server does not accept the token, or its rights do not include the call."""


class KoalabWarning(UserWarning):
    """The root of all warnings of koalab."""


class MissingData(KoalabWarning):
    """Some of what was asked for did not come; ``attrs["missing"]`` of the frame has the reasons by code."""


class ShortHistory(KoalabWarning):
    """The broker's history begins later than asked; ``attrs["history_from"]`` of the frame says where."""


class AuditIncomplete(KoalabWarning):
    """A line of the orders' log could not be written: the disk is full, or its folder cannot be written to."""


NOT_OF_ONE_ISSUE: Final = (ServerLost, NotConnected, LoginFailed, RateLimited, Forbidden)
"""Errors that concern server, login or limits, so that a load of several issues ends with them."""

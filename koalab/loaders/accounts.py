"""Account numbers, and TRs about accounts, which are never cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kernel_server.reference.sessions import Sessions
from koalab.dates import wall_of
from koalab.errors import BadInput, NoAnswer, NotConnected
from koalab.frames.typed import seoul as seoul_index
from koalab.inputs.text import folded
from koalab.link import Link
from koalab.loaders import transactions
from koalab.progress import Progress
from koalab.transport.base import Page

# The broker's clock may be a little ahead of its server's.
_AHEAD = np.timedelta64(10, "m")
_SHOWN = 2
_LONGEST = 20


class AccountNumbers(list[str]):
    """A list of account numbers whose repr masks all but their ends."""

    def __repr__(self) -> str:
        return repr(self.masked())

    __str__ = __repr__

    def masked(self) -> list[str]:
        """The numbers as they are shown.

        >>> AccountNumbers(["8000000011"]).masked()
        ['80******11']
        """
        return [_masked(number) for number in self]


class AccountLoader:
    """Loads the accounts of the user who is logged in.

    Args:
        link: to the broker.
        sessions: of the exchange, read on first use.
    """

    def __init__(self, link: Link, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._sessions = sessions

    def numbers(self) -> AccountNumbers:
        """The accounts (GetLoginInfo ACCLIST), in the broker's order."""
        listed = self._link.retrying(self._listed)
        return AccountNumbers(number.strip() for number in listed.split(";") if number.strip())

    def _listed(self) -> str:
        (found,) = self._link.in_one_connection(lambda call_many: call_many([("GetLoginInfo", ("ACCLIST",))]))
        return str(found or "")

    def choose(self, wanted: str | None) -> str:
        """The account number that ``wanted`` means; None is the first.

        Raises:
            BadInput: there is no such account. The text masks all numbers.
            NotConnected: the login has no account at all.
        """
        if wanted is not None and (not isinstance(wanted, str) or not 0 < len(folded(wanted)) <= _LONGEST):
            raise BadInput(
                f"an account is a text of ten digits, or None for the first, not {type(wanted).__name__}"
            )
        numbers = self.numbers()
        if not numbers:
            raise NotConnected("the user who is logged in has no account: see kw.accounts, and log in again")
        if wanted is None:
            return numbers[0]
        number = folded(wanted).replace("-", "")
        if number not in numbers:
            raise BadInput(f"no account {_masked(number)}; there are {', '.join(numbers.masked())}")
        return number

    def pages(self, tr: str, inputs: Mapping[str, str], progress: Progress) -> list[Page]:
        """All pages of a TR about an account.

        Raises:
            NoAnswer: the broker wants the account's password.
        """
        pages = list(transactions.load(self._link, tr, inputs, progress).pages)
        messages = [text for page in pages for text in page.messages]
        if not _filled(pages) and any("비밀번호" in text for text in messages):
            raise NoAnswer(
                f"{' / '.join(messages)}: the broker wants the account's password, which only its own window takes. "
                "On the server's machine open 계좌비밀번호 등록 (right click on the tray icon of OpenAPI, or "
                'kw.call.KOA_Functions("ShowAccountWindow", "")), save it, and ask again'
            )
        return pages

    def dated(self, clocks: Sequence[str], received_at: float) -> pd.DatetimeIndex:
        """Moments of orders of the newest session from ``HH:MM:SS``, received at ``received_at``; NaT where blank."""
        now = wall_of(received_at)
        sessions = self._sessions()
        newest = sessions.index_at_or_before(now.astype("datetime64[D]").item())
        # A time later than now belongs to the session before.
        days = sessions.dates[max(0, newest - 1) : newest + 1][::-1].astype("datetime64[us]")
        times = (
            pd.to_timedelta(pd.Series(clocks, dtype="str"), errors="coerce")
            .to_numpy()
            .astype("timedelta64[us]")
        )
        moments = np.full(len(clocks), np.datetime64("NaT", "us"))
        for day in days:
            fitting = np.isnat(moments) & (day + times <= now + _AHEAD)
            moments[fitting] = day + times[fitting]
        return seoul_index(moments)


def _filled(pages: Iterable[Page]) -> bool:
    """Whether the pages have any values."""
    return any(page.rows or any(value.strip() for value in page.single) for page in pages)


def _masked(number: str) -> str:
    hidden = len(number) - 2 * _SHOWN
    return f"{number[:_SHOWN]}{'*' * hidden}{number[-_SHOWN:]}" if hidden > 0 else "*" * len(number)

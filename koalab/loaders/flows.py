"""Net buying of investor groups by issue and day (opt10059), 100 days a TR.

Not cached: the broker does not document from when on a day's figures are final.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from kernel_server import reference
from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING
from koalab.frames.flows import TR
from koalab.link import Link
from koalab.loaders import transactions
from koalab.progress import Progress
from koalab.store.series import Moment
from koalab.transport.base import Page, StopCondition

MONEY, SHARES = "amount", "shares"
_WHATS = {MONEY: "1", SHARES: "2"}
_SIDES = {"net": "0", "buy": "1", "sell": "2"}
_SINGLE_SHARES = "1"

WHATS, SIDES = tuple(_WHATS), tuple(_SIDES)


def expected_trs(first: np.datetime64, last: np.datetime64, sessions: Sessions) -> int:
    """An estimate of the TRs that ``load`` takes, from the sessions of the exchange in that range."""
    low, high = np.searchsorted(sessions.dates, np.array([first, last], "datetime64[D]"))
    rows = reference.tr(TR).rows_per_page or 1
    return max(1, -(-int(high - low + 1) // rows))


def load(
    link: Link,
    code: str,
    first: np.datetime64,
    last: np.datetime64,
    what: str,
    side: str,
    progress: Progress,
) -> list[Page]:
    """The pages from ``last`` down to ``first`` (naive Seoul wall time), newest first.

    ``progress`` expects its TRs already.
    """
    inputs = {
        "일자": _day(last),
        "종목코드": code,
        "금액수량구분": _WHATS[what],
        "매매구분": _SIDES[side],
        "단위구분": _SINGLE_SHARES,
    }
    stop = StopCondition("일자", _day(first), "<") if first > BEGINNING else None
    return list(transactions.load(link, TR, inputs, progress, counted=True, stop=stop).pages)


def history_from(
    pages: Sequence[Page], rows: pd.DataFrame, first: Moment, may_have_rows: Callable[[Moment, Moment], bool]
) -> Moment | None:
    """The first day of the broker's history, if that is later than asked; None where it is not, or not known.

    Args:
        pages: as they came.
        rows: of all of them, oldest first.
        first: the day asked for.
        may_have_rows: whether there can be a row between two days.
    """
    if first <= BEGINNING or not len(rows) or pages[-1].stopped or pages[-1].prev_next.strip() == "2":
        return None
    oldest: Moment = rows.index[0].to_datetime64().astype("datetime64[us]")
    return oldest if oldest > first and may_have_rows(first, oldest - np.timedelta64(1, "us")) else None


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]")).replace("-", "")

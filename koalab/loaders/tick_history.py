"""Ticks: the newest pages of an issue, how many pages are still to come, and the cache of single trades.

opt10079 has no input for an end, so an old range costs all pages since. Several trades share a second, and a page may
end between them: what is kept ends with the last second that is whole.
"""

from __future__ import annotations

import logging

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, epoch_seconds, wall_of
from koalab.errors import KoalabError
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import parse
from koalab.link import Link
from koalab.loaders.failures import complaints
from koalab.loaders.intervals import Interval
from koalab.loaders.load import Load, ticks_of
from koalab.loaders.page_requests import BarRequest, bar_pages
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import adjustment_at
from koalab.store.series import Moment, Series, moment
from koalab.transport.base import Page

log = logging.getLogger(__name__)

_CLOSING_CALL = 600
_LAST_COUNT = 1  # 마지막틱갯수 in the single block of opt10079


def newest_ticks(
    link: Link, code: str, interval: Interval, adjusted: bool, count: int, progress: Progress
) -> tuple[BarColumns, list[Page], bool, str]:
    """The newest bars in up to ``count`` pages (opt10079), the pages, whether there are older ones, and what failed.

    Raises:
        koalab.errors.KoalabError: as the link does.
    """
    now = wall_of(link.now())
    request = BarRequest(Series(code, interval.name, adjusted), interval, BEGINNING, now)
    found = list(bar_pages(link, request, now, BEGINNING, now, progress, count))
    pages = [one.page for one in found]
    failed = " / ".join(complaints(pages[-1].messages)) if found and found[-1].unexplained else ""
    return parse(interval.tr, pages), pages, bool(found) and not found[-1].ended, failed


def trades_of_last(page: Page) -> int:
    """마지막틱갯수 of a page: how many trades the newest bar has; 0 where the broker does not say."""
    text = page.single[_LAST_COUNT].strip() if len(page.single) > _LAST_COUNT else ""
    return int(text) if text.isdecimal() else 0


def pages_left(load: Load, floor: Moment, sessions: Sessions) -> int:
    """About how many pages are still to come down to ``floor``, by the hours that those so far have covered."""
    parts = [part for part in load.fetched.bars if len(part)]
    floor = floor if load.begins is None else max(floor, load.begins)
    if not parts or floor <= BEGINNING:
        return 0
    newest, oldest = parts[0].time[-1], parts[-1].time[0]
    covered = _trading_seconds(sessions, oldest, newest)
    left = _trading_seconds(sessions, floor, oldest)
    return -(-round(len(parts) * left) // round(covered)) if covered >= 1 else int(left > 0)


def keep_ticks(store: BarStore, load: Load, sessions: Sessions) -> None:
    """Keeps the final ticks of a load, as far as its pages go.

    Adjusted ones are those of one day's adjustment: they replace those of another.
    """
    series, covered = load.request.series, load.fetched.covered
    if not covered or load.failure:
        return
    first, last = moment(covered[0][0]), min(moment(covered[-1][1]), load.final)
    ages = {adjustment_at(page.received_at, sessions) for page in load.fetched.pages}
    if first > last or (load.adjustment is not None and ages != {load.adjustment}):
        return
    try:
        bars = ticks_of(load).slice(first, last)
        kept = store.cached_range(series, first, last)
        if kept.any_cached and kept.adjustment != load.adjustment:
            store.replace(series, bars, (first, last), adjustment=load.adjustment)
        elif kept.gaps:
            store.add(series, bars, (first, last), adjustment=load.adjustment)
    except KoalabError as error:  # the load may be ending with another
        log.warning("ticks of %s could not be kept: %s", series, error)


def _trading_seconds(sessions: Sessions, first: Moment, last: Moment) -> float:
    """Seconds of continuous trading between two moments: in the ten minutes before the close nothing trades."""
    low, high = epoch_seconds(first), epoch_seconds(last)
    begins, ends = np.maximum(sessions.opens, low), np.minimum(sessions.closes - _CLOSING_CALL, high)
    return float(np.maximum(ends - begins, 0).sum())

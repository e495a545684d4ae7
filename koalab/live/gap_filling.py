"""Holes in collected minutes, filled from opt10080: a page a code, which holds more than two sessions."""

from __future__ import annotations

from typing import Final

import numpy as np

from koalab.frames.bars import parse
from koalab.link import Link
from koalab.live.collector import MinuteCollector
from koalab.live.connected_intervals import wall
from koalab.live.minute_builder import CompleteMinutes, SessionMinutes
from koalab.live.minutes import MINUTE, SECOND
from koalab.loaders import transactions
from koalab.progress import Progress
from koalab.store import coverage
from koalab.store.coverage import Coverage
from koalab.store.series import microseconds

_TR: Final = "opt10080"
# So long after a minute its bar is taken as it is: its last trades are there by then.
_RESTS: Final = 30 * SECOND
_ROWS: Final = 900
_SESSION: Final = 381
_DAY: Final = 86_400 * SECOND


def fill(link: Link, collector: MinuteCollector, progress: Progress) -> int:
    """Fills all holes that are over, and says how many TRs that took.

    Raises:
        CacheUnavailable: the cache cannot be used now.
        KoalabError: as the link does. What has been filled by then stays.
    """
    now = wall(link.now())
    found = collector.open_holes(now - _RESTS)
    if found is None:
        return 0
    hours, missing = found
    # The broker begins with the newest minute, today's as a rule.
    pages = 1 + (now - hours.first) // _DAY * _SESSION // _ROWS
    before = link.trs
    if missing:
        progress.expect(len(missing) * pages)
    for code, open_ in missing.items():
        collector.fill(code, hours, _piece(link, code, hours, open_, pages, progress))
    return link.trs - before


def _piece(
    link: Link, code: str, hours: SessionMinutes, open_: Coverage, pages: int, progress: Progress
) -> CompleteMinutes:
    inputs = {"종목코드": code, "틱범위": "1", "수정주가구분": "0"}
    answer = transactions.load(link, _TR, inputs, progress, pages=pages, priority="bulk", counted=True)
    bars = parse(_TR, answer.pages)
    since = hours.first
    if len(bars) and answer.pages[-1].prev_next.strip() == "2":
        since = max(since, microseconds(bars.time[0]))
    # What was asked for may be older than the newest holes are by now: no bar is taken before its time.
    rested = wall(answer.pages[0].received_at) - _RESTS
    until = min(hours.last, rested // MINUTE * MINUTE - 1)
    covered = coverage.intersect(open_, since, until)
    whole = bars.slice(np.datetime64(since, "us"), np.datetime64(until, "us"))
    return CompleteMinutes(whole, covered)

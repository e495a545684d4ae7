"""Fills holes in collected minutes from opt10080: one page per code, which holds more than a session."""

from __future__ import annotations

from typing import Final

import numpy as np

from koalab.frames.chart_pages import parse
from koalab.inputs.issue_codes import venue_of
from koalab.link import Link
from koalab.live.collecting.collector import MinuteCollector
from koalab.live.collecting.minute_builder import CompleteMinutes, SessionMinutes
from koalab.live.wall_time import DAY, MINUTE, SECOND, wall_micros
from koalab.loaders import transactions
from koalab.progress import Progress
from koalab.store import coverage
from koalab.store.coverage import Coverage
from koalab.store.finality import AFTER_MARKET
from koalab.store.series import microseconds, moment
from koalab.transport.base import StopCondition

_TR: Final = "opt10080"
# A minute's bar is final this long after the minute: its last trades have arrived by then.
_SETTLING: Final = 30 * SECOND
_ROWS_PER_PAGE: Final = 900
# Until the after-market's first day the closing auction was the last; its minutes may be in the pages or not.
_BARS_PER_SESSION, _WITH_AFTER_MARKET, _AT_NEXTRADE = 381, 381 + 240, 12 * 60


def fill(link: Link, collector: MinuteCollector, progress: Progress) -> int:
    """Fills all holes that have ended; returns the number of TRs spent.

    Raises:
        CacheUnavailable: the cache cannot be written now.
        KoalabError: as the link does. Codes filled before it stay filled.
    """
    now = wall_micros(link.now())
    missing = collector.holes(now - _SETTLING)
    # The broker pages backwards from its newest minute, which may be days after the session; a load stops at the hole.
    later = now >= microseconds(AFTER_MARKET.astype("datetime64[us]"))
    before, pages = link.trs_here, {}
    for code, (session, _holes) in missing.items():
        bars = _AT_NEXTRADE if venue_of(code) else _WITH_AFTER_MARKET if later else _BARS_PER_SESSION
        pages[code] = -(-(1 + (now - session.first) // DAY) * bars // _ROWS_PER_PAGE)
    if missing:
        progress.expect(sum(pages.values()))
    for code, (session, holes) in missing.items():
        loaded = _load(link, code, session, holes, pages[code], progress)
        charted = _charted(loaded, session)
        if not charted:
            collector.charts_end_early(code)
            covered = loaded.covered
            for part in session.uncharted:
                covered = coverage.without(covered, *part)
            loaded = CompleteMinutes(loaded.bars, covered)
        collector.fill(code, session, loaded)
    return link.trs_here - before


def _charted(loaded: CompleteMinutes, session: SessionMinutes) -> bool:
    """Whether the broker's chart has the after-market, as far as it was asked for: a chart without it says nothing."""
    times = loaded.bars.time
    return all(
        bool(((times >= moment(first)) & (times <= moment(last))).any())
        for first, last in session.uncharted
        if coverage.intersect(loaded.covered, first, last)
    )


def _load(
    link: Link, code: str, session: SessionMinutes, holes: Coverage, pages: int, progress: Progress
) -> CompleteMinutes:
    inputs = {"종목코드": code, "틱범위": "1", "수정주가구분": "0"}
    text = str(np.datetime64(holes[0][0], "us").astype("datetime64[s]"))
    stop = StopCondition("체결시간", "".join(filter(str.isdigit, text)), "<")
    answer = transactions.load(
        link, _TR, inputs, progress, pages=pages, priority="bulk", counted=True, stop=stop
    )
    bars = parse(_TR, answer.pages)
    since, last = session.first, answer.pages[-1]
    if len(bars) and last.prev_next.strip() == "2" and not last.stopped:
        since = max(since, microseconds(bars.time[0]))
    # The page may have been sent before the newest holes had settled: their bars are left out.
    settled = wall_micros(answer.pages[0].received_at) - _SETTLING
    until = min(session.last, settled // MINUTE * MINUTE - 1)
    covered = coverage.intersect(holes, since, until)
    loaded = bars.slice(np.datetime64(since, "us"), np.datetime64(until, "us"))
    return CompleteMinutes(loaded, covered)

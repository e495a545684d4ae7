"""The newest tick bars of an issue, some pages of them. No time says what a page covers, so they are not cached."""

from __future__ import annotations

from koalab.dates import BEGINNING, wall_of
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import parse
from koalab.link import Link
from koalab.loaders.failures import complaints
from koalab.loaders.intervals import Interval
from koalab.loaders.page_requests import BarRequest, bar_pages
from koalab.progress import Progress
from koalab.store.series import Series
from koalab.transport.base import Page

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

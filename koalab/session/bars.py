"""Session methods for bars of issues, and charts of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from koalab.dates import Day, Range, span, text_of
from koalab.errors import BadInput, KoalabError
from koalab.frames import bar_frames, chart_pages
from koalab.frames.bars import BarColumns
from koalab.frames.fields import Columns
from koalab.inputs.arguments import flag
from koalab.inputs.text import shown
from koalab.loaders.bars import BarLoader
from koalab.loaders.failures import Missing
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.loaders.load import LoadResult
from koalab.progress import Progress
from koalab.session.core import Codes, SessionCore, check_columns, exchange_sessions
from koalab.session.notices import note_missing
from koalab.store.finality import needs_fetch

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from koalab.store.series import Moment


class CodeLoader(Protocol):
    """Loads the bars of one code."""

    def __call__(self, code: str, *, progress: Progress) -> LoadResult: ...


class BarMethods(SessionCore):
    """Bars of any interval, and charts of them."""

    @cached_property
    def _bars(self) -> BarLoader:
        return BarLoader(self._link, self.cache, exchange_sessions)

    def daily(
        self,
        code: Codes,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Daily bars (opt10081).

        Args:
            code: code or name, or several of them.
            start: first day, included; None for the beginning of the broker's history. ``"2026-11"`` or ``"2026"``
                is its first day, and for bars of days and longer a time of day is left off.
            end: last day, included; None for now. The day in progress is the last row. A month or year is its last day.
            adjusted: prices and volumes adjusted for splits and the like (수정주가구분 1), or raw.
            columns: ``"en"`` or ``"ko"``, the broker's own names.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``date`` (naive, ascending, unique); columns ``open high low close`` in KRW, ``volume`` in
            shares, ``value`` in KRW to the million, all int64 (float64 only where the source has fractions).
            Several codes: a level ``code`` first in the index.

        Raises:
            UnknownCode: there is no such issue; its ``near`` holds similar ones.
            BadInput: no date, or a range that is empty or in the future.
        """
        return self.bars(code, "D", start, end, adjusted=adjusted, columns=columns, progress=progress)

    def minute(
        self,
        code: Codes,
        interval: int = 1,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Minute bars (opt10080): 1, 3, 5, 10, 15, 30, 45 or 60 minutes.

        Arguments as for ``daily``. The broker keeps some months of them, and its pages begin with the newest, so
        an old range costs the pages since then.

        Returns:
            Index ``time`` (start of the bar, tz Asia/Seoul); columns ``open high low close`` in KRW and ``volume`` in
            shares, int64. The TR has no traded value.

        Raises:
            UnknownCode, BadInput: as for ``daily``; BadInput also for other intervals.
        """
        if isinstance(interval, (bool, str)) or not hasattr(interval, "__index__"):
            raise BadInput(f"interval is a number of minutes, not {shown(interval)}")
        return self.bars(code, interval, start, end, adjusted=adjusted, columns=columns, progress=progress)

    def bars(
        self,
        code: Codes,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Bars of any interval of the broker: ``"D" "W" "M" "Y"``, ``"5min"``, ``"30tick"``.

        TRs: opt10081, opt10082, opt10083, opt10094, opt10080, opt10079. Arguments and frame as for ``daily`` and
        ``minute``; the index of weeks, months and years is the broker's day of the period.

        Raises:
            BadInput: the broker has no such interval, or the range is empty or in the future.
            UnknownCode: there is no such issue.
        """
        wanted = find_interval(interval)
        check_columns(columns)
        adjusted = flag("adjusted", adjusted)
        first, last = span(start, end, self._link.now(), dated=wanted.dated)
        codes, several = self._codes(code)
        listed = self._listing().names
        names = {one: listed.get(one[:6], one) for one in codes}
        found, gaps = self._bars.look_up(codes, wanted, first, last, adjusted)

        load = partial(self._bars.load, interval=wanted, first=first, last=last, adjusted=adjusted)
        expected = self._bars.expected_trs(gaps, wanted, self._listed(gaps)) if gaps else {}
        return self._load_frame(
            names, several, wanted, columns, progress, load, found, expected, adjusted, (first, last)
        )

    def _load_frame(
        self,
        names: Mapping[str, str],
        several: bool,
        interval: Interval,
        columns: Columns,
        progress: bool,
        load: CodeLoader,
        cached: Mapping[str, LoadResult],
        expected: Mapping[str, int],
        adjusted: bool,
        asked: Range,
    ) -> pd.DataFrame:
        """The bars of those codes as one frame with its ``attrs``; loads those that are not ``cached``.

        Args:
            names: by code.
            several: whether the frame has a level ``code``.
            interval: of the bars.
            columns: ``"en"`` or ``"ko"``.
            progress: whether to show a bar.
            load: loads one code.
            cached: results of codes whose bars are fully cached.
            expected: TRs that the others take.
            adjusted: whether prices are.
            asked: the range.
        """
        kind, none = chart_pages.kind_of(interval.tr), chart_pages.parse(interval.tr, [])
        found, missing, before = dict(cached), Missing(several), self._link.trs
        if len(found) < len(names):
            with self._progress("", progress) as shown:
                shown.expect(sum(expected.values()))
                for one, trs in expected.items():
                    with missing.of(one), shown.item(trs, f"{names[one]} {interval.label}") as part:
                        found[one] = load(one, progress=part)
            if not found:
                missing.check()
        self._look_for_missing(found, interval, asked, missing)
        bars = {one: found[one].bars for one in names if one in found and len(found[one].bars)}
        if several:
            frame = bar_frames.stack_codes(bars or dict.fromkeys(names, none), kind, columns)
        else:
            frame = bar_frames.to_frame(next(iter(bars.values()), none), kind, columns)
        total = _total(found.values(), none)
        # Of a code that failed only the link knows what it has cost.
        trs = total.trs if len(found) == len(names) else self._link.trs - before
        frame.attrs = {
            **self._attrs(interval.tr, total.fetched_at or self._link.now(), total.hits, trs),
            "adjusted": adjusted,
            "interval": interval.name,
        }
        if total.adjustment is not None:
            frame.attrs["adjusted_as_of"] = str(total.adjustment.astype("datetime64[s]"))
        note_missing(frame, missing.reasons, names, len(names), total.messages)
        return frame

    def _look_for_missing(
        self, found: Mapping[str, LoadResult], interval: Interval, asked: Range, missing: Missing
    ) -> None:
        """Names the codes without bars, and those of which the broker says that it could not give all."""
        now, sessions = self._link.now(), exchange_sessions()
        expected = bool(needs_fetch([asked], interval.name, now, sessions))
        for code, result in found.items():
            if result.failure:
                missing.add(code, result.failure)
            elif not len(result.bars) and expected:
                said = f" ({' / '.join(result.messages)})" if result.messages else ""
                missing.add(code, f"the broker has no bars of it {text_of(asked)}{said}")

    def _listed(self, codes: Iterable[str]) -> Mapping[str, Moment]:
        """The listing dates of those codes, for an estimate; none where the server does not answer."""
        try:
            return self._listings.listed(list(codes))
        except KoalabError:
            return {}

    def chart(
        self,
        code: str,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        volume: bool = True,
        progress: bool = True,
    ) -> Figure:
        """A plotly candlestick chart without gaps at nights and holidays; arguments as for ``bars``.

        The default range is about the last 250 bars of days or longer, or the last five days of minutes.
        """
        from koalab.charts import candlestick

        wanted = find_interval(interval)
        volume = flag("volume", volume)
        one = self._listing().resolve(code)
        if start is None:
            _, last = span(None, end, self._link.now())
            start = last - wanted.usual_span
        frame = self.bars(one, interval, start, end, adjusted=adjusted, progress=progress)
        return candlestick(frame, title=f"{self._name(one)} ({one}) {wanted.label}", volume=volume)


def _total(results: Iterable[LoadResult], none: BarColumns) -> LoadResult:
    """What several loads cost together, and the earliest of their adjustments; without bars."""
    found = list(results)
    messages: list[str] = []
    for one in found:
        messages += [text for text in one.messages if text not in messages]
    return LoadResult(
        bars=none,
        hits=sum(one.hits for one in found),
        trs=sum(one.trs for one in found),
        fetched_at=max((one.fetched_at for one in found), default=0.0),
        messages=tuple(messages),
        adjustment=min((one.adjustment for one in found if one.adjustment is not None), default=None),
    )

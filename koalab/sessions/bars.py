"""Session methods for bars of issues, and charts of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Protocol

import numpy as np
import pandas as pd

from koalab.dates import SEOUL, Day, Range, span, text_of
from koalab.errors import BadInput, KoalabError
from koalab.frames import bar_frames, chart_pages
from koalab.frames.bars import BarColumns
from koalab.frames.fields import Columns
from koalab.frames.halted import HALTED, Halted, with_halted
from koalab.inputs.arguments import flag, one_of
from koalab.inputs.text import shown
from koalab.loaders.bars import BarLoader
from koalab.loaders.failures import Missing
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.loaders.load import LoadResult
from koalab.loaders.periods import period
from koalab.loaders.unfinished import unfinished_from
from koalab.progress import Progress
from koalab.sessions.core import Codes, SessionCore, check_columns, exchange_sessions
from koalab.sessions.notices import note_missing, warn_late, words
from koalab.store.finality import DEFAULT, Finality, final_with_quotes, needs_fetch
from koalab.store.series import Moment

_INSTANT = np.timedelta64(1, "us")


class CodeLoader(Protocol):
    """Loads the bars of one code."""

    def __call__(self, code: str, *, progress: Progress) -> LoadResult: ...


@dataclass(frozen=True, slots=True)
class FrameShape:
    """How bars become a frame; fields as the methods' arguments, ``several``: it has a level ``code``."""

    several: bool
    interval: Interval
    adjusted: bool
    finished: bool
    halted: Halted
    columns: Columns
    finality: Finality = DEFAULT

    def frame(self, found: Mapping[str, LoadResult]) -> tuple[pd.DataFrame, dict[str, Moment]]:
        """The frame without ``attrs``, and by code the times of bars in it that are still growing."""
        kind, none = chart_pages.kind_of(self.interval.tr), chart_pages.parse(self.interval.tr, [])
        bars, unfinished = {}, {}
        for code, result in found.items():
            growing = unfinished_from(result, self.interval, exchange_sessions(), self.finality.of(code))
            part = result.bars
            if growing is not None and self.finished:
                part = part.slice(None, growing - _INSTANT)
            if result.provisional and self.finished:
                part = part.slice(None, min(result.provisional) - _INSTANT)
            part = with_halted(part, self.halted)
            if len(part):
                bars[code] = part
            if growing is not None and len(part) and part.time[-1] == growing:
                unfinished[code] = growing
        if self.several:
            return bar_frames.stack_codes(bars or dict.fromkeys(found, none), kind, self.columns), unfinished
        return bar_frames.to_frame(next(iter(bars.values()), none), kind, self.columns), unfinished

    def note(self, frame: pd.DataFrame, name: str, times: Mapping[str, Moment]) -> None:
        """Puts times into ``attrs`` as ISO 8601, by code where there are several, if there are any."""
        if times:
            texts = {code: self._text(when) for code, when in times.items()}
            frame.attrs[name] = texts if self.several else next(iter(texts.values()))

    def _text(self, when: Moment) -> str:
        if self.interval.dated:
            return str(when.astype("datetime64[D]"))
        return pd.Timestamp(when).tz_localize(SEOUL).isoformat(timespec="seconds")


class BarMethods(SessionCore):
    """Bars of any interval, and charts of them."""

    @cached_property
    def _bars(self) -> BarLoader:
        return BarLoader(self._link, self.cache, exchange_sessions, self._finality)

    def daily(
        self,
        code: Codes,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        finished: bool = False,
        halted: Halted = "keep",
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
            finished: leave out the bar that is still growing, and one that is provisional. Otherwise
                ``attrs["unfinished"]`` and ``attrs["provisional"]`` have their index.
            halted: days without trades (volume 0, and often prices of 0 beside the close): ``"keep"`` as the broker
                gives them, ``"flat"`` with all prices at the close, or ``"drop"``.
            columns: ``"en"`` or ``"ko"``, the broker's own names.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``date`` (naive, ascending, unique); columns ``open high low close`` in KRW, ``volume`` in
            shares, ``value`` in KRW to the million, all int64 (float64 only where the source has fractions).
            Several codes: a level ``code`` first in the index.

            ``attrs`` have ``missing`` (reasons by code) where bars did not come, ``history_from`` where the broker's
            history begins later than asked, and ``unfinished``; the latter two by code for several codes.

        Raises:
            UnknownCode: there is no such issue; its ``near`` holds similar ones.
            BadInput: no date, or a range that is empty or in the future.
        """
        return self.bars(
            code,
            "D",
            start,
            end,
            adjusted=adjusted,
            finished=finished,
            halted=halted,
            columns=columns,
            progress=progress,
        )

    def minute(
        self,
        code: Codes,
        interval: int = 1,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        finished: bool = False,
        halted: Halted = "keep",
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
        return self.bars(
            code,
            interval,
            start,
            end,
            adjusted=adjusted,
            finished=finished,
            halted=halted,
            columns=columns,
            progress=progress,
        )

    def bars(
        self,
        code: Codes,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        finished: bool = False,
        halted: Halted = "keep",
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Bars of any interval of the broker: ``"D" "W" "M" "Y"``, ``"5min"``, ``"30tick"``.

        TRs: opt10081, opt10082, opt10083, opt10094, opt10080, opt10079. Arguments and frame as for ``daily`` and
        ``minute``; the index of weeks, months and years is the broker's day of the period. The tick TR begins with
        the newest trade, so an old range of ticks costs the pages since, of a busy issue hundreds a day: from the
        first page on the progress bar says how many. Final trades that came, of ``"1tick"``, are cached.

        Raises:
            BadInput: the broker has no such interval, or the range is empty or in the future.
            UnknownCode: there is no such issue.
        """
        wanted = find_interval(interval)
        check_columns(columns)
        adjusted = flag("adjusted", adjusted)
        one_of("halted", halted, HALTED)
        finished = flag("finished", finished)
        codes = self._given(code)
        asked = self._asked(wanted, start, end, finished, codes.codes)
        first, last = asked
        listed = self._listing().names
        names = {one: listed.get(one[:6], one) for one in (*codes.codes, *codes.missing)}
        found, gaps = self._bars.look_up(codes.listed, wanted, first, last, adjusted)
        found |= self._bars.kept(sorted(codes.kept), wanted, first, last, adjusted)

        load = partial(self._bars.load, interval=wanted, first=first, last=last, adjusted=adjusted)
        expected = self._bars.expected_trs(gaps, wanted, self._listed(gaps)) if gaps else {}
        shape = FrameShape(codes.several, wanted, adjusted, finished, halted, columns, self._finality)
        return self._load_frame(names, shape, progress, load, found, expected, asked, codes.missing)

    def _asked(
        self, interval: Interval, start: Day | None, end: Day | None, finished: bool, codes: Sequence[str]
    ) -> Range:
        """The range; for finished bars of days and longer up to the last that is final of one of the codes."""
        now = self._link.now()
        first, last = span(start, end, now, dated=interval.dated)
        if finished and interval.dated:
            ends = {self._finality.of(code) for code in codes} or {self._finality}
            sessions = exchange_sessions()
            last = min(last, max(final_with_quotes(interval.name, now, sessions, each) for each in ends))
        return first, last

    def _load_frame(
        self,
        names: Mapping[str, str],
        shape: FrameShape,
        progress: bool,
        load: CodeLoader,
        cached: Mapping[str, LoadResult],
        expected: Mapping[str, int],
        asked: Range,
        unknown: Mapping[str, str] = MappingProxyType({}),
    ) -> pd.DataFrame:
        """The bars of those codes as one frame with its ``attrs``; loads those that are not ``cached``.

        Args:
            names: by code.
            shape: of the frame.
            progress: whether to show a bar.
            load: loads one code.
            cached: results of codes whose bars are fully cached.
            expected: TRs that the others take.
            asked: the range.
            unknown: reasons of codes that are not listed and not in the cache.
        """
        interval = shape.interval
        found, missing, before = dict(cached), Missing(shape.several), self._link.trs_here
        missing.update(unknown)
        if expected:
            with self._progress("", progress) as shown:
                shown.expect(sum(expected.values()))
                for one, trs in expected.items():
                    with missing.of(one), shown.item(trs, f"{names[one]} {interval.label}") as part:
                        found[one] = load(one, progress=part)
            if not found:
                missing.check()
        self._look_for_missing(found, interval, asked, missing)
        frame, unfinished = shape.frame({one: found[one] for one in names if one in found})
        total = _total(found.values(), chart_pages.parse(interval.tr, []))
        rows = [
            (code, pd.Timestamp(time))
            for code in names
            if code in found and not shape.finished
            for time in found[code].provisional
        ]
        frame.attrs = {
            **self._attrs(
                interval.tr,
                total.fetched_at or self._link.now(),
                total.hits,
                self._link.trs_here - before,
                shape.adjusted if interval.of == "issue" else None,
            ),
            "interval": interval.name,
        }
        if rows:
            frame.attrs["provisional"] = rows if shape.several else [time for _, time in rows]
        if total.adjustment is not None:
            frame.attrs["adjusted_as_of"] = str(total.adjustment.astype("datetime64[s]"))
        shape.note(frame, "unfinished", unfinished)
        late = {code: one.history_from for code, one in found.items() if one.history_from is not None}
        shape.note(frame, "history_from", late)
        note_missing(frame, missing.reasons, names, len(names), total.messages)
        warn_late({code: when for code, when in late.items() if code not in missing.reasons}, asked[0], names)
        return frame

    def _look_for_missing(
        self, found: Mapping[str, LoadResult], interval: Interval, asked: Range, missing: Missing
    ) -> None:
        """Names the codes without bars, and those of which the broker says that it could not give all."""
        now, sessions = self._link.now(), exchange_sessions()

        def expected(code: str) -> bool:
            return bool(needs_fetch([asked], interval.name, now, sessions, self._finality.of(code)))

        for code, result in found.items():
            if result.failure:
                missing.add(code, result.failure)
            elif result.history_from is not None and not len(result.bars):
                missing.add(code, f"the broker's history of it begins {words(result.history_from)}")
            elif not len(result.bars) and expected(code):
                said = f" ({' / '.join(result.messages)})" if result.messages else ""
                within = _within_one_bar(interval, asked)
                missing.add(code, within or f"the broker has no bars of it {text_of(asked)}{said}")

    def _listed(self, codes: Iterable[str]) -> Mapping[str, Moment]:
        """The listing dates of those codes, for an estimate; none where the server does not answer."""
        try:
            return self._listings.listed(list(codes))
        except KoalabError:
            return {}


def _within_one_bar(interval: Interval, asked: Range) -> str:
    """Why there is no bar where the range begins after the start of the period in which it ends; blank elsewhere."""
    begins, _ = period(interval.unit, asked[0])
    if (
        not interval.dated
        or begins == asked[0].astype("datetime64[D]")
        or period(interval.unit, asked[1])[0] != begins
    ):
        return ""
    return (
        f"a {interval.label} has the first day of its period, and none of these is {text_of(asked)}: "
        f'start="{words(begins)}" has the bar of that time'
    )


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

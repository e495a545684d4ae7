"""Session methods for charts that stand still."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

import numpy as np
import pandas as pd

from koalab.charts.averages import check_averages
from koalab.charts.candles import one_code
from koalab.dates import Day, span
from koalab.errors import BadInput, UnknownCode
from koalab.inputs.arguments import flag
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.sessions.core import Codes, several_of
from koalab.sessions.market import MarketMethods

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from koalab.charts.figures import Theme
    from koalab.widgets.chart import LiveChart

_MOST = 8
_USUAL_BARS = 250
_MINUTES_A_DAY = 380


class _Drawn(NamedTuple):
    """Bars to draw: by name, the place of the first one shown, and the title."""

    frames: dict[str, pd.DataFrame]
    first: int
    title: str | None


class ChartMethods(MarketMethods):
    """Charts of issues, indices and frames."""

    @overload
    def chart(
        self,
        code: Codes | pd.DataFrame,
        interval: str | int = ...,
        start: Day | None = ...,
        end: Day | None = ...,
        *,
        live: Literal[False] = ...,
        ma: int | Sequence[int] | None = ...,
        adjusted: bool = ...,
        volume: bool = ...,
        theme: Theme | None = ...,
        progress: bool = ...,
    ) -> Figure: ...

    @overload
    def chart(
        self,
        code: str,
        interval: str | int = ...,
        start: Day | None = ...,
        *,
        live: Literal[True],
        ma: int | Sequence[int] | None = ...,
        adjusted: bool = ...,
        volume: bool = ...,
        progress: bool = ...,
    ) -> LiveChart: ...

    def chart(
        self,
        code: Codes | pd.DataFrame,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        live: bool = False,
        ma: int | Sequence[int] | None = None,
        adjusted: bool = True,
        volume: bool = True,
        theme: Theme | None = None,
        progress: bool = True,
    ) -> Figure | LiveChart:
        """A plotly chart without gaps at nights and holidays: candlesticks, or several issues compared.

        The axes are in 만 and 억, and a drag zooms the time alone. The default range is about the last 250 bars of days
        or longer, or the last five days of minutes.

        With ``live=True`` it is a widget whose last bar follows every trade (주식체결), eleven times a second: bars of
        trades, minutes or days of one issue. It loads older bars when it is scrolled back to the first, loads those of
        a gap when the stream is back, follows the page's theme, and ends like ``ticker``.

        Args:
            code: code or name of an issue; name of an index, ``"KOSPI"``; several of these, whose closes are drawn as
                lines from 100 at the first time that all have; or a frame of ``daily``, ``minute``, ``bars`` or
                ``index``.
            interval: as for ``bars``; ``start`` and ``end`` too. Of a frame it has those.
            live: whether it goes on by itself.
            ma: moving averages of closes over so many bars: ``ma=(5, 20, 60, 120)``, which are those of a live chart
                if left out.
            adjusted: as for ``bars``.
            volume: whether to show volume.
            theme: ``"light"`` or ``"dark"``; None: as ``plotly.io.templates.default``.
            progress: show a bar when it takes longer than a second.

        Raises:
            BadInput, UnknownCode: before anything is sent.
        """
        from koalab.charts.figures import candlestick, check_theme, compared

        check_theme(theme)
        if flag("live", live):
            if end is not None or theme is not None:
                raise BadInput("a live chart goes on, in the page's theme: leave end and theme out")
            if not isinstance(code, str):
                raise BadInput("a live chart is of one issue: give one code or name")
            return self._live_chart(code, interval, start, ma, adjusted, volume, progress)
        volume, averages = flag("volume", volume), check_averages(() if ma is None else ma)
        drawn = self._drawn(code, interval, start, end, averages, adjusted, progress)
        if len(drawn.frames) > 1:
            if averages:
                raise BadInput("ma is of one issue or index: several are compared by their closes")
            return compared(drawn.frames, drawn.title, theme)
        (frame,) = drawn.frames.values()
        return candlestick(frame, drawn.title, volume, averages, theme, drawn.first)

    def _live_chart(
        self,
        code: str,
        interval: str | int,
        start: Day | None,
        ma: int | Sequence[int] | None,
        adjusted: bool,
        volume: bool,
        progress: bool,
    ) -> LiveChart:
        """That of ``WidgetMethods``, which has the streams that it needs."""
        raise NotImplementedError

    def picture(
        self,
        code: str | pd.DataFrame,
        path: str | os.PathLike[str],
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        ma: int | Sequence[int] = (),
        adjusted: bool = True,
        progress: bool = True,
    ) -> Path:
        """Candlesticks of one issue, index or frame as a PNG, without a browser (matplotlib); returns the file.

        Args:
            code: as for ``chart``, without lists.
            path: the file; its extension names the format, as matplotlib has it: ``.png``, ``.svg``, ``.pdf``;
                without one it is a PNG.
            interval, start, end, ma, adjusted, progress: as for ``chart``.

        Raises:
            BadInput, UnknownCode: before anything is sent.
            KoalabError: matplotlib or its Korean font is not installed.
        """
        from koalab.picture import save, writable

        file, averages = writable(path), check_averages(ma)
        drawn = self._drawn(code, interval, start, end, averages, adjusted, progress)
        if len(drawn.frames) > 1:
            raise BadInput("a picture is of one issue or index: kw.chart() compares several")
        (frame,) = drawn.frames.values()
        return save(frame, file, drawn.title, averages, drawn.first)

    def _drawn(
        self,
        code: Codes | pd.DataFrame,
        interval: str | int,
        start: Day | None,
        end: Day | None,
        averages: Sequence[int],
        adjusted: bool,
        progress: bool,
    ) -> _Drawn:
        if isinstance(code, pd.DataFrame):
            if start is not None or end is not None:
                raise BadInput("a frame is drawn as it is: take a part of it in place of start and end")
            return self._of_frame(code)
        wanted = find_interval(interval)
        given, _ = several_of(code, "a chart is of a code, a name or a frame,", "005930")
        sought = list(dict.fromkeys(self._issue_or_index(one) for one in given))
        if not 0 < len(sought) <= _MOST:
            raise BadInput(f"a chart is of 1 to {_MOST} issues or indices, not {len(sought)}")
        first, last = span(start, end, self._link.now(), dated=wanted.dated)
        if start is None:
            first = last - wanted.usual_span
        early = first - _before(wanted, max(averages, default=0))
        found: dict[str, pd.DataFrame] = {}
        for of_indices in (False, True):
            codes = [code for code, is_index in sought if is_index == of_indices]
            if codes and of_indices:
                bars = self.index(codes, _day(early), end, interval=interval, progress=progress)
            elif codes:
                bars = self.bars(codes, interval, _day(early), end, adjusted=adjusted, progress=progress)
            found |= {code: one_code(bars.loc[[code]]) for code in codes if code in bars.index}
        frames = {self._titled(*one): found[one[0]] for one in sought if one[0] in found}
        if len(sought) > 1:
            if not frames:
                raise BadInput("there are no bars in that range to compare")
            return _Drawn(frames, 0, f"{wanted.label} 비교, 시작 = 100")
        if not frames:
            frames = {self._titled(*sought[0]): one_code(bars.droplevel(0))}
        ((title, frame),) = frames.items()
        index = pd.DatetimeIndex(frame.index)
        plain = index.tz_localize(None) if index.tz is not None else index
        return _Drawn(frames, int(plain.searchsorted(pd.Timestamp(first))), f"{title} {wanted.label}")

    def _titled(self, code: str, is_index: bool) -> str:
        return f"{self._indices.names()[code] if is_index else self._name(code)} ({code})"

    def _issue_or_index(self, given: str) -> tuple[str, bool]:
        """The code, and whether it is an index's. A text that fits both is an issue."""
        try:
            found = self._given(given)
        except UnknownCode:
            try:
                return self._indices.resolve(given), True
            except UnknownCode:
                pass
            raise
        return found.codes[0], False

    def _of_frame(self, frame: pd.DataFrame) -> _Drawn:
        if not isinstance(frame.index, pd.MultiIndex):
            return _Drawn({"": frame}, 0, None)
        codes = [str(code) for code in frame.index.unique(0)]
        if len(codes) > _MOST:
            raise BadInput(f"a chart compares {_MOST} issues at most, and this frame has {len(codes)}")
        names = self._listing().names
        frames = {
            f"{names.get(code[:6], '')} ({code})".strip(): one_code(frame.loc[[code]]) for code in codes
        }
        title = next(iter(frames)) if len(frames) == 1 else "비교, 시작 = 100"
        return _Drawn(frames, 0, title)


def _before(wanted: Interval, bars: int) -> np.timedelta64:
    """How long before the first bar shown a moving average begins, holidays included."""
    if not bars:
        return np.timedelta64(0, "D")
    if wanted.dated:
        days = wanted.usual_span.astype("timedelta64[D]").astype(int) * bars // _USUAL_BARS
        return np.timedelta64(int(days * 1.2) + 10, "D")
    minutes = bars * (wanted.size if wanted.unit == "min" else 1)
    return np.timedelta64(int(minutes / _MINUTES_A_DAY * 1.6) + 5, "D")


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))

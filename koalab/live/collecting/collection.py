"""``Collection``: the minute archive's public object."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd

from koalab.dates import SEOUL
from koalab.frames.attrs import frame_attrs
from koalab.link import Link
from koalab.live.collecting import gap_filling
from koalab.live.collecting.collector import MinuteCollector
from koalab.progress import Progress

# Events that have been fired arrive within this, unless the server is in trouble.
_SYNC_TIMEOUT = 5.0


class Collection:
    """Minute bars being collected in the background. ``kw.collect(codes)`` creates it.

    Args:
        collector: receives and stores them.
        link: to the broker, for filling holes.
        progress: makes a progress bar.
        name: the name of a code.
    """

    def __init__(
        self,
        collector: MinuteCollector,
        link: Link,
        progress: Callable[[], Progress],
        name: Callable[[str], str],
    ) -> None:
        self._collector = collector
        self._link = link
        self._progress = progress
        self._name = name
        self._trs = 0

    @property
    def codes(self) -> tuple[str, ...]:
        return self._collector.codes

    @property
    def running(self) -> bool:
        """Whether it is subscribed; False after ``stop`` or an error."""
        return self._collector.running

    @property
    def over(self) -> bool:
        """Whether today's or the latest session has been received to its end, or there is none."""
        return self._collector.over

    @property
    def gaps(self) -> pd.DataFrame:
        """Intervals in which events may be lost: ``since until why``; ``until`` is NaT while one lasts."""
        rows = self._collector.gaps
        gaps = pd.DataFrame(
            {
                "since": _times([one.since for one in rows]),
                "until": _times([one.until or 0 for one in rows]),
                "why": pd.array([one.why for one in rows], dtype="str"),
            }
        )
        gaps.attrs = frame_attrs(self._link.source, "", self._link.now())
        return gaps

    def status(self) -> dict[str, Any]:
        """Totals: ``running``, ``codes``, ``until`` (up to then everything is received), ``complete`` and ``holes``
        (minutes of the day, over all codes), ``outside`` (trades that stand in no minute, as 시간외종가), ``gaps``,
        ``trs`` (spent on holes), ``error``."""
        progress = self._collector.progress().values()
        return {
            "running": self.running,
            "codes": len(self.codes),
            "until": _times([self._collector.until])[0],
            "complete": sum(one.complete for one in progress),
            "holes": sum(one.holes for one in progress),
            "outside": sum(one.outside for one in progress),
            "gaps": len(self._collector.gaps),
            "trs": self._trs,
            "error": "" if self._collector.error is None else str(self._collector.error),
        }

    def frame(self) -> pd.DataFrame:
        """Progress of each code in today's or the latest session.

        Returns:
            Index ``code``; ``name``; ``complete`` (complete minutes, those without a trade included), ``holes``
            (minutes that have ended and are not complete), ``last`` (time of the last trade, Asia/Seoul) and
            ``outside`` (trades that stand in no minute: 시간외종가, and what comes at other hours than the exchange's).
        """
        found = self._collector.progress()
        frame = pd.DataFrame(
            {
                "name": pd.array([self._name(code) for code in found], dtype="str"),
                "complete": np.array([one.complete for one in found.values()], np.int64),
                "holes": np.array([one.holes for one in found.values()], np.int64),
                "last": _times([one.last for one in found.values()]),
                "outside": np.array([one.outside for one in found.values()], np.int64),
            },
            index=pd.Index(list(found), dtype="str", name="code"),
        )
        frame.attrs = frame_attrs(self._link.source, "SetRealReg", self._link.now())
        return frame

    def fill(self) -> int:
        """Fills the holes of this session from opt10080, one TR per code that has any; returns the number of TRs.

        Minutes are final half a minute after their end. A second call requests only what is still missing.
        """
        self._collector.sync(_SYNC_TIMEOUT)
        self._collector.flush()
        with self._progress() as shown:
            spent = gap_filling.fill(self._link, self._collector, shown)
        self._trs += spent
        return spent

    def stop(self, fill: bool = True) -> None:
        """Unsubscribes, stores what is complete, then fills the holes; idempotent.

        Raises:
            KoalabError: holes could not be filled; collected minutes are stored, and ``fill`` can be called again.
        """
        if not self._collector.subscribed:
            return
        self._collector.sync(_SYNC_TIMEOUT)
        self._collector.stop()
        if fill:
            self.fill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an exception leave at once: filling may wait for the broker's limits.
        self.stop(fill=kind is None)

    def __repr__(self) -> str:
        status = self.status()
        state = "collecting" if status["running"] else "stopped"
        return (
            f"<{state} minutes of {status['codes']} codes: {status['complete']} complete, {status['holes']} missing, "
            f"{status['gaps']} gaps>"
        )


def _times(micros: list[int]) -> pd.DatetimeIndex:
    """Microseconds of naive Seoul wall time as timestamps in Asia/Seoul; NaT for 0."""
    values = np.array(micros, np.int64).astype("datetime64[us]")
    values[np.array(micros, np.int64) <= 0] = np.datetime64("NaT", "us")
    return pd.DatetimeIndex(values).tz_localize(SEOUL)

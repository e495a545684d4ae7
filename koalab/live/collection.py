"""The minute archive as users see it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd

from koalab.dates import SEOUL
from koalab.link import Link
from koalab.live import gap_filling
from koalab.live.collector import MinuteCollector
from koalab.progress import Progress

# What has happened by now is heard within that, or the server is not well.
_SYNC = 5.0


class Collection:
    """Minute bars that are being collected. ``kw.collect(codes)`` makes it; it runs in the background.

    Args:
        collector: does it.
        link: to the broker, for what is missing.
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
        """Whether it listens; no more after ``stop``, or where the server refused."""
        return self._collector.running

    @property
    def over(self) -> bool:
        """Whether the session of today, or the latest, has been heard to its end, or there is none today."""
        return self._collector.over

    @property
    def gaps(self) -> pd.DataFrame:
        """When something may have been missed: ``since until why``, a row a gap; ``until`` is NaT while it lasts."""
        rows = self._collector.gaps
        return pd.DataFrame(
            {
                "since": _times([one.since for one in rows]),
                "until": _times([one.until or 0 for one in rows]),
                "why": pd.array([one.why for one in rows], dtype="str"),
            }
        )

    def status(self) -> dict[str, Any]:
        """How it stands: ``running``, ``codes``, ``until`` (up to then everything is heard), ``complete`` and ``holes``
        (minutes of the session, all codes together), ``gaps``, ``trs`` (spent on holes), ``error``."""
        progressed = self._collector.progressed().values()
        return {
            "running": self.running,
            "codes": len(self.codes),
            "until": _times([self._collector.until])[0],
            "complete": sum(one.complete for one in progressed),
            "holes": sum(one.holes for one in progressed),
            "gaps": len(self._collector.gaps),
            "trs": self._trs,
            "error": "" if self._collector.error is None else str(self._collector.error),
        }

    def frame(self) -> pd.DataFrame:
        """How each code stands in the session of today, or the latest.

        Returns:
            Index ``code``; ``name``; ``complete`` (minutes of which everything is known, those without a trade
            included), ``holes`` (minutes that are over and not complete) and ``last`` (time of the last trade, Seoul).
        """
        found = self._collector.progressed()
        return pd.DataFrame(
            {
                "name": pd.array([self._name(code) for code in found], dtype="str"),
                "complete": np.array([one.complete for one in found.values()], np.int64),
                "holes": np.array([one.holes for one in found.values()], np.int64),
                "last": _times([one.last for one in found.values()]),
            },
            index=pd.Index(list(found), dtype="str", name="code"),
        )

    def fill(self) -> int:
        """Fills the holes of this session from opt10080, a TR a code that has any; how many TRs that took.

        Minutes are final half a minute after they ended. Made again, it asks only for what is missing still.
        """
        self._collector.sync(_SYNC)
        self._collector.flush()
        with self._progress() as shown:
            spent = gap_filling.fill(self._link, self._collector, shown)
        self._trs += spent
        return spent

    def stop(self, fill: bool = True) -> None:
        """Listens no more and keeps what is complete, then fills the holes; a second time does nothing.

        Raises:
            KoalabError: holes could not be filled; what was collected is kept, and ``fill`` can be called again.
        """
        if not self._collector.listening:
            return
        self._collector.sync(_SYNC)
        self._collector.stop()
        if fill:
            self.fill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whoever is in trouble wants to get out, and not to wait for the broker's limits.
        self.stop(fill=kind is None)

    def __repr__(self) -> str:
        how = self.status()
        state = "collecting" if how["running"] else "stopped"
        return (
            f"<{state} minutes of {how['codes']} codes: {how['complete']} complete, {how['holes']} missing, "
            f"{how['gaps']} gaps>"
        )


def _times(micros: list[int]) -> pd.DatetimeIndex:
    """Naive Seoul microseconds as moments in Asia/Seoul; NaT for 0."""
    values = np.array(micros, np.int64).astype("datetime64[us]")
    values[np.array(micros, np.int64) <= 0] = np.datetime64("NaT")
    return pd.DatetimeIndex(values).tz_localize(SEOUL)

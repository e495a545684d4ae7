"""A progress bar for loads that take longer than a second, in the notebook and in the terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from koalab.dates import seoul
from koalab.transport.base import QueuePosition

# A load that is over sooner shows nothing.
DELAY = 1.0
# tqdm's own guess at the time left knows nothing of the broker's limits, so it is left out.
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} TR [{elapsed}{postfix}]"
# The rate is that of so many seconds, which smooth the bursts out, and nothing is said of it before so many.
_RATE_OVER = 180.0
_RATE_FROM = 20.0


class WaitEstimate(Protocol):
    """Seconds that so many more TRs will take, ``queued`` of which wait at the server already."""

    def __call__(self, trs: int, queued: int = 0) -> float: ...


def no_wait(trs: int, queued: int = 0) -> float:  # noqa: ARG001 - a Wait
    """Nothing is known of limits."""
    return 0.0


class Progress:
    """Counts the TRs of a load against those it is expected to need, and says how long the rest will take.

    The bar itself is tqdm's, and is made when the load has taken a second.

    Args:
        label: what is loaded.
        show: whether there is a bar at all.
        wait: seconds that so many more TRs will take under the broker's limits.
        clock: seconds of a clock that only goes forward.
        now: the broker's time; where it is given, the rate is shown as well, and when the load ends.
    """

    def __init__(
        self,
        label: str,
        show: bool = True,
        wait: WaitEstimate = no_wait,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._label = label
        self._show = show
        self._wait = wait
        self._clock = clock
        self._now = now
        self._since: float | None = None
        self._total = 0
        self._done = 0
        self._queued = 0
        self._counts: deque[tuple[float, int]] = deque()
        self._bar: Any = None

    def expect(self, trs: int) -> None:
        """So many TRs more are expected."""
        self._total += trs
        if self._since is None:
            self._since = self._clock()
        self._draw()

    def page(self, note: str = "") -> None:
        """One TR has come back."""
        self._done += 1
        self._queued = 0
        self._total = max(self._total, self._done)
        self._draw(note)

    def waiting(self, place: QueuePosition) -> None:
        """The next TR waits for the broker's limits, or the broker for its own reasons."""
        self._queued = 1
        self._draw(next_tr(place))

    def say(self, note: str) -> None:
        """Shows a note beside the bar."""
        self._draw(note)

    def stand(self, done: int, total: int, queued: int, note: str = "") -> None:
        """How things stand, where others do the counting: TRs done, expected in all, and waiting at the server."""
        if self._since is None:
            self._since = self._clock()
        self._done, self._total, self._queued = done, max(total, done), queued
        self._draw(note)

    def relabel(self, label: str) -> None:
        self._label = label
        if self._bar is not None:
            self._bar.set_description_str(label, refresh=False)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.total = self._done  # what was estimated is known now: the bar ends green
            self._bar.close()
            self._bar = None

    def _draw(self, note: str = "") -> None:
        if self._bar is None:
            if not self._show or self._since is None or self._clock() - self._since < DELAY:
                return
            from tqdm.auto import tqdm

            self._bar = tqdm(total=self._total, desc=self._label, unit="TR", leave=False, bar_format=_FORMAT)
            self._bar.start_t -= DELAY
        seconds = self._wait(self._total - self._done, self._queued)
        left = f"약 {duration(seconds)} 남음" if seconds >= 1 else ""
        shown = (*self._pace(seconds), left, note)
        self._bar.set_postfix_str(", ".join(text for text in shown if text), refresh=False)
        self._bar.total, self._bar.n = self._total, self._done
        self._bar.refresh()

    def _pace(self, left: float) -> tuple[str, str]:
        """The rate and the end, by the broker's clock."""
        if self._now is None:
            return "", ""
        now = self._now()
        self._counts.append((now, self._done))
        while len(self._counts) > 2 and self._counts[1][0] <= now - _RATE_OVER:
            self._counts.popleft()
        since, before = self._counts[0]
        rate = (
            f"분당 {60 * (self._done - before) / (now - since):.0f} TR" if now >= since + _RATE_FROM else ""
        )
        today, end = seoul(now), seoul(now + left)
        day = "" if end.date() == today.date() else f"{end:%m-%d} "
        return rate, f"{day}{end:%H:%M} 끝" if left >= 1 else ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def next_tr(place: QueuePosition) -> str:
    """What is to be said of a place in the queue."""
    return f"다음 TR {place.expected_wait:.0f}초 뒤" if place.expected_wait >= 1 else ""


def duration(seconds: float) -> str:
    """That many seconds in Korean, to the unit that matters."""
    if seconds < 60:
        return f"{seconds:.0f}초"
    if seconds < 3600:
        return f"{seconds // 60:.0f}분 {seconds % 60:.0f}초"
    return f"{seconds // 3600:.0f}시간 {seconds % 3600 // 60:.0f}분"

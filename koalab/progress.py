"""A progress bar for loads that take longer than a second, in the notebook and in the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from koalab.transport.base import Waiting

# A load that is over sooner shows nothing.
DELAY = 1.0
# tqdm's own guess at the time left knows nothing of the broker's limits, so it is left out.
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} TR [{elapsed}{postfix}]"


class Progress:
    """Counts the TRs of a load against those it is expected to need, and says how long the rest will take.

    The bar itself is tqdm's, and is made when the load has taken a second.

    Args:
        label: what is loaded.
        show: whether there is a bar at all.
        wait: seconds that so many more TRs will take under the broker's limits.
        clock: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        label: str,
        show: bool = True,
        wait: Callable[[int], float] = lambda _: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._show = show
        self._wait = wait
        self._clock = clock
        self._since: float | None = None
        self._total = 0
        self._done = 0
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
        self._total = max(self._total, self._done)
        self._draw(note)

    def waiting(self, place: Waiting) -> None:
        """The next TR waits for the broker's limits, or the broker for its own reasons."""
        self._draw(f"다음 TR {place.expected_wait:.0f}초 뒤" if place.expected_wait >= 1 else "")

    def say(self, note: str) -> None:
        """Shows a note beside the bar."""
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
        seconds = self._wait(self._total - self._done)
        left = f"약 {_duration(seconds)} 남음" if seconds >= 1 else ""
        self._bar.set_postfix_str(", ".join(text for text in (left, note) if text), refresh=False)
        self._bar.total, self._bar.n = self._total, self._done
        self._bar.refresh()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _duration(seconds: float) -> str:
    """That many seconds in Korean, to the unit that matters."""
    if seconds < 60:
        return f"{seconds:.0f}초"
    if seconds < 3600:
        return f"{seconds // 60:.0f}분 {seconds % 60:.0f}초"
    return f"{seconds // 3600:.0f}시간 {seconds % 3600 // 60:.0f}분"

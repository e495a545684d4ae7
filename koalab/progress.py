"""Progress bar for loads that take longer than a second, in the notebook and in the terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol

from koalab.dates import seoul
from koalab.short_traceback import running_shell, shorten
from koalab.transport.base import QueuePosition

log = logging.getLogger(__name__)

# Seconds before the bar appears.
DELAY = 1.0
# Without tqdm's own estimate of the time left, which ignores the broker's limits.
_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} TR [{elapsed}{postfix}]"
# The rate is averaged over so many seconds, because TRs come in bursts, and shown from so many on.
_RATE_OVER = 180.0
_RATE_FROM = 20.0


class WaitEstimate(Protocol):
    """Estimates the seconds that so many more TRs take, ``queued`` of which are in the server's queue."""

    def __call__(self, trs: int, queued: int = 0) -> float: ...


def no_wait(trs: int, queued: int = 0) -> float:  # noqa: ARG001 - a Wait
    """The estimate without limits: 0."""
    return 0.0


class Progress:
    """Progress bar of a load: TRs done, TRs expected, and the time left.

    The bar is tqdm's, and is created when the load has taken a second: in a notebook, or where standard error is a
    terminal. What keeps tqdm from drawing it (TQDM_DISABLE, a closed standard error) does not concern the load.

    Args:
        label: text before the bar.
        show: whether there is a bar at all.
        wait: estimates the seconds that so many more TRs take under the broker's limits.
        clock: seconds of a monotonic clock.
        now: the broker's time, seconds since the epoch; with it the rate and the end are shown as well.
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
        self._item_left: int | None = None

    def expect(self, trs: int) -> None:
        """Adds so many expected TRs; within an ``item`` they are part of the total already."""
        if self._item_left is None:
            self._total += trs
        if self._since is None:
            self._since = self._clock()
        self._draw()

    def remaining(self, trs: int) -> None:
        """Says how many TRs are still to come, the one that has just come back included: they show it themselves."""
        if self._item_left is None:
            self._total = self._done + trs
        else:
            self._total += trs - self._item_left
            self._item_left = trs

    @contextlib.contextmanager
    def item(self, trs: int, label: str | None = None) -> Iterator[Progress]:
        """One of several loads whose TRs were expected together, so that the bar counts all of them once.

        The total follows what the load really takes: TRs beyond ``trs`` are added, those not needed are taken off.

        Args:
            trs: how many of the expected TRs are this load's.
            label: another text before the bar, from now on.
        """
        if label is not None:
            self.relabel(label)
        self._item_left = trs
        try:
            yield self
        finally:
            self._total -= self._item_left
            self._item_left = None

    def page(self, note: str = "") -> None:
        """Counts one TR that has come back."""
        self._done += 1
        self._queued = 0
        if self._item_left:
            self._item_left -= 1
        elif self._item_left is not None:
            self._total += 1
        self._total = max(self._total, self._done)
        self._draw(note)

    def waiting(self, place: QueuePosition) -> None:
        """Shows that the next TR waits in the server's queue."""
        self._queued = 1
        self._draw(next_tr(place))

    def set_note(self, note: str) -> None:
        """Shows a note beside the bar."""
        self._draw(note)

    def set_counts(self, done: int, total: int, queued: int, note: str = "") -> None:
        """Sets the counts: TRs done, expected in all, and in the server's queue."""
        if self._since is None:
            self._since = self._clock()
        self._done, self._total, self._queued = done, max(total, done), queued
        self._draw(note)

    def relabel(self, label: str) -> None:
        """Changes the text before the bar."""
        self._label = label
        if self._bar is not None:
            self._bar.set_description_str(label, refresh=False)

    def close(self, finished: bool = True) -> None:
        """Removes the bar: at 100 % if the load is ``finished``, where it stopped if it failed."""
        if self._bar is None:
            return
        with self._undisturbed():
            if finished:
                # TRs that were expected and not needed are no longer missing.
                self._bar.total = self._bar.n = self._done
                self._bar.set_postfix_str("", refresh=False)
                self._bar.refresh()
            self._bar.close()
        self._bar = None

    def _draw(self, note: str = "") -> None:
        if not self._show or self._since is None:
            return
        if self._bar is None and self._clock() - self._since < DELAY:
            return
        seconds = self._wait(self._total - self._done, self._queued)
        left = f"약 {duration(seconds)} 남음" if seconds >= 1 else ""
        shown = (*self._pace(seconds), left, note)
        with self._undisturbed():
            if self._bar is None:
                self._bar = _new_bar(self._label, self._total)
                self._show = self._bar is not None
            if self._bar is not None:
                self._bar.set_postfix_str(", ".join(text for text in shown if text), refresh=False)
                self._bar.total, self._bar.n = self._total, self._done
                self._bar.refresh()

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Goes on without a bar where it cannot be drawn."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - tqdm, widgets and streams of any kind: none is worth a load
            log.debug("no progress bar: %r", error)
            self._bar, self._show = None, False

    def _pace(self, left: float) -> tuple[str, str]:
        """The rate and the end of the load, by the broker's clock."""
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
        self.close(finished=kind is None)
        if isinstance(error, KeyboardInterrupt):
            shorten(error)


def _new_bar(label: str, total: int) -> Any:
    """tqdm's bar; None where it is disabled, or where no notebook or terminal shows it."""
    if not (_in_notebook() or sys.stderr.isatty()):
        return None  # a log file gets no progress bar
    from tqdm.auto import tqdm

    bar = tqdm(total=total, desc=label, unit="TR", leave=False, bar_format=_FORMAT)
    if bar.disable:
        return None
    bar.start_t -= DELAY
    return bar


def _in_notebook() -> bool:
    """Whether this is a Jupyter kernel, whose front end shows what is written to standard error."""
    return hasattr(running_shell(), "kernel")


def next_tr(place: QueuePosition) -> str:
    """The note for a position in the server's queue."""
    return f"다음 TR {place.expected_wait:.0f}초 뒤" if place.expected_wait >= 1 else ""


def duration(seconds: float) -> str:
    """A duration in Korean, in its two largest units."""
    if seconds < 60:
        return f"{seconds:.0f}초"
    if seconds < 3600:
        return f"{seconds // 60:.0f}분 {seconds % 60:.0f}초"
    return f"{seconds // 3600:.0f}시간 {seconds % 3600 // 60:.0f}분"

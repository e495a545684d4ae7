"""Windows that learn: where the broker takes less than a window says, the window takes less for a while.

A refusal does not say which window was too wide. The guess is cheap where it is wrong: the shortest window first,
which is empty again before long. If the pause does not help, or that window has been cleared before, it is the shortest
in which the broker never took more than there are now. A tightened window opens again by itself after
``BackOff.tighten`` seconds; refused again at the same count it stays tight for twice as long, so refusals become
rare and no guess lasts.

The broker may count in windows that nobody knows of. So, once it has refused, there are *rungs* between the windows
that are set: each twice as long as the one before, without a limit until they are tightened.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from kernel_server.scheduler.limits import Window
from kernel_server.scheduler.refusals import BackOff

_NEVER = float("-inf")
_NO_LIMIT = sys.maxsize


@dataclass(slots=True)
class Bound:
    """A window, and what the broker has shown of it.

    Attributes:
        window: as it is set; a rung takes any number.
        limit: so many calls were in the window when the broker refused one more; 0 where it did not.
        until: so long no more than ``limit`` are made.
        span: for how many seconds that was decided.
        peak: the most calls in the window that the broker took.
        cleared: it was tightened, and the broker then took more: it was another window.
    """

    window: Window
    limit: int = 0
    until: float = _NEVER
    span: float = 0.0
    peak: int = 0
    cleared: bool = False

    @property
    def rung(self) -> bool:
        """Whether it is not one of those that are set, so that it means nothing unless it is tight."""
        return self.window.limit == _NO_LIMIT

    def tight(self, now: float) -> bool:
        return bool(self.limit) and now < self.until

    def allowed(self, now: float) -> int:
        """How many calls it takes at present."""
        return self.limit if self.tight(now) else self.window.limit

    def due(self, times: Sequence[float]) -> float:
        """When the next call may be made after calls at ``times`` (ascending); -inf where at any time."""
        window = self.window
        due = times[-window.limit] + window.seconds if len(times) >= window.limit else _NEVER
        if self.limit and len(times) >= self.limit:
            due = max(due, min(times[-self.limit] + window.seconds, self.until))
        return due

    def used(self, times: Sequence[float], now: float) -> int:
        """How many of the calls at ``times`` (ascending) count at ``now``."""
        seconds = self.window.seconds
        gone = bisect_right(times, now - seconds)
        # By the sum that ``due`` takes, so that what is free there is free here.
        while gone < len(times) and times[gone] + seconds <= now:
            gone += 1
        return len(times) - gone

    def said(self) -> str:
        """What was learned, for the log."""
        said = f"at most {self.limit} calls in {self.window.seconds:g} s for the next {self.span:g} s"
        return said if self.rung else f"{said}, where {self.window.limit} were to be allowed"


def with_rungs(bounds: Sequence[Bound], times: Sequence[float]) -> list[Bound]:
    """The bounds, shortest first, with rungs between them; ``times`` show what the broker took before."""
    if not bounds:
        return []
    lengths = [bound.window.seconds for bound in bounds]
    rungs = []
    length = min(lengths)
    while length < max(lengths):
        if not any(length / 1.4 < known < length * 1.4 for known in lengths):
            rungs.append(Bound(Window(_NO_LIMIT, length), peak=_peak(times, length)))
        length *= 2
    return sorted([*bounds, *rungs], key=lambda bound: bound.window.seconds)


def _peak(times: Sequence[float], seconds: float) -> int:
    """The most calls in any ``seconds``."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] + seconds <= time:
            first += 1
        most = max(most, last - first + 1)
    return most


def taken(bounds: Sequence[Bound], times: Sequence[float], now: float) -> None:
    """The broker took a call at ``now``, which is the last of ``times``."""
    for bound in bounds:
        count = bound.used(times, now)
        if bound.limit and count > bound.limit:
            # So it was another window, and what was thought to speak for that one is out of date.
            bound.limit, bound.span, bound.cleared = 0, 0.0, True
            for other in bounds:
                other.peak = 0
        bound.peak = max(bound.peak, count)


def tighten(
    bounds: Sequence[Bound], times: Sequence[float], now: float, in_a_row: int, back_off: BackOff
) -> Bound | None:
    """The broker refused for the ``in_a_row``-th time: tightens the window that seems to be too wide.

    ``bounds`` come shortest first. None where no window has a call in it: then something else is the cause.
    """
    if not back_off.tighten:
        return None
    found = _suspect(bounds, times, now, in_a_row)
    if found is not None:
        found.limit = found.used(times, now)
        found.cleared = False
        found.span = back_off.tightened(found.span)
        found.until = now + found.span
    return found


def _suspect(bounds: Sequence[Bound], times: Sequence[float], now: float, in_a_row: int) -> Bound | None:
    counts = [(bound, bound.used(times, now)) for bound in bounds]
    holding = [(bound, count) for bound, count in counts if count]
    for bound, count in holding:
        if bound.limit and bound.until <= now and count >= bound.limit:
            return bound  # it was tight, opened again, and here is the broker's answer
    # A window that is set is more likely than a rung, and one that was cleared the least likely.
    for bound, count in sorted(holding, key=lambda each: (each[0].cleared, each[0].rung)):
        if count >= bound.peak or (in_a_row == 1 and not bound.cleared):
            return bound
    return holding[0][0] if holding else None

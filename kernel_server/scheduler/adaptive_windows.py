"""Windows that learn: one that turns out to be too wide for the broker is tightened for a while.

A refusal does not say which window was too wide. The guess is cheap where it is wrong: the shortest window first,
which is empty again before long. If the pause does not help, or that window has been cleared before, it is the shortest
in which the broker never took more than there are now. A tightened window opens again after ``BackOff.tighten``
seconds; refused again at the same count it stays tight for twice as long, so refusals become rare and no guess lasts.

The broker may count in windows that are not documented. So, once it has refused, *probe windows* are put between
the windows that are set: each twice as long as the one before, and without a limit until it is tightened.
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
class AdaptiveWindow:
    """A window, and what the broker's answers have shown of it.

    Attributes:
        window: as it is set; a probe window takes any number.
        limit: so many calls were in the window when the broker refused one more; 0 where it did not.
        until: clock time until which no more than ``limit`` are made.
        span: for how many seconds it was last tightened.
        peak: the most calls in the window that the broker took.
        cleared: it was tightened, and the broker then took more: another window was the cause.
    """

    window: Window
    limit: int = 0
    until: float = _NEVER
    span: float = 0.0
    peak: int = 0
    cleared: bool = False

    @property
    def is_probe(self) -> bool:
        """Whether it is not one of those that are set; it then limits nothing unless it is tight."""
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
        # By the same sum as in ``due``, so that rounding cannot make the two disagree.
        while gone < len(times) and times[gone] + seconds <= now:
            gone += 1
        return len(times) - gone

    def described(self) -> str:
        """What was learned, for the log."""
        text = f"at most {self.limit} calls in {self.window.seconds:g} s for the next {self.span:g} s"
        return text if self.is_probe else f"{text}, where {self.window.limit} were to be allowed"


def with_probes(windows: Sequence[AdaptiveWindow], times: Sequence[float]) -> list[AdaptiveWindow]:
    """The windows, shortest first, with probe windows between them; ``times`` are calls that the broker took."""
    if not windows:
        return []
    lengths = [each.window.seconds for each in windows]
    probes = []
    length = min(lengths)
    while length < max(lengths):
        if not any(length / 1.4 < known < length * 1.4 for known in lengths):
            probes.append(AdaptiveWindow(Window(_NO_LIMIT, length), peak=_peak(times, length)))
        length *= 2
    return sorted([*windows, *probes], key=lambda each: each.window.seconds)


def _peak(times: Sequence[float], seconds: float) -> int:
    """The most calls in any ``seconds``."""
    most = first = 0
    for last, time in enumerate(times):
        while times[first] + seconds <= time:
            first += 1
        most = max(most, last - first + 1)
    return most


def record_taken(windows: Sequence[AdaptiveWindow], times: Sequence[float], now: float) -> None:
    """Learns from a call that the broker took at ``now``, the last of ``times``."""
    for each in windows:
        count = each.used(times, now)
        if each.limit and count > each.limit:
            # Another window was the cause, so the peaks that spoke for this one are out of date.
            each.limit, each.span, each.cleared = 0, 0.0, True
            for other in windows:
                other.peak = 0
        each.peak = max(each.peak, count)


def tighten(
    windows: Sequence[AdaptiveWindow], times: Sequence[float], now: float, in_a_row: int, back_off: BackOff
) -> AdaptiveWindow | None:
    """Tightens the window that seems too wide after the ``in_a_row``-th refusal, and returns it.

    ``windows`` come shortest first. None where no window has a call in it: then something else is the cause.
    """
    if not back_off.tighten:
        return None
    found = _suspect(windows, times, now, in_a_row)
    if found is not None:
        found.limit = found.used(times, now)
        found.cleared = False
        found.span = back_off.tightened(found.span)
        found.until = now + found.span
    return found


def _suspect(
    windows: Sequence[AdaptiveWindow], times: Sequence[float], now: float, in_a_row: int
) -> AdaptiveWindow | None:
    counts = [(each, each.used(times, now)) for each in windows]
    in_use = [(each, count) for each, count in counts if count]
    for each, count in in_use:
        if each.limit and each.until <= now and count >= each.limit:
            return each  # it was tight, opened again, and was refused at the same count
    # A window that is set is more likely than a probe, and one that was cleared the least likely.
    for each, count in sorted(in_use, key=lambda pair: (pair[0].cleared, pair[0].is_probe)):
        if count >= each.peak or (in_a_row == 1 and not each.cleared):
            return each
    return in_use[0][0] if in_use else None

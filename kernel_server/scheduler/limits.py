"""The broker's limits as windows: at most so many calls in so many seconds, several at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``limit`` calls in any ``seconds`` (half open: a call exactly ``seconds`` old counts no more)."""

    limit: int
    seconds: float

    def __post_init__(self) -> None:
        if self.limit < 1 or not self.seconds > 0:
            raise ValueError(
                f"a window takes at least 1 call in a time above 0 s, not {self.limit} in {self.seconds} s"
            )


@dataclass(frozen=True)
class Limits:
    """Windows by kind of call (``tr``, ``order``). A kind without a window is not limited."""

    name: str
    windows: Mapping[str, tuple[Window, ...]]

    def of(self, kind: str) -> tuple[Window, ...]:
        return self.windows.get(kind, ())

    def reach(self, kind: str) -> float:
        """Seconds after which a call of that kind counts in no window any more."""
        return max((window.seconds for window in self.of(kind)), default=0.0)


@cache
def presets() -> Mapping[str, Limits]:
    """The named settings of ``data/limits.tsv``."""
    lines = (Path(__file__).parent / "data" / "limits.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found: dict[str, dict[str, tuple[Window, ...]]] = {}
    for line in lines:
        preset, kind, limit, seconds, _why = line.split("\t")
        windows = found.setdefault(preset, {})
        windows[kind] = (*windows.get(kind, ()), Window(int(limit), float(seconds)))
    return {name: Limits(name, windows) for name, windows in found.items()}


def next_free(windows: Iterable[Window], times: Sequence[float]) -> float:
    """When the next call may be made after calls at ``times`` (ascending); -inf where at any time.

    >>> next_free([Window(2, 1.0), Window(3, 60.0)], [0.0, 5.0, 5.5])
    60.0
    """
    due = float("-inf")
    for window in windows:
        if len(times) >= window.limit:
            due = max(due, times[-window.limit] + window.seconds)
    return due


def used(window: Window, times: Sequence[float], now: float) -> int:
    """How many of the calls at ``times`` count in ``window`` at ``now``."""
    return sum(1 for time in times if time > now - window.seconds)

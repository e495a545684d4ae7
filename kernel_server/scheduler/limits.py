"""The broker's limits as windows: at most so many calls in so many seconds, several at once."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Windows by what they count: ``tr``, ``order``, ``condition``. What has no window is not limited.

    ``tr`` and ``order`` are kinds of calls. ``condition`` has windows for each condition by itself, so a key
    may go on after a colon (``condition:3:골든크로스``).
    """

    name: str
    windows: Mapping[str, tuple[Window, ...]]

    def of(self, key: str) -> tuple[Window, ...]:
        return self.windows.get(key.partition(":")[0], ())

    def reach(self, key: str) -> float:
        """Seconds after which a call of that key counts in no window any more."""
        return max((window.seconds for window in self.of(key)), default=0.0)


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

"""The broker's limits as windows: at most so many calls in so many seconds, several at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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


_OFFICIAL = Limits(
    "official",
    {
        # Documented: CommRqData, CommKwRqData and SendCondition together; the hour is inferred by users, always safe.
        "tr": (Window(5, 1), Window(1000, 3600)),
        # Documented: SendOrder, SendOrderCredit and SendOrderFO together.
        "order": (Window(5, 1),),
        # Documented: each condition by itself, beside its place among the TRs.
        "condition": (Window(1, 60),),
    },
)

_SAFE = Limits(
    "safe",
    {
        **_OFFICIAL.windows,
        "tr": (
            Window(5, 1),
            Window(5, 18),  # rest after a burst: the board's notice says 17 s, a second is margin
            Window(25, 90),  # rest after five bursts
            Window(50, 180),  # rest after ten bursts
            Window(1000, 3600),
        ),
    },
)

PRESETS: Mapping[str, Limits] = {limits.name: limits for limits in (_OFFICIAL, _SAFE)}
"""The named settings of ``--limits``."""

"""A progress bar for loads that take longer than a second, in the notebook and in the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from koalab.transport.base import Waiting

# A load that is over sooner shows nothing.
DELAY = 1.0


class Progress:
    """Counts the TRs of a load against those it is expected to need, and says when the next one goes out.

    The bar itself is tqdm's and is made when the first TR is asked for: a load out of the cache costs nothing.
    """

    def __init__(self, label: str, show: bool = True) -> None:
        self._label = label
        self._show = show
        self._total: int | None = None
        self._done = 0
        self._bar: Any = None

    def expect(self, trs: int) -> None:
        """So many TRs more are expected."""
        self._total = (self._total or 0) + trs
        if self._bar is None and self._show:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=self._total, desc=self._label, unit="TR", delay=DELAY, leave=False)
        elif self._bar is not None:
            self._bar.total = self._total
            self._bar.refresh()

    def page(self, note: str = "") -> None:
        """One TR has come back."""
        self._done += 1
        if self._total is not None and self._done > self._total:
            self.expect(self._done - self._total)
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(1)

    def waiting(self, place: Waiting) -> None:
        """The next TR waits for the broker's limits."""
        self.say(f"다음 TR {place.expected_wait:.0f}초 뒤" if place.expected_wait >= 1 else "다음 TR 곧")

    def say(self, note: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(note)

    def relabel(self, label: str) -> None:
        self._label = label
        if self._bar is not None:
            self._bar.set_description_str(label, refresh=False)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.total = self._done  # what was estimated is known now: the bar ends green
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

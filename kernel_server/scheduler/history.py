"""When calls were made, kept over a restart: the broker remembers them too.

Times are those of the server's clock. In the file they are the wall's: that is what passes between two servers,
whatever their clocks show.
"""

from __future__ import annotations

import logging
import time
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


class History:
    """Times of the calls of one kind, ascending, as far back as any window reaches.

    With a file, each time is appended as it happens (eight bytes, so a cut in the middle leaves at most
    one broken time at the end, which is dropped), and what counts no more is dropped on opening.
    """

    def __init__(
        self,
        reach: float,
        depth: int,
        file: Path | None = None,
        now: float = 0.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._times: deque[float] = deque(maxlen=max(depth, 1))
        self._wall = wall
        self._written = float("-inf")
        self._file = None
        if file is None:
            return
        try:
            present = wall()
            kept = self._read(file, present - reach, present)
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(array("d", kept).tobytes())
            fresh.replace(file)
            self._file = file.open("ab", buffering=0)
            self._times.extend(now - (present - made) for made in kept)
        except OSError as error:
            log.warning("the history of calls cannot be kept in %s: %s", file, error)

    @property
    def times(self) -> list[float]:
        return list(self._times)

    def add(self, made: float) -> None:
        # Never earlier than the one before: a clock that was set back must not free a window.
        made = max(made, self._times[-1]) if self._times else made
        self._times.append(made)
        if self._file is not None:
            try:
                self._written = max(self._written, self._wall())
                self._file.write(array("d", [self._written]).tobytes())
            except OSError as error:
                log.warning("the history of calls is kept no more: %s", error)
                self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _read(file: Path, oldest: float, now: float) -> list[float]:
        if not file.exists():
            return []
        raw = file.read_bytes()
        times = array("d", raw[: len(raw) // 8 * 8])
        return sorted(min(made, now) for made in times if made > oldest)

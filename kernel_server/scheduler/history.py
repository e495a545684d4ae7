"""When calls were made, kept over a restart: the broker remembers them too."""

from __future__ import annotations

import logging
from array import array
from collections import deque
from pathlib import Path

log = logging.getLogger(__name__)


class History:
    """Times of the calls of one kind, ascending, as far back as any window reaches.

    With a file, each time is appended as it happens (eight bytes, so a cut in the middle leaves at most
    one broken time at the end, which is dropped), and what counts no more is dropped on opening.
    """

    def __init__(self, reach: float, depth: int, file: Path | None = None, now: float = 0.0) -> None:
        self._times: deque[float] = deque(maxlen=max(depth, 1))
        self._file = None
        if file is None:
            return
        try:
            kept = self._read(file, now - reach, now)
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(array("d", kept).tobytes())
            fresh.replace(file)
            self._file = file.open("ab", buffering=0)
            self._times.extend(kept)
        except OSError as error:
            log.warning("the history of calls cannot be kept in %s: %s", file, error)

    @property
    def times(self) -> list[float]:
        return list(self._times)

    def add(self, time: float) -> None:
        # Never earlier than the one before: a clock that was set back must not free a window.
        time = max(time, self._times[-1]) if self._times else time
        self._times.append(time)
        if self._file is not None:
            try:
                self._file.write(array("d", [time]).tobytes())
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
        return sorted(min(time, now) for time in times if time > oldest)

"""``LiveBars``: bars of one issue from the broker, which grow by its trades."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from koalab.dates import epoch_seconds
from koalab.frames.bars import BarColumns
from koalab.frames.halted import with_halted
from koalab.live.event_log import Columns
from koalab.live.wall_time import DAY, MINUTE, SECOND, wall_micros
from koalab.loaders.intervals import Interval
from koalab.store.series import moment

_VALUES: Final = ("open", "high", "low", "close", "volume")
FIELDS: Final = ("time", *_VALUES)
AFTER_HOURS: Final = "3"  # 장구분
_USED: Final = ("time", "price", "volume", "total_volume", "open", "high", "low", "arrived")
NEVER: Final = 2**62

Arrays = Mapping[str, NDArray[np.float64]]


@dataclass(slots=True)
class GrowingBar:
    """A bar that trades have changed. ``time`` in ``wall_time``, prices in KRW, volume in shares."""

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    version: int = 0

    def trade(self, price: float, volume: float) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += volume


class LiveBars:
    """Loaded bars, and behind them those that trades have changed since. Thread-safe.

    A bar that began after the stream did has all of its trades: no load replaces it. For the one that was growing
    when the stream began, 누적거래량 shows which trades a load had already, and whether any are missing. Where some
    are, the bars should be loaded again after the minute, and if need be after that bar: ``doubtful`` says when.

    Args:
        interval: of minutes, or of days.

    Attributes:
        version: counts the changes.
    """

    def __init__(self, interval: Interval) -> None:
        self.version = 0
        self._dated = interval.dated
        self._step = DAY if interval.dated else interval.size * MINUTE
        self._lock = threading.Lock()
        self._loaded_version = 0
        self._loaded: Arrays = arrays_of(BarColumns.empty("minute"))
        self._growing: list[GrowingBar] = []
        self._whole_from = NEVER  # bars from here on have all of their trades
        self._early: list[Columns] = []  # trades of the stream before that
        self._newest = 0  # time of the newest trade
        self._unchecked = False  # whether the next trade is to follow on from the loaded bars
        self._doubtful_from: int | None = None

    def __len__(self) -> int:
        return len(self._loaded["time"]) + len(self._growing)

    @property
    def doubtful(self) -> bool:
        """Whether bars may lack trades that another load has."""
        with self._lock:
            return self._doubtful_from is not None and self._newest >= self._doubtful_from

    @property
    def first(self) -> int | None:
        """The time of the first bar, in ``wall_time``; None without bars."""
        with self._lock:
            if len(self._loaded["time"]):
                return int(self._loaded["time"][0])
            return self._growing[0].time if self._growing else None

    def put(self, bars: BarColumns, complete_from: int, answered: float) -> None:
        """Puts loaded bars in the place of those from their first on.

        Args:
            bars: as the broker has them at ``answered``, seconds since the epoch.
            complete_from: the stream has every trade since; in ``wall_time``.
        """
        with self._lock:
            loaded = arrays_of(with_halted(bars, "flat"))
            self._whole_from = self._first_whole(complete_from, loaded)
            loaded = only(loaded, loaded["time"] < self._whole_from)
            if len(loaded["time"]):
                older = joined([self._loaded, _array_of(self._growing)])
                self._loaded = joined([only(older, older["time"] < loaded["time"][0]), loaded])
            reach = int(self._loaded["time"][-1]) if len(self._loaded["time"]) else -1
            self._growing = [bar for bar in self._growing if bar.time > reach]
            self.version += 1
            self._loaded_version = self.version
            if not self._dated:
                self._check_after_load(reach, complete_from, answered)

    def prepend(self, bars: BarColumns) -> bool:
        """Adds older bars in front; False if there is none."""
        older = arrays_of(with_halted(bars, "flat"))
        first = self.first
        with self._lock:
            if first is not None:
                older = only(older, older["time"] < first)
            if not len(older["time"]):
                return False
            self._loaded = joined([older, self._loaded])
            self.version += 1
            self._loaded_version = self.version
            return True

    def add(self, part: Columns) -> None:
        """Adds trades (columns of 주식체결); those after hours belong to no minute, but to the day."""
        with self._lock:
            rows = slice(None) if self._dated else part["session"] != AFTER_HOURS
            part = {name: part[name][rows] for name in _USED}
            if not len(part["time"]):
                return
            self.version += 1
            if self._dated:
                self._add_to_day(part)
            else:
                self._check(part)
                self._add_to_minutes(part)

    def touch(self) -> None:
        """Counts a change of what is shown beside the bars."""
        with self._lock:
            self.version += 1

    def changes(self, since: int) -> tuple[int, bool, Arrays]:
        """The version, whether these are all bars, and the bars that changed after version ``since``.

        ``time`` is in seconds of Seoul wall time, prices in KRW, ``volume`` in shares.
        """
        with self._lock:
            everything = since < self._loaded_version
            found = _array_of([bar for bar in self._growing if everything or bar.version > since])
            if everything:
                found = joined([self._loaded, found])
            return self.version, everything, {**found, "time": found["time"] / SECOND}

    # -- with the lock held

    def _first_whole(self, complete_from: int, loaded: Arrays) -> int:
        """The first time whose bar has all of its trades from the stream."""
        if not self._dated:
            return min(NEVER, -(-complete_from // self._step) * self._step)
        # A trade has the prices and the volume of its day, so that the later of the two is right.
        today = self._growing[-1] if self._growing else None
        if today is None or (loaded["volume"][loaded["time"] == today.time] > today.volume).any():
            return NEVER
        return today.time

    def _bar(self, time: int) -> GrowingBar | None:
        """The bar of that time, which a trade changes; None for one that is loaded and over."""
        for bar in reversed(self._growing):
            if bar.time == time:
                return bar
            if bar.time < time:
                break
        times = self._loaded["time"]
        newest = int(times[-1]) if len(times) else -1
        if time < newest:
            return None
        bar = GrowingBar(time, 0, 0, 0, 0, 0)
        if time == newest:
            first, high, low, close, volume = (float(self._loaded[name][-1]) for name in _VALUES)
            bar = GrowingBar(time, first, high, low, close, volume)
            self._loaded = only(self._loaded, slice(None, -1))
        insort(self._growing, bar, key=lambda one: one.time)
        return bar

    def _check(self, trades: Columns) -> None:
        """Notes trades of the bar that was growing when the stream began, and whether any before them is missing."""
        times = micros(trades)
        self._newest = max(self._newest, int(times.max()))
        if self._unchecked:
            self._unchecked = False
            if self._counted(int(times[0])) != trades["total_volume"][0] - trades["volume"][0]:
                self._doubtful_from = min(self._whole_from, _next_minute(int(times[0])))
        if times[0] < self._whole_from:
            self._early.append(trades)

    def _counted(self, time: int) -> float:
        """The volume of the loaded bars of a trade's day."""
        return float(self._loaded["volume"][self._loaded["time"] >= time // DAY * DAY].sum())

    def _check_after_load(self, reach: int, complete_from: int, answered: float) -> None:
        """Adds to the last loaded bar the trades of the stream that it does not have."""
        asked_again, self._doubtful_from, self._unchecked = self._doubtful_from is not None, None, True
        if not self._early:
            return
        trades = joined(self._early)
        trades = only(trades, trades["arrived"] >= epoch_seconds(moment(complete_from)))
        times = micros(trades)
        self._early = [trades] if wall_micros(answered) < self._whole_from else []
        if not len(times):
            return
        self._unchecked = False
        counted, total = self._counted(int(times[0])), trades["total_volume"]
        if counted == total[0] - trades["volume"][0] or counted in total:
            missing = total > counted
        else:
            missing = trades["arrived"] > answered
            if wall_micros(answered) < self._whole_from:
                again = _next_minute(wall_micros(answered))
                self._doubtful_from = self._whole_from if asked_again else min(self._whole_from, again)
        missing = np.asarray(missing & (times // self._step * self._step <= reach))
        if missing.any():
            self._add_to_minutes(only(trades, missing))

    def _add_to_minutes(self, part: Columns) -> None:
        starts = (micros(part) // self._step * self._step).tolist()
        columns = (part[name].tolist() for name in ("price", "volume"))
        for time, price, volume in zip(starts, *columns, strict=True):
            bar = self._bar(time)
            if bar is None:
                continue
            if not bar.open:
                bar.open = bar.high = bar.low = price
            bar.trade(price, volume)
            bar.version = self.version

    def _add_to_day(self, part: Columns) -> None:
        bar = self._bar(int(micros(part)[-1]) // DAY * DAY)
        if bar is None:
            return
        price, first, high, low, volume = (
            part[name][-1].item() for name in ("price", "open", "high", "low", "total_volume")
        )
        bar.open, bar.high, bar.low = first or price, max(high, price), min(low or price, price)
        bar.close, bar.volume, bar.version = price, volume, self.version


def _next_minute(time: int) -> int:
    return (time // MINUTE + 1) * MINUTE


def micros(part: Columns) -> NDArray[np.int64]:
    """The times of trades in ``wall_time``."""
    found: NDArray[np.int64] = part["time"].astype("M8[us]").astype(np.int64)
    return found


def arrays_of(bars: BarColumns) -> Arrays:
    """Loaded bars as arrays; ``time`` in ``wall_time``."""
    values = {name: np.asarray(getattr(bars, name), np.float64) for name in _VALUES}
    return {"time": bars.time.astype(np.int64).astype(np.float64), **values}


def _array_of(bars: list[GrowingBar]) -> Arrays:
    return {name: np.array([getattr(bar, name) for bar in bars], np.float64) for name in FIELDS}


def only(arrays: Any, rows: Any) -> Any:
    """Some rows of columns."""
    return {name: values[rows] for name, values in arrays.items()}


def joined(parts: list[Any]) -> Any:
    """Columns behind each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

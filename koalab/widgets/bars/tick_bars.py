"""``TickBars``: bars of a number of trades each, from the broker, which the stream's trades continue."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from koalab.dates import epoch_seconds
from koalab.frames.bars import BarColumns
from koalab.live.event_log import Columns
from koalab.live.wall_time import DAY, SECOND
from koalab.loaders.intervals import Interval
from koalab.store.series import moment
from koalab.widgets.bars.live_bars import (
    AFTER_HOURS,
    FIELDS,
    NEVER,
    Arrays,
    GrowingBar,
    arrays_of,
    joined,
    micros,
    only,
)

MOST: Final = 20_000
"""Bars that are kept."""
_SPARE: Final = 2_000
_TRADES_KEPT: Final = 5_000
_NEAR: Final = 50
"""Trades by which a page of bars and the stream may be apart."""
_APART: Final = 1_000
"""Microseconds between bars of the same second: a chart needs a time for each."""
_USED: Final = ("time", "price", "volume", "arrived")


@dataclass(frozen=True, slots=True, eq=False)
class TickHistory:
    """The newest bars, as the broker has them.

    Attributes:
        bars: oldest first.
        in_last: 마지막틱갯수, the trades of the last bar; 0 where the broker does not say.
        answered: when the newest page came, seconds since the epoch.
        more: whether there are older bars.
        failure: the broker's message where it gave less than there may be; blank where it gave all.
    """

    bars: BarColumns
    in_last: int
    answered: float
    more: bool
    failure: str = ""


class TickBars:
    """Loaded bars, and those that trades have changed since. Thread-safe.

    A load ends somewhere among the trades of the stream. Where is shown by its last bar: its volume is that of its
    last trades. While the stream has fewer trades than that bar, the time of the answer decides, and the bars should
    be loaded again when it has enough: ``doubtful``.

    Args:
        interval: of trades.

    Attributes:
        version: counts the changes.
    """

    def __init__(self, interval: Interval) -> None:
        self.version = 0
        self._size = interval.size
        self._lock = threading.Lock()
        self._loaded_version = 0
        self._seen = 0  # the newest version that was asked for
        self._whole: Arrays = arrays_of(BarColumns.empty("tick"))
        self._growing: list[GrowingBar] = []
        self._in_last = 0
        self._trades: Columns | None = None  # the newest of the stream
        self._since_load = 0
        self._unsure_loads = 0  # in a row

    def __len__(self) -> int:
        return len(self._whole["time"]) + len(self._growing)

    @property
    def doubtful(self) -> bool:
        """Whether another load would show which trades the bars have."""
        with self._lock:
            # Twice as late with every load that did not show it.
            return self._unsure_loads > 0 and self._since_load >= self._size << (self._unsure_loads - 1)

    def put(self, found: TickHistory, complete_from: int) -> None:
        """Puts loaded bars in the place of all, and the trades of the stream that came later behind them.

        Args:
            found: the bars.
            complete_from: the stream has every trade since; in ``wall_time``.
        """
        with self._lock:
            bars = arrays_of(found.bars)
            bars = {**bars, "time": _apart(bars["time"])}
            trades = self._since(complete_from)
            included, self._in_last, sure = self._match(bars, found, trades)
            self._unsure_loads = 0 if sure else self._unsure_loads + 1
            self._since_load = 0
            self._whole = only(bars, slice(None, -1))
            self._growing = [
                GrowingBar(int(time), *values) for time, *values in zip(*_last(bars), strict=True)
            ]
            self._changed_all()
            if trades is not None:
                self._grow(only(trades, slice(included, None)))

    def add(self, part: Columns) -> None:
        """Adds trades (columns of 주식체결); those after hours belong to no bar."""
        with self._lock:
            rows = part["session"] != AFTER_HOURS
            trades = {name: part[name][rows] for name in _USED}
            if not len(trades["time"]):
                return
            kept = trades if self._trades is None else joined([self._trades, trades])
            self._trades = only(kept, slice(-_TRADES_KEPT, None))
            self._since_load += len(trades["time"])
            self.version += 1
            self._grow(trades)
            self._bound()

    def touch(self) -> None:
        """Counts a change of what is shown beside the bars."""
        with self._lock:
            self.version += 1

    def changes(self, since: int) -> tuple[int, bool, Arrays]:
        """See ``LiveBars.changes``."""
        with self._lock:
            self._seen = max(self._seen, since)
            everything = since < self._loaded_version
            changed = [bar for bar in self._growing if everything or bar.version > since]
            found = {name: np.array([getattr(bar, name) for bar in changed], np.float64) for name in FIELDS}
            if everything:
                found = joined([self._whole, found])
            return self.version, everything, {**found, "time": found["time"] / SECOND}

    # -- with the lock held

    def _changed_all(self) -> None:
        self.version += 1
        self._loaded_version = self.version

    def _since(self, complete_from: int) -> Columns | None:
        if self._trades is None or complete_from == NEVER:
            return None
        found: Columns = only(self._trades, self._trades["arrived"] >= epoch_seconds(moment(complete_from)))
        return found

    def _match(self, bars: Arrays, found: TickHistory, trades: Columns | None) -> tuple[int, int, bool]:
        """How many of the stream's trades the bars have, how many trades the last bar has, and whether that is sure."""
        given = found.in_last if 0 < found.in_last <= self._size else self._size
        if trades is None or not len(bars["time"]):
            return 0, given, False
        prices, summed = trades["price"], np.concatenate([[0], np.cumsum(trades["volume"])])
        guess = int(np.searchsorted(trades["arrived"], found.answered, "right"))
        close, volume = bars["close"][-1], bars["volume"][-1]
        places = sorted(
            range(max(0, guess - _NEAR), min(len(prices), guess + _NEAR) + 1), key=lambda at: abs(at - guess)
        )
        ends = [at for at in places if at and prices[at - 1] == close]
        counts = [given, *(count for count in range(1, self._size + 1) if count != given)]
        for count in counts:
            for at in ends:
                if count <= at and summed[at] - summed[at - count] == volume:
                    return at, count, True
        fits = [at for at in ends if at < given and summed[at] <= volume]
        return (fits or [guess])[0], given, False

    def _grow(self, trades: Columns) -> None:
        columns = (trades[name].tolist() for name in ("price", "volume"))
        for time, price, volume in zip(micros(trades).tolist(), *columns, strict=True):
            last = self._growing[-1] if self._growing else None
            if last is None or self._in_last >= self._size or last.time // DAY != time // DAY:
                after = last.time + _APART if last is not None else 0
                last = GrowingBar(max(time, after), price, price, price, price, 0)
                self._growing.append(last)
                self._in_last = 0
            last.trade(price, volume)
            last.version = self.version
            self._in_last += 1

    def _bound(self) -> None:
        """Moves bars that are over, and that the page has, to the others, and forgets the oldest."""
        over = [bar for bar in self._growing[:-1] if bar.version <= self._seen]
        if len(self._growing) > _SPARE and len(over) <= _SPARE // 2:
            over = self._growing[:-1]
            self._changed_all()
        if len(over) > _SPARE // 2:
            done = {name: np.array([getattr(bar, name) for bar in over], np.float64) for name in FIELDS}
            self._whole = joined([self._whole, done])
            self._growing = self._growing[len(over) :]
        if len(self) > MOST + _SPARE:
            self._whole = only(self._whole, slice(len(self) - MOST, None))
            self._changed_all()


def _last(bars: Arrays) -> list[list[float]]:
    """The columns of the last bar; empty without bars."""
    return [bars[name][-1:].tolist() for name in FIELDS]


def _apart(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ascending times, made different where some are the same."""
    steps = np.arange(len(times)) * _APART
    apart: NDArray[np.float64] = np.maximum.accumulate(times - steps) + steps
    return apart

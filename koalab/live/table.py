"""``LiveTable``: the newest quotes of some issues, kept current by their streams. ``kw.live(codes)`` makes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from koalab.dates import SEOUL
from koalab.errors import BadInput
from koalab.inputs.text import shown
from koalab.live.callbacks import call_logged
from koalab.live.decoding.decoder import Column
from koalab.live.event_log import Columns
from koalab.live.readable import StreamState
from koalab.live.stream import EventStream, weak_listener

# Columns of the table and the fields of 주식체결 that they show.
_TRADED: Final = {
    "price": "price",
    "change": "change",
    "change_rate": "change_rate",
    "volume": "total_volume",
    "value": "total_value",
    "ask": "ask",
    "bid": "bid",
    "open": "open",
    "high": "high",
    "low": "low",
    "strength": "strength",
    "time": "time",
}
_FIXED: Final = ("base_price", "upper_limit", "lower_limit")
_COLUMNS: Final = (
    "price",
    "change",
    "change_rate",
    "volume",
    "value",
    "trade_volume",
    "ask",
    "bid",
    "open",
    "high",
    "low",
    "strength",
    *_FIXED,
)
_FLOATS: Final = frozenset({"change_rate", "strength"})
_WAIT: Final = 0.2


class LiveTable:
    """The newest quotes of some issues, from ``kw.quotes`` and from every trade and best quote since it was made.

    Args:
        codes: of the rows, in their order.
        names: of the issues, in the same order.
        trades: a stream of 주식체결.
        best_quotes: a stream of 주식우선호가.

    Attributes:
        codes: of the rows, in their order.
        version: counts the changes.
    """

    def __init__(
        self,
        codes: Sequence[str],
        names: Sequence[str],
        trades: EventStream[Any],
        best_quotes: EventStream[Any],
    ) -> None:
        self.codes = tuple(codes)
        self.names = tuple(names)
        self.version = 0
        self._changed = threading.Condition()
        self._trades = trades
        self._best_quotes = best_quotes
        self._values: dict[str, Column] = {
            name: np.zeros(len(codes), np.float64 if name in _FLOATS else np.int64) for name in _COLUMNS
        }
        self._values["time"] = np.full(len(codes), np.datetime64("NaT", "us"))
        self._row_version = np.zeros(len(codes), np.int64)
        self._callbacks: list[_ChangeThread] = []
        # Weak, so that a table without references is collected and its streams are closed.
        for stream, take in ((trades, "_on_trades"), (best_quotes, "_on_best_quotes")):
            stream.listen(weak_listener(getattr(self, take)))

    def begin(self, quotes: pd.DataFrame) -> None:
        """Fills in what no event has brought yet, from the frame of ``kw.quotes``."""
        known = quotes.reindex([code for code in self.codes if code in quotes.index])
        rows = np.array([self.codes.index(code) for code in known.index], np.intp)
        with self._changed:
            values = self._values
            traded = ~np.isnat(values["time"][rows])
            quoted = traded | (values["ask"][rows] != 0) | (values["bid"][rows] != 0)
            newer = dict.fromkeys((*_TRADED, "trade_volume"), traded) | {"ask": quoted, "bid": quoted}
            for name in _COLUMNS:
                column = known[name].to_numpy(np.float64, na_value=0.0).astype(values[name].dtype)
                values[name][rows] = np.where(newer.get(name, False), values[name][rows], column)
            time = known["time"].dt.tz_localize(None).to_numpy("datetime64[us]")
            values["time"][rows] = np.where(traded, values["time"][rows], time)

    def frame(self, changed_since: int | None = None) -> pd.DataFrame:
        """The table now, or only the rows that changed after that ``version``.

        Returns:
            Index ``code`` in the given order; ``name``; ``price``, ``change``, ``ask``, ``bid``, ``open``, ``high``,
            ``low``, ``base_price``, ``upper_limit``, ``lower_limit`` (KRW), ``change_rate`` and ``strength``
            (percent), ``volume`` (shares) and ``value`` (KRW) of the day, ``trade_volume`` (shares of the last
            trade, negative where a seller took a bid), ``time`` of the last trade (Asia/Seoul, NaT before the
            first). ``attrs["version"]`` is the table's.
        """
        with self._changed:
            rows = np.arange(len(self.codes)) if changed_since is None else self._rows_since(changed_since)
            values = {name: column[rows] for name, column in self._values.items()}
            version = self.version
        time = pd.DatetimeIndex(values.pop("time")).tz_localize(SEOUL)
        found = pd.DataFrame(
            {"name": pd.array([self.names[row] for row in rows.tolist()], dtype="str"), **values},
            index=pd.Index([self.codes[row] for row in rows.tolist()], dtype="str", name="code"),
        )
        found["time"] = time
        found.attrs = {**self._trades.origin("OPTKWFID"), "version": version}
        return found

    def delta(self, since: int) -> tuple[int, NDArray[np.intp], Mapping[str, Column]]:
        """The version, the numbers of the rows that changed after version ``since``, and their values by column."""
        with self._changed:
            rows = self._rows_since(since)
            return self.version, rows, {name: column[rows] for name, column in self._values.items()}

    def wait(self, since: int, timeout: float) -> bool:
        """Waits until the version is beyond ``since``, for at most ``timeout`` seconds."""
        with self._changed:
            return (
                self._changed.wait_for(lambda: self.version > since or self.closed, timeout)
                and not self.closed
            )

    def on(self, fn: Callable[[pd.DataFrame], object]) -> Callable[[], None]:
        """Calls ``fn`` with the rows that changed, at most ten times a second, on a separate thread.

        Returns:
            A function that ends it. An exception in ``fn`` is logged, and it is called all the same.

        Raises:
            BadInput: that is no function, or the table is closed and will not change.
        """
        if not callable(fn):
            raise BadInput(f"a function that takes a frame, not {shown(fn)}")
        if self.closed:
            raise BadInput(f"{self!r} will not change any more: kw.live() makes another")
        one = _ChangeThread(self, fn)
        self._callbacks.append(one)
        return one.stop

    @property
    def state(self) -> StreamState:
        """That of its stream of trades."""
        return self._trades.state

    @property
    def gaps(self) -> pd.DataFrame:
        """Intervals in which trades may be lost; see ``EventStream.gaps``."""
        return self._trades.gaps

    @property
    def trades(self) -> int:
        """The number of trades since it was made."""
        return self._trades.received

    @property
    def closed(self) -> bool:
        return str(self._trades.state) == "closed"

    def close(self) -> None:
        """Unregisters the codes; the last values stay readable. Idempotent."""
        for one in self._callbacks:
            one.stop()
        self._callbacks.clear()
        self._trades.close()
        self._best_quotes.close()
        with self._changed:
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self.codes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{len(self)} issues: {self.state!r}, {self.version:,} changes>"

    def _repr_html_(self) -> str:
        return str(self.frame().to_html())

    # -- on the hub's thread

    def _on_trades(self, part: Columns, _start: int) -> None:
        rows, last = _last_of_each(part["code"])
        with self._changed:
            for name, field in _TRADED.items():
                self._values[name][rows] = part[field][last]
            self._values["trade_volume"][rows] = part["volume"][last] * part["side"][last]
            self._touch(rows)

    def _on_best_quotes(self, part: Columns, _start: int) -> None:
        rows, last = _last_of_each(part["code"])
        with self._changed:
            for name in ("ask", "bid"):
                self._values[name][rows] = part[name][last]
            self._touch(rows)

    # -- with the lock held

    def _touch(self, rows: NDArray[np.intp]) -> None:
        self.version += 1
        self._row_version[rows] = self.version
        self._changed.notify_all()

    def _rows_since(self, version: int) -> NDArray[np.intp]:
        return np.flatnonzero(self._row_version > version)


class _ChangeThread:
    """Calls a function with the changed rows; holds the table, which so lives until it is stopped or closed."""

    def __init__(self, table: LiveTable, fn: Callable[[pd.DataFrame], object], pause: float = 0.1) -> None:
        self._table = table
        self._fn = fn
        self._pause = pause
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="koalab-callback", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        version = self._table.version
        failures = 0
        while not self._stopped.wait(self._pause) and not self._table.closed:
            if not self._table.wait(version, _WAIT) or self._stopped.is_set():
                continue
            changed = self._table.frame(changed_since=version)
            version = int(changed.attrs["version"])
            failures = call_logged(self._fn, changed, failures)


def _last_of_each(code: Column) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The distinct row numbers, and the position of the last event of each."""
    rows, first_from_end = np.unique(code[::-1], return_index=True)
    return rows.astype(np.intp), len(code) - 1 - first_from_end

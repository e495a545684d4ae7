"""Trades (주식체결) as columns, read from batches of real-time events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from koalab.frames.numbers import Ints, Numbers
from koalab.live.decoding import columns
from koalab.live.wall_time import DAY, SECOND, wall_micros
from koalab.transport.base import TickBatch

_TYPE: Final = "주식체결"
_FIDS: Final = (20, 10, 11, 15, 13)  # 체결시간 현재가 전일대비 거래량 누적거래량


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades of one issue on one day, arrays of one length.

    Attributes:
        time: 체결시간, whole seconds, as ``koalab.live.wall_time``.
        price: KRW.
        volume: shares.
        total: 누적거래량, this trade's shares included.
    """

    time: Ints
    price: Numbers
    volume: Numbers
    total: Numbers

    def __len__(self) -> int:
        return self.time.size

    def __getitem__(self, part: slice | Ints) -> Trades:
        return Trades(self.time[part], self.price[part], self.volume[part], self.total[part])

    @classmethod
    def merged(cls, parts: Sequence[Trades]) -> Trades:
        """All trades in order of execution, without duplicates."""
        if not parts:
            none = np.empty(0, np.int64)
            return cls(none, none, none, none)
        whole = cls(
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.price for part in parts]),
            np.concatenate([part.volume for part in parts]),
            np.concatenate([part.total for part in parts]),
        )
        _, index = np.unique(whole.total, return_index=True)
        return whole[index]

    def between(self, first: int, last: int) -> Trades:
        """The trades from ``first`` to ``last``, both included."""
        return self[np.flatnonzero((self.time >= first) & (self.time <= last))]


@dataclass(frozen=True, slots=True, eq=False)
class TradeBatch:
    """The trades of one batch of events.

    Attributes:
        trades: of all codes, in the order of the batch.
        arrived: when the newest was fired, server time, seconds since the epoch.
    """

    trades: Trades
    arrived: float
    _code: np.ndarray[tuple[int], np.dtype[np.intp]]
    _codes: Sequence[str]
    _change: Numbers

    def by_code(self) -> Iterator[tuple[str, Trades, int]]:
        """For each code its trades and its 기준가 in KRW (현재가 less 전일대비)."""
        order = np.argsort(self._code, kind="stable")
        edges = np.flatnonzero(np.diff(self._code[order], prepend=-1))
        for part in np.split(order, edges[1:]):
            newest = part[-1]
            base_price = int(self.trades.price[newest] - self._change[newest])
            yield self._codes[self._code[part[0]]], self.trades[part], base_price


def read_trades(batch: TickBatch) -> TradeBatch | None:
    """The trades among a batch's events; None if there are none.

    Raises:
        UnreadableValue: a field is missing, or is no number.
    """
    rows = columns.rows_of(batch, _TYPE)
    if not len(rows):
        return None
    clock, price, change, volume, total = columns.read(batch, _TYPE, rows, _FIDS)
    fired = batch.time[rows]
    midnight = wall_micros(float(fired[0])) // DAY * DAY
    trades = Trades(_moments(clock.astype(np.int64), midnight), np.abs(price), np.abs(volume), total)
    return TradeBatch(trades, float(fired[-1]), batch.code[rows], batch.codes, change)


def _moments(clock: Ints, midnight: int) -> Ints:
    """HHMMSS on the day of ``midnight``."""
    moments: Ints = midnight + (clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100) * SECOND
    return moments

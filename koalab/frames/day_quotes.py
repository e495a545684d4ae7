"""Quotes (OPTKWFID) of a day that is over, read as the daily bars that opt10081 has of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.frames.numbers import Numbers
from koalab.frames.records import rows
from koalab.transport.base import Page

_FIGURES = ["open", "high", "low", "price", "volume", "value", "close", "base_price"]


@dataclass(frozen=True, slots=True)
class DayQuote:
    """One row of OPTKWFID as a daily bar.

    Attributes:
        code: of the issue.
        base: 기준가, KRW: the close before, at the scale of this day.
        bar: the day's bar at its own scale, as opt10081 gives it without 수정주가구분, which OPTKWFID has not: its
            ``event`` is 0. 거래대금 is to the million in both TRs.
        sure: the row surely says what opt10081's does. It is not where nothing was traded and prices are 0,
            since what opt10081 has of such a day is not known, nor where 현재가 is not the 종가.
    """

    code: str
    base: float
    bar: BarColumns
    sure: bool

    @property
    def day(self) -> np.datetime64:
        """Its day, 일자; naive midnight."""
        day: np.datetime64 = self.bar.time[0]
        return day


def day_quotes(page: Page) -> dict[str, DayQuote]:
    """The rows of one page by code; rows of which code, 일자 or prices are blank are left out.

    Raises:
        UnreadableValue: a value is not what its field holds.
    """
    frame = rows("OPTKWFID", [page])
    codes = frame["code"].tolist()
    dates = frame["date"].to_numpy().astype("datetime64[us]")
    figures = frame[_FIGURES].astype(np.float64).to_numpy()
    found = {}
    for code, date, numbers in zip(codes, dates, figures, strict=True):
        if not code or np.isnat(date) or np.isnan(numbers).any():
            continue
        opened, high, low, price, volume, value, close, base = numbers.tolist()
        bar = BarColumns(
            time=np.array([date]),
            open=_whole(opened),
            high=_whole(high),
            low=_whole(low),
            close=_whole(price),
            volume=_whole(volume),
            value=_whole(value),
            event=np.zeros(1, np.int64),
            ratio=np.full(1, np.nan),
        )
        # 종가 has only been seen equal to 현재가; where there is none, it says nothing.
        found[code] = DayQuote(code, base, bar, opened > 0 and close in (price, 0.0))
    return found


def _whole(value: float) -> Numbers:
    """One value as int64, as float64 where it has a fraction."""
    return np.array([int(value) if value.is_integer() else value])

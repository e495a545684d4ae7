"""Quotes (OPTKWFID) of a day whose session is over as the daily bars that opt10081 has of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.frames.errors import UnreadableValue
from koalab.frames.numbers import Numbers
from koalab.frames.records import readable_rows, rows
from koalab.transport.base import Page

_FIGURES = ["open", "high", "low", "price", "volume", "value", "close", "base_price"]


@dataclass(frozen=True, slots=True)
class DayQuote:
    """One row of OPTKWFID as a daily bar.

    Attributes:
        code: of the issue.
        base: 기준가, KRW: the previous close, at the scale of this day.
        bar: the day's bar at its own scale, as opt10081 gives it. OPTKWFID has no 수정주가구분, so ``event`` is 0.
            거래대금 is rounded to a million in both TRs.
        sure: the row certainly equals opt10081's. False without trades (prices are 0), since opt10081's row for
            such a day is unknown, and where 현재가 differs from 종가.
    """

    code: str
    base: float
    bar: BarColumns
    sure: bool

    @property
    def traded(self) -> bool:
        """Whether it has prices: a trade in the regular session."""
        return bool(self.bar.open[0] > 0)

    @property
    def day(self) -> np.datetime64:
        """일자 as naive midnight."""
        day: np.datetime64 = self.bar.time[0]
        return day


def day_quotes(page: Page) -> tuple[dict[str, DayQuote], dict[str, str]]:
    """The rows of one page by code, without those whose code, 일자 or prices are blank; errors of unreadable rows.

    Raises:
        UnreadableValue: a page of another TR.
    """
    pages, unreadable = [page], dict[str, str]()
    try:
        frame = rows("OPTKWFID", pages)
    except UnreadableValue:
        pages, unreadable = readable_rows(pages)
        frame = rows("OPTKWFID", pages)
    codes = frame["code"].tolist()
    dates = frame["date"].to_numpy().astype("datetime64[us]")
    figures = frame[_FIGURES].astype(np.float64).to_numpy()
    found = {}
    for code, date, numbers in zip(codes, dates, figures, strict=True):
        if not code or np.isnat(date) or np.isnan(numbers).any():
            continue
        opened, high, low, price, volume, value, close, base = numbers.tolist()
        bar = day_bar(date, opened, high, low, price, volume, value)
        # 종가 has only been observed equal to 현재가; a blank one proves nothing.
        found[code] = DayQuote(code, base, bar, opened > 0 and close in (price, 0.0))
    return found, unreadable


def day_bar(
    day: np.datetime64, opened: float, high: float, low: float, close: float, volume: float, value: float
) -> BarColumns:
    """One daily bar, without 수정주가구분."""
    return BarColumns(
        time=np.array([day]),
        open=_one_value(opened),
        high=_one_value(high),
        low=_one_value(low),
        close=_one_value(close),
        volume=_one_value(volume),
        value=_one_value(value),
        event=np.zeros(1, np.int64),
        ratio=np.full(1, np.nan),
    )


def _one_value(value: float) -> Numbers:
    """One value as int64, or float64 if it has a fraction."""
    return np.array([int(value) if value.is_integer() else value])

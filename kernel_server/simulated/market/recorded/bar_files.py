"""Recorded bars: days and minutes of CSV files, checked against the sessions of the exchange."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernel_server.clock import seoul
from kernel_server.reference.short_repr import shown
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded.csv_files import BadMarketData, CsvTable, read, reject
from kernel_server.simulated.market.recorded.session_rules import DAY, SessionRules
from kernel_server.simulated.market.resample import picked

DAILY = ("date", "open", "high", "low", "close", "volume")
MINUTE = ("time", "open", "high", "low", "close", "volume")

# Adjusted prices are rounded one by one, so a close may lie a little outside its day's range.
_SLACK = 0.01

_DATE = re.compile(r"(\d{4})([-./]?)(\d\d)\2(\d\d)")
_TIME = re.compile(r"(\d{4})([-./]?)(\d\d)\2(\d\d)[ T]?(\d\d)(:?)(\d\d)\6(\d\d)(?:\.0+)?(?:\+09:?00)?")
# Bars at least so many days apart in at least so many rows are weeks or months.
_WEEKLY_GAP, _WEEKLY_ROWS = 4, 10
_CHANCE = 1e-6  # that minutes which have nothing to do with each other stand so many apart


def check(file: Path, required: Sequence[str], code: str) -> date | None:
    """Check the header and the first row of a file; the date of that row, None without rows.

    Raises:
        BadMarketData: they are malformed.
    """
    table = read(file, required, 1, code)
    if not table.lines:
        return None
    first = str(int((_dates(table) if required == DAILY else _minutes(table))[0]))
    return date(int(first[:4]), int(first[4:6]), int(first[6:8]))


def daily(file: Path, first: int, code: str, rules: SessionRules) -> Bars:
    """The daily bars of the file from the day ``first`` (YYYYMMDD) on.

    Dates are YYYY-MM-DD or YYYYMMDD. ``value`` is the file's column or, without one, an estimate: volume times the
    mean of the four prices. A day without trades may have a close only, with the other prices 0: it is served
    unchanged.

    Raises:
        BadMarketData: the file is malformed, has days without a session, or is of weeks or months.
    """
    table = read(file, DAILY, code=code)
    time = _dates(table)
    start = int(np.searchsorted(time, first))
    _reject_closed(table, time, start, rules)
    gaps = np.diff(epoch_days(time))
    if len(time) >= _WEEKLY_ROWS and gaps.min() >= _WEEKLY_GAP:
        raise table.wrong(
            1, f"expected days, and the rows stand {int(np.median(gaps))} days apart: give daily bars", "date"
        )
    return _bars(table, time, start)


def minute(file: Path, code: str, rules: SessionRules) -> Bars:
    """The minute bars of the file; times are YYYYMMDDHHMMSS, the start of the minute in Seoul.

    Minutes without trades, all prices one and a volume of 0, are left out, as the broker has none.

    Raises:
        BadMarketData: the file is malformed, its times are not those of minutes of sessions and after-markets, or
            trades cannot add up to a bar.
    """
    table = read(file, MINUTE, code=code)
    time = _minutes(table)
    _reject_closed(table, time // DAY, 0, rules)
    texts = table.columns["time"]
    reject(
        table,
        time % 100 != 0,
        "time",
        lambda row: f"time should be the start of a minute, with seconds 00, not {texts[row]!r}",
    )
    days, of = np.unique(time // DAY, return_inverse=True)
    opens, closes = (hours[of] for hours in rules.hours(days))
    evening, ends = (hours[of] for hours in rules.after_market(days))
    start = epoch_seconds(time)

    def outside(row: int) -> str:
        hours = f"{hhmm(opens[row])} to {hhmm(closes[row])}"
        if ends[row] > evening[row]:
            hours += f" and {hhmm(evening[row])} to {hhmm(ends[row])}"
        return (
            f"time should be in the session of that day, {hours} in Seoul, not {texts[row]!r}: remove the row"
        )

    regular, after = (start >= opens) & (start <= closes), (start >= evening) & (start < ends)
    reject(table, ~(regular | after), "time", outside)
    bars = _bars(table, time, 0)
    _reject_untradable(table, bars, closes, start == closes)
    traded = bars.volume > 0
    _reject_spacing(table, start[traded & (start > opens) & (start < closes)])
    return bars if traded.all() else picked(bars, traded)


def line_of(file: Path, day: int) -> int:
    """The line of a day (YYYYMMDD) in a file of days."""
    table = read(file, DAILY)
    return table.lines[int(np.searchsorted(_dates(table), day))]


def may_have_others(file: Path, code: str, rules: SessionRules, since: int, days: Ints) -> bool:
    """Whether a file of minutes may have days after ``since`` (YYYYMMDD) other than ``days``; reads its ends only."""
    try:
        first = check(file, MINUTE, code)
        last = None if file.name.lower().endswith(".gz") else _last_day(file)
    except BadMarketData:
        return True  # reading it raises the error
    if first is None:
        return False
    if last is None:
        return True
    first_day = first.year * 10_000 + first.month * 100 + first.day
    return last > since and rules.missing(max(first_day, since + 1), last, days)


def _last_day(file: Path) -> int | None:
    """The day of the last row; None where it cannot be found without reading the file."""
    with file.open("rb") as data:
        data.seek(0, os.SEEK_END)
        data.seek(max(0, data.tell() - 1000))
        lines = data.read().split(b"\n")
    digits = "".join(
        char
        for char in next((line for line in reversed(lines) if line.strip()), b"").decode("ascii", "replace")
        if char not in "-./:"
    )
    found = re.search(r"(?<!\d)((?:19|20)\d{6})", digits)
    return int(found[1]) if found else None


def _reject_closed(table: CsvTable, days: Ints, start: int, rules: SessionRules) -> None:
    column = "date" if "date" in table.columns else "time"
    closed = rules.closed(days)
    closed[:start] = False
    reject(table, closed, column, lambda row: rules.why_closed(int(days[row])))


def _reject_untradable(table: CsvTable, bars: Bars, closes: Ints, auction: NDArray[np.bool_]) -> None:
    """Refuse bars to which no trades add up: replayed and collected they would be others than in the chart."""
    flat = (bars.open == bars.close) & (bars.high == bars.low) & (bars.open == bars.high)
    reject(
        table,
        auction & ~flat,
        "close",
        lambda row: (
            f"the closing auction has one price: open, high, low and close should be equal at {hhmm(closes[row])}"
        ),
    )
    moved = (bars.high > np.maximum(bars.open, bars.close)).astype(np.int64)
    moved += bars.low < np.minimum(bars.open, bars.close)
    moved += (bars.open != bars.close) | (moved > 0)
    reject(
        table,
        ~flat & (bars.volume < 1 + moved),
        "volume",
        lambda row: (
            f"volume should be {moved[row] + 1} or more, as the prices need that many trades, not {bars.volume[row]}"
        ),
    )


def _reject_spacing(table: CsvTable, start: Ints) -> None:
    """Refuse bars of 3, 5 or more minutes: they would pass for single minutes."""
    if len(start) < 2:
        return
    of_day = start // 60 % (24 * 60)
    spacing = math.gcd(60, *np.diff(np.unique(of_day)).tolist())
    if spacing > 1 and spacing ** -float(len(start) - 1) < _CHANCE:
        raise table.wrong(
            1,
            f"expected minutes, and these stand {spacing} apart: give bars of 1 minute, longer ones are made of them",
            "time",
        )


def _dates(table: CsvTable) -> Ints:
    return _times(table, "date", _DATE, (1, 3, 4), "YYYY-MM-DD")


def _minutes(table: CsvTable) -> Ints:
    return _times(table, "time", _TIME, (1, 3, 4, 5, 7, 8), "YYYYMMDDHHMMSS, in Seoul")


def _times(table: CsvTable, column: str, pattern: re.Pattern[str], parts: tuple[int, ...], form: str) -> Ints:
    texts = table.columns[column]
    found = [pattern.fullmatch(text.strip()) for text in texts]
    time = np.array([int("".join(each.group(*parts))) if each else 0 for each in found], np.int64)
    unit = 1 if pattern is _DATE else DAY
    day, clock = time // unit, time % unit
    valid = day >= 1000_01_01
    # An invalid date converts to another date and back.
    valid_day = np.where(valid, day, 19_700_101)
    valid &= yyyymmdd(epoch_days(valid_day)) == valid_day
    valid &= (clock // 10_000 < 24) & (clock // 100 % 100 < 60) & (clock % 100 < 60)
    reject(table, ~valid, column, lambda row: f"{column} should be {form}, not {shown(texts[row])}")
    late = np.append(False, time[1:] <= time[:-1])
    reject(
        table,
        late,
        column,
        lambda row: f"expected rows in order of {column}; {texts[row]} is not after the row above",
    )
    return time


def hhmm(second: int) -> str:
    """HH:MM in Seoul of a moment, seconds since the epoch."""
    return f"{seoul(float(second)):%H:%M}"


def _bars(table: CsvTable, time: Ints, first: int) -> Bars:
    open_, high, low, close, volume = (
        table.integers(name) for name in ("open", "high", "low", "close", "volume")
    )
    wrong = (np.minimum(open_, close) < low * (1 - _SLACK)) | (np.maximum(open_, close) > high * (1 + _SLACK))
    wrong |= (low <= 0) | (high < low)
    wrong &= ~((open_ == 0) & (high == 0) & (low == 0) & (close > 0) & (volume == 0))
    wrong |= volume < 0
    wrong[:first] = False
    reject(
        table,
        wrong,
        "",
        lambda _row: "expected prices above 0 with open and close between low and high, and a volume",
    )
    if "value" in table.columns:
        value = table.integers("value")
    else:
        estimated = np.rint((open_ + high + low + close) / 4 * volume)
        too_large = lambda row: f"volume should be the shares of a day, not {volume[row]:,} at that price"  # noqa: E731
        reject(table, estimated >= 10.0**18, "volume", too_large)
        value = estimated.astype(np.int64)
    count = len(time) - first
    return Bars(
        time=time[first:],
        open=open_[first:],
        high=high[first:],
        low=low[first:],
        close=close[first:],
        volume=volume[first:],
        value=value[first:],
        event=np.zeros(count, np.int64),
        ratio=np.zeros(count),
    )

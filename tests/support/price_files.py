"""Folders of market data written for a test: days of a few issues, one of whose files may be spoilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from koalab import calendar

GOOD, OTHER, BAD = "111111", "222222", "333333"
HEADER = "date,open,high,low,close,volume"


def days_of(folder: Path, code: str, first: str, last: str, price: int = 10_000) -> Path:
    """A file of daily bars, one a session, adjusted prices."""
    lines = [HEADER]
    for number, day in enumerate(calendar.sessions(first, last)):
        close = price + 10 * (number % 50)
        lines.append(f"{day:%Y-%m-%d},{close - 10},{close + 20},{close - 20},{close},{1000 + number}")
    return _written(folder / "daily" / f"{code}.csv", lines)


def spoil(file: Path, line: int, cells: str = "NaN,NaN,NaN,NaN,NaN") -> None:
    """Replaces all but the date of a line, counted from 1."""
    lines = file.read_text("utf-8").splitlines()
    lines[line - 1] = f"{lines[line - 1].partition(',')[0]},{cells}"
    _written(file, lines)


def listing(folder: Path, names: Mapping[str, str], listed: str = "2010-01-04") -> Path:
    """A listing with those names by code, all of KOSPI."""
    rows = [f"{code},{name},KOSPI,1000000,{listed}" for code, name in names.items()]
    return _written(folder / "listing.csv", ["code,name,market,shares,listing_date", *rows])


def _written(file: Path, lines: Sequence[str]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file

"""Account TRs as frames: opw00001, opw00018, opt10075, opt10076, opt10085.

Some of these TRs prefix codes with a letter (``A005930``) and order sides with a colour sign (``+매수``), and give
times without a date. Account numbers are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from koalab.frames import records, typed
from koalab.frames.fields import Columns, Field, fields
from koalab.transport.base import Page

AddDates = Callable[[list[str]], pd.DatetimeIndex]
"""Converts times of day (``HH:MM:SS``) to timestamps in Asia/Seoul, NaT where blank."""

# Row counts, fields that are the same in every row, and personal data.
_LEFT_OUT = ("account", "manager", "business", "individual", "rows")
_NO_ORDER = "0000000"


def deposit(page: Page, columns: Columns = "en") -> pd.Series[Any]:
    """The amounts of opw00001 in KRW, a Series of int (``credit_collateral_ratio``: percent, float)."""
    series = records.single("opw00001", page, columns)
    return series.drop(_label("opw00001", "rows", columns, "single"))


def balances(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """The holdings (opw00018), index ``code``."""
    return _by_code("opw00018", pages, columns)


def totals(page: Page) -> dict[str, Any]:
    """The sums over all holdings (opw00018), under English names: KRW, and one rate in percent."""
    series = records.single("opw00018", page)
    return {str(name): value for name, value in series.items() if name not in _LEFT_OUT}


def returns(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """Holdings and today's realized profit (opt10085), index ``code``, with unrealized profit.

    The TR has no rate of return: ``profit`` and ``return_rate`` (percent) are computed here from 현재가, 매입금액 and
    보유수량, before charges.
    """
    frame = _by_code("opt10085", pages, columns)
    price, quantity, cost = (
        frame[_label("opt10085", name, columns)] for name in ("price", "quantity", "cost")
    )
    profit, rate = ("profit", "return_rate") if columns == "en" else ("평가손익", "수익률(%)")
    frame[profit] = price * quantity - cost
    frame[rate] = (frame[profit] / cost.where(cost != 0) * 100).astype("float64")
    return frame


def orders(tr: str, pages: Sequence[Page], add_dates: AddDates, columns: Columns = "en") -> pd.DataFrame:
    """Orders (opt10075, opt10076), index ``order``, in the broker's order; times in Asia/Seoul."""
    frame = _frame(tr, pages, columns)
    time, side, original = (_label(tr, name, columns) for name in ("time", "side", "original"))
    # Blank means 0: an order without a fill has no fill price.
    figures = frame.select_dtypes("float64").columns
    frame[figures] = frame[figures].fillna(0).astype("int64")
    frame[time] = add_dates(frame[time].tolist())
    frame[side] = typed.strings([text.lstrip("+-") for text in frame[side]])
    frame[original] = typed.strings(["" if text == _NO_ORDER else text for text in frame[original]])
    return frame.set_index(_label(tr, "order", columns)).rename_axis("order")


def _by_code(tr: str, pages: Sequence[Page], columns: Columns) -> pd.DataFrame:
    return _frame(tr, pages, columns).set_index(_label(tr, "code", columns)).rename_axis("code")


def _frame(tr: str, pages: Sequence[Page], columns: Columns) -> pd.DataFrame:
    frame = records.rows(tr, pages, columns)
    known = _by_english(tr)
    code = known["code"].label(columns)
    frame[code] = typed.strings([_bare_code(text) for text in frame[code]])
    return frame.drop(columns=[known[name].label(columns) for name in _LEFT_OUT if name in known])


def _bare_code(code: str) -> str:
    """A code without the letter that account TRs put before it.

    >>> _bare_code("A005930"), _bare_code("Q530031"), _bare_code("0001A0")
    ('005930', '530031', '0001A0')
    """
    return code[1:] if len(code) == 7 and code[0].isalpha() else code


def _label(tr: str, english: str, columns: Columns, block: Any = "multi") -> str:
    return _by_english(tr, block)[english].label(columns)


def _by_english(tr: str, block: Any = "multi") -> dict[str, Field]:
    return {field.english: field for field in fields(tr, block)}

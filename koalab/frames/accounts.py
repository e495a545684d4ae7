"""What an account has and did, as frames: opw00001, opw00018, opt10075, opt10076, opt10085.

The broker writes codes with a letter before them (``A005930``) in some of these TRs, sides of orders with a colour
(``+매수``), and no date beside a time. Account numbers do not come out of here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from koalab.frames import records, typed
from koalab.frames.fields import Columns, Field, fields
from koalab.transport.base import Page

Dated = Callable[[list[str]], pd.DatetimeIndex]
"""Times of day (``HH:MM:SS``) as moments in Asia/Seoul, NaT where blank."""

# Counts of what is there anyway, and what is the same in every row or nobody's business.
_LEFT_OUT = ("account", "manager", "business", "individual", "rows")
_NO_ORDER = "0000000"


def deposit(page: Page, columns: Columns = "en") -> pd.Series[Any]:
    """The amounts of opw00001 in KRW, a Series of int (``credit_collateral_ratio``: percent, float)."""
    found = records.single("opw00001", page, columns)
    return found.drop(_label("opw00001", "rows", columns, "single"))


def balances(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """What is held (opw00018), index ``code``."""
    return _by_code("opw00018", pages, columns)


def totals(page: Page) -> dict[str, Any]:
    """The sums over what is held (opw00018), under English names: KRW, and one rate in percent."""
    found = records.single("opw00018", page)
    return {str(name): value for name, value in found.items() if name not in _LEFT_OUT}


def returns(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """What is held and what was realized today (opt10085), index ``code``, with what it would bring.

    The TR has no rate of return: ``profit`` and ``return_rate`` (percent) are reckoned here from 현재가, 매입금액 and
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


def orders(tr: str, pages: Sequence[Page], dated: Dated, columns: Columns = "en") -> pd.DataFrame:
    """Orders (opt10075, opt10076), index ``order``, in the broker's order; times in Asia/Seoul."""
    frame = _frame(tr, pages, columns)
    time, side, original = (_label(tr, name, columns) for name in ("time", "side", "original"))
    # What is blank has not been: an order without a fill has no price of one.
    figures = frame.select_dtypes("float64").columns
    frame[figures] = frame[figures].fillna(0).astype("int64")
    frame[time] = dated(frame[time].tolist())
    frame[side] = typed.strings([text.lstrip("+-") for text in frame[side]])
    frame[original] = typed.strings(["" if text == _NO_ORDER else text for text in frame[original]])
    return frame.set_index(_label(tr, "order", columns)).rename_axis("order")


def _by_code(tr: str, pages: Sequence[Page], columns: Columns) -> pd.DataFrame:
    return _frame(tr, pages, columns).set_index(_label(tr, "code", columns)).rename_axis("code")


def _frame(tr: str, pages: Sequence[Page], columns: Columns) -> pd.DataFrame:
    frame = records.rows(tr, pages, columns)
    known = _by_english(tr)
    code = known["code"].label(columns)
    frame[code] = typed.strings([_plain(text) for text in frame[code]])
    return frame.drop(columns=[known[name].label(columns) for name in _LEFT_OUT if name in known])


def _plain(code: str) -> str:
    """A code as the rest of the broker writes it.

    >>> _plain("A005930"), _plain("Q530031"), _plain("0001A0")
    ('005930', '530031', '0001A0')
    """
    return code[1:] if len(code) == 7 and code[0].isalpha() else code


def _label(tr: str, english: str, columns: Columns, block: Any = "multi") -> str:
    return _by_english(tr, block)[english].label(columns)


def _by_english(tr: str, block: Any = "multi") -> dict[str, Field]:
    return {field.english: field for field in fields(tr, block)}

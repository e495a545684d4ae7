"""Records: basic info (opt10001), watch-list quotes (OPTKWFID), and the blocks of any other TR of the field table.

Figures are in base units (KRW, shares) under English and under Kiwoom's names alike; only the names differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from koalab.frames import numbers, typed
from koalab.frames import pages as paging
from koalab.frames.errors import UnreadableValue
from koalab.frames.fields import Columns, Field, fields, labels
from koalab.transport.base import Page

_INFO = "opt10001"
_QUOTES = "OPTKWFID"


def info(page: Page, columns: Columns = "en") -> pd.Series[Any]:
    """Basic info of one issue (opt10001), as it stood when asked for.

    The Series is named after the code and holds str, int and float; dates are Timestamps (naive), a blank number
    is NaN, any other blank None. ``change_sign`` is Kiwoom's: 1 상한, 2 상승, 3 보합, 4 하한, 5 하락.

    Raises:
        UnreadableValue: a value is not what its field holds.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    found = single(_INFO, page, columns)
    return found.rename(found.iloc[0])


def infos(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """Basic info of several issues (one opt10001 page each): one row an issue, index ``code``.

    Columns and dtypes are those of ``typed.column``; without pages it is an empty frame with the same columns.

    Raises:
        UnreadableValue: a value is not what its field holds.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    found = _single_fields(_INFO, pages)
    texts = ["\n".join(page.single[position] for page in pages) for position in range(len(found))]
    columns_ = [_typed(_INFO, field, text, len(pages)) for field, text in zip(found, texts, strict=True)]
    return _by_code(_frame(columns_, labels(found, columns)))


def single(tr: str, page: Page, columns: Columns = "en") -> pd.Series[Any]:
    """The single block of any TR whose fields are all in the field table: a Series as that of ``info``.

    Raises:
        BadInput: the TR has fields that the table does not know, or ``columns`` is neither ``"en"`` nor ``"ko"``.
        UnreadableValue: a value is not what its field holds.
    """
    found = _single_fields(tr, [page])
    values = [
        typed.scalar(_typed(tr, field, text, 1)) for field, text in zip(found, page.single, strict=True)
    ]
    return pd.Series(values, index=labels(found, columns), dtype=object)


def rows(tr: str, pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """The rows of any TR whose fields are all in the field table (opt10003, say), in the broker's order.

    Times of day are text ``HH:MM:SS``. Without rows it is an empty frame with the same columns.

    Raises:
        BadInput: the TR has fields that the table does not know, or ``columns`` is neither ``"en"`` nor ``"ko"``.
        UnreadableValue: a value is not what its field holds.
    """
    found = fields(tr)
    held = paging.non_empty(pages)
    paging.check(tr, held, len(found))
    return _frame(
        [_column(tr, held, position, field) for position, field in enumerate(found)], labels(found, columns)
    )


def quotes(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """Watch-list quotes (OPTKWFID, 100 codes a TR): one row an issue, index ``code``.

    Every field is there whatever the issues are: numbers that the broker leaves blank (those of options and
    ELWs, on a stock) are columns of NaN. ``time`` and ``quote_time`` are moments in Asia/Seoul, put together
    from 일자 and the time of day, NaT where one of them is blank.

    Raises:
        UnreadableValue: a value is not what its field holds.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    frame = rows(_QUOTES, pages, columns)
    held = paging.non_empty(pages)
    found = fields(_QUOTES)
    position = {field.english: at for at, field in enumerate(found)}
    for name in ("time", "quote_time"):
        field = found[position[name]]
        frame[field.label(columns)] = _moments(held, position["date"], position[name], field)
    return _by_code(frame)


def _single_fields(tr: str, pages: Sequence[Page]) -> tuple[Field, ...]:
    found = fields(tr, "single")
    for page in pages:
        if len(page.single) != len(found):
            raise UnreadableValue(str(len(page.single)), None, f"{len(found)}, the number of values", tr)
    return found


def _typed(tr: str, field: Field, text: str, count: int) -> Any:
    try:
        values = typed.column(field.kind, text, count)
    except UnreadableValue as error:
        raise error.within(f"{tr} {field.name}") from None
    return field.scaled(values)


def _column(tr: str, pages: Sequence[Page], position: int, field: Field) -> Any:
    return _typed(tr, field, paging.column(pages, position), paging.row_count(pages))


def _moments(pages: Sequence[Page], date: int, clock: int, field: Field) -> pd.DatetimeIndex:
    count = paging.row_count(pages)
    days = numbers.texts(paging.column(pages, date), count)
    clocks = numbers.texts(paging.column(pages, clock), count)
    joined = "\n".join(day + time if day and time else "" for day, time in zip(days, clocks, strict=True))
    try:
        return typed.seoul(numbers.times(joined, count))
    except UnreadableValue as error:
        raise error.within(f"{_QUOTES} 일자 {field.name}") from None


def _frame(columns: Sequence[Any], names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def _by_code(frame: pd.DataFrame) -> pd.DataFrame:
    by_code = frame.set_index(frame.columns[0])
    by_code.index.name = "code"
    return by_code

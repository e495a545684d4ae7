"""Typed blocks of TRs in the field table: basic info (opt10001), watch-list quotes (OPTKWFID) and others.

Figures are in base units (KRW, shares) under both English and Kiwoom's names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """Basic info of one issue (opt10001) at the time of the request.

    The Series is named after the code and has str, int and float values; dates are naive Timestamps, a blank number
    is NaN, any other blank None. ``change_sign`` is Kiwoom's: 1 상한, 2 상승, 3 보합, 4 하한, 5 하락.

    Raises:
        UnreadableValue: a value does not fit its field.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    series = single(_INFO, page, columns)
    return series.rename(series.iloc[0])


def infos(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """Basic info of several issues (one opt10001 page each): one row per issue, index ``code``.

    Dtypes are those of ``typed.column``; without pages an empty frame with the same columns.

    Raises:
        UnreadableValue: a value does not fit its field.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    tr_fields = _single_fields(_INFO, pages)
    texts = ["\n".join(page.single[position] for page in pages) for position in range(len(tr_fields))]
    typed_columns = [
        _typed(_INFO, field, text, len(pages)) for field, text in zip(tr_fields, texts, strict=True)
    ]
    return _by_code(_frame(typed_columns, labels(tr_fields, columns)))


def readable_infos(pages: Sequence[Page], columns: Columns = "en") -> tuple[pd.DataFrame, dict[str, str]]:
    """``infos`` of the pages that can be read, and the errors of the others by code."""
    try:
        return infos(pages, columns), {}
    except UnreadableValue:
        kept, unreadable = [], {}
        for page in pages:
            try:
                infos([page])
                kept.append(page)
            except UnreadableValue as error:
                unreadable[page.single[0].strip() if page.single else ""] = str(error)
        return infos(kept, columns), unreadable


def single(tr: str, page: Page, columns: Columns = "en") -> pd.Series[Any]:
    """The single block of any TR whose fields are all in the field table, as a Series like ``info``.

    Raises:
        BadInput: the table lacks a field of the TR, or ``columns`` is neither ``"en"`` nor ``"ko"``.
        UnreadableValue: a value does not fit its field.
    """
    tr_fields = _single_fields(tr, [page])
    values = [
        typed.scalar(_typed(tr, field, text, 1)) for field, text in zip(tr_fields, page.single, strict=True)
    ]
    return pd.Series(values, index=labels(tr_fields, columns), dtype=object)


def rows(tr: str, pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """The rows of any TR whose fields are all in the field table (opt10003, say), in the broker's order.

    Times of day are text ``HH:MM:SS``. Without rows an empty frame with the same columns.

    Raises:
        BadInput: the table lacks a field of the TR, or ``columns`` is neither ``"en"`` nor ``"ko"``.
        UnreadableValue: a value does not fit its field.
    """
    tr_fields = fields(tr)
    filled = paging.non_empty(pages)
    paging.check(tr, filled, len(tr_fields))
    return _frame(
        [_column(tr, filled, position, field) for position, field in enumerate(tr_fields)],
        labels(tr_fields, columns),
    )


@dataclass(frozen=True)
class ReadRows:
    """Rows of OPTKWFID pages that can be read, and the errors of those that cannot, by code."""

    frame: pd.DataFrame
    unreadable: dict[str, str]


def readable_quotes(pages: Sequence[Page], columns: Columns = "en") -> ReadRows:
    """``quotes`` without rows of blanks; a row that cannot be read leaves the others."""
    try:
        frame, unreadable = quotes(pages, columns), dict[str, str]()
    except UnreadableValue:
        kept, unreadable = readable_rows(pages)
        frame = quotes(kept, columns)
    return ReadRows(frame[frame.index != ""], unreadable)


def readable_rows(pages: Sequence[Page]) -> tuple[list[Page], dict[str, str]]:
    """The rows of OPTKWFID that can be read, a page each, and the errors of the others by code."""
    kept, unreadable = [], {}
    place = next(at for at, field in enumerate(fields(_QUOTES)) if field.english == "code")
    paging.check(_QUOTES, paging.non_empty(pages), len(fields(_QUOTES)))
    for row in (row for page in paging.non_empty(pages) for row in paging.by_row(page)):
        try:
            quotes([row])
            kept.append(row)
        except UnreadableValue as error:
            unreadable[row.columns[place].strip()] = str(error)
    return kept, unreadable


def quotes(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """Watch-list quotes (OPTKWFID, 100 codes per TR): one row per issue, index ``code``.

    All fields are columns: numbers that the broker leaves blank (those of options and ELWs, for a stock) are NaN.
    ``time`` and ``quote_time`` are timestamps in Asia/Seoul, combined from 일자 and the time of day, NaT if one of
    them is blank.

    Raises:
        UnreadableValue: a value does not fit its field.
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    frame = rows(_QUOTES, pages, columns)
    filled = paging.non_empty(pages)
    tr_fields = fields(_QUOTES)
    position = {field.english: at for at, field in enumerate(tr_fields)}
    for name in ("time", "quote_time"):
        field = tr_fields[position[name]]
        frame[field.label(columns)] = _timestamps(filled, position["date"], position[name], field)
    return _by_code(frame)


def _single_fields(tr: str, pages: Sequence[Page]) -> tuple[Field, ...]:
    tr_fields = fields(tr, "single")
    for page in pages:
        if len(page.single) != len(tr_fields):
            raise UnreadableValue(str(len(page.single)), None, f"{len(tr_fields)}, the number of values", tr)
    return tr_fields


def _typed(tr: str, field: Field, text: str, count: int) -> Any:
    try:
        values = typed.column(field.kind, text, count)
    except UnreadableValue as error:
        raise error.within(f"{tr} {field.name}") from None
    return field.scaled(values)


def _column(tr: str, pages: Sequence[Page], position: int, field: Field) -> Any:
    return _typed(tr, field, paging.column(pages, position), paging.row_count(pages))


def _timestamps(pages: Sequence[Page], date: int, clock: int, field: Field) -> pd.DatetimeIndex:
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

"""Any TR at all as pandas, under Kiwoom's own names and in the broker's own units.

What a field is goes by ``data/kinds.tsv``: by its name, else by its FID, else by how the name ends; what no row
speaks of is a number where it reads as one. The table is a judgement, not the broker's word, so a column that does
not read as what the table says stays text. Only a page with another number of fields than the TR has is refused
(UnreadableValue).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, cast

import pandas as pd

from kernel_server import reference
from koalab.errors import BadInput
from koalab.frames import numbers, typed
from koalab.frames import pages as paging
from koalab.frames.errors import UnreadableValue
from koalab.frames.fields import Kind, table
from koalab.transport.base import Page

# Zeros that a number would lose: an order number, a code, a time of day.
_LEADING_ZERO: Final = re.compile(r"(?:^|\n)[ \t]*[+-]?0[0-9]")
# Fields counted off (매도호가1, 시간n) are what the field without the count is.
_COUNTED: Final = re.compile(r"(?<=.)(?:[0-9]+|[ns])$")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a TR brought.

    Attributes:
        tr: its code.
        pages: as the broker sent them.
        single: the single block as a Series: str, int, float or Timestamp; a blank number is NaN, any other blank None.
        multi: the rows of all pages as a DataFrame, in the broker's order. Prices lose the sign that is only
            a colour; codes, account and order numbers and times of day are text; dates are datetime64[us] where every
            one of them is a date; other numbers are int64, or float64 with fractions or blanks.

    In both, fields stand in the TR's order; a name that comes again is ``name.1``, ``name.2``. A TR without rows has
    an empty frame with the dtypes that the table of fields gives.
    """

    tr: str
    pages: tuple[Page, ...]

    @cached_property
    def single(self) -> pd.Series[Any]:
        entry = _entry(self.tr)
        values = self.pages[0].single if self.pages else ()
        if not values:
            return pd.Series([], index=pd.Index([], dtype="str"), dtype=object)
        _same_number(self.tr, len(values), len(entry.single))
        found = [
            typed.scalar(_column(_kind(field), value, 1, entry.kind == "account"))
            for field, value in zip(entry.single, values, strict=True)
        ]
        return pd.Series(found, index=unique(entry.single_names), dtype=object)

    @cached_property
    def multi(self) -> pd.DataFrame:
        entry = _entry(self.tr)
        held = paging.non_empty(self.pages)
        paging.check(self.tr, held, len(entry.multi))
        rows = paging.row_count(held)
        found = [
            _column(_kind(field), paging.column(held, position), rows, entry.kind == "account")
            for position, field in enumerate(entry.multi)
        ]
        return pd.DataFrame(dict(zip(unique(entry.multi_names), found, strict=True)))

    def __repr__(self) -> str:
        return f"<Answer {self.tr}: {paging.row_count(self.pages)} rows on {len(self.pages)} pages>"


def answer(tr: str, pages: Sequence[Page]) -> Answer:
    """The pages of any TR of the reference tables, ready to be read.

    Raises:
        BadInput: there is no such TR.
    """
    return Answer(_entry(tr).code, tuple(pages))


def unique(names: Sequence[str]) -> list[str]:
    """Names as they are, the second of a name as ``name.1``, the third as ``name.2``.

    >>> unique(["현재가", "시간", "현재가"])
    ['현재가', '시간', '현재가.1']
    """
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def _column(kind: Kind, text: str, rows: int, padded: bool) -> Any:
    """``padded`` where the TR pads its numbers with zeros, so that those say nothing."""
    if kind in ("code", "clock", "moment") or (
        kind == "signed" and not padded and _LEADING_ZERO.search(text)
    ):
        kind = "text"
    try:
        return typed.column(kind, text, rows)
    except UnreadableValue:
        return typed.strings(numbers.texts(text, rows))


def _entry(tr: str) -> reference.Tr:
    try:
        return reference.tr(tr)
    except reference.UnknownReference as error:
        raise BadInput(str(error)) from None


def _same_number(tr: str, given: int, known: int) -> None:
    if given != known:
        raise UnreadableValue(str(given), None, f"{known}, the number of values", tr)


@cache
def _kind(field: reference.Field) -> Kind:
    by = _kinds()
    name = _COUNTED.sub("", field.name)
    if kind := by["name"].get(name) or by["fid"].get(str(field.fid)):
        return kind
    for ending, kind in by["ending"].items():
        if name.endswith(ending):
            return kind
    return "signed"


@cache
def _kinds() -> Mapping[str, Mapping[str, Kind]]:
    found: dict[str, dict[str, Kind]] = {"fid": {}, "name": {}, "ending": {}}
    for by, key, kind in table("kinds"):
        first, _, last = key.partition("-") if by == "fid" else (key, "", "")
        keys = map(str, range(int(first), int(last) + 1)) if last else (key,)
        found[by].update(dict.fromkeys(keys, cast(Kind, kind)))
    return found

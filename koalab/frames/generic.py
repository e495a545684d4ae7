"""Any TR as pandas objects, under Kiwoom's names and in the broker's units.

``data/kinds.tsv`` gives a field's kind by its name, else its FID, else the end of its name; a field without a row is a
number if it parses as one. The table is our judgement, so a column that does not parse as its kind stays text. Only a
page with a wrong number of fields raises (UnreadableValue).
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

# Leading zeros mark an order number, a code or a time of day; as a number they would be lost.
_LEADING_ZERO: Final = re.compile(r"(?:^|\n)[ \t]*[+-]?0[0-9]")
# A numbered field (매도호가1, 시간n) has the kind of the field without the number.
_NUMBER_SUFFIX: Final = re.compile(r"(?<=.)(?:[0-9]+|[ns])$")


@dataclass(frozen=True, eq=False)
class Answer:
    """The result of a TR.

    Attributes:
        tr: its code.
        pages: as received.
        single: the single block as a Series: str, int, float or Timestamp; a blank number is NaN, any other blank None.
        multi: the rows of all pages as a DataFrame, in the broker's order. Prices lose the sign that is only
            a colour; codes, account and order numbers and times of day are text; dates are datetime64[us] if all
            values are dates; other numbers are int64, or float64 with fractions or blanks.

    Both keep the TR's field order; a repeated name becomes ``name.1``, ``name.2``. Without rows the frame is empty,
    with the same dtypes.
    """

    tr: str
    pages: tuple[Page, ...]

    @cached_property
    def single(self) -> pd.Series[Any]:
        entry = _entry(self.tr)
        values = self.pages[0].single if self.pages else ()
        if not values:
            return pd.Series([], index=pd.Index([], dtype="str"), dtype=object)
        _require_count(self.tr, len(values), len(entry.single))
        found = [
            typed.scalar(_column(_kind(field), value, 1, entry.kind == "account"))
            for field, value in zip(entry.single, values, strict=True)
        ]
        return pd.Series(found, index=unique(entry.single_names), dtype=object)

    @cached_property
    def multi(self) -> pd.DataFrame:
        entry = _entry(self.tr)
        filled = paging.non_empty(self.pages)
        paging.check(self.tr, filled, len(entry.multi))
        rows = paging.row_count(filled)
        found = [
            _column(_kind(field), paging.column(filled, position), rows, entry.kind == "account")
            for position, field in enumerate(entry.multi)
        ]
        return pd.DataFrame(dict(zip(unique(entry.multi_names), found, strict=True)))

    def __repr__(self) -> str:
        return f"<Answer {self.tr}: {paging.row_count(self.pages)} rows on {len(self.pages)} pages>"


def answer(tr: str, pages: Sequence[Page]) -> Answer:
    """The result object for the pages of any TR of the reference tables.

    Raises:
        BadInput: no such TR.
    """
    return Answer(_entry(tr).code, tuple(pages))


def unique(names: Sequence[str]) -> list[str]:
    """Makes names unique: the second occurrence is ``name.1``, the third ``name.2``.

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
    """Parses a column; ``padded`` TRs pad numbers with zeros, so there a leading zero does not mean text."""
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


def _require_count(tr: str, given: int, known: int) -> None:
    if given != known:
        raise UnreadableValue(str(given), None, f"{known}, the number of values", tr)


@cache
def _kind(field: reference.Field) -> Kind:
    by = _kinds()
    name = _NUMBER_SUFFIX.sub("", field.name)
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

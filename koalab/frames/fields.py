"""English name, kind and unit of each of Kiwoom's fields, from ``data/fields.tsv``.

A row whose ``tr`` is ``*`` holds for every TR without an own row for that field. Own rows are needed because Kiwoom
uses one name for different things (현재가 is the last price in a quote and the close in a chart) and different units
for one name (거래대금 is in million KRW in charts, 누적거래대금 of opt10003 in KRW). ``factor`` converts a value to
base units: KRW, shares, index points; ``1/100`` divides.

Kinds:
    price         the sign is a colour relative to 기준가 and is dropped
    colour_ratio  a ratio whose sign is a colour too (거래대비: ``-`` below 100 %)
    signed        the sign is part of the value
    count         a number of something, or an amount
    ratio         float64 always; rates are in percent, as the broker gives them
    implied       a rate in percent; the real server omits the point before its two decimals, 모의투자 does not
    text, code    text; codes keep leading zeros
    date          YYYYMMDD
    clock         HHMMSS
    moment        YYYYMMDDHHMMSS, Seoul wall time
    index_moment  the same in charts of indices, where 888888 stands for 16:00 and 999999 for 18:00
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from kernel_server import reference
from kernel_server.tsv import rows
from koalab.errors import BadInput
from koalab.frames.numbers import Numbers

Kind = Literal[
    "price",
    "colour_ratio",
    "signed",
    "count",
    "ratio",
    "implied",
    "text",
    "code",
    "date",
    "clock",
    "moment",
    "index_moment",
]
Columns = Literal["en", "ko"]
Block = Literal["single", "multi"]

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Field:
    """One output field of a TR: Kiwoom's name, the English name, its kind, and the factor to base units."""

    name: str
    english: str
    kind: Kind
    factor: int = 1
    divisor: int = 1

    def scaled(self, values: Numbers) -> Numbers:
        """The numbers in base units; int64 stays int64 unless there is a divisor."""
        if self.divisor != 1:
            return values / self.divisor
        return values if self.factor == 1 else values * self.factor

    def label(self, columns: Columns) -> str:
        return self.english if columns == "en" else self.name


def table(name: str) -> Iterator[list[str]]:
    """The rows of a table of this package, without its header."""
    return rows(_DATA / f"{name}.tsv")


@cache
def _known() -> Mapping[tuple[str, str], Field]:
    known = {}
    for trs, name, english, kind, factor in table("fields"):
        multiply, _, divide = factor.partition("/")
        field = Field(name, english, cast(Kind, kind), int(multiply), int(divide or 1))
        known.update({(tr, name): field for tr in trs.split(",")})
    return known


@cache
def fields(tr: str, block: Block = "multi") -> tuple[Field, ...]:
    """The fields of a TR's single or multi block, in the order of ``Page``.

    Raises:
        BadInput: no such TR, or the table lacks one of its fields.

    >>> [field.english for field in fields("opt10003")][:4]
    ['time', 'price', 'change', 'change_rate']
    """
    try:
        entry = reference.tr(tr)
    except reference.UnknownReference as error:
        raise BadInput(str(error)) from None
    known, found, unknown = _known(), [], []
    for name in entry.single_names if block == "single" else entry.multi_names:
        field = known.get((entry.code.lower(), name)) or known.get(("*", name))
        if field is None:
            unknown.append(name)
        else:
            found.append(field)
    if unknown:
        raise BadInput(
            f"{entry.code} has no typed table: {', '.join(unknown[:5])} without an English name; "
            "Session.tr gives it under Kiwoom's own names"
        )
    return tuple(found)


def labels(found: Sequence[Field], columns: Columns) -> list[str]:
    """The column names of these fields.

    Raises:
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    if columns not in ("en", "ko"):
        raise BadInput(f"columns={columns!r}: give 'en' for English names or 'ko' for Kiwoom's own")
    return [field.label(columns) for field in found]

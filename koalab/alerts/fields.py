"""The fields of an issue that an alert can compare, from ``data/fields.tsv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from kernel_server.tsv import rows
from koalab.inputs.text import folded

_DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class AlertField:
    """One field.

    Attributes:
        name: in Korean; ``english`` is its column in ``kw.live``.
        realtype: the real-time type that it comes with, in ``column``.
        unit: 원, 주 or %.
        zero_is_none: whether 0 means that there is none, so that nothing is compared.
    """

    name: str
    english: str
    others: tuple[str, ...]
    realtype: str
    column: str
    unit: str
    zero_is_none: bool


@cache
def alert_fields() -> tuple[AlertField, ...]:
    """All fields; the first is the one that an alert without a field compares."""
    return tuple(
        AlertField(
            name, english, tuple(filter(None, others.split(","))), realtype, column, unit, zero == "none"
        )
        for name, english, others, realtype, column, unit, zero in rows(_DATA / "fields.tsv")
    )


def find_field(word: str) -> AlertField | None:
    """The field of that Korean or English name; None where there is none.

    >>> find_field("등락율").english, find_field("Ask").name, find_field("시총")
    ('change_rate', '매도호가', None)
    """
    wanted = folded(word)
    for field in alert_fields():
        if wanted in (field.name, field.english, *field.others):
            return field
    return None

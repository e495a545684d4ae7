"""What an alert waits for, read from a text: an issue's field against a number, 체결, 조건:NAME, or 연결."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from koalab.alerts.amounts import amount
from koalab.alerts.fields import AlertField, alert_fields, find_field
from koalab.errors import BadInput, UnknownCode
from koalab.inputs.text import plain, shown

EXAMPLES: Final = '"005930 > 80000", "삼성전자 등락률 >= 5", "체결", "조건:중소형 저평가주" or "연결"'

COMPARATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
_SIGNS: Final = re.compile(r"[<>=!≥≤≠]+")
_WRITTEN: Final = {"≥": ">=", "≤": "<="}
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A field of an issue, compared with a number."""

    code: str
    name: str
    field: AlertField
    comparator: str
    number: int | float

    def __str__(self) -> str:
        return f"{self.name}({self.code}) {self.field.name} {self.comparator} {quantity(self.number)}{self.field.unit}"


@dataclass(frozen=True, slots=True)
class FillRule:
    """Every fill of an account's orders."""

    def __str__(self) -> str:
        return "체결"


@dataclass(frozen=True, slots=True)
class ConditionRule:
    """Every entry and exit of a condition (조건식), by name or number."""

    condition: str | int

    def __str__(self) -> str:
        return f"조건:{self.condition}"


@dataclass(frozen=True, slots=True)
class ConnectionRule:
    """The loss and the return of server or broker."""

    def __str__(self) -> str:
        return "연결"


AlertRule = PriceRule | FillRule | ConditionRule | ConnectionRule


def parse(text: object, resolve: Callable[[str], str], name_of: Callable[[str], str]) -> AlertRule:
    """The rule in a text.

    Args:
        text: as a user wrote it.
        resolve: the code of a code or name; raises UnknownCode.
        name_of: the name of a code.

    Raises:
        BadInput: it is none; the text says what was wrong, with examples.
        UnknownCode: there is no such issue; its ``near`` holds similar names.
    """
    if not isinstance(text, str) or not plain(text) or len(text) > _LONGEST:
        raise BadInput(f"an alert is a text like {EXAMPLES}, not {shown(text)}")
    line = plain(text)
    if line == "체결":
        return FillRule()
    if line == "연결":
        return ConnectionRule()
    kind, colon, rest = line.partition(":")
    if colon and kind.strip() == "조건":
        return _condition(rest.strip())
    signs = _SIGNS.findall(line)
    if not signs:
        raise BadInput(f"{shown(line)} compares nothing and is no event: write {EXAMPLES}")
    if len(signs) > 1:
        raise BadInput(f"{shown(line)} has {len(signs)} comparisons: write one alert for each")
    comparator = _WRITTEN.get(signs[0], signs[0])
    if comparator not in COMPARATORS:
        raise BadInput(f"{signs[0]!r} compares nothing: use {' '.join(COMPARATORS)}, as in {EXAMPLES}")
    left, _, right = line.partition(signs[0])
    code, field = _issue_and_field(left.strip(), line, resolve)
    return PriceRule(code, name_of(code), field, comparator, _number(right.strip(), field))


def quantity(number: float) -> str:
    """A number with commas, without needless digits."""
    return f"{number:,.10g}" if isinstance(number, float) else f"{number:,}"


def _condition(name: str) -> ConditionRule:
    if not name:
        raise BadInput('which condition? write "조건:" and its name or number; kw.conditions() lists them')
    return ConditionRule(int(name) if name.isascii() and name.isdigit() else name)


def _issue_and_field(left: str, line: str, resolve: Callable[[str], str]) -> tuple[str, AlertField]:
    if not left:
        raise BadInput(f"{shown(line)} has no issue before the comparison: write {EXAMPLES}")
    issue, _, last = left.rpartition(" ")
    field = find_field(last) if issue.strip() else None
    if field is not None:
        return resolve(issue.strip()), field
    try:
        return resolve(left), alert_fields()[0]
    except UnknownCode:
        if issue.strip():
            _refuse_field(issue.strip(), last, resolve)
        raise


def _refuse_field(issue: str, word: str, resolve: Callable[[str], str]) -> None:
    """Says that the field is wrong where what stands before it is an issue."""
    try:
        resolve(issue)
    except BadInput:
        return
    known = ", ".join(f"{field.name} ({field.english})" for field in alert_fields())
    raise BadInput(f"no field {shown(word)} to compare; there are {known}") from None


def _number(right: str, field: AlertField) -> int | float:
    found = amount(right)
    if found is None:
        raise BadInput(
            f"{shown(right)} is no number to compare {field.name} with: write 80000, 80,000, 8만, 1.5억 or -2.5"
        )
    number, unit = found
    if unit and unit != field.unit:
        raise BadInput(
            f"{field.name} is in {field.unit}, not in {unit}: leave the unit out or write {field.unit}"
        )
    return _plain_number(number)


def _plain_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)

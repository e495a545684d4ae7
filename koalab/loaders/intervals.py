"""The intervals of bars that the broker has, and the TR behind each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from kernel_server.tsv import rows
from koalab.errors import BadInput
from koalab.inputs.text import plain, shown

Of = Literal["issue", "index"]

_TABLE = Path(__file__).parent / "data" / "interval.tsv"
_FORM = re.compile(r"(?P<size>[0-9]{0,9})\s*(?P<unit>[a-z]+)", re.IGNORECASE)
# Without "m": minutes or months.
_SPELLINGS = {"M": "M", "d": "D", "w": "W", "y": "Y", "min": "min", "tick": "tick"}


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval: ``name`` as users write it (``D``, ``5min``, ``30tick``), and its TR with the inputs.

    Attributes:
        of: ``issue`` or ``index``.
        time: the TR's field with a bar's time.
        size_input: the TR's input for the size; blank where it has none.
        end_input: the TR's input for the last day wanted; blank where it has none and starts at the newest bar.
        label: Korean name of such bars.
    """

    of: Of
    name: str
    unit: str
    size: int
    tr: str
    time: str
    size_input: str
    end_input: str
    label: str

    @property
    def dated(self) -> bool:
        """Whether its bars are labelled with a day."""
        return self.unit in ("D", "W", "M", "Y")

    @property
    def usual_span(self) -> np.timedelta64:
        """The default range of a chart of such bars."""
        days = {"Y": 365 * 60, "M": 365 * 20, "W": 365 * 5, "D": 365}.get(self.unit, 7)
        return np.timedelta64(days, "D")

    def inputs(self, code: str, adjusted: bool) -> dict[str, str]:
        """The TR's inputs, without an end."""
        inputs = {"업종코드": code}
        if self.of == "issue":
            inputs = {"종목코드": code, "수정주가구분": "1" if adjusted else "0"}
        if self.size_input:
            inputs[self.size_input] = str(self.size)
        return inputs


@cache
def intervals(of: Of = "issue") -> Mapping[str, Interval]:
    """All intervals of issues, or of indices, by name."""
    found = {}
    for kind, unit, sizes, tr, time, size_input, end_input, label in rows(_TABLE):
        if kind != of:
            continue
        for size in sizes.split(",") if sizes else [""]:
            name = f"{size}{unit}"
            korean = f"{size}{label}" if size else label
            found[name] = Interval(of, name, unit, int(size or 1), tr, time, size_input, end_input, korean)
    return found


def interval(given: str | int, of: Of = "issue") -> Interval:
    """The interval of that name; a bare number is minutes. A small m alone could be minutes or months, and is refused.

    >>> interval("5min").tr
    'opt10080'

    Raises:
        BadInput: the broker has no such bars; the text lists the intervals it has.
    """
    text = _text(given)
    match = _FORM.fullmatch(text)
    if match is not None:
        unit = (
            match["unit"]
            if match["unit"] in _SPELLINGS.values()
            else _SPELLINGS.get(match["unit"].lower(), "")
        )
        size = match["size"].lstrip("0")
        found = intervals(of).get(f"{'' if unit.isupper() and size == '1' else size}{unit}")
        if found is not None:
            return found
    hint = ""
    if match is not None and match["unit"] == "m":
        size = match["size"].lstrip("0") or "1"
        months = ', and months "M"' if size == "1" else ""
        hint = f': minutes are "{size}min"{months}'
    raise BadInput(
        f"the broker has no bars of {shown(text or given)}{hint}; it has {', '.join(intervals(of))}"
    )


def _text(given: object) -> str:
    """The interval as a text; blank for what can be none."""
    if isinstance(given, str):
        return plain(given)
    if isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.timedelta64)):
        return f"{given}min" if 0 < given < 10**6 else ""
    return ""

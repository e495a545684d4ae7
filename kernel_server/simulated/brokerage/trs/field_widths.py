"""How the account TRs write their fields: numbers filled with zeros, texts with blanks, to the field's width.

Widths are bytes of CP949, from ``account_width.tsv``; ``*`` there is every field that is not named. Rates
are written as 모의투자 does it, with a decimal point and without zeros before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from kernel_server.simulated.base import kiwoom_format
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


@cache
def _field_formats(tr: str) -> Mapping[str, tuple[int, str]]:
    return {
        field: (int(width), format)
        for code, field, width, format in rows(_DATA / "account_width.tsv")
        if code == tr
    }


def fixed_width(tr: str, names: Sequence[str], values: Mapping[str, str | int]) -> list[str]:
    """The values of an account TR in that order; a number that is not there is 0, a text blank.

    >>> fixed_width("opw00004", ["종목코드", "보유수량", "손익금액", "손익율"],
    ...         {"종목코드": "A005930", "보유수량": 2, "손익금액": -1234})
    ['A005930     ', '000000000002', '-00000001234', '0.00']
    """
    formats = _field_formats(tr.lower())
    found = []
    for name in names:
        width, format = formats.get(name) or formats["*"]
        if format == "number":
            found.append(f"{int(values.get(name, 0)):0{width}d}")
        elif format == "rate":
            found.append(str(values.get(name, "0.00")))
        else:
            found.append(text(str(values.get(name, "")), width))
    return found


def text(value: str, width: int) -> str:
    """The text in a field of that many bytes, what is too long cut off, blanks on the right."""
    cut = value.encode("cp949", "replace")[:width].decode("cp949", "ignore")
    return kiwoom_format.padded(cut, "right", width) if cut else " " * width

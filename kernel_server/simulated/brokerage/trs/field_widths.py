"""Fixed-width fields of account TRs: numbers padded with zeros, texts with blanks.

Widths are CP949 bytes from ``account_width.tsv``, where ``*`` stands for all fields not named. Rates have
a decimal point, as 모의투자 writes them; those of opw00018 are padded with zeros (``zero_rate``, recorded).
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
    """Values of an account TR in the order of ``names``; a missing number is 0, a missing text blank.

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
        elif format == "zero_rate":
            found.append(str(values.get(name, "0.00")).zfill(width))
        else:
            found.append(text(str(values.get(name, "")), width))
    return found


def text(value: str, width: int) -> str:
    """A text cut or padded on the right to ``width`` bytes."""
    cut = value.encode("cp949", "replace")[:width].decode("cp949", "ignore")
    return kiwoom_format.padded(cut, "right", width) if cut else " " * width


def colon_time(time: str) -> str:
    """HH:MM:SS of HHMMSS."""
    return f"{time[:2]}:{time[2:4]}:{time[4:]}"

"""English name and kind of each field of the real-time types that streams deliver, from ``data/realtime.tsv``.

FIDs without a known meaning are not delivered. Kinds, beside those of ``koalab.frames.fields``:
    traded           shares of a trade, whose sign is the side of the aggressor and is dropped
    side             that side: 1 bought (매수체결), -1 sold (매도체결), 0 neither, as in an auction
    level            an index, float64, whose sign is a colour and is dropped
    signed_level     a difference of index values, float64
    million, thousand, hundred_million      a count in that unit, delivered in KRW or shares
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast

from kernel_server import reference
from kernel_server.tsv import rows
from koalab.errors import BadInput
from koalab.inputs.text import shown

LiveKind = Literal[
    "clock",
    "price",
    "count",
    "signed",
    "traded",
    "side",
    "million",
    "thousand",
    "hundred_million",
    "ratio",
    "colour_ratio",
    "level",
    "signed_level",
    "code",
    "text",
]
FLOATS: Final = frozenset({"ratio", "colour_ratio", "level", "signed_level"})
TEXTS: Final = frozenset({"code", "text"})
UNSIGNED: Final = frozenset({"price", "traded", "colour_ratio", "level"})
FACTORS: Final = {"thousand": 1_000, "million": 1_000_000, "hundred_million": 100_000_000}

_DATA: Final = Path(__file__).parent / "data"
# FIDs that register a type and, where one exists, no other type.
_REGISTERED: Final = {
    "주식체결": (228,),
    "주식호가잔량": (41,),
    "주식우선호가": (27,),
    "주식예상체결": (20,),
    "업종지수": (20,),
    "장시작시간": (215,),
    "VI발동/해제": (1221,),
}


@dataclass(frozen=True, slots=True)
class LiveField:
    """One field: its FID, its position in the type's string, its English name and kind."""

    fid: int
    position: int
    name: str
    kind: LiveKind


@cache
def live_fields(realtype: str) -> tuple[LiveField, ...]:
    """The fields of a type that streams deliver.

    Raises:
        BadInput: streams do not deliver that type.

    >>> [field.name for field in live_fields("주식우선호가")]
    ['ask', 'bid']
    """
    require_streamed(realtype)
    positions = {fid: position for position, fid in enumerate(reference.realtype(realtype).fids)}
    return tuple(
        LiveField(int(fid), positions[int(fid)], name, cast(LiveKind, kind))
        for of, fid, name, kind in rows(_DATA / "realtime.tsv")
        if of == realtype
    )


def registered_fids(realtype: str) -> tuple[int, ...]:
    """The FIDs with which to register codes for a type (SetRealReg)."""
    require_streamed(realtype)
    return _REGISTERED[realtype]


def require_streamed(realtype: str) -> None:
    """Raises BadInput for a type that streams do not deliver."""
    if not isinstance(realtype, str) or realtype not in _REGISTERED:
        raise BadInput(f"realtype is one of {', '.join(_REGISTERED)}, not {shown(realtype)}")

"""How TRs and real-time strings write an index down."""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.index_weights import SCALE


def base_of(bars: Bars) -> int:
    """What the newest day is compared with, in hundredths; on the first day its opening."""
    return int(bars.close[-2] if len(bars) > 1 else bars.open[-1])


def level(value: int, base: int) -> str:
    """An index, coloured: ``+2650.12``."""
    sign = "+" if value > base else "-" if value < base else ""
    return sign + kiwoom_format.decimal(value, SCALE)


def change(value: int, base: int) -> str:
    text = kiwoom_format.decimal(value - base, SCALE)
    return f"+{text}" if value > base else text


def sense(value: int, base: int) -> str:
    """전일대비기호. An index has no limits."""
    return "3" if value == base else "2" if value > base else "5"

"""Formats of index values in TRs and real-time strings."""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.index_weights import SCALE


def base_value(bars: Bars) -> int:
    """Reference value of the newest day, in hundredths: the previous close, or the open on the first day."""
    return int(bars.close[-2] if len(bars) > 1 else bars.open[-1])


def index_text(value: int, base: int) -> str:
    """An index value with the sign of its change: ``+2650.12``."""
    sign = "+" if value > base else "-" if value < base else ""
    return sign + kiwoom_format.decimal(value, SCALE)


def change_text(value: int, base: int) -> str:
    """Change of an index with its sign."""
    text = kiwoom_format.decimal(value - base, SCALE)
    return f"+{text}" if value > base else text


def direction(value: int, base: int) -> str:
    """전일대비기호; an index has no price limits."""
    return "3" if value == base else "2" if value > base else "5"

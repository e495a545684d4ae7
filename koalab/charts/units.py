"""Numbers on an axis in 만, 억 and 조."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_UNITS: Final = ((1e12, "조"), (1e8, "억"), (1e4, "만"))
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


def in_units(number: float, most: float | None = None) -> str:
    """A number in the largest of 만, 억 and 조 that fits it, or ``most``, the largest number beside it.

    >>> in_units(15_000_000), in_units(250_000_000), in_units(500), in_units(165_000)
    ('1,500만', '2.5억', '500', '16.5만')
    >>> in_units(5_000, 20_000), in_units(0, 20_000), in_units(-30_000)
    ('0.5만', '0', '-3만')
    """
    size = abs(number) if most is None else abs(most)
    for unit, name in _UNITS:
        if size >= unit and number:
            return f"{number / unit:,.10g}{name}"
    return f"{number:,.10g}"


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers for an axis from ``low`` to ``high``, about ``count`` of them.

    >>> ticks(136_200, 181_900)
    [140000.0, 150000.0, 160000.0, 170000.0, 180000.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * size for nice in _NICE if nice * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """The texts of an axis, all in one unit."""
    most = max(map(abs, values), default=0.0)
    return [in_units(round(value, 6), most) for value in values]

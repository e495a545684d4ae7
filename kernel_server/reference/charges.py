"""Charges of a trade: the broker's fee, and the taxes on a sale.

>>> fee(77_000, 350)
260
>>> taxes(77_000, date(2022, 1, 18), "KOSPI", 1)
176
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from kernel_server.tsv import rows

_DATA = Path(__file__).parent / "data"

_UNIT = 100_000  # rates are in thousandths of a percent
_FEE_STEP = 10


def fee(amount: int, rate: float) -> int:
    """Fee on an amount (KRW), rounded down to 10 won."""
    return int(amount * rate // _UNIT // _FEE_STEP * _FEE_STEP)


@cache
def _rates() -> dict[str, list[tuple[date, int, int]]]:
    """Rates of 거래세 and 농특세 by board, newest first; each begins with the first trade that is settled under it."""
    found: dict[str, list[tuple[date, int, int]]] = {}
    for since, board, transaction, rural, _note in rows(_DATA / "sale_tax.tsv"):
        found.setdefault(board, []).append((date.fromisoformat(since), int(transaction), int(rural)))
    return {board: sorted(rates, reverse=True) for board, rates in found.items()}


def taxes(amount: int, day: date, board: str, step: int) -> int:
    """거래세 plus 농특세 on a sale of that amount (KRW), each rounded down to ``step`` won."""
    return sum(tax_parts(amount, day, board, step))


def tax_parts(amount: int, day: date, board: str, step: int) -> tuple[int, int]:
    """거래세 and 농특세, separately."""
    rates = _rates()[board]
    found = next(((t, r) for since, t, r in rates if since <= day), rates[-1][1:])
    transaction, rural = (amount * rate // _UNIT // step * step for rate in found)
    return transaction, rural

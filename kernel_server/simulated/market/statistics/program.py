"""Program trading: the part of an issue's day that programs bought and sold, drawn from code and date.

It is a part of what foreigners and institutions traded. As a rate in per mille of the day's volume or value it is
constant through the day, so an issue's figures grow with its volume, and a market's are the sums of its issues'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Issue

_MILLE = 1000
# Of what foreigners and institutions trade: the least part that programs have, and how much more there can be.
_PARTS = {"KOSPI": (0.35, 0.45), "KOSDAQ": (0.15, 0.35)}
_ARBITRAGE = (20, 60)  # per mille of an index constituent's program trades: the least, and how many more


@dataclass(frozen=True, slots=True)
class ProgramRates:
    """Per mille of the volume that programs bought and sold: one row an issue, one column a day."""

    bought: Ints
    sold: Ints


def program_rates(issues: Sequence[Issue], days: Ints) -> ProgramRates:
    """Rates of issues on days (since the epoch, one row an issue). 0 for all but shares of KOSPI and KOSDAQ."""
    numbers = hash_random.text_parts([issue.code for issue in issues])
    parts = [
        _PARTS.get(issue.market, (0.0, 0.0)) if issue.kind == "stock" else (0.0, 0.0) for issue in issues
    ]
    least, more = (np.array([part[which] for part in parts])[:, None] for which in (0, 1))
    return ProgramRates(*(_rates(issues, numbers, days, side, least, more) for side in ("bought", "sold")))


def _rates(
    issues: Sequence[Issue], numbers: Ints, days: Ints, side: str, least: Floats, more: Floats
) -> Ints:
    keys = investor_groups.market_keys([issue.code for issue in issues], side)[:, None, :]
    traded = investor_groups.share_of(keys, days, (investor_groups.FOREIGNERS, investor_groups.INSTITUTIONS))
    drawn = hash_random.uniform(hash_random.keys(numbers, "program", side)[:, None], days)
    rates: Ints = np.floor(traded * (least + more * drawn) * _MILLE).astype(np.int64)
    return rates


def part(totals: Ints, rates: Ints) -> Ints:
    """The part of volumes, or of values in 백만원, at those rates."""
    return totals * rates // _MILLE


def arbitrage_part(issues: Sequence[Issue], days: Ints, side: str, amounts: Ints) -> Ints:
    """차익거래 within the program trades of index constituents, one row an issue; the rest is 비차익거래."""
    numbers = hash_random.text_parts([issue.code for issue in issues])
    drawn = hash_random.uniform(hash_random.keys(numbers, "arbitrage", side)[:, None], days)
    rates = _ARBITRAGE[0] + np.floor(drawn * _ARBITRAGE[1]).astype(np.int64)
    return part(amounts, rates)

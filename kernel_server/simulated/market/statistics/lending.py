"""Securities lending (대차거래): shares lent, returned and outstanding by day, drawn from code and date.

The figures of a session are known when the next one has begun.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.statistics.balances import BalanceDays, balance_days, levels, traded_days

_MOST = 600  # usual balance of an issue, in hundredths of a percent of its shares


def lending_days(issue: Issue, bars: Bars) -> BalanceDays:
    """Each of the days ``bars`` of an issue."""
    found = market_lending([issue], epoch_days(bars.time)[None, :], bars.volume[None, :])
    return BalanceDays(found.new[0], found.repaid[0], found.balance[0])


def market_lending(issues: Sequence[Issue], days: Ints, volume: Ints) -> BalanceDays:
    """Issues, one row each, on consecutive days of theirs (since the epoch), one column each."""
    numbers = hash_random.text_parts([issue.code for issue in issues])
    keys = hash_random.keys(numbers, "lending")[:, None]
    usual = 1 + (hash_random.keys(numbers, "대차잔고") % np.uint64(_MOST)).astype(np.int64)[:, None]
    shares = np.array([_lendable(issue) for issue in issues], np.int64)[:, None]
    listed = np.array([issue.listed for issue in issues], "datetime64[D]").astype(np.int64)
    balance = levels(keys, traded_days(days, volume), shares, listed[:, None], usual)
    return balance_days(keys + np.uint64(1), days, volume, balance)


def _lendable(issue: Issue) -> int:
    """Listed shares; 0 for KONEX and ETNs, which are not lent."""
    return 0 if issue.market == "KONEX" or issue.kind == "etn" else issue.shares

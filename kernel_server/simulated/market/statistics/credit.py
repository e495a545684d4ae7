"""Purchases and short sales on credit (신용융자, 신용대주): balances of an issue by day, drawn from seed and code.

The figures of a session are known when the next one has begun. Over recorded prices, which have no fundamentals, they
are unknown; ETFs, ETNs and KONEX have none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.balances import BalanceDays, balance_days, levels, traded_days

_MARKETS = ("KOSPI", "KOSDAQ")
_MOST = 400  # 신용비율 that is usual for an issue, in hundredths of a percent
_SOLD = 40  # the balance of short sales is one such part of that of purchases
_LONGEST_HALT = 40  # sessions: the balance is that of the last day with trading


def has_credit(issue: Issue) -> bool:
    return issue.kind in ("stock", "reit") and issue.market in _MARKETS


def credit_days(issue: Issue, seed: int, bars: Bars, sold: bool = False) -> BalanceDays:
    """Each of the days ``bars``: purchases on credit, or short sales if ``sold``."""
    kind = "대주" if sold else "융자"
    key = np.array([hash_random.key(seed, issue.code, "credit", kind)], np.uint64)
    usual = 1 + hash_random.key(seed, issue.code, "신용비율") % _MOST
    days = epoch_days(bars.time)
    listed = np.array([issue.listed], "datetime64[D]").astype(np.int64)
    shares = np.array([issue.shares // _SOLD if sold else issue.shares], np.int64)
    balance = levels(key, traded_days(days, bars.volume), shares, listed, np.array([usual], np.int64))
    return balance_days(key + np.uint64(1), days, bars.volume, balance)


def market_ratios(issues: Sequence[Issue], seed: int, days: Ints, volume: Ints) -> Floats:
    """신용비율 of issues in percent, as in ``credit_ratio``; NaN where there is none.

    Args:
        issues: the issues.
        seed: of the fundamentals.
        days: their days up to the one asked for, since the epoch, one row an issue.
        volume: of each day.
    """
    part = slice(max(0, days.shape[1] - _LONGEST_HALT), None)
    numbers = hash_random.text_parts([issue.code for issue in issues])
    keys = hash_random.keys(seed, numbers, "credit", "융자")[:, None]
    usual = 1 + (hash_random.keys(seed, numbers, "신용비율") % np.uint64(_MOST)).astype(np.int64)[:, None]
    shares = np.array([issue.shares for issue in issues], np.int64)[:, None]
    listed = np.array([issue.listed for issue in issues], "datetime64[D]").astype(np.int64)
    newest = traded_days(days[:, part], volume[:, part])[:, -1:]
    balance = levels(keys, newest, shares, listed[:, None], usual)
    hundredths = (balance * 20_000 + shares) // np.maximum(2 * shares, 1)
    known = np.array([has_credit(issue) for issue in issues]) & (shares[:, 0] > 0)
    return np.where(known, hundredths[:, 0] / 100, np.nan)


def credit_ratio(issue: Issue, seed: int, bars: Bars) -> str:
    """신용비율 at the end of the newest of the days ``bars``, signed; blank where there is no credit, or no day."""
    if not has_credit(issue) or not len(bars):
        return ""
    newest = cut(bars, max(0, len(bars) - _LONGEST_HALT), len(bars))
    balance = int(credit_days(issue, seed, newest).balance[-1])
    return kiwoom_format.rate(balance, issue.shares)

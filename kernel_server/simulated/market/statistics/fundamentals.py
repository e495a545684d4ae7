"""Fundamentals of the issues of a synthetic market.

They depend on the seed, the code and the last price of the previous year, so they are constant through a year, and PER
and PBR move with the price. 신용비율 is that of the session before the newest, the last one that is known.
"""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.credit import credit_ratio


def foreign_share(issue: Issue, seed: int) -> int:
    """Foreign ownership of a share at the end of 2025, in hundredths of a percent."""
    return _draw(issue, seed, "외인소진률", 10, 6000)


def _draw(issue: Issue, seed: int, what: str, low: int, high: int) -> int:
    return low + hash_random.key(seed, issue.code, what) % (high - low + 1)


def per_share(issue: Issue, seed: int, adjusted: Bars) -> tuple[int, int] | None:
    """EPS and BPS, KRW, None for an ETF or ETN. ``adjusted`` has at least one bar."""
    if issue.kind in ("etf", "etn"):
        return None
    new_year = int(adjusted.time[-1]) // 10000 * 10000
    anchor = int(adjusted.close[max(0, int(np.searchsorted(adjusted.time, new_year)) - 1)])
    eps = max(1, kiwoom_format.divide_rounded(anchor * 100, _draw(issue, seed, "PER", 400, 4000)))
    bps = max(1, kiwoom_format.divide_rounded(anchor * 100, _draw(issue, seed, "PBR", 40, 400)))
    return eps, bps


def return_on_equity(eps: int, bps: int) -> str:
    """ROE in percent, as Kiwoom writes it."""
    return kiwoom_format.decimal(eps * 100, bps, 1)


def fundamentals(issue: Issue, seed: int, adjusted: Bars) -> dict[str, str]:
    """Fields of opt10001 by name, none for an ETF or ETN. ``adjusted`` has at least one bar."""
    found = per_share(issue, seed, adjusted)
    if found is None:
        return {}

    def draw(what: str, low: int, high: int) -> int:
        return _draw(issue, seed, what, low, high)

    last = int(adjusted.close[-1])
    eps, bps = found
    profit = kiwoom_format.eok(eps * issue.shares)
    operating = profit * draw("영업이익", 1050, 1500) // 1000
    floating = issue.shares * draw("유통비율", 300, 950) // 1000
    return {
        "결산월": "12",
        "신용비율": credit_ratio(issue, seed, cut(adjusted, 0, len(adjusted) - 1)),
        "외인소진률": f"+{kiwoom_format.decimal(foreign_share(issue, seed), 100)}",
        "PER": kiwoom_format.decimal(last, eps),
        "EPS": str(eps),
        "ROE": return_on_equity(eps, bps),
        "PBR": kiwoom_format.decimal(last, bps),
        "EV": kiwoom_format.decimal(draw("EV", 150, 2500), 100),
        "BPS": str(bps),
        "매출액": str(operating * 1000 // draw("매출액", 30, 300)),
        "영업이익": str(operating),
        "당기순이익": str(profit),
        "유통주식": str(kiwoom_format.thousands(floating)),
        "유통비율": kiwoom_format.decimal(floating * 100, max(1, issue.shares), 1),
    }

"""The market behind the simulated broker: issues and their bars, synthetic or recorded.

A ``Market`` gives numbers; ``kiwoom_format`` and the TR handlers write them in Kiwoom's formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from kernel_server.simulated.base.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Issue:
    """A listed issue.

    Attributes:
        code: six characters.
        name: Korean name.
        market: ``KOSPI``, ``KOSDAQ`` or ``KONEX``.
        kind: ``stock``, ``etf``, ``etn`` or ``reit``.
        shares: listed shares.
        listed: listing date.
        face_value: KRW, 0 for none.
        industry: Korean name of its sector, may be blank.
    """

    code: str
    name: str
    market: str
    kind: str
    shares: int
    listed: date
    face_value: int
    industry: str


def board(issue: Issue) -> str:
    """The board of ``kernel_server.reference.price_rules`` whose ticks and limits apply to the issue."""
    return "ETP" if issue.kind in ("etf", "etn") else issue.market


def account_code(code: str, issue: Issue | None) -> str:
    """The code as orders and account TRs write it: A005930, of an ETN Q530031. ``issue`` is None if not listed."""
    return f"{'Q' if issue is not None and issue.kind == 'etn' else 'A'}{code}"


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, oldest first, as arrays of one length.

    ``time`` is YYYYMMDD for daily bars and YYYYMMDDHHMMSS (start of the minute, Seoul) for minute bars; prices and
    value are in KRW. ``event`` is Kiwoom's 수정주가구분 (a sum of flags, 0 for none) and ``ratio`` its 수정비율 in
    percent, both on the bar on which a corporate action took effect.
    """

    time: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints
    event: Ints
    ratio: Floats

    def __len__(self) -> int:
        return len(self.time)


class Market(Protocol):
    """Issues and their bars as of a moment, deterministic.

    Attributes:
        source: identifies the prices.
        minutes_fit_days: whether all minutes of a session lie within its daily bar, in price, volume and value.
    """

    source: str
    minutes_fit_days: bool

    def issues(self) -> Mapping[str, Issue]:
        """All listed issues by code."""
        ...

    def anchor_prices(self) -> Mapping[str, int]:
        """Price of each issue at the close of 2025-12-30, KRW, by code; empty if unknown.

        With ``Issue.shares`` it is the size that the constituents of an index are chosen by.
        """
        ...

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """Daily bars up to ``now`` (seconds since the epoch), including the session in progress and after-markets.

        ``days`` limits them to the newest ones, which may cost much less than all.
        """
        ...

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """1-minute bars up to ``now``, of the newest ``days`` sessions that have any; without after-markets."""
        ...

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """1-minute bars of the after-markets of the newest ``days`` sessions up to ``now``."""
        ...

    def evening_news(self, code: str, now: float) -> bool:
        """Whether the newest session's after-market may move far enough from the close for a VI."""
        ...

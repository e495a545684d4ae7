"""Builds minute bars from one issue's trades of one session."""

from __future__ import annotations

from dataclasses import dataclass, field

from koalab.frames.bars import BarColumns
from koalab.live.collecting import minutes
from koalab.live.collecting.trades import Trades
from koalab.live.wall_time import MINUTE
from koalab.store import coverage
from koalab.store.coverage import Coverage


@dataclass(frozen=True, slots=True)
class SessionMinutes:
    """The range of a session's minute bars: ``first`` is the opening, ``last`` the end of the last minute."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class CompleteMinutes:
    """Provably complete minutes: their bars, and the intervals they cover (minutes without a trade included)."""

    bars: BarColumns
    covered: Coverage


@dataclass
class MinuteBuilder:
    """Trades of one issue, kept until their minutes are stored.

    Attributes:
        session: its range.
        stored_until: earlier minutes are stored or given up.
        base_price: 기준가 in KRW, 0 before the first trade.
        last_trade: time of the newest trade, 0 before the first.
    """

    session: SessionMinutes
    stored_until: int = 0
    base_price: int = 0
    last_trade: int = 0
    _parts: list[Trades] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stored_until = max(self.stored_until, self.session.first)

    def add(self, trades: Trades) -> None:
        """Adds trades, in any order. Those of minutes already stored change nothing."""
        if len(trades):
            self._parts.append(trades)
            self.last_trade = max(self.last_trade, int(trades.time.max()))

    def complete(self, connected: Coverage) -> CompleteMinutes:
        """The complete minutes from ``stored_until`` on; ``connected`` as for ``minutes.complete_time``."""
        trades = self._trades()
        time = minutes.complete_time(trades, connected, self.session.first)
        covered = minutes.whole_minutes(time, self.stored_until, self.session.last)
        bars = [minutes.minute_bars(trades, first, last) for first, last in covered]
        return CompleteMinutes(BarColumns.concat(bars) if bars else BarColumns.empty("minute"), covered)

    def confirmed_until(self) -> int:
        """The minute of the newest trade: that trade confirms the complete minutes before it."""
        return self.last_trade // MINUTE * MINUTE

    def discard(self, until: int) -> None:
        """Drops trades before ``until`` except the last, which the next one's 누적거래량 is compared with."""
        self.stored_until = max(self.stored_until, until)
        trades = self._trades()
        older = int((trades.time < self.stored_until).sum())
        self._parts = [trades[max(0, older - 1) :]] if len(trades) else []

    def _trades(self) -> Trades:
        self._parts = [Trades.merged(self._parts)]
        return self._parts[0]


def holes(session: SessionMinutes, complete: Coverage, until: int) -> Coverage:
    """The minutes of a session that have ended by ``until`` and are not complete."""
    last = min(session.last, until // MINUTE * MINUTE - 1)
    return coverage.missing(complete, session.first, last)


def minute_count(intervals: Coverage) -> int:
    """The number of minutes in intervals of whole minutes."""
    return sum(last + 1 - first for first, last in intervals) // MINUTE

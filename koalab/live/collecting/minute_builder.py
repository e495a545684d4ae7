"""Builds minute bars from one issue's trades of one session."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.live.collecting import minutes
from koalab.live.collecting.trades import Trades
from koalab.live.wall_time import DAY, MINUTE
from koalab.store import coverage
from koalab.store.coverage import Coverage


@dataclass(frozen=True, slots=True)
class SessionMinutes:
    """The range of a session's minute bars.

    Attributes:
        first, last: the beginning of its first minute, the end of its last one.
        parts: the parts of it in which the issue is traded; all of it if there are none.
        unsure: parts of which the stream alone does not give the bars.
        uncharted: parts that the broker's charts may lack.
        opening: when the Korea Exchange opens, if that is not ``first``.
        breaks: times after each part in which nothing is traded.
    """

    first: int
    last: int
    parts: Coverage = ()
    unsure: Coverage = ()
    uncharted: Coverage = ()
    opening: int = 0
    breaks: Coverage = ()

    @property
    def opens(self) -> int:
        """When the Korea Exchange opens."""
        return self.opening or self.first

    def with_breaks(self, covered: Coverage) -> Coverage:
        """What is covered, with the breaks after it, as these have no minutes."""
        for first, last in self.breaks:
            if coverage.intersect(covered, first - 1, first - 1):
                covered = coverage.add(covered, (first, last))
        return covered

    def within(self, covered: Coverage, sure: bool = False) -> Coverage:
        """What is covered of its parts; ``sure``: of those that the stream gives the bars of."""
        parts = self.parts or ((self.first, self.last),)
        found = tuple(piece for part in parts for piece in coverage.intersect(covered, *part))
        if sure:
            for part in self.unsure:
                found = coverage.without(found, *part)
        return found


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
        outside: 누적거래량 of each trade that stands in no minute.
    """

    session: SessionMinutes
    stored_until: int = 0
    base_price: int = 0
    last_trade: int = 0
    outside: set[int] = field(default_factory=set)
    _parts: list[Trades] = field(default_factory=list)
    _discarded: int = 0  # the newest 누적거래량 among the trades when minutes were stored last
    _breaks: Coverage = field(init=False, default=())

    def __post_init__(self) -> None:
        self.stored_until = max(self.stored_until, self.session.first)
        day = self.session.first // DAY * DAY
        traded = self.session.within(((self.session.first, self.session.last),))
        self._breaks = coverage.missing(traded, day, day + DAY - 1)

    def add(self, trades: Trades) -> Coverage:
        """Adds trades, in any order.

        Returns:
            The earlier minutes that these are new trades of: where they are stored, they are wrong.
        """
        for first, last in self._breaks:
            self.outside.update(trades.between(first, last).total.astype(int).tolist())
        trades = trades.between(self.session.first, self.session.last)
        unknown = (trades.time < self.stored_until) & (trades.total > self._discarded)
        late: Coverage = ()
        for minute in (trades.time[unknown] // MINUTE * MINUTE).tolist():
            late = coverage.add(late, (minute, minute + MINUTE - 1))
        if len(trades):
            self._parts.append(trades)
            self.last_trade = max(self.last_trade, int(trades.time.max()))
        return late

    def complete(self, connected: Coverage) -> CompleteMinutes:
        """The complete minutes from ``stored_until`` on; ``connected`` as for ``minutes.complete_time``."""
        trades = self._trades()
        time = minutes.complete_time(trades, connected, self.session.first)
        covered = minutes.whole_minutes(time, self.stored_until, self.session.last)
        covered = self.session.within(covered, sure=True)
        bars = [minutes.minute_bars(trades, first, last) for first, last in covered]
        return CompleteMinutes(BarColumns.concat(bars) if bars else BarColumns.empty("minute"), covered)

    def confirmed_until(self) -> int:
        """The minute of the newest trade: that trade confirms the complete minutes before it."""
        return self.last_trade // MINUTE * MINUTE

    def discard(self, until: int) -> None:
        """Drops trades before ``until`` except the last, which the next one's 누적거래량 is compared with."""
        self.stored_until = max(self.stored_until, until)
        trades = self._trades()
        self._discarded = int(trades.total[-1]) if len(trades) else self._discarded
        # 체결시간 may go back by a second, and by more where two exchanges are one stream.
        later = np.flatnonzero(trades.time >= self.stored_until)
        first = int(later[0]) if len(later) else len(trades)
        self._parts = [trades[max(0, first - 1) :]] if len(trades) else []

    def _trades(self) -> Trades:
        self._parts = [Trades.merged(self._parts)]
        return self._parts[0]


def holes(session: SessionMinutes, complete: Coverage, until: int) -> Coverage:
    """The minutes of a session that have ended by ``until`` and are not complete."""
    last = min(session.last, until // MINUTE * MINUTE - 1)
    return session.within(coverage.missing(complete, session.first, last))


def minute_count(intervals: Coverage) -> int:
    """The number of minutes in intervals of whole minutes."""
    return sum(last + 1 - first for first, last in intervals) // MINUTE

"""One issue's trades of one session, until they are minutes."""

from __future__ import annotations

from dataclasses import dataclass, field

from koalab.frames.bars import BarColumns
from koalab.live import minutes
from koalab.live.minutes import MINUTE, Trades
from koalab.store import coverage
from koalab.store.coverage import Coverage


@dataclass(frozen=True, slots=True)
class SessionMinutes:
    """When the minutes of a session can have bars: ``first`` is its opening, ``last`` the end of its last minute.

    Microseconds of naive Seoul wall time, as all times here.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class CompleteMinutes:
    """Minutes that are complete: their bars, and the time that they cover."""

    bars: BarColumns
    covered: Coverage


@dataclass
class MinuteBuilder:
    """Trades are kept until their minutes have been taken away.

    Attributes:
        hours: of its session.
        taken: before this, minutes have been given away, or are given up.
        base: 기준가 in KRW, 0 as long as no trade has told it.
        last: time of the newest trade, 0 without one.
    """

    hours: SessionMinutes
    taken: int = 0
    base: int = 0
    last: int = 0
    _parts: list[Trades] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken = max(self.taken, self.hours.first)

    def add(self, trades: Trades) -> None:
        """More trades, in any order. Those of minutes that were taken are let be."""
        if len(trades):
            self._parts.append(trades)
            self.last = max(self.last, int(trades.time.max()))

    def complete(self, stretches: Coverage) -> CompleteMinutes:
        """The minutes from ``taken`` on that are complete by now; ``stretches`` as for ``minutes.known``."""
        trades = self._trades()
        time = minutes.known(trades, stretches, self.hours.first)
        whole = minutes.whole_minutes(time, self.taken, self.hours.last)
        bars = [minutes.bars(trades, first, last) for first, last in whole]
        return CompleteMinutes(BarColumns.concat(bars) if bars else BarColumns.empty("minute"), whole)

    def proven_until(self) -> int:
        """The minute of the newest trade: what is complete before it, a later trade has confirmed."""
        return self.last // MINUTE * MINUTE

    def take(self, until: int) -> None:
        """Forgets the minutes before ``until``; the last trade of them stays, for the next one to follow on."""
        self.taken = max(self.taken, until)
        trades = self._trades()
        older = int((trades.time < self.taken).sum())
        self._parts = [trades[max(0, older - 1) :]] if len(trades) else []

    def _trades(self) -> Trades:
        self._parts = [Trades.joined(self._parts)]
        return self._parts[0]


def holes(hours: SessionMinutes, complete: Coverage, until: int) -> Coverage:
    """The whole minutes of a session that are over at ``until`` and not complete."""
    last = min(hours.last, until // MINUTE * MINUTE - 1)
    return coverage.missing(complete, hours.first, last)


def count(time: Coverage) -> int:
    """How many minutes that is."""
    return sum(last + 1 - first for first, last in time) // MINUTE

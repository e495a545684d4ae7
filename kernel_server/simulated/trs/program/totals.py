"""Program trades of a whole market by session and by minute: the sums of those of its issues.

Completed sessions are computed in pieces, to keep each turn of the control thread short, and cached until the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, known_epoch_days
from kernel_server.simulated.base.tr import AnswerPending, TrRejected
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.statistics.program import (
    ProgramRates,
    arbitrage_part,
    part,
    program_rates,
)
from kernel_server.simulated.snapshot.columns import IssueFacts
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.trs.rankings.view import BarsView

MARKETS = {"P00101": "KOSPI", "P10102": "KOSDAQ"}
"""Markets by 시장구분 of most TRs about program trading."""

_ARBITRAGED = ("201", "150")  # indices whose constituents are traded against futures
_DRAWS_PER_TURN = 200_000  # some 30 ms


@dataclass(frozen=True, slots=True)
class ProgramAmounts:
    """차익 and 비차익 purchases and sales, in 백만원 or shares."""

    arbitrage_bought: int
    arbitrage_sold: int
    other_bought: int
    other_sold: int

    @property
    def arbitrage(self) -> int:
        return self.arbitrage_bought - self.arbitrage_sold

    @property
    def other(self) -> int:
        return self.other_bought - self.other_sold

    @property
    def bought(self) -> int:
        return self.arbitrage_bought + self.other_bought

    @property
    def sold(self) -> int:
        return self.arbitrage_sold + self.other_sold


@dataclass(frozen=True, slots=True)
class ProgramTotal:
    """Totals of a market in both units."""

    money: ProgramAmounts
    shares: ProgramAmounts


@dataclass(frozen=True)
class ProgramTraders:
    """Issues on days of theirs, with the rates of these.

    Attributes:
        days: since the epoch, one row an issue; of one column if all amounts are of the same day.
        arbitraged: whether each is an index constituent.
    """

    issues: Sequence[Issue]
    days: Ints
    arbitraged: Ints

    @cached_property
    def rates(self) -> ProgramRates:
        return program_rates(self.issues, self.days)

    def traded(self, totals: Ints, side: str) -> tuple[Ints, Ints]:
        """차익 and 비차익 of volumes or values in 백만원, one row an issue."""
        whole = part(totals, self.rates.bought if side == "bought" else self.rates.sold)
        arbitrage = arbitrage_part(self.issues, self.days, side, whole) * self.arbitraged[:, None]
        return arbitrage, whole - arbitrage

    def totals(self, volume: Ints, value: Ints) -> list[ProgramTotal]:
        """Sums of the issues, one a column of volume (shares) and value (KRW)."""
        money, shares = (self._sums(totals) for totals in (investor_groups.millions(value), volume))
        return [
            ProgramTotal(ProgramAmounts(*m), ProgramAmounts(*s)) for m, s in zip(money, shares, strict=True)
        ]

    def _sums(self, totals: Ints) -> list[list[int]]:
        parts = [each.sum(axis=0) for side in ("bought", "sold") for each in self.traded(totals, side)]
        arbitrage_bought, other_bought, arbitrage_sold, other_sold = parts
        table: list[list[int]] = np.stack(
            [arbitrage_bought, arbitrage_sold, other_bought, other_sold], axis=-1
        ).tolist()
        return table


class ProgramHistory:
    """Totals of markets; shared by the handlers, so that they are cached.

    Args:
        indices: knows the constituents.
    """

    def __init__(self, indices: IndexValues) -> None:
        self._indices = indices
        self._facts: IssueFacts | None = None
        self._days: dict[tuple[str, int], ProgramTotal] = {}
        self._in_progress: dict[tuple[str, tuple[int, ...]], Iterator[None]] = {}
        self._newest: dict[str, tuple[Ints, ProgramTraders]] = {}
        self._known: Ints | None = None

    def arbitraged(self, codes: Sequence[str]) -> Ints:
        """Whether each of the issues is a constituent of KOSPI200 or KOSDAQ 150, as 0 and 1.

        Raises:
            AnswerPending: they are not known yet.
        """
        if not self._indices.prepare_members():
            raise AnswerPending
        by_code = self._indices.by_code
        members = {code for index in _ARBITRAGED if index in by_code for code in by_code[index].members}
        return np.array([code in members for code in codes], np.int64)

    def newest(self, view: BarsView, market: str) -> tuple[Ints, ProgramTraders]:
        """Places of the shares of a market, and their rates in their newest session."""
        self._restart(view.facts)
        if market not in self._newest:
            places = _places(view.facts, market)
            issues = [view.facts.issues[place] for place in places.tolist()]
            days = epoch_days(np.array(view.facts.dates, np.int64)[places])[:, None]
            traders = ProgramTraders(issues, days, self.arbitraged([issue.code for issue in issues]))
            self._newest[market] = places, traders
        return self._newest[market]

    def day(self, view: BarsView, market: str, day: int) -> ProgramTotal:
        """Total of a session, completed (in the cache: ask ``prepare`` first) or the newest."""
        if day != newest_day(view.facts):
            return self._days[market, day]
        places, traders = self.newest(view, market)
        at_day = np.array(view.facts.dates)[places] == day
        volume, value = (
            np.where(at_day, column[places], 0)[:, None] for column in (view.prices.volume, view.prices.value)
        )
        return traders.totals(volume, value)[0]

    def known_days(self, facts: IssueFacts) -> Ints:
        """Sessions of the market that are known, oldest first; found once a session, as it reads the whole history."""
        self._restart(facts)
        if self._known is None:
            days = np.unique(np.append(facts.history.time.ravel(), np.array(facts.dates, np.int64)))
            self._known = days[days > 0].astype(np.int64)
        return self._known

    def prepare(self, view: BarsView, market: str, days: Sequence[int]) -> None:
        """Compute the totals of completed sessions.

        Raises:
            AnswerPending: more work is left.
        """
        self._restart(view.facts)
        newest = newest_day(view.facts)
        missing = tuple(sorted(day for day in days if (market, day) not in self._days and day != newest))
        if not missing:
            return
        key = market, missing
        if key not in self._in_progress:
            self._in_progress[key] = self._compute(view.facts, market, missing)
        for _ in self._in_progress[key]:
            raise AnswerPending
        del self._in_progress[key]

    def _restart(self, facts: IssueFacts) -> None:
        if facts is not self._facts:
            self._facts = facts
            self._days.clear()
            self._in_progress.clear()
            self._newest.clear()
            self._known = None

    def _compute(self, facts: IssueFacts, market: str, days: tuple[int, ...]) -> Iterator[None]:
        history, wanted = facts.history, np.array(days)
        columns = np.flatnonzero(np.isin(history.time, wanted).any(axis=0))
        part_of = slice(int(columns[0]), int(columns[-1]) + 1) if len(columns) else slice(0, 0)
        width = part_of.stop - part_of.start
        places = _places(facts, market)
        at_once = max(1, _DRAWS_PER_TURN // max(1, width * 2 * len(investor_groups.groups())))
        sums = np.zeros((len(days), 8), np.int64)
        for start in range(0, len(places) if width else 0, at_once):
            if start:
                yield
            rows = places[start : start + at_once]
            issues = [facts.issues[place] for place in rows.tolist()]
            time = history.time[rows, part_of].astype(np.int64)
            index = np.searchsorted(wanted, time)
            inside = (index < len(wanted)) & (wanted[np.minimum(index, len(wanted) - 1)] == time)
            arbitraged = self.arbitraged([issue.code for issue in issues])
            traders = ProgramTraders(issues, known_epoch_days(time), arbitraged)
            money = investor_groups.millions(history.value[rows, part_of])
            for unit, totals in enumerate((money, history.volume[rows, part_of])):
                for side, name in enumerate(("bought", "sold")):
                    for kind, amounts in enumerate(traders.traded(totals, name)):
                        np.add.at(sums[:, unit * 4 + kind * 2 + side], index[inside], amounts[inside])
        for day, row in zip(days, sums.tolist(), strict=True):
            self._days[market, day] = ProgramTotal(ProgramAmounts(*row[:4]), ProgramAmounts(*row[4:]))


def newest_day(facts: IssueFacts) -> int:
    """The newest session of the market, YYYYMMDD; 0 without issues."""
    return max(facts.dates, default=0)


def market_input(text: str) -> str:
    """The market of a 시장구분.

    Raises:
        TrRejected: there is no such.
    """
    if text not in MARKETS:
        raise TrRejected("bad_input")
    return MARKETS[text]


def _places(facts: IssueFacts, market: str) -> Ints:
    """Places of the shares of a market."""
    places = [at for at, issue in enumerate(facts.issues) if issue.market == market and issue.kind == "stock"]
    return np.array(places, np.int64)

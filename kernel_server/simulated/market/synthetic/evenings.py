"""After-markets of a synthetic market: their minutes, and what they add to daily bars."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Final, Literal, NamedTuple

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules, spans
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.market import model, phases
from kernel_server.simulated.market.after_market.evening import (
    NO_MINUTES,
    EveningMinutes,
    RegularSession,
    evening_minutes,
    evening_volumes,
    has_news,
)
from kernel_server.simulated.market.after_market.rules import FIRST, traded
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices, Flags
from kernel_server.simulated.market.synthetic.evening_values import (
    ValuedMinutes,
    decided_values,
    evening_worth,
    mean_prices,
    usual_evening,
)
from kernel_server.simulated.market.synthetic.vi_prices import with_interruptions
from kernel_server.simulated.market.vi_rules import vi_rule

_FIRST_DAY = int(FIRST.astype(np.int64))
_MINUTE, _HOUR = 60, 3600
_MOST_SECONDS = 4 * _HOUR
_FAR_DAY = 0.2  # move of a day up to which no mean price of its evening comes near a price limit
_CACHED_HOURS = 500  # sessions
_CACHED = 3000  # evenings and histories, some kilobytes each: a whole market is read again and again

_NOTHING = ValuedMinutes(NO_MINUTES, NO_MINUTES.volume)


class _WholeEvenings(NamedTuple):
    """Whole after-markets of an issue's days from the first with one on: shares, value decided (KRW), news or not."""

    volume: Ints
    value: Ints
    news: Flags


@dataclass(frozen=True, slots=True)
class EveningBar:
    """What the newest daily bar shows after the after-market has begun. Volume and value always include it.

    Attributes:
        prices: ``wide``: close, high and low include the after-market; ``close``: the close alone does; ``regular``:
            they are those of the regular session.
        until: hour of the next day from which on all prices are those of the regular session.
    """

    prices: Literal["wide", "close", "regular"] = "wide"
    until: float = 5.0


DEFAULT_BAR: Final = EveningBar()


def evening_bars(evening: ValuedMinutes, begins: float) -> Bars:
    """Minutes of an after-market that begins at ``begins`` (seconds since the epoch) as bars."""
    minutes = evening.minutes
    count = len(minutes.minute)
    start = seoul(begins)
    date = start.year * 10_000 + start.month * 100 + start.day
    clock = start.hour * 60 + start.minute + minutes.minute
    return Bars(
        date * 1_000_000 + clock // 60 * 10_000 + clock % 60 * 100,
        minutes.open,
        minutes.high,
        minutes.low,
        minutes.close,
        minutes.volume,
        evening.value,
        np.zeros(count, np.int64),
        np.zeros(count),
    )


def _first_row(days: DailyPrices) -> int:
    """The first of the days that may have an after-market."""
    return int(np.searchsorted(days.day, _FIRST_DAY))


def _read_only(bars: Bars) -> Bars:
    """The bars, whose arrays may be kept by readers."""
    for column in (bars.high, bars.low, bars.close, bars.volume, bars.value):
        column.setflags(write=False)
    return bars


class Evenings:
    """The after-markets of all issues.

    Args:
        seed: of the market.
        sessions: loads the calendar.
        actions: corporate actions by code.
        bar: what the newest daily bar shows.
    """

    def __init__(
        self,
        seed: int,
        sessions: Callable[[], Sessions],
        actions: dict[str, list[CorporateAction]],
        bar: EveningBar,
    ) -> None:
        self._seed = seed
        self._sessions = sessions
        self._actions = actions
        self._bar = bar
        self._cache: OrderedDict[tuple[str, int], ValuedMinutes] = OrderedDict()
        self._history: OrderedDict[tuple[str, int], _WholeEvenings] = OrderedDict()
        self._news_values: dict[tuple[str, int], int] = {}
        self._hours = lru_cache(_CACHED_HOURS)(lambda index: phases.hours(sessions(), index))

    def with_evenings(self, issue: Issue, days: DailyPrices, raw: Bars, now: float, wanted: int) -> Bars:
        """Unadjusted daily bars up to ``now`` with the volume and value of the after-markets.

        Args:
            issue: the issue.
            days: its days, of which ``raw`` are the first ones.
            raw: bars without after-markets, of which the last one may be of the session in progress.
            now: seconds since the epoch.
            wanted: number of the last bars that will be read; the value of others lacks news of their evenings.
        """
        first = _first_row(days)
        stop = len(raw)
        if first >= stop or not traded(issue):
            return raw
        session = days.first + stop - 1
        newest = session == self._sessions().last_started(now)
        evening = _NOTHING
        over = stop
        if newest and now < self._hours(session).ends:
            over = stop - 1
            evening = self.so_far(issue, days, session, now)
        elif newest and self._bar.prices != "regular" and self._shown(session, now):
            evening = self.minutes(issue, days, session)
        volume, value = raw.volume.copy(), raw.value.copy()
        totals = self._totals(issue, days, stop)
        volume[first:over] += totals.volume[: over - first]
        value[first:over] += totals.value[: over - first]
        for row in (first + np.flatnonzero(totals.news[: over - first])).tolist():
            if row >= stop - wanted:
                value[row] = raw.value[row] + self._news_value(issue, days, days.first + row)
        if over < stop:
            volume[over] += evening.minutes.volume.sum()
            value[over] += evening.value.sum()
        bars = replace(raw, volume=volume, value=value)
        return _read_only(self._provisional(bars, evening.minutes) if len(evening.value) else bars)

    def _totals(self, issue: Issue, days: DailyPrices, stop: int) -> _WholeEvenings:
        """The whole after-markets of the issue's days, up to row ``stop`` at least."""
        place, first = (issue.code, days.first), _first_row(days)
        known = self._history.get(place)
        if known is None or len(known.volume) < stop - first:
            self._decide([(issue, days)], first, stop)
            known = self._history[place]
        return known

    def decide(self, issues: Sequence[tuple[Issue, DailyPrices]]) -> None:
        """Decide the after-markets of issues of one board with the same sessions, if they are not known.

        Many at once cost a fraction of as many one by one, and are the same to the bit.
        """
        first, stop = _first_row(issues[0][1]), len(issues[0][1])
        new = [
            (issue, days)
            for issue, days in issues
            if traded(issue) and not self._knows((issue.code, days.first), stop - first)
        ]
        if new and first < stop:
            self._decide(new, first, stop)

    def _knows(self, place: tuple[str, int], count: int) -> bool:
        known = self._history.get(place)
        return known is not None and len(known.volume) >= count

    def _decide(self, issues: Sequence[tuple[Issue, DailyPrices]], first: int, stop: int) -> None:
        rows, every = slice(first, stop), [days for _issue, days in issues]
        key = np.array([[self._key(issue)] for issue, _days in issues], np.uint64)
        dates, close = every[0].day[rows], np.stack([days.close[rows] for days in every])
        volume = evening_volumes(key, dates, np.stack([days.volume[rows] for days in every]))
        news = has_news(hash_random.keys(key, dates, "after-market")) & (volume > 0)
        mean = mean_prices(key, dates, close)
        before = np.stack([days.close[first - 1 : stop - 1] if first else days.open[rows] for days in every])
        far = np.abs(close - before) > _FAR_DAY * before
        for place, (issue, _days) in enumerate(issues):
            for action in self._actions.get(issue.code, ()):
                far[place] |= dates == action.epoch_day
        for place, row in np.argwhere(far).tolist():
            issue, days = issues[place]
            session = self._regular(issue, days, days.first + first + row)
            mean[place, row] = min(max(mean[place, row], session.lower), session.upper)
        value = np.zeros(close.shape, np.int64)
        for part, grid in spans(dates, model.board(issues[0][0])):
            value[:, part] = decided_values(grid, mean[:, part], volume[:, part])
        for place, (issue, days) in enumerate(issues):
            # Copies, as a view would keep those of all the other issues in memory.
            found = (column[place].copy() for column in (volume, value, news))
            self._history[issue.code, days.first] = _WholeEvenings(*found)
        while len(self._history) > _CACHED:
            self._history.popitem(last=False)

    def _news_value(self, issue: Issue, days: DailyPrices, session: int) -> int:
        """Value (KRW) of an after-market with news: that of its minutes, which VIs may merge."""
        key = (issue.code, session)
        if key not in self._news_values:
            self._news_values[key] = int(self._generate(issue, days, session).value.sum())
        return self._news_values[key]

    def minutes(self, issue: Issue, days: DailyPrices, session: int) -> ValuedMinutes:
        """The whole after-market of a session, an index in the calendar."""
        key = (issue.code, session)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._generate(issue, days, session)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return found

    def bars(self, issue: Issue, days: DailyPrices, sessions: range, now: float) -> list[Bars]:
        """The minutes that are over, of each of some sessions with an after-market."""
        dates = self._sessions().dates
        return [
            evening_bars(self.so_far(issue, days, session, now), self._hours(session).after_market_begins)
            for session in sessions
            if dates[session] >= FIRST
        ]

    def has_news(self, issue: Issue, session: int) -> bool:
        """Whether there are news in the after-market of a session, without which there is no VI."""
        day = int(self._sessions().dates[session].astype(np.int64))
        if day < _FIRST_DAY or not traded(issue):
            return False
        return bool(has_news(np.array([self._day_key(issue, day)], np.uint64))[0])

    def so_far(self, issue: Issue, days: DailyPrices, session: int, now: float) -> ValuedMinutes:
        """The minutes of a session's after-market that are over."""
        begins = self._hours(session).after_market_begins
        if now < begins:
            return _NOTHING
        found = self.minutes(issue, days, session)
        return found.first(int(np.searchsorted(found.minutes.minute, (now - begins) // _MINUTE)))

    def _shown(self, session: int, now: float) -> bool:
        """Whether prices of the after-market are shown after its end."""
        return now < midnight(self._hours(session).opens) + _HOUR * (24 + self._bar.until)

    def _provisional(self, bars: Bars, evening: EveningMinutes) -> Bars:
        if self._bar.prices == "regular":
            return bars
        close = bars.close.copy()
        close[-1] = evening.close[-1]
        if self._bar.prices == "close":
            return replace(bars, close=close)
        high, low = bars.high.copy(), bars.low.copy()
        high[-1] = max(high[-1], int(evening.high.max()))
        low[-1] = min(low[-1], int(evening.low.min()))
        return replace(bars, close=close, high=high, low=low)

    def _generate(self, issue: Issue, days: DailyPrices, session: int) -> ValuedMinutes:
        row = session - days.first
        if not self._trades(issue, days, row):
            return _NOTHING
        totals, place = self._totals(issue, days, row + 1), row - _first_row(days)
        total, value = int(totals.volume[place]), int(totals.value[place])
        regular, length = self._regular(issue, days, session), self._length(session)
        if not total or not length:
            return _NOTHING
        if not totals.news[place]:
            return evening_worth(regular.grid, evening_minutes(regular, total, length, value / total), value)
        minutes = evening_minutes(regular, total, length)
        rule = vi_rule(self._sessions().dates[session].item(), model.board(issue))
        if rule is not None:
            minutes = with_interruptions(rule, regular.grid, regular.key, regular.close, minutes, length)
        return usual_evening(regular.grid, minutes)

    def _trades(self, issue: Issue, days: DailyPrices, row: int) -> bool:
        """Whether an issue has an after-market on one of its days."""
        return row >= 0 and bool(days.volume[row]) and traded(issue) and bool(days.day[row] >= _FIRST_DAY)

    def _length(self, session: int) -> int:
        """Minutes of a session's after-market."""
        hours = self._hours(session)
        return max(0, int(min(hours.ends - hours.after_market_begins, _MOST_SECONDS)) // _MINUTE)

    def _regular(self, issue: Issue, days: DailyPrices, session: int) -> RegularSession:
        """What an issue's after-market of a session depends on."""
        row = session - days.first
        day, close = int(days.day[row]), int(days.close[row])
        grid = rules(self._sessions().dates[session].item(), model.board(issue))
        base = int(days.open[row])
        if row:
            actions = self._actions.get(issue.code, [])
            factor = prod(action.factor for action in actions if action.epoch_day == day)
            base = max(1, round(int(days.close[row - 1]) / factor))
        upper, lower = grid.limits(base)
        limits = min(lower, close), max(upper, close)
        return RegularSession(self._day_key(issue, day), close, *limits, grid, news=True)

    def _day_key(self, issue: Issue, day: int) -> int:
        return hash_random.key(self._key(issue), day, "after-market")

    def _key(self, issue: Issue) -> int:
        return hash_random.key(self._seed, issue.code)

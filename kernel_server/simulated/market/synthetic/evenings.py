"""After-markets of a synthetic market: their minutes, and what they add to daily bars."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.market import model, phases
from kernel_server.simulated.market.after_market.evening import (
    NO_MINUTES,
    EveningMinutes,
    RegularSession,
    evening_minutes,
    evening_volumes,
)
from kernel_server.simulated.market.after_market.rules import FIRST, traded
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices

_FIRST_DAY = int(FIRST.astype(np.int64))
_MINUTE, _HOUR = 60, 3600
_CACHED = 3000  # evenings, some kilobytes each: a whole market is read again and again


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


def evening_bars(minutes: EveningMinutes, begins: float) -> Bars:
    """Minutes of an after-market that begins at ``begins`` (seconds since the epoch) as bars."""
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
        minutes.volume * minutes.close,
        np.zeros(count, np.int64),
        np.zeros(count),
    )


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
        self._cache: OrderedDict[tuple[str, int], EveningMinutes] = OrderedDict()
        self._hours = lru_cache(4)(lambda index: phases.hours(sessions(), index))

    def with_evenings(self, issue: Issue, days: DailyPrices, raw: Bars, now: float) -> Bars:
        """Unadjusted daily bars up to ``now`` with the volume and value of the after-markets.

        Args:
            issue: the issue.
            days: its days, of which ``raw`` are the first ones.
            raw: bars without after-markets, of which the last one may be of the session in progress.
            now: seconds since the epoch.
        """
        first = int(np.searchsorted(days.day, _FIRST_DAY))
        stop = len(raw)
        if first >= stop or not traded(issue):
            return raw
        more = evening_volumes(self._key(issue), days.day[first:stop], raw.volume[first:])
        session = days.first + stop - 1
        newest = session == self._sessions().last_started(now)
        evening = NO_MINUTES
        if newest and now < self._hours(session).ends:
            evening = self.so_far(issue, days, session, now)
            more[-1] = int(evening.volume.sum())
        elif newest and self._bar.prices != "regular" and self._shown(session, now):
            evening = self.minutes(issue, days, session)
        volume, value = raw.volume.copy(), raw.value.copy()
        volume[first:] += more
        value[first:] += more * raw.close[first:]
        bars = replace(raw, volume=volume, value=value)
        return _read_only(self._provisional(bars, evening) if len(evening.close) else bars)

    def minutes(self, issue: Issue, days: DailyPrices, session: int) -> EveningMinutes:
        """The whole after-market of a session, an index in the calendar."""
        key = (issue.code, session)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._generate(issue, days, session)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return found

    def so_far(self, issue: Issue, days: DailyPrices, session: int, now: float) -> EveningMinutes:
        """The minutes of a session's after-market that are over."""
        begins = self._hours(session).after_market_begins
        if now < begins:
            return NO_MINUTES
        found = self.minutes(issue, days, session)
        return found.first(int(np.searchsorted(found.minute, (now - begins) // _MINUTE)))

    def hours(self, session: int) -> SessionHours:
        """Hours of a session."""
        return self._hours(session)

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

    def _generate(self, issue: Issue, days: DailyPrices, session: int) -> EveningMinutes:
        row = session - days.first
        hours = self._hours(session)
        if row < 0 or not days.volume[row] or not traded(issue) or days.day[row] < _FIRST_DAY:
            return NO_MINUTES
        day, close = int(days.day[row]), int(days.close[row])
        grid = rules(self._sessions().dates[session].item(), model.board(issue))
        base = int(days.open[row])
        if row:
            factors: Sequence[float] = [
                action.factor for action in self._actions.get(issue.code, []) if action.epoch_day == day
            ]
            base = max(1, round(int(days.close[row - 1]) / float(np.prod(factors))))
        upper, lower = grid.limits(base)
        (total,) = evening_volumes(self._key(issue), days.day[row : row + 1], days.volume[row : row + 1])
        regular = RegularSession(
            hash_random.key(self._key(issue), day, "after-market"),
            close,
            min(lower, close),
            max(upper, close),
            grid,
        )
        length = int(hours.ends - hours.after_market_begins) // _MINUTE
        return evening_minutes(regular, int(total), length)

    def _key(self, issue: Issue) -> int:
        return hash_random.key(self._seed, issue.code)

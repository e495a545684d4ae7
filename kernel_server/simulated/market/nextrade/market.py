"""The issues at Nextrade and at both exchanges together, as a market with codes like ``005930_NX`` and ``005930_AL``.

A daily bar begins with the pre-market and ends with the after-market at 20:00, that of both together with the last
trade at either; the closing price of the Korea Exchange is in neither. Of an issue that Nextrade does not trade both
together are the Korea Exchange alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import dates_of, midnight, times_of
from kernel_server.simulated.base.tr import AnswerPending
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.day_summary import history
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.nextrade.hours import EVENING_ENDS, PRE_BEFORE, nextrade_hours
from kernel_server.simulated.market.nextrade.minutes import ExchangeDay, nextrade_minutes
from kernel_server.simulated.market.nextrade.venues import COMBINED, FIRST, NEXTRADE, VenueIssues, split
from kernel_server.simulated.market.resample import cut, joined

_DAYS_PER_TURN = 8  # some twenty milliseconds
_CACHED_DAYS = 16  # days with their minutes
_DAY = 1_000_000
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


class VenueDay(NamedTuple):
    """A day at Nextrade.

    Attributes:
        prices: open, high, low and close.
        both: those of both exchanges together.
    """

    prices: tuple[int, int, int, int]
    both: tuple[int, int, int, int]
    volume: int
    value: int


class NextradeSession(NamedTuple):
    """A session of an issue at Nextrade: 기준가 in KRW, the day before, all minutes, and the Korea Exchange's day."""

    base: int
    previous_volume: int
    previous_value: int
    minutes: Bars
    exchange: ExchangeDay | None


class NextradeMarket:
    """A ``Market`` of the same issues at other exchanges.

    ``daily`` raises ``AnswerPending`` while an issue's days are computed: no turn of the control thread is long.

    Args:
        market: the Korea Exchange.
        sessions: loads the calendar.
    """

    minutes_fit_days = True

    def __init__(self, market: Market, sessions: Callable[[], Sessions]) -> None:
        self.source = market.source
        self._market = market
        self._load = sessions
        self._listed = VenueIssues(market)
        self._days: dict[tuple[str, int], VenueDay | None] = {}
        self._minutes: OrderedDict[tuple[str, int], tuple[Bars, ExchangeDay | None]] = OrderedDict()

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    @cached_property
    def _first(self) -> int:
        return int(np.searchsorted(self._sessions.dates, FIRST))

    def issues(self) -> Mapping[str, Issue]:
        """The issues by code, with the exchange in it."""
        return self._listed

    def anchor_prices(self) -> Mapping[str, int]:
        return {}

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """Daily bars: of Nextrade since it began, of both together since the listing."""
        own, venue = split(code)
        if code not in self._listed:
            return _EMPTY
        newest = self._newest(now)
        wanted = [each for each in range(self._first, newest + 1) if own in self._listed.traded]
        if days is not None:
            wanted = wanted[-days:]
        found = self._known_days(own, wanted, now)
        bars = self._bars_of_days(found, venue == COMBINED)
        if venue == COMBINED:
            bars = _merged(self._market.daily(own, False, now, days), bars)
        bars = self._adjusted(own, bars, now, days) if adjusted else bars
        return bars if days is None else cut(bars, max(0, len(bars) - days), len(bars))

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """Minutes that are over, pre-market and after-market included, of the newest sessions with any."""
        own, venue = split(code)
        if code not in self._listed:
            return _EMPTY
        newest = self._newest(now)
        parts = []
        if own in self._listed.traded:
            first = max(self._first, newest + 1 - days)
            parts = [_until(self._minutes_of(own, each), now) for each in range(first, newest + 1)]
        bars = joined(parts) if parts else _EMPTY
        if venue == COMBINED:
            regular = self._market.minute(own, False, now, days)
            evening = self._market.after_market(own, False, now, days)
            bars = _merged(_merged(regular, evening), bars)
        return self._adjusted(own, bars, now) if adjusted else bars

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:  # noqa: ARG002
        """None: the evening is in the minutes."""
        return _EMPTY

    def evening_news(self, code: str, now: float) -> bool:  # noqa: ARG002
        """No, as there is no after-market apart."""
        return False

    def session(self, code: str, index: int) -> NextradeSession | None:
        """The session of an index in the calendar; None if the issue is not traded there on that day."""
        own, venue = split(code)
        if venue != NEXTRADE or own not in self._listed.traded or index < self._first:
            return None
        days = history(self._market, own, nextrade_hours(self._sessions, index).closes, 2)
        if not len(days) or int(days.time[-1]) != self.date(index):
            return None
        before = self._known_days(own, [index - 1], self._ends(index)).get(index - 1)
        if index == self._first or before is None:
            before = VenueDay((0,) * 4, (0,) * 4, 0, 0)
        return NextradeSession(
            int(days.close[-2] if len(days) > 1 else days.open[-1]),
            before.volume,
            before.value,
            *self._generated(own, index),
        )

    def _newest(self, now: float) -> int:
        """Index of the newest session that has begun at Nextrade, whose day begins before the opening."""
        newest = self._sessions.last_started(now)
        later = newest + 1
        if later < len(self._sessions) and now >= float(self._sessions.opens[later]) - PRE_BEFORE:
            return later
        return newest

    def _known_days(self, own: str, wanted: list[int], now: float) -> dict[int, VenueDay]:
        missing = [each for each in wanted if (own, each) not in self._days and self._over(each, now)]
        for each in missing[:_DAYS_PER_TURN]:
            self._days[own, each] = self._day_of(own, each, self._ends(each))
        if len(missing) > _DAYS_PER_TURN:
            raise AnswerPending
        found: dict[int, VenueDay] = {}
        for each in wanted:
            over = self._over(each, now)
            day = self._days.get((own, each)) if over else self._day_of(own, each, now)
            if day is not None:
                found[each] = day
        return found

    def _day_of(self, own: str, session: int, now: float) -> VenueDay | None:
        """The day of the minutes that are over."""
        minutes = _until(self._minutes_of(own, session), now)
        if not len(minutes):
            return None
        date = self.date(session)
        exchange = [self._market.minute(own, False, now, 1), self._market.after_market(own, False, now, 1)]
        both = _merged(joined([_of_day(part, date) for part in exchange]), minutes)
        return VenueDay(_prices(minutes), _prices(both), int(minutes.volume.sum()), int(minutes.value.sum()))

    def _bars_of_days(self, days: Mapping[int, VenueDay], both: bool) -> Bars:
        if not days:
            return _EMPTY
        dates = np.array([self.date(session) for session in days], np.int64)
        prices = [day.both if both else day.prices for day in days.values()]
        opened, high, low, close = np.array(prices, np.int64).T
        volume, value = np.array([(day.volume, day.value) for day in days.values()], np.int64).T
        none = np.zeros(len(days), np.int64)
        return Bars(dates, opened, high, low, close, volume, value, none, none.astype(np.float64))

    def _over(self, session: int, now: float) -> bool:
        return now >= self._ends(session)

    def _ends(self, session: int) -> float:
        return midnight(float(self._sessions.opens[session])) + EVENING_ENDS

    def _minutes_of(self, own: str, session: int) -> Bars:
        """All minutes of a session."""
        return self._generated(own, session)[0]

    def _generated(self, own: str, session: int) -> tuple[Bars, ExchangeDay | None]:
        """All minutes of a session, and the session at the Korea Exchange that they are made of."""
        key = own, session
        if key not in self._minutes:
            self._minutes[key] = self._generate(own, session)
            while len(self._minutes) > _CACHED_DAYS:
                self._minutes.popitem(last=False)
        return self._minutes[key]

    def _generate(self, own: str, session: int) -> tuple[Bars, ExchangeDay | None]:
        hours = nextrade_hours(self._sessions, session)
        days = history(self._market, own, hours.closes, 2)
        date = self.date(session)
        minutes = _of_day(self._market.minute(own, False, hours.closes, 1), date)
        if not len(days) or int(days.time[-1]) != date or not len(minutes):
            return _EMPTY, None
        base = int(days.close[-2] if len(days) > 1 else days.open[-1])
        day = self._sessions.dates[session].item()
        grid = rules(day, board(self._market.issues()[own]))
        lower, upper = min(base, int(days.low[-1])), max(base, int(days.high[-1]))
        limits = grid.limits(base)
        exchange = ExchangeDay(
            key=hash_random.key(self.source, own, date),
            hours=hours,
            base=base,
            lower=min(lower, limits[1]),
            upper=max(upper, limits[0]),
            grid=grid,
            minutes=minutes,
            evening=_of_day(self._market.after_market(own, False, self._ends(session), 1), date),
            rule=vi_rules.vi_rule(day, vi_rules.NEXTRADE),
        )
        return nextrade_minutes(exchange), exchange

    def date(self, session: int) -> int:
        """YYYYMMDD of the session of an index."""
        return int(str(self._sessions.dates[session]).replace("-", ""))

    def _adjusted(self, own: str, bars: Bars, now: float, days: int | None = None) -> Bars:
        """The bars, daily or of minutes, with the adjustment that the Korea Exchange's have."""
        if not len(bars):
            return bars
        raw, adjusted = (self._market.daily(own, each, now, days) for each in (False, True))
        if not len(raw) or np.array_equal(raw.close, adjusted.close):
            return bars
        dates = bars.time // _DAY if int(bars.time[0]) > 10**8 else bars.time
        place = np.clip(np.searchsorted(raw.time, dates), 0, len(raw) - 1)
        factor = adjusted.close[place] / raw.close[place]

        def scaled(column: Ints) -> Ints:
            found: Ints = np.rint(column * factor).astype(np.int64)
            return found

        return replace(
            bars,
            open=scaled(bars.open),
            high=scaled(bars.high),
            low=scaled(bars.low),
            close=scaled(bars.close),
            volume=np.rint(bars.volume / factor).astype(np.int64),
        )


def _until(minutes: Bars, now: float) -> Bars:
    """The minutes that are over."""
    moment = np.array([int(now) - 60])
    last = int((dates_of(moment) * _DAY + times_of(moment))[0])
    return cut(minutes, 0, int(np.searchsorted(minutes.time, last, "right")))


def _of_day(minutes: Bars, date: int) -> Bars:
    return cut(minutes, int(np.searchsorted(minutes.time, date * _DAY)), len(minutes))


def _prices(minutes: Bars) -> tuple[int, int, int, int]:
    """Open, high, low and close."""
    return int(minutes.open[0]), int(minutes.high.max()), int(minutes.low.min()), int(minutes.close[-1])


def _merged(exchange: Bars, other: Bars) -> Bars:
    """Bars of both exchanges: first and last prices are those of ``other`` by day, the Korea Exchange's by minute."""
    if not len(other):
        return exchange
    if not len(exchange):
        return other
    time = np.union1d(exchange.time, other.time)
    own, more = (np.searchsorted(time, bars.time) for bars in (exchange, other))
    by_minute = int(time[0]) > 10**8
    ends, middle = ((exchange, own), (other, more)) if by_minute else ((other, more), (exchange, own))
    columns = {name: np.zeros(len(time), np.int64) for name in ("open", "close", "volume", "value", "event")}
    ratio = np.zeros(len(time))
    high, low = np.zeros(len(time), np.int64), np.full(len(time), np.iinfo(np.int64).max)
    for bars, place in (middle, ends):
        columns["open"][place], columns["close"][place] = bars.open, bars.close
        columns["event"][place] |= bars.event
        ratio[place] += bars.ratio
        columns["volume"][place] += bars.volume
        columns["value"][place] += bars.value
        high[place] = np.maximum(high[place], bars.high)
        low[place] = np.minimum(low[place], bars.low)
    return Bars(
        time,
        columns["open"],
        high,
        low,
        columns["close"],
        columns["volume"],
        columns["value"],
        columns["event"],
        ratio,
    )

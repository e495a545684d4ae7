"""Prices and best quotes of every issue at a moment, to the newest trade: as the exchange has them, issue by issue.

Issues with a usual day are computed from the scanner's minutes, all at once; the others, with a VI, recorded trades or
clients' orders, are asked of the exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random, market_time
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import AnswerPending
from kernel_server.simulated.exchange import call_auction
from kernel_server.simulated.exchange.event_batches import auction_times
from kernel_server.simulated.exchange.interface import Exchange, IssueState
from kernel_server.simulated.exchange.moment.newest_columns import (
    IssueColumns,
    NewestColumns,
    NewestMinutes,
    newest_columns,
)
from kernel_server.simulated.exchange.quotes.quote_rule import (
    LEVELS,
    StateColumns,
    changes_after,
    changes_after_array,
    quote_columns,
    quote_key,
    usual_size,
    wide_spread,
)
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.phases import SessionHours, hours
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices, group_by_rules
from kernel_server.simulated.snapshot.expected_prices import ExpectedColumns, results, without_auctions
from kernel_server.simulated.snapshot.intraday_curve import IntradayCurve
from kernel_server.simulated.snapshot.scanner import ISSUES_PER_TURN, MarketScanner

Flags = NDArray[np.bool_]

_VI_MOVE = 0.09  # a price that has moved less from the opening or 기준가 has set off no VI


class BestQuotes(NamedTuple):
    """Best prices (KRW, 0 for none), their shares, and the shares of ten levels a side; of one issue or as columns."""

    ask: int
    bid: int
    ask_size: int
    bid_size: int
    asks_size: int
    bids_size: int


def best_quotes(state: IssueState | None) -> BestQuotes:
    """The best quotes of one issue's state."""
    asks, bids = ([], []) if state is None else (state.asks, state.bids)
    (ask, ask_size), (bid, bid_size) = ((*side[0],) if side else (0, 0) for side in (asks, bids))
    totals = (sum(level.volume for level in side) for side in (asks, bids))
    return BestQuotes(ask, bid, ask_size, bid_size, *totals)


def session_so_far(state: IssueState | None) -> DaySummary | None:
    """An issue's open session to the newest trade; None where the market's bars say all."""
    return None if state is None else state.session


class MarketMoment(NamedTuple):
    """All places of the scanner's facts: prices to the newest trade, and quotes with one column a field.

    ``indicative`` is of the closing auction while it goes on.
    """

    prices: SessionPrices
    quotes: Ints
    indicative: ExpectedColumns

    def best(self, place: int) -> BestQuotes:
        """The quotes of one issue."""
        return BestQuotes(*self.quotes[place].tolist())


class _Constants(NamedTuple):
    """What does not change during a session; one row a place."""

    keys: list[int]
    key: NDArray[np.uint64]
    quote_key: Ints
    usual: Floats
    wide: Ints
    groups: list[tuple[Ints, PriceRules]]


class MarketMoments:
    """The whole market at moments of its newest session.

    Args:
        scanner: of the market, its minutes.
        exchange: of the market.
        seed, trade_size: the exchange's.
    """

    def __init__(
        self, scanner: MarketScanner, exchange: Exchange, seed: int, trade_size: float = 1.0
    ) -> None:
        self._scanner = scanner
        self.exchange = exchange
        self._seed = seed
        self._trade_size = trade_size
        self._facts: IssueFacts | None = None
        self._constants = _Constants(
            [], np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), []
        )
        self._newest: tuple[float, MarketMoment] | None = None

    def now(self, now: float) -> MarketMoment:
        """The market at this moment."""
        orders = self._exceptional()
        if not orders and self._newest is not None and self._newest[0] == now and not self._changed(now):
            return self._newest[1]
        moment = self._at(now, self._scanner.prices(now), orders)
        self._newest = (now, moment)
        return moment

    def expected(self, now: float) -> ExpectedColumns:
        """What the newest auction of each issue would trade, or has traded.

        Raises:
            AnswerPending: the minutes of the newest session are not read yet.
        """
        scanner = self._scanner
        if not scanner.prepare_curves(now, ISSUES_PER_TURN):
            raise AnswerPending
        moment, facts, curves = self.now(now), scanner.facts(now), scanner.curves(now)
        session = scanner.sessions.last_started(now)
        if session < 0:
            return without_auctions(moment.prices)
        hours_of = hours(scanner.sessions, session)
        found = results(moment.prices, curves, hours_of, now)
        special = {*self._exceptional(), *self._unusual(facts, curves)}
        going_on = moment.indicative.price > 0
        for column, indicative in zip(found, moment.indicative, strict=True):
            column[going_on] = indicative[going_on]
        states = self.exchange.states([*special]) if special else {}
        for place, issue in enumerate(facts.issues):
            state = states.get(issue.code)
            if state is not None and (state.newest is not None or state.session is not None):
                found.price[place] = state.expected.price
                found.volume[place] = state.expected.volume
        return found

    def before(self, now: float, seconds: float) -> MarketMoment:
        """The market so many seconds ago, within its newest session, without clients' orders."""
        then = now - seconds
        return self._at(then, self._scanner.prices_before(now, seconds), [], now)

    def _changed(self, now: float) -> bool:
        return self._scanner.facts(now) is not self._facts

    def _exceptional(self) -> list[str]:
        issues = [] if self._facts is None else [issue.code for issue in self._facts.issues]
        return self.exchange.exceptional(issues)

    def _at(
        self, moment: float, known: SessionPrices, orders: list[str], now: float | None = None
    ) -> MarketMoment:
        scanner = self._scanner
        facts = scanner.facts(now or moment)
        if facts is not self._facts:
            self._facts, self._constants = facts, self._read(facts)
            orders = self._exceptional() if now is None else []
        session = scanner.sessions.last_started(now or moment)
        states = _States(facts, known)
        special = set(orders)
        before_close = session >= 0 and moment < float(scanner.sessions.closes[session])
        if before_close:
            session_hours = hours(scanner.sessions, session)
            curves = scanner.curves(now or moment)
            special |= self._unusual(facts, curves)
            self._follow_trades(states, curves, session_hours, moment)
        quotes = self._quotes(facts, states)
        place_of = {issue.code: place for place, issue in enumerate(facts.issues)}
        found = self.exchange.states([*special], None if now is None else moment) if special else {}
        for code, state in found.items():
            place = place_of[code]
            quotes[place] = best_quotes(state)
            if state.session is not None and before_close:
                states.set_prices(place, state)
        return MarketMoment(states.prices, quotes, states.indicative)

    def _read(self, facts: IssueFacts) -> _Constants:
        keys = [
            hash_random.key(self._seed, issue.code, date)
            for issue, date in zip(facts.issues, facts.dates, strict=True)
        ]
        volumes = facts.columns["volume_before"].astype(np.int64).tolist()
        return _Constants(
            keys,
            np.array(keys, np.uint64),
            np.array([quote_key(key) for key in keys], np.int64),
            np.array(
                [usual_size(volume, base) for volume, base in zip(volumes, facts.base.tolist(), strict=True)]
            ),
            np.array(list(map(wide_spread, facts.columns["value_before"].astype(np.int64).tolist()))),
            list(group_by_rules(facts.issues, facts.dates)),
        )

    def _unusual(self, facts: IssueFacts, curves: Sequence[IntradayCurve | None]) -> set[str]:
        """Codes of issues that may have a VI, or were not quoted in this session."""
        found = set()
        newest = max(facts.dates, default=0)
        for place, curve in enumerate(curves):
            if curve is None or not len(curve):
                if facts.dates[place] != newest:
                    found.add(facts.issues[place].code)
                continue
            opened, base = int(curve.open[0]), int(facts.base[place])
            moved = max(int(curve.high.max()) - opened, opened - int(curve.low.min()))
            outside = int(curve.high.max()) > facts.upper[place] or int(curve.low.min()) < facts.lower[place]
            if outside or moved >= _VI_MOVE * opened or abs(opened - base) >= _VI_MOVE * base:
                found.add(facts.issues[place].code)
        return found

    def _follow_trades(
        self,
        states: _States,
        curves: Sequence[IntradayCurve | None],
        session: SessionHours,
        moment: float,
    ) -> None:
        """The newest trade of each issue that has minutes."""
        facts, constants = states.facts, self._constants
        midnight = int(market_time.midnight(session.opens))
        clock = moment - midnight
        end = min(moment, session.closing_auction)
        states.change[:] = changes_after(end - session.opens, self._trade_size)
        for places, grid in constants.groups:
            begun = [
                (place, curve, curve.begun(clock)) for place in places.tolist() if (curve := curves[place])
            ]
            begun = [each for each in begun if each[2]]
            if not begun:
                continue
            at = np.array([place for place, _curve, _count in begun])
            newest = newest_columns(
                grid,
                IssueColumns(
                    constants.key[at],
                    facts.columns["value_before"][at].astype(np.int64),
                    facts.lower[at],
                    facts.upper[at],
                    self._trade_size,
                ),
                [_minutes(curve, count, midnight) for _place, curve, count in begun],
                session.opens,
                session.closes,
                moment,
            )
            running = np.array([count > curve.over(clock) for _place, curve, count in begun])
            states.follow(at, newest, running, end, self._trade_size)
        states.clear_untraded([place for place, curve in enumerate(curves) if curve])
        if moment >= session.closing_auction:
            self._expect(states, curves, session, clock, moment, midnight)

    def _expect(
        self,
        states: _States,
        curves: Sequence[IntradayCurve | None],
        session: SessionHours,
        clock: float,
        moment: float,
        midnight: int,
    ) -> None:
        """In the closing auction the quotes follow its indicative price."""
        grids = {place: grid for places, grid in self._constants.groups for place in places.tolist()}
        for place, curve in enumerate(curves):
            if curve is None or not len(curve) or curve.start[-1] + midnight < session.closes:
                continue
            if curve.begun(clock) != len(curve) - 1:
                continue
            key = self._constants.keys[place]
            begins = max(session.closing_auction, states.time[place] / 1000)
            times = auction_times(key, begins, session.closes)
            updates = int(np.searchsorted(times, moment, side="right"))
            if not updates:
                continue
            time = float(times[updates - 1])
            volume = int(curve.volume[-1]) - (int(curve.volume[-2]) if len(curve) > 1 else 0)
            price, volume = call_auction.on_the_way(
                key,
                grids[place],
                (int(states.facts.lower[place]), int(states.facts.upper[place])),
                time,
                (session.closing_auction, session.closes),
                int(states.prices.last[place]),
                (int(curve.close[-1]), volume),
            )
            states.expect(place, price, volume, int(time))

    def _quotes(self, facts: IssueFacts, states: _States) -> Ints:
        quotes = np.zeros((len(facts), len(BestQuotes._fields)), np.int64)
        for places, grid in self._constants.groups:
            found = quote_columns(
                grid,
                StateColumns(
                    states.price[places],
                    states.side[places],
                    states.number[places],
                    states.change[places],
                    facts.lower[places],
                    facts.upper[places],
                    self._constants.usual[places],
                    self._constants.quote_key[places],
                    self._constants.wide[places],
                ),
                LEVELS,
            )
            quotes[places] = np.stack(
                [
                    found.asks[:, 0],
                    found.bids[:, 0],
                    found.ask_sizes[:, 0],
                    found.bid_sizes[:, 0],
                    found.ask_sizes.sum(axis=1),
                    found.bid_sizes.sum(axis=1),
                ],
                axis=1,
            )
        return quotes


def _minutes(curve: IntradayCurve, begun: int, midnight: int) -> NewestMinutes:
    part = slice(max(0, begun - 2), begun)
    return NewestMinutes(
        curve.start[part] + np.int64(midnight),
        curve.open[part],
        curve.high[part],
        curve.low[part],
        curve.close[part],
        *curve.traded(part.start, begun),
    )


class _States:
    """Prices of all issues and what their quotes follow, at first those of the minutes that are over."""

    def __init__(self, facts: IssueFacts, prices: SessionPrices) -> None:
        self.facts = facts
        columns = {name: getattr(prices, name).copy() for name in SessionPrices.__slots__}
        self.prices = SessionPrices(**columns)
        self.price = prices.last.copy()
        self.indicative = ExpectedColumns(*np.zeros((2, len(facts)), np.int64))
        self.side, self.number, self.change, self.time = np.zeros((4, len(facts)), np.int64)

    def follow(self, at: Ints, newest: NewestColumns, running: Flags, end: float, trade_size: float) -> None:
        """The newest trades at some places; ``running`` where their minute is not over."""
        traded = newest.time > 0
        places, prices = at[traded], self.prices
        self.price[places], self.side[places] = newest.price[traded], newest.side[traded]
        self.number[places], self.time[places] = newest.number[traded], newest.time[traded]
        self.change[places] = changes_after_array(end - newest.time[traded] / 1000, trade_size)
        prices.last[places] = newest.price[traded]
        now = traded & running & (newest.volume > 0)
        places = at[now]
        first = prices.volume[places] == 0
        prices.open[places] = np.where(first, newest.opened[now], prices.open[places])
        prices.high[places] = np.where(
            first, newest.high[now], np.maximum(prices.high[places], newest.high[now])
        )
        prices.low[places] = np.where(first, newest.low[now], np.minimum(prices.low[places], newest.low[now]))
        prices.volume[places] += newest.volume[now]
        prices.value[places] += newest.value[now]

    def clear_untraded(self, places: list[int]) -> None:
        """Open, high and low are 0 of those that have not traded yet."""
        at = np.array(places, np.int64)
        at = at[self.prices.volume[at] == 0]
        for column in (self.prices.open, self.prices.high, self.prices.low):
            column[at] = 0

    def expect(self, place: int, price: int, volume: int, number: int) -> None:
        """The indicative price and volume of an auction."""
        self.indicative.price[place], self.indicative.volume[place] = price, volume
        self.price[place], self.side[place], self.number[place], self.change[place] = price, 0, number, 0

    def set_prices(self, place: int, state: IssueState) -> None:
        """The prices of one issue's state."""
        for name in SessionPrices.__slots__:
            getattr(self.prices, name)[place] = getattr(state.session, name)

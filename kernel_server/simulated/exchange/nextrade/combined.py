"""Issues at both exchanges together, by codes like ``005930_AL``: what the two have, merged when it is read."""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.interface import IssueState, Level, Tape, TradeLog
from kernel_server.simulated.exchange.nextrade import merging
from kernel_server.simulated.exchange.nextrade.exchange import NextradeExchange
from kernel_server.simulated.exchange.nextrade.merging import Book, VenueBook
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.nextrade.venues import COMBINED, NEXTRADE
from kernel_server.simulated.market.phases import Phase


class CombinedIssues:
    """The issues of both exchanges together. ``own`` is an issue's code at the Korea Exchange.

    Args:
        market: the Korea Exchange's.
        exchange: the Korea Exchange.
        nextrade: Nextrade.
        now: the time.

    Attributes:
        delivering: whether an event is being delivered: then both are read without the events that are due.
    """

    def __init__(
        self,
        market: Market,
        exchange: SimulatedExchange,
        nextrade: NextradeExchange,
        now: Callable[[], float],
    ) -> None:
        self._market = market
        self._exchange = exchange
        self._nextrade = nextrade
        self._now = now
        self._tapes_ahead: dict[
            str, Tape
        ] = {}  # of the session of that index, before the Korea Exchange begins
        self._ahead = -1
        self.delivering = False

    def phase(self) -> Phase:
        """See ``Exchange``."""
        return merging.merged_phase(self._exchange.phase(), self._nextrade.phase())

    def tape(self, own: str) -> Tape:
        """See ``Exchange``."""
        code, other = own + COMBINED, own + NEXTRADE
        exchange = self._exchange_tape(own)
        if not self._nextrade.lists(other):
            return merging.merged_tape(code, exchange, merging.without_trades(exchange))
        day = self._nextrade.as_it_is(other) if self.delivering else None
        return merging.merged_tape(code, exchange, day.tape if day else self._nextrade.tape(other))

    def _exchange_tape(self, own: str) -> Tape:
        """The Korea Exchange's tape; that of a day on which it has not begun is without trades."""
        day = self._exchange.as_it_is(own) if self.delivering else None
        there = self._nextrade.as_it_is(own + NEXTRADE) if self.delivering else None
        # An event may be late: then the Korea Exchange's day in memory is that of the day before.
        behind = day is not None and there is not None and day.plan.date < there.plan.date
        if behind or not self.begun(own):
            session = self._nextrade.session()
            if session != self._ahead:
                self._ahead, self._tapes_ahead = session, {}
            found = self._tapes_ahead.get(own)
            if found is None:
                found = self._tapes_ahead[own] = self._tape_ahead(own, session)
            return found
        return day.tape if day else self._exchange.unsettled_tape(own)

    def _tape_ahead(self, own: str, session: int) -> Tape:
        facts = self._exchange.facts(own, session)
        if facts is None:
            raise LookupError(f"nothing is known of {own}")
        return Tape(
            code=own,
            base=facts.base,
            upper=facts.upper,
            lower=facts.lower,
            previous_volume=facts.previous_volume,
            previous_value=facts.previous_value,
            shares=facts.issue.shares,
            last=facts.base,
        )

    def base(self, own: str) -> int:
        """See ``Exchange``."""
        return self._exchange.base(own) if self.begun(own) else self._exchange_tape(own).base

    def begun(self, own: str) -> bool:
        """Whether the Korea Exchange is in the same session as Nextrade, which begins before it."""
        return self._exchange.session() >= self._nextrade.session() or not self._nextrade.lists(
            own + NEXTRADE
        )

    def trades(self, own: str) -> TradeLog:
        """See ``Exchange``."""
        other = own + NEXTRADE
        exchange = self._exchange.trades(own) if self.begun(own) else TradeLog(own)
        nextrade = self._nextrade.trades(other) if self._nextrade.lists(other) else TradeLog(other)
        return merging.MergedTrades(own + COMBINED, exchange, nextrade)

    def depth(self, own: str) -> Book:
        """See ``Exchange``."""
        other = own + NEXTRADE
        exchange = self._exchange.as_it_is(own) if self.delivering else None
        if not self._nextrade.lists(other):
            return exchange.book.depth() if exchange else self._exchange.depth(own)
        nextrade = self._nextrade.as_it_is(other) if self.delivering else None
        return self._merged(
            exchange.book.depth() if exchange else self._exchange.depth(own),
            exchange.tape.last_time if exchange else self._exchange.last_time(own),
            nextrade.book.depth() if nextrade else self._nextrade.depth(other),
            nextrade.tape.last_time if nextrade else self._nextrade.last_time(other),
        )

    def best(self, own: str) -> tuple[int, int]:
        """The best ask and bid, 0 for none, while an event is delivered."""
        exchange, nextrade = self._exchange.as_it_is(own), self._nextrade.as_it_is(own + NEXTRADE)
        if exchange is not None and nextrade is not None:
            (ask, bid), (other_ask, other_bid) = exchange.book.best(), nextrade.book.best()
            # Where the two cross, deeper levels count.
            if not (0 < ask <= other_bid or 0 < other_ask <= bid):
                times = exchange.tape.last_time, nextrade.tape.last_time
                books = _levels(ask, bid), _levels(other_ask, other_bid)
                return _best(self._merged(books[0], times[0], books[1], times[1]))
        return _best(self.depth(own))

    def _merged(self, exchange: Book, traded: float, nextrade: Book, traded_there: float) -> Book:
        return merging.merged_book(
            VenueBook(exchange, self._exchange.phase(), traded),
            VenueBook(nextrade, self._nextrade.phase(), traded_there),
        )

    def state(self, own: str, exchange: IssueState | None, nextrade: IssueState | None) -> IssueState | None:
        """The state of both, from those of each."""
        if nextrade is None:
            return exchange
        if exchange is None:
            return None
        newest = exchange.newest if self.begun(own) else None
        asks, bids = self._merged(
            (exchange.asks, exchange.bids),
            newest.time if newest else 0.0,
            (nextrade.asks, nextrade.bids),
            nextrade.newest.time if nextrade.newest else 0.0,
        )
        newest = merging.merged_newest(own + COMBINED, newest, nextrade.newest)
        session = nextrade.session
        if session is not None:
            first = self._nextrade_first(own)
            session = merging.merged_session(self._session(own, exchange, session), session, newest, first)
        expected = (exchange.expected, exchange.in_auction) if self.begun(own) else ()
        return IssueState(session, newest, asks, bids, *expected)

    def _session(self, own: str, state: IssueState, nextrade: DaySummary) -> DaySummary:
        """The session of the Korea Exchange so far, without trades before it begins."""
        if state.session is not None:
            return state.session
        issue = self._market.issues()[own]
        newest = latest_summary(issue, history(self._market, own, self._now(), 2))
        if newest is not None and newest.date == nextrade.date:
            return newest
        facts = self._exchange.facts(own, self._nextrade.session())
        base = facts.base if facts is not None else nextrade.base
        previous = facts.previous_volume if facts is not None else 0
        upper, lower = nextrade.upper, nextrade.lower
        return DaySummary(issue, nextrade.date, base, 0, 0, 0, base, 0, 0, previous, upper, lower)

    def _nextrade_first(self, own: str) -> bool:
        """Whether the day's first trade is at Nextrade; within the same minute both begin with one price."""
        nextrade = self._nextrade.facts(own + NEXTRADE)
        exchange = self._exchange.facts(own, self._nextrade.session())
        starts = [
            facts.starts[0] for facts in (nextrade, exchange) if facts is not None and len(facts.starts)
        ]
        return len(starts) == 2 and bool(starts[0] < starts[1])


def _levels(ask: int, bid: int) -> Book:
    """A book of the best ask and bid, 0 for none."""
    return [Level(ask, 1)] if ask else [], [Level(bid, 1)] if bid else []


def _best(book: Book) -> tuple[int, int]:
    asks, bids = book
    return (asks[0].price if asks else 0), (bids[0].price if bids else 0)

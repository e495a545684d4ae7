"""Real-time events of registered codes, fired when the exchange notifies this subscriber.

Events carry all fields of a type: the registered FIDs only select the types, and a code registered by a TR has all
types of its kind. A code on several screens gives one event. 시간외 단일가 has its own types
(``off_hours_publisher``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.exchange.interface import Exchange, ExpectedPrice, Interruption, Tape, Trade
from kernel_server.simulated.exchange.quotes.book_levels import best_price
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.nextrade.venues import COMBINED, NEXTRADE, split
from kernel_server.simulated.market.phases import NEXTRADE_PHASES, Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.realtime import off_hours_strings
from kernel_server.simulated.realtime.breadth import BREADTH, INDEX, BreadthCounter
from kernel_server.simulated.realtime.events import RealTimeEvents
from kernel_server.simulated.realtime.index_publisher import IndexPublisher
from kernel_server.simulated.realtime.issue_subscription import IssueSubscription, subscribed_types
from kernel_server.simulated.realtime.market_hours import MarketHoursPublisher
from kernel_server.simulated.realtime.off_hours_publisher import OffHoursPublisher
from kernel_server.simulated.realtime.registry import ALL_INTERRUPTIONS, RealTimeRegistry
from kernel_server.simulated.realtime.vi_publisher import ViPublisher
from kernel_server.simulated.realtime.vi_strings import VI, vi_text
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import index_codes
from kernel_server.simulated.snapshot.scanner import MarketScanner

TRADE, BEST, BOOK, QUOTE, EXPECTED = (
    "주식체결",
    "주식우선호가",
    "주식호가잔량",
    "주식시세",
    "주식예상체결",
)

_CODES_PER_TURN = 100  # of the control thread

_QUOTES = frozenset((BEST, BOOK))
_INDEX_TYPES = (INDEX, BREADTH)
_ISSUE_TYPES = (TRADE, BEST, BOOK, QUOTE, EXPECTED, VI, *off_hours_strings.TYPES)


_CONTINUOUS = (Phase.CONTINUOUS, Phase.AFTER_MARKET, Phase.NXT_MAIN, Phase.NXT_AFTER)


def _trades_continuously(phase: Phase, venue: str) -> bool:
    """Whether an indicative price is a VI's: at both together those of the opening auction come in the pre-market."""
    return phase in _CONTINUOUS or (phase is Phase.NXT_PRE and venue == NEXTRADE)


class RealTimePublisher:
    """Subscribes to the exchange for the registered codes, and fires OnReceiveRealData.

    Args:
        connection: connection to the broker.
        exchange: notifies this subscriber. A code is subscribed there from its first registration to its last removal.
        registry: registrations, whose changes are subscribed to.
        settings: format of the strings.
        issues: all listed issues by code.
        sessions: loads the calendar; called when 장시작시간 is first scheduled.
        indices: indices of the market.
        scanner: supplies 업종등락, which is not published without it.

    Attributes:
        events: fires the events and reads their values.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        exchange: Exchange,
        registry: RealTimeRegistry,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        sessions: Callable[[], Sessions],
        indices: IndexValues,
        scanner: MarketScanner | None = None,
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._registry = registry
        self._settings = settings
        self._issues = issues
        self.events = RealTimeEvents(connection)
        self._publish = publish = self.events.publish
        self._subscriptions: dict[str, IssueSubscription] = {}
        self._watched_at: Counter[str] = Counter()  # subscriptions by exchange
        breadth = None if scanner is None else BreadthCounter(connection, scanner, indices)
        self._index_publisher = IndexPublisher(connection, indices, publish, breadth)
        self._phases = {"": Phase.CLOSED, NEXTRADE: Phase.NXT_CLOSED, COMBINED: Phase.CLOSED}  # by exchange
        self._off_hours = OffHoursPublisher(publish, exchange, settings)
        self._vi_publisher = ViPublisher(connection, exchange, sessions, self._publish_unwatched_vi)
        self._market_hours = MarketHoursPublisher(connection, sessions, settings, publish)
        registry.subscribe(self._on_registration_change)

    def _on_registration_change(self, codes: Iterable[str]) -> None:
        for code in sorted(codes):
            registration = self._registry.registration(code)
            if code in self._issues:
                self._subscribe(code, subscribed_types(registration, _ISSUE_TYPES))
            elif code in index_codes():
                self._index_publisher.subscribe(code, subscribed_types(registration, _INDEX_TYPES))
            elif code == ALL_INTERRUPTIONS:
                self._vi_publisher.enable(registration is not None and registration.by_tr)
        if self._registry.screens():
            self._market_hours.start()
        else:
            self._market_hours.stop()

    def _subscribe(self, code: str, types: frozenset[str]) -> None:
        """Set the types of an issue; none unsubscribes it."""
        issue = self._subscriptions.get(code)
        if issue is None:
            if types:
                self._start(code, types)
                self._exchange.subscribe(code)
        elif types:
            issue.types = types
        else:
            issue.types = types  # an event of it may be in progress
            del self._subscriptions[code]
            self._watched_at[issue.venue] -= 1
            self._exchange.unsubscribe(code)

    def _start(self, code: str, types: frozenset[str]) -> None:
        venue = split(code)[1]
        if not self._watched_at[
            venue
        ]:  # phases of an exchange are only notified while codes there are watched
            own = split(code)[0]
            for each in ("", NEXTRADE, COMBINED) if venue == COMBINED else (venue,):
                self._phases[each] = self._exchange.phase(own + each)
            if not venue:
                self._off_hours.set_phase(self._phases[venue])
        self._watched_at[venue] += 1
        self._subscriptions[code] = IssueSubscription(types, self._settings, venue)

    # Notifications of the exchange (``ExchangeSubscriber``).

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        """주식체결, then 주식우선호가 if the trade moved the best quotes."""
        issue = self._subscriptions.get(trade.code)
        if issue is not None:
            phase = self._phases[issue.venue]
            if phase is Phase.SINGLE_PRICE:
                return
            issue.update_tape(tape)
            issue.interrupted, issue.auctioned = False, phase
            if TRADE in issue.types:
                self._publish(trade.code, TRADE, issue.trades.traded(trade, tape, ask, bid, phase))
            self._publish_best_quotes(trade.code, issue, ask, bid)

    def _publish_best_quotes(self, code: str, issue: IssueSubscription, ask: int, bid: int) -> None:
        if issue.best_quotes != (ask, bid):
            issue.best_quotes = (ask, bid)
            if BEST in issue.types:
                self._publish(code, BEST, issue.books.best(ask, bid))

    def on_quote(self, code: str, time: float) -> None:
        """주식우선호가 if the best quotes changed, 주식호가잔량 if the book changed; 주식시간외호가."""
        issue = self._subscriptions.get(code)
        if issue is None:
            return
        off_hours = not issue.venue and self._off_hours.open
        if off_hours and not self._off_hours.quoted(code, issue.types, time):
            return
        if _QUOTES.isdisjoint(issue.types):
            return
        asks, bids = self._exchange.depth(code)
        if not issue.started:
            issue.start_day(self._exchange.tape(code))
        self._publish_best_quotes(code, issue, best_price(asks), best_price(bids))
        if BOOK in issue.types:
            if issue.expected is None:
                issue.expected = self._exchange.expected_price(code)
            phase = self._phases[issue.venue]
            auctioned = issue.auctioned is phase is not Phase.BEFORE_OPEN  # which has 장전 시간외종가 too
            state = issue.tape, issue.expected, phase, issue.interrupted, auctioned
            text = issue.books.depth(time, asks, bids, *state)
            if text is not None:
                self._publish(code, BOOK, text)

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        """주식예상체결."""
        issue = self._subscriptions.get(code)
        if issue is None or self._phases[issue.venue] is Phase.SINGLE_PRICE:
            return
        issue.update_tape(tape)
        issue.expected = expected
        issue.interrupted = _trades_continuously(self._phases[issue.venue], issue.venue)
        if EXPECTED in issue.types:
            self._publish(code, EXPECTED, issue.trades.expected(time, expected, tape))

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        """Types of 시간외 단일가."""
        issue = self._subscriptions.get(code)
        if issue is not None:
            self._off_hours.evening(code, issue.types, time, trade)

    def on_interruption(self, interruption: Interruption) -> None:
        """VI발동/해제, at the start and the end of a VI."""
        issue = self._subscriptions.get(interruption.code)
        if issue is not None:
            issue.interrupted = not interruption.released
        everywhere = self._vi_publisher.enabled and not split(interruption.code)[1]
        if everywhere or (issue is not None and VI in issue.types):
            self._publish_vi(interruption)

    def _publish_unwatched_vi(self, interruption: Interruption) -> None:
        """Publish a VI of the whole market; those of watched issues come from the exchange, in order with trades."""
        if interruption.code not in self._subscriptions:
            self._publish_vi(interruption)

    def _publish_vi(self, interruption: Interruption) -> None:
        code = interruption.code
        issue, tape = self._issues[code], self._exchange.tape(code)
        self._publish(code, VI, vi_text(interruption, issue, tape, self._settings))

    def on_phase(self, phase: Phase, time: float) -> None:  # noqa: ARG002
        """Start a new day before the open; publish 주식시세 with the day's final prices after the close."""
        venue = NEXTRADE if phase in NEXTRADE_PHASES else ""
        ended, self._phases[venue] = self._phases[venue], phase
        self._phases[COMBINED] = self._exchange.phase(COMBINED)
        if not venue:
            self._off_hours.on_phase(phase)
        if phase is Phase.BEFORE_OPEN or ended is Phase.NXT_CLOSED:
            for issue in self._subscriptions.values():
                if issue.venue in (venue, COMBINED):
                    issue.started = False
        elif phase in (Phase.PAUSE, Phase.NXT_CLOSED):
            self._publish_in_batches(self._watched(venue), self._publish_close)
        elif phase is Phase.CLOSED and ended is Phase.SINGLE_PRICE:
            codes = [code for code in self._watched(venue) if not split(code)[1]]
            self._publish_in_batches(codes, self._publish_single_price_close)

    def _watched(self, venue: str) -> list[str]:
        """The subscribed codes of an exchange, and those of both together."""
        return sorted(code for code, issue in self._subscriptions.items() if issue.venue in (venue, COMBINED))

    def _publish_in_batches(
        self, codes: list[str], publish: Callable[[str, IssueSubscription], None]
    ) -> None:
        """Publish for all codes in background turns of the control thread."""
        if codes:
            self._connection.answer_later(0, lambda: self._publish_batch(codes, publish), background=True)

    def _publish_batch(self, codes: list[str], publish: Callable[[str, IssueSubscription], None]) -> None:
        for code in codes[:_CODES_PER_TURN]:
            issue = self._subscriptions.get(code)
            if issue is not None and self._refresh_tape(code, issue):
                publish(code, issue)
        self._publish_in_batches(codes[_CODES_PER_TURN:], publish)

    def _refresh_tape(self, code: str, issue: IssueSubscription) -> bool:
        """Read the newest tape, after which all events due are published; False for an issue without one."""
        try:
            issue.update_tape(self._exchange.tape(code))
        except (LookupError, BadMarketData):
            return False
        return True

    def _publish_close(self, code: str, issue: IssueSubscription) -> None:
        if QUOTE in issue.types:
            asks, bids = self._exchange.depth(code)
            best = best_price(asks), best_price(bids)
            self._publish(code, QUOTE, issue.trades.quoted(issue.tape, *best))

    def _publish_single_price_close(self, code: str, issue: IssueSubscription) -> None:
        self._off_hours.publish_close(code, issue.types)

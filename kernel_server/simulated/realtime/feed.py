"""Real-time events: who has registered for what, and what is fired when the exchange tells something.

All fields of a type come, whichever FIDs were registered: the FIDs decide which types are subscribed, and a
code that a TR has registered has every type of its kind. An event comes once for a code, on however many
screens it stands. 시간외 단일가 has types of its own (``evening``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache

from kernel_server import reference
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.exchange.interface import Exchange, ExpectedPrice, Interruption, Tape, Trade
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.realtime import notices
from kernel_server.simulated.realtime import off_hours as evenings
from kernel_server.simulated.realtime.book_strings import NOTHING, BookStrings
from kernel_server.simulated.realtime.breadth import BREADTH, INDEX, BreadthCounter
from kernel_server.simulated.realtime.indices import IndexFeed
from kernel_server.simulated.realtime.notices import Notice
from kernel_server.simulated.realtime.off_hours import OffHoursFeed
from kernel_server.simulated.realtime.registry import INTERRUPTIONS, CodeRegistration, RealTimeRegistry
from kernel_server.simulated.realtime.string_parts import Colours
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.realtime.vi_feed import ViFeed
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import index_codes
from kernel_server.simulated.snapshot.scanner import MarketScanner

TRADE, BEST, BOOK, QUOTE, EXPECTED, HALT = (
    "주식체결",
    "주식우선호가",
    "주식호가잔량",
    "주식시세",
    "주식예상체결",
    notices.INTERRUPTION,
)
HOURS = "장시작시간"

_AT_ONCE = 100  # codes that are told of in one piece of work

_QUOTES = frozenset((BEST, BOOK))
_OF_INDICES = (INDEX, BREADTH)
_OF_ISSUES = (TRADE, BEST, BOOK, QUOTE, EXPECTED, HALT, *evenings.TYPES)


@cache
def _places(realtype: str) -> Mapping[int, int]:
    """Where each FID of a type stands in its string."""
    return {fid: place for place, fid in reversed(list(enumerate(reference.realtype(realtype).fids)))}


@cache
def _fids(realtype: str) -> frozenset[str]:
    return frozenset(str(fid) for fid in reference.realtype(realtype).fids)


@lru_cache
def subscribed(held: CodeRegistration | None, of: tuple[str, ...]) -> frozenset[str]:
    """Which of the types ``of`` a registration subscribes."""
    if held is None:
        return frozenset()
    return frozenset(name for name in of if held.by_tr or held.fids & _fids(name))


class _Stock:
    """A subscribed issue: its types, and once the day has something to tell, its writers and what they told last.

    ``live`` says whether those are there. Nobody asks for a tape before: it may have to be computed.
    """

    __slots__ = ("_settings", "books", "expected", "interrupted", "live", "quotes", "tape", "trades", "types")

    tape: Tape
    trades: TradeStrings
    books: BookStrings
    quotes: tuple[int, int]
    expected: ExpectedPrice

    def __init__(self, types: frozenset[str], settings: BrokerSettings) -> None:
        self.types = types
        self.live = self.interrupted = False
        self._settings = settings

    def renew(self, tape: Tape) -> None:
        """Another day."""
        colours = Colours(tape.base)
        self.live = True
        self.tape = tape
        self.trades = TradeStrings(tape, self._settings, colours)
        self.books = BookStrings(self.trades, self._settings, colours)
        self.quotes = (0, 0)
        self.expected = NOTHING
        self.interrupted = False

    def keep(self, tape: Tape) -> None:
        """The newest tape; the writers go with the day."""
        if self.live:
            trades = self.trades
            self.live = tape.base == trades.base
            self.live &= (tape.previous_volume, tape.previous_value) == trades.previous
        if self.live:
            self.tape = tape
        else:
            self.renew(tape)


class Feed:
    """Watches the exchange for whoever registered, and fires OnReceiveRealData.

    Args:
        line: the way to the broker.
        exchange: notifies this feed, its subscriber. A code is subscribed there from its first registration to its last
            removal.
        registrations: their ``changed`` is taken over.
        settings: what is chosen about the strings.
        issues: every listed issue by code.
        sessions: hours of the exchange, asked for when 장시작시간 is first due to anybody.
        numbers: the indices of the market.
        survey: counts their issues for 업종등락, which is not told without it.
    """

    def __init__(
        self,
        line: BrokerConnection,
        exchange: Exchange,
        registrations: RealTimeRegistry,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        sessions: Callable[[], Sessions],
        numbers: IndexValues,
        scanner: MarketScanner | None = None,
    ) -> None:
        self._line = line
        self._registrations = registrations
        self._settings = settings
        self._issues = issues
        self._sessions = sessions
        self.exchange = exchange
        self._stocks: dict[str, _Stock] = {}
        counts = None if scanner is None else BreadthCounter(line, scanner, numbers)
        self._indices = IndexFeed(line, numbers, self._say, counts)
        self._phase = Phase.CLOSED
        self._evening = OffHoursFeed(self._say, lambda: self.exchange, settings)
        self._event: tuple[str, str] | None = None
        self._read: tuple[str, list[str]] = "", [""]  # the string that was read last, in parts
        self._wait = 0
        self._waiting = False
        registrations.changed = self._registered
        self._interruptions = ViFeed(line, self.exchange, sessions, self._interrupted)

    def GetCommRealData(self, sTrCode: str, nFid: int) -> str:  # noqa: ARG002
        """One value of the event being handled. The first argument, code or type, is not looked at."""
        if self._event is None:
            return ""
        realtype, data = self._event
        place = _places(realtype).get(nFid)
        if self._read[0] is not data:  # a program reads many fields of one event
            self._read = data, data.split("\t")
        values = self._read[1]
        return values[place] if place is not None and place < len(values) else ""

    def _say(self, key: str, realtype: str, data: str) -> None:
        before, self._event = self._event, (realtype, data)
        try:
            self._line.fire("OnReceiveRealData", key, realtype, data)
        finally:
            self._event = before

    # Who wants what.

    def _registered(self, codes: Iterable[str]) -> None:
        for code in sorted(codes):
            held = self._registrations.held(code)
            if code in self._issues:
                self._follow(code, subscribed(held, _OF_ISSUES))
            elif code in index_codes():
                self._indices.follow(code, subscribed(held, _OF_INDICES))
            elif code == INTERRUPTIONS:
                self._interruptions.follow(held is not None and held.by_tr)
        if not self._registrations.screens():
            self._wait += 1
            self._waiting = False
        elif not self._waiting:
            self._await_notice(self._line.now())

    def _follow(self, code: str, types: frozenset[str]) -> None:
        stock = self._stocks.get(code)
        if stock is None:
            if types:
                if not self._stocks:  # from now on it is told
                    self._phase = self.exchange.phase()
                    self._evening.at(self._phase)
                self._stocks[code] = _Stock(types, self._settings)
                self.exchange.subscribe(code)
        elif types:
            stock.types = types
        else:
            stock.types = types  # an event of it may be on its way just now
            del self._stocks[code]
            self.exchange.unsubscribe(code)

    # What the exchange tells.

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        """주식체결, then 주식우선호가 where the trade moved the best quotes."""
        if self._phase is Phase.SINGLE_PRICE:
            return
        stock = self._stocks.get(trade.code)
        if stock is not None:
            stock.keep(tape)
            stock.interrupted = False
            if TRADE in stock.types:
                self._say(trade.code, TRADE, stock.trades.traded(trade, tape, ask, bid, self._phase))
            self._quotes(trade.code, stock, ask, bid)

    def _quotes(self, code: str, stock: _Stock, ask: int, bid: int) -> None:
        if stock.quotes != (ask, bid):
            stock.quotes = (ask, bid)
            if BEST in stock.types:
                self._say(code, BEST, stock.books.best(ask, bid))

    def on_quote(self, code: str, time: float) -> None:
        """주식우선호가 where the best quotes are others, 주식호가잔량 where anything of the book is; 주식시간외호가."""
        stock = self._stocks.get(code)
        if stock is None:
            return
        if self._evening.open and not self._evening.quoted(code, stock.types, time):
            return
        if not stock.types & _QUOTES:
            return
        asks, bids = self.exchange.depth(code)
        if not stock.live:
            stock.renew(self.exchange.tape(code))
        self._quotes(code, stock, asks[0].price if asks else 0, bids[0].price if bids else 0)
        if BOOK in stock.types:
            seen = stock.tape, stock.expected, self._phase, stock.interrupted
            text = stock.books.depth(time, asks, bids, *seen)
            if text is not None:
                self._say(code, BOOK, text)

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        """주식예상체결."""
        stock = self._stocks.get(code)
        if stock is None or self._phase is Phase.SINGLE_PRICE:
            return
        stock.keep(tape)
        stock.expected = expected
        stock.interrupted = self._phase is Phase.CONTINUOUS
        if EXPECTED in stock.types:
            self._say(code, EXPECTED, stock.trades.expected(time, expected, tape))

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        """The types of 시간외 단일가."""
        stock = self._stocks.get(code)
        if stock is not None:
            self._evening.evening(code, stock.types, time, trade)

    def on_phase(self, phase: Phase, time: float) -> None:  # noqa: ARG002
        """A new day begins with its opening auction. After the close 주식시세 tells where the day ended."""
        self._phase = phase
        self._evening.turned(phase)
        if phase is Phase.BEFORE_OPEN:
            for stock in self._stocks.values():
                stock.live = False
        elif phase is Phase.PAUSE:
            self._tell_all(sorted(self._stocks), self._tell_close)
        elif phase is Phase.CLOSED:
            self._tell_all(sorted(self._stocks), self._tell_evening)

    def _tell_all(self, codes: list[str], tell: Callable[[str, _Stock], None]) -> None:
        """Tells of these codes, some at a time, after whoever else wants the control thread."""
        if codes:
            self._line.answer_later(0, lambda: self._tell_some(codes, tell), background=True)

    def _tell_some(self, codes: list[str], tell: Callable[[str, _Stock], None]) -> None:
        for code in codes[:_AT_ONCE]:
            stock = self._stocks.get(code)
            if stock is not None and self._known(code, stock):
                tell(code, stock)
        self._tell_all(codes[_AT_ONCE:], tell)

    def _known(self, code: str, stock: _Stock) -> bool:
        """Whether anything is known of the issue, whose newest tape is kept then. What is due in it is told before."""
        try:
            stock.keep(self.exchange.tape(code))
        except (LookupError, BadMarketData):
            return False
        return True

    def _tell_close(self, code: str, stock: _Stock) -> None:
        if QUOTE in stock.types:
            self._say(code, QUOTE, stock.trades.quoted(stock.tape, *self._best(code)))

    def _tell_evening(self, code: str, stock: _Stock) -> None:
        self._evening.closed(code, stock.types)

    def _best(self, code: str) -> tuple[int, int]:
        asks, bids = self.exchange.depth(code)
        return asks[0].price if asks else 0, bids[0].price if bids else 0

    def on_interruption(self, interruption: Interruption) -> None:
        """VI발동/해제, when it begins and again when it ends."""
        stock = self._stocks.get(interruption.code)
        if stock is not None:
            stock.interrupted = not interruption.released
        if self._interruptions.followed or (stock is not None and HALT in stock.types):
            self._halted(interruption)

    def _interrupted(self, interruption: Interruption) -> None:
        """One of the whole market's. Of watched issues the exchange tells by itself, in order with their trades."""
        if interruption.code not in self._stocks:
            self._halted(interruption)

    def _halted(self, found: Interruption) -> None:
        code = found.code
        seen = self._issues[code], self.exchange.tape(code), self._settings
        self._say(code, HALT, notices.interruption_text(found, *seen))

    # 장시작시간: to everybody with any registration.

    def _notices(self, after: float) -> Iterator[Notice]:
        return notices.after(self._sessions(), after, self._settings.early_notices)

    def _await_notice(self, after: float) -> None:
        notice = next(self._notices(after), None)
        self._waiting = notice is not None
        if notice is None:
            return
        wait = self._wait
        self._line.answer_later(
            notice.time - self._line.now(), lambda: self._announce(after, wait), background=True
        )

    def _announce(self, after: float, wait: int) -> None:
        """Whatever has come due since ``after``, unless all registrations have gone since the wait began."""
        now = self._line.now()
        for notice in self._notices(after):
            if notice.time > now or wait != self._wait:
                break
            after = notice.time
            self._say(self._settings.market_key, HOURS, notice.text())
        if wait == self._wait:
            self._await_notice(after)

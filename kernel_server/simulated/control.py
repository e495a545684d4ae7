"""The simulated control: Kiwoom's functions and events with a simulated market.

Its parts are constructed here: the exchange (``exchange``), real-time events (``realtime``), accounts and orders
(``brokerage``), TR requests (``tr_dispatch``) and their handlers (``tr_registry``), conditions, themes, and faults on
demand (``faults``). There are no derivatives: their lists are empty, and SendOrderFO is rejected with -307 and a
message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from kernel_server.clock import Clock
from kernel_server.control.seam import Event, Handler, Scalar, Value
from kernel_server.reference.sessions import Sessions, load
from kernel_server.simulated import tr_registry
from kernel_server.simulated.answer_delivery import AnswerDelivery
from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.base.tr import message
from kernel_server.simulated.brokerage.account_file_writer import AccountFileWriter
from kernel_server.simulated.brokerage.brokerage import Brokerage
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.exchange.nextrade.both import BothExchanges, CombinedEvents
from kernel_server.simulated.exchange.nextrade.combined import CombinedIssues
from kernel_server.simulated.exchange.nextrade.exchange import NextradeExchange
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.exchange.subscriber_fanout import SubscriberFanout
from kernel_server.simulated.faults import Faults
from kernel_server.simulated.function_table import function_tables
from kernel_server.simulated.login_info import LoginInfo
from kernel_server.simulated.market.closes import Closes
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.nextrade.both import BothMarkets
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.themes import Themes
from kernel_server.simulated.market.trade_script import RecordedTrades
from kernel_server.simulated.market.trading_hours import TradingHours
from kernel_server.simulated.master_functions import MasterFunctions
from kernel_server.simulated.realtime.publisher import RealTimePublisher
from kernel_server.simulated.realtime.registry import RealTimeRegistry
from kernel_server.simulated.request_limits import RequestLimits
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.tr_dispatch import TrDispatcher
from kernel_server.simulated.tr_registry import MarketParts
from kernel_server.simulated.trs.conditions import Conditions

_DATA = Path(__file__).with_name("data")

ORDER_NOT_SENT = -307
CONNECTION_CLOSED = -106

Later = Callable[[Callable[[], None]], None]


class SimulatedControl:
    """A control behind the seam, deterministic for a market and a clock; used on the control thread only.

    Args:
        market: its market.
        clock: its clock; delays are in its seconds.
        settings: its settings.
        later: hands work to the control thread, to run after the current call.
        sessions: loads the calendar; called once, on first use.
        seed: random seed of the exchange.
        recorded_trades: trades to replay instead of drawn ones.
        account_writer: saves the accounts to their file; without one they are not saved.

    Raises:
        AccountFileError: the accounts cannot be restored from the file.
    """

    kind = "simulated"
    always_paper = True

    def __init__(
        self,
        market: Market,
        clock: Clock,
        settings: BrokerSettings,
        later: Later,
        sessions: Callable[[], Sessions] = load,
        seed: int = 1,
        recorded_trades: RecordedTrades | None = None,
        account_writer: AccountFileWriter | None = None,
    ) -> None:
        self.source = f"simulated:{market.source}"
        self._clock = clock
        self._settings = settings
        self._later = later
        self._handler: Handler | None = None
        self._closed = False
        self._logging_in = False
        self._connected = False
        self._session = 0
        issues = market.issues()
        recorded = None if recorded_trades is None else recorded_trades.script
        off_hours_flow = settings.after_hours != "clients"
        self._login_info = LoginInfo(settings)
        self._master = MasterFunctions(market, clock, TradingHours(sessions))
        self._limits = RequestLimits(settings)
        self.registry = RealTimeRegistry(settings.no_screen_left)
        self._answers = AnswerDelivery(self, settings)
        self._indices = IndexValues(market, sessions)
        scanner = MarketScanner(market, settings, sessions)
        subscribers = SubscriberFanout()
        nextrade = NextradeMarket(market, sessions)
        both = BothMarkets(market, nextrade)
        order_numbers = count(1)
        exchange_events = CombinedEvents(subscribers)
        exchange = SimulatedExchange(
            market,
            clock,
            sessions,
            later,
            seed,
            exchange_events,
            recorded,
            off_hours_flow=off_hours_flow,
            evening_until=settings.evening_bar_until,
            trade_size=settings.trade_size,
            numbers=order_numbers,
            evening_quotes=settings.evening_bar == "wide",
        )
        nextrade_exchange = NextradeExchange(
            nextrade, clock, sessions, later, seed, exchange_events, order_numbers, settings.trade_size
        )
        self._exchange = BothExchanges(
            exchange,
            nextrade_exchange,
            CombinedIssues(market, exchange, nextrade_exchange, clock.now),
            exchange_events,
        )
        self._publisher = RealTimePublisher(
            self, self._exchange, self.registry, settings, both.issues(), sessions, self._indices, scanner
        )
        self._brokerage = Brokerage(
            self,
            self._exchange,
            settings,
            issues,
            sessions,
            self._answers.deliver,
            lambda code: self._exchange.single_price(code).tape.last,
            closes=Closes(market, clock),
        )
        subscribers.subscribe_to_phases(self._brokerage.on_phase)
        subscribers.subscribe(self._publisher)
        self._conditions = Conditions(self, settings, self._limits, scanner)
        self._themes = Themes(issues)
        self.faults = Faults(
            clock, later, self.lose_connection, settings.planned_faults, self._brokerage.set_chejan_first
        )
        self.faults.start()
        market_parts = MarketParts(
            market=market,
            settings=settings,
            sessions=sessions,
            exchange=self._exchange,
            previous_session=PreviousSession(
                market, sessions, seed, recorded, off_hours_flow, settings.trade_size
            ),
            scanner=scanner,
            indices=self._indices,
            seed=seed,
            off_hours_flow=off_hours_flow,
            recorded=recorded_trades,
            nextrade=nextrade,
        )
        handlers = tr_registry.handlers(market_parts, self._brokerage)
        self._tr_dispatcher = TrDispatcher(
            self, settings, self._limits, self.registry, handlers, self._answers
        )
        parts = (
            self,
            self._tr_dispatcher,
            self._answers,
            self._login_info,
            self._master,
            self._publisher.events,
            self._brokerage,
            self._conditions,
            self._themes,
        )
        self._online, self._offline = function_tables(parts, settings.not_connected)
        self._functions = self._offline
        self._account_writer = account_writer
        if account_writer is not None:
            account_writer.start(self._brokerage, self)

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        """Call a control function, with arguments already checked against its signature."""
        return self._functions[name](*arguments)

    def listen(self, handler: Handler) -> None:
        """Set the handler of all events."""
        self._handler = handler

    def close(self) -> None:
        """End the session; no events are fired afterwards."""
        self._closed = True
        self._end_session()
        self._exchange.close()
        self.faults.close()
        if self._account_writer is not None:
            self._account_writer.close()

    def problems(self) -> list[str]:
        """What is wrong with the account file, a sentence; from any thread."""
        problem = "" if self._account_writer is None else self._account_writer.problem
        return [problem] if problem else []

    def unfilled(self) -> list[str]:
        """TR codes without a handler, answered with empty values."""
        return self._tr_dispatcher.unfilled()

    def lose_connection(self, code: int = CONNECTION_CLOSED) -> None:
        """Lose the connection to the server: pending answers are dropped, OnEventConnect has the code (a guess)."""
        if self._connected:
            self._end_session()
            self.fire("OnEventConnect", code)

    def _end_session(self) -> None:
        self._session += 1
        self._connected = False
        self._functions = self._offline
        self._tr_dispatcher.clear()
        self.registry.clear()
        self._brokerage.disconnect()
        self._conditions.clear()

    # The connection to the broker, as the parts use it (``BrokerConnection``).

    def now(self) -> float:
        return self._clock.now()

    def fire(self, name: str, *arguments: Scalar) -> None:
        """Fire an event at once."""
        for _ in range(self.faults.copies(name)):
            if self._handler is not None and not self._closed:
                self._handler(Event(name, arguments))

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        """Run ``work`` on the control thread after that many seconds, unless the connection is lost by then.

        ``background`` work is not waited for by a stepped clock.
        """
        session = self._session
        if not background:
            seconds += self.faults.delay()

        def turn() -> None:
            if session == self._session and not self._closed:
                work()

        if seconds > 0:
            self._clock.call_at(self._clock.now() + seconds, lambda: self._later(turn), background)
        else:
            self._later(turn)

    # Login.

    def CommConnect(self) -> int:
        """While connected or connecting, opens no second window and fires no second event."""
        if not self._connected and not self._logging_in and not self._closed:
            self._logging_in = True
            self._clock.call_at(
                self._clock.now() + self._settings.login_delay, lambda: self._later(self._logged_in)
            )
        return 0

    def _logged_in(self) -> None:
        self._logging_in = False
        if self._closed:
            return
        code = self.faults.login(self._settings.login_result)
        if code == 0:
            self._session += 1
            self._connected = True
            self._functions = self._online
            self._limits.renew()
            self._brokerage.connect()
        self.fire("OnEventConnect", code)

    def GetConnectState(self) -> int:
        return int(self._connected)

    def KOA_Functions(self, sFunctionName: str, sParam: str) -> str:
        """ShowAccountWindow and unknown names return blank."""
        if sFunctionName == "GetServerGubun":
            return self._login_info.GetLoginInfo(sFunctionName)
        if sFunctionName == "SetConditionSearchFlag":
            return self._conditions.search_flag(sParam)
        return self._master.koa(sFunctionName, sParam)

    # Real-time registration.

    def SetRealReg(self, strScreenNo: str, strCodeList: str, strFidList: str, strOptType: str) -> int:
        if not is_screen(strScreenNo):
            return self._settings.bad_screen
        return self.registry.register(strScreenNo, _listed(strCodeList), _listed(strFidList), strOptType)

    def SetRealRemove(self, strScrNo: str, strDelCode: str) -> None:
        self.registry.remove(strScrNo, strDelCode)

    def DisconnectRealData(self, sScnNo: str) -> None:
        self.registry.remove(sScnNo, "ALL")

    # Orders for derivatives.

    def SendOrderFO(self, sRQName: str, sScreenNo: str, *_order: Scalar) -> int:
        """Rejected: there are no derivatives here."""
        self.answer_later(0, lambda: self.fire("OnReceiveMsg", sScreenNo, sRQName, "", message("no_orders")))
        return ORDER_NOT_SENT


def _listed(text: str) -> list[str]:
    return [item for item in text.split(";") if item]

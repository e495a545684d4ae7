"""The simulated control: Kiwoom's functions and events over a market of its own.

Its parts are constructed here: the exchange (``exchange``), real-time events (``realtime``), accounts and orders
(``brokerage``), TR requests (``tr_dispatch``) and their handlers (``tr_registry``), conditions, themes, and faults on
demand (``faults``). There are no derivatives and no credit: their lists are empty, and SendOrderFO and
SendOrderCredit are refused with -307 and a message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kernel_server import reference
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
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.exchange.subscriber_fanout import SubscriberFanout
from kernel_server.simulated.faults import Faults
from kernel_server.simulated.market.closes import Closes
from kernel_server.simulated.market.model import Market
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
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

ORDER_NOT_SENT = -307
CONNECTION_CLOSED = -106

Later = Callable[[Callable[[], None]], None]
Function = Callable[..., Value]


class SimulatedControl:
    """A control behind the seam, deterministic for a market and a clock. Only the control thread touches it.

    Args:
        market: what it serves.
        clock: its time; delays are in its seconds.
        settings: what can be chosen about it.
        later: hands work to the control thread, never doing it inside the call.
        sessions: hours of the exchange, asked for once, when first needed.
        seed: of what happens on the exchange within a day.
        tapes: recorded trades, which take the place of drawn ones.
        keeper: of the file in which the accounts outlive the control; without one they end with it.

    Raises:
        AccountFileError: the accounts in the keeper's file cannot be taken over.
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
        tapes: RecordedTrades | None = None,
        keeper: AccountFileWriter | None = None,
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
        recorded = None if tapes is None else tapes.script
        off_hours_flow = settings.after_hours != "clients"
        self._master = MasterFunctions(market, clock, TradingHours(sessions))
        self._limits = RequestLimits(settings)
        self.registry = RealTimeRegistry(settings.no_screen_left)
        self._answers = AnswerDelivery(self, settings)
        self._indices = IndexValues(market, sessions)
        scanner = MarketScanner(market, settings, sessions)
        subscribers = SubscriberFanout()
        self._exchange = SimulatedExchange(
            market, clock, sessions, later, seed, subscribers, recorded, off_hours_flow=off_hours_flow
        )
        self._publisher = RealTimePublisher(
            self, self._exchange, self.registry, settings, issues, sessions, self._indices, scanner
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
        parts = MarketParts(
            market=market,
            settings=settings,
            sessions=sessions,
            exchange=self._exchange,
            previous_session=PreviousSession(market, sessions, seed, recorded, off_hours_flow),
            scanner=scanner,
            indices=self._indices,
            seed=seed,
            off_hours_flow=off_hours_flow,
            recorded=tapes,
        )
        handlers = tr_registry.handlers(parts, self._brokerage)
        self._tr_dispatcher = TrDispatcher(
            self, settings, self._limits, self.registry, handlers, self._answers
        )
        self._online, self._offline = self._dispatch()
        self._functions = self._offline
        self._login_info = self._login_facts()
        self._keeper = keeper
        if keeper is not None:
            keeper.start(self._brokerage, self)

    def _dispatch(self) -> tuple[dict[str, Function], dict[str, Function]]:
        """Every function of the control by name: as it answers after login, and before it."""
        online: dict[str, Function] = {}
        offline: dict[str, Function] = {}
        blanks: dict[str, Value] = {"str": "", "int": 0, "none": None, "table": None}
        for name, login, fixed, _why in rows(_DATA / "function.tsv"):
            returns = reference.function(name).returns
            if fixed == "-":
                parts = (
                    self,
                    self._tr_dispatcher,
                    self._answers,
                    self._master,
                    self._publisher.events,
                    self._brokerage,
                    self._conditions,
                    self._themes,
                )
                online[name] = next(getattr(part, name) for part in parts if hasattr(part, name))
            else:
                answer: Value = int(fixed) if returns == "int" else blanks[returns]
                online[name] = _always(answer)
            if login == "no":
                offline[name] = online[name]
            else:
                refused = self._settings.not_connected if login == "request" else blanks[returns]
                offline[name] = _always(refused)
        return online, offline

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        """Calls a control function. The arguments have been checked against its signature."""
        return self._functions[name](*arguments)

    def listen(self, handler: Handler) -> None:
        """Sets the one handler of all events."""
        self._handler = handler

    def close(self) -> None:
        """Ends the session. No event is fired after that."""
        self._closed = True
        self._end_session()
        self._exchange.close()
        self.faults.close()
        if self._keeper is not None:
            self._keeper.close()

    def unfilled(self) -> list[str]:
        """The TRs that are answered in the right shape, but without values."""
        return self._tr_dispatcher.unfilled()

    def lose_connection(self, code: int = CONNECTION_CLOSED) -> None:
        """The server cuts the connection: answers under way are lost, OnEventConnect says the code (a guess)."""
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
        """Fires an event at the handler, at once."""
        for _ in range(self.faults.copies(name)):
            if self._handler is not None and not self._closed:
                self._handler(Event(name, arguments))

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        """Does ``work`` on the control thread in so many seconds, unless the connection is lost by then.

        ``background``: nobody waits for it.
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
        """Connected already, or about to be, it opens no second window and gives no second event."""
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

    def _login_facts(self) -> dict[str, str]:
        settings = self._settings
        numbers = "".join(f"{account.number};" for account in settings.accounts)
        details = (f"{account.number},{account.name},{account.product}" for account in settings.accounts)
        return {
            "ACCOUNT_CNT": str(len(settings.accounts)),
            "ACCLIST": numbers,
            "ACCNO": numbers,
            "ACCTLIST_DETAIL": ";".join(details),
            "USER_ID": settings.user_id,
            "USER_NAME": settings.user_name,
            "GetServerGubun": settings.server_gubun,
            "KEY_BSECGB": "0",
            "FIREW_SECGB": "0",
        }

    def GetLoginInfo(self, sTag: str) -> str:
        """Blank for an unknown tag, which is a guess."""
        return self._login_info.get(sTag, "")

    def GetAPIModulePath(self) -> str:
        return self._settings.module_path

    def KOA_Functions(self, sFunctionName: str, sParam: str) -> str:
        """ShowAccountWindow and unknown names answer blank."""
        if sFunctionName == "GetServerGubun":
            return self._login_info[sFunctionName]
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

    # Orders of kinds that are not traded here.

    def SendOrderFO(self, sRQName: str, sScreenNo: str, *_order: Scalar) -> int:
        """Refused: this broker has no derivatives and gives no credit."""
        self.answer_later(0, lambda: self.fire("OnReceiveMsg", sScreenNo, sRQName, "", message("no_orders")))
        return ORDER_NOT_SENT

    SendOrderCredit = SendOrderFO


def _always(answer: Value) -> Function:
    return lambda *_arguments: answer


def _listed(text: str) -> list[str]:
    return [item for item in text.split(";") if item]

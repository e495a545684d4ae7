"""The brokerage part of the control: SendOrder, GetChejanData and the account TRs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest
from kernel_server.simulated.brokerage.books import Books, SessionCalendar
from kernel_server.simulated.brokerage.broker_checks import BrokerChecks
from kernel_server.simulated.brokerage.chejan import NO_SCREEN
from kernel_server.simulated.brokerage.credit import ALL_LOANS, NAMES, REPAYMENT
from kernel_server.simulated.brokerage.ledger import Closes, Ledger
from kernel_server.simulated.brokerage.order import OrderRequest
from kernel_server.simulated.brokerage.order_events import OrderEvents
from kernel_server.simulated.brokerage.order_manager import OrderManager
from kernel_server.simulated.brokerage.outbox import OrderNumberReader, Outbox
from kernel_server.simulated.brokerage.send_order_checks import (
    TAKEN,
    WRONG_INPUT,
    OrderRateLimit,
    send_order_error,
)
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.settings import BrokerSettings


@dataclass(frozen=True, slots=True)
class AccountParts:
    """Parts used by the handlers of account TRs."""

    exchange: Exchange
    books: Books
    calendar: SessionCalendar
    valuation: Valuation
    ledger: Ledger
    settings: BrokerSettings
    issues: Mapping[str, Issue]


class Brokerage:
    """Accounts and orders, used on the control thread only. It starts offline, until ``connect``.

    Args:
        connection: time and events.
        exchange: executes orders; reports fills on the control thread.
        settings: accounts, charges, and choices where the real broker's behaviour is unknown.
        issues: the listing.
        sessions: loads the calendar; called once, on first use.
        deliver: fires OnReceiveTrData with blank sPrevNext, given screen, request name, TR code and the reader
            of its values.
        closes: close of an issue in a completed session; default 기준가.
        after_hours: price (KRW) of an issue in the newest 시간외 단일가, FID 10010; default 기준가.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        exchange: Exchange,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        sessions: Callable[[], Sessions],
        deliver: Callable[[str, str, str, OrderNumberReader], None],
        after_hours: Callable[[str], int] | None = None,
        closes: Closes | None = None,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._issues = issues
        self._calendar = SessionCalendar(sessions)
        self._books = Books(settings)
        self._outbox = Outbox(connection.fire, deliver)
        self._rate_limit = OrderRateLimit(settings)
        self._valuation = Valuation(exchange, self._books, self._calendar, settings, issues)
        self._events = OrderEvents(
            self._outbox, exchange, self._books, settings, issues, connection.answer_later, after_hours
        )
        checks = BrokerChecks(exchange, self._books, self._calendar, settings, issues, connection.now)
        self._order_manager = OrderManager(
            exchange, self._books, checks, self._events, settings, issues, connection.now
        )
        ledger = Ledger(
            self._books,
            self._calendar,
            self._valuation,
            settings,
            issues,
            closes or (lambda code, _day: exchange.base(code)),
        )
        self.account_parts = AccountParts(
            exchange, self._books, self._calendar, self._valuation, ledger, settings, issues
        )

    def SendOrder(
        self,
        sRQName: str,
        sScreenNo: str,
        sAccNo: str,
        nOrderType: int,
        sCode: str,
        nQty: int,
        nPrice: int,
        sHogaGb: str,
        sOrgOrderNo: str,
    ) -> int:
        """0 if the request is sent, whether or not the broker accepts it later."""
        return self._send(
            OrderRequest(
                name=sRQName,
                screen=sScreenNo,
                account=sAccNo.strip(),
                type=nOrderType,
                code=sCode.strip(),
                quantity=nQty,
                price=nPrice,
                quote=sHogaGb.strip(),
                original=sOrgOrderNo.strip(),
            )
        )

    def SendOrderCredit(
        self,
        sRQName: str,
        sScreenNo: str,
        sAccNo: str,
        nOrderType: int,
        sCode: str,
        nQty: int,
        nPrice: int,
        sHogaGb: str,
        sCreditGb: str,
        sLoanDate: str,
        sOrgOrderNo: str,
    ) -> int:
        """As ``SendOrder``, on credit: 신용구분 03 with a blank 대출일, 33 with the loan's, or 99 with 99991231."""
        if sCreditGb.strip() not in NAMES:
            return WRONG_INPUT
        request = OrderRequest(
            name=sRQName,
            screen=sScreenNo,
            account=sAccNo.strip(),
            type=nOrderType,
            code=sCode.strip(),
            quantity=nQty,
            price=nPrice,
            quote=sHogaGb.strip(),
            original=sOrgOrderNo.strip(),
            credit=sCreditGb.strip(),
            loan_date=sLoanDate.strip(),
        )
        if request.credit != REPAYMENT:
            request = request._replace(loan_date=request.loan_date if request.credit == ALL_LOANS else "")
        return self._send(request)

    def _send(self, request: OrderRequest) -> int:
        code = send_order_error(request, self._settings, self._issues) or self._rate_limit.take(
            self._connection.now()
        )
        if code == TAKEN:
            self._connection.answer_later(self._settings.latency, lambda: self._on_request(request))
        return code

    def set_chejan_first(self, first: bool) -> None:
        """Set whether an order's first Chejan events precede its answer."""
        self._events.chejan_first = first

    def GetChejanData(self, nFid: int) -> str:
        """Value of the OnReceiveChejanData being handled; blank outside an event."""
        return self._outbox.chejan_value(nFid)

    def _on_request(self, request: OrderRequest) -> None:
        self._roll_session()
        try:
            self._order_manager.execute(request)
        except TrRejected as rejected:
            self._events.rejected(request, rejected.text)
        self._outbox.flush()

    def other_client(
        self,
        account: str,
        order_type: int,
        code: str,
        quantity: int,
        price: int = 0,
        quote: str = "00",
        original: str = "",
    ) -> str:
        """Place an order as the same user's HTS or MTS would: Chejan events without an answer. Returns its number.

        Raises:
            TrRejected: the broker rejects it.
        """
        self._roll_session()
        request = OrderRequest(
            "", NO_SCREEN, account, order_type, code, quantity, price, quote, original, True
        )
        order = self._order_manager.execute(request)
        self._outbox.flush()
        return f"{order.number:07d}"

    def in_session(self, handler: TrHandler) -> TrHandler:
        """Wrap a handler so that the current session is started before it runs."""

        def answer(request: TrRequest, now: float) -> TrAnswer:
            self._roll_session()
            return handler(request, now)

        return answer

    # Sessions of the exchange, and of the client.

    def _roll_session(self) -> None:
        """Start a new session if the day has changed: open orders expire, numbers restart."""
        now = self._connection.now()
        day = self._calendar.day(now)
        if day != self._books.day:
            self._order_manager.expire()
        if day != self._books.day:  # unless the exchange began it while it cancelled these orders
            self._books.start_session(day)
            self._valuation.record_session_start(now)

    def on_phase(self, phase: Phase) -> None:
        """Handle a new phase of the exchange: orders that may not rest in it expire."""
        self._roll_session()
        self._order_manager.expire(phase)

    def connect(self) -> None:
        """Handle a login: events are delivered from now on."""
        self._rate_limit.renew()
        self._outbox.connect(online=True)

    def disconnect(self) -> None:
        """Handle a lost connection: orders keep resting, and their events are dropped."""
        self._outbox.connect(online=False)

    # Persistence.

    def day(self, now: float) -> int:
        """YYYYMMDD of the session that ``now`` belongs to."""
        return self._calendar.day(now)

    def accounts(self) -> Set[str]:
        """Account numbers."""
        return self._books.accounts.keys()

    def snapshot(self) -> dict[str, Any]:
        """Accounts and orders as plain JSON."""
        return self._books.snapshot()

    def deferred_snapshot(self) -> Callable[[], dict[str, Any]]:
        """A function that returns the snapshot of this moment, callable later and on any thread."""
        return self._books.deferred_snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a snapshot, before the first order. Open orders of this session are placed again."""
        self._books.restore(state)
        self._order_manager.resubmit(self._books.day == self._calendar.day(self._connection.now()))

    def on_change(self, changed: Callable[[], None]) -> None:
        """Start the current session, then call ``changed`` after every change to save."""
        self._roll_session()
        self._books.changed = changed

"""The broker's side of trading as one part of the control: SendOrder, GetChejanData and the account TRs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest
from kernel_server.simulated.brokerage.admission import Admission
from kernel_server.simulated.brokerage.books import Books, SessionCalendar
from kernel_server.simulated.brokerage.chejan import NO_SCREEN
from kernel_server.simulated.brokerage.ledger import Closes, Ledger
from kernel_server.simulated.brokerage.order import OrderRequest
from kernel_server.simulated.brokerage.order_checks import TAKEN, OrderLimits, refused
from kernel_server.simulated.brokerage.order_events import OrderEvents
from kernel_server.simulated.brokerage.order_manager import OrderManager
from kernel_server.simulated.brokerage.outbox import OrderNumberReader, Outbox
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.settings import BrokerSettings


@dataclass(frozen=True, slots=True)
class AccountParts:
    """What the handlers of account TRs read."""

    exchange: Exchange
    books: Books
    calendar: SessionCalendar
    valuation: Valuation
    ledger: Ledger
    settings: BrokerSettings
    issues: Mapping[str, Issue]


class Brokerage:
    """Accounts and orders. Only the control thread touches it. It starts offline: ``renew`` connects it.

    Args:
        line: time and events.
        exchange: where orders go; it tells of fills on the control thread.
        settings: accounts, charges, and what is not known about the real broker.
        issues: the listing.
        sessions: the calendar, asked for once, when first needed.
        deliver: fires OnReceiveTrData with blank sPrevNext, given screen, request name, TR code and what
            GetCommData is to read it through.
        closes: what an issue cost at the close of a session that is over; without it 기준가 stands for that.
        after_hours: an issue's price (KRW) in the newest 시간외 단일가, FID 10010; without it 기준가 stands for that.
    """

    def __init__(
        self,
        line: BrokerConnection,
        exchange: Exchange,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        sessions: Callable[[], Sessions],
        deliver: Callable[[str, str, str, OrderNumberReader], None],
        after_hours: Callable[[str], int] | None = None,
        closes: Closes | None = None,
    ) -> None:
        self._line = line
        self._settings = settings
        self._issues = issues
        self._calendar = SessionCalendar(sessions)
        self._books = Books(settings)
        self._post = Outbox(line.fire, deliver)
        self._limits = OrderLimits(settings)
        self._valuation = Valuation(exchange, self._books, self._calendar, settings, issues)
        self._notices = OrderEvents(
            self._post, exchange, self._books, settings, issues, line.answer_later, after_hours
        )
        admission = Admission(exchange, self._books, self._calendar, settings, issues, line.now)
        self._desk = OrderManager(exchange, self._books, admission, self._notices, settings, issues, line.now)
        ledger = Ledger(
            self._books,
            self._calendar,
            self._valuation,
            settings,
            issues,
            closes or (lambda code, _day: exchange.tape(code).base),
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
        """0 where the order is on its way, which says nothing about whether it is taken."""
        ticket = OrderRequest(
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
        code = refused(ticket, self._settings, self._issues) or self._limits.take(self._line.now())
        if code == TAKEN:
            self._line.answer_later(self._settings.latency, lambda: self._arrived(ticket))
        return code

    def chejan_first(self, first: bool) -> None:
        """Whether an order's first Chejan events come before the answer to it."""
        self._notices.chejan_first = first

    def GetChejanData(self, nFid: int) -> str:
        """A value of the OnReceiveChejanData that is being handled; blank outside."""
        return self._post.read(nFid)

    def _arrived(self, ticket: OrderRequest) -> None:
        self._turn()
        try:
            self._desk.enter(ticket)
        except TrRejected as rejected:
            self._notices.rejected(ticket, rejected.text)
        self._post.send()

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
        """An order from HTS or MTS of the same user: Chejan events tell of it, and no answer. Its number.

        Raises:
            Rejected: the broker does not take it.
        """
        self._turn()
        ticket = OrderRequest(
            "", NO_SCREEN, account, order_type, code, quantity, price, quote, original, True
        )
        order = self._desk.enter(ticket)
        self._post.send()
        return f"{order.number:07d}"

    def in_session(self, handler: TrHandler) -> TrHandler:
        """The handler, which finds the books in the session that is on when it is called."""

        def answer(request: TrRequest, now: float) -> TrAnswer:
            self._turn()
            return handler(request, now)

        return answer

    # Sessions of the exchange, and of the client.

    def _turn(self) -> None:
        """Begins a new session where one has come: what is open ends, numbers start again."""
        now = self._line.now()
        day = self._calendar.day(now)
        if day != self._books.day:
            self._desk.expire()
            self._books.turn(day)
            self._valuation.mark(now)

    def phase(self, phase: Phase) -> None:
        """The exchange's session has come to another phase: what is not traded in it ends."""
        self._turn()
        self._desk.expire(phase)

    def renew(self) -> None:
        """A login: events are told from now on."""
        self._limits.renew()
        self._post.connect(online=True)

    def lose(self) -> None:
        """The connection is gone. Orders stay where they are, and what happens to them is not told."""
        self._post.connect(online=False)

    # What outlives the process.

    def day(self, now: float) -> int:
        """YYYYMMDD of the session that ``now`` belongs to."""
        return self._calendar.day(now)

    def accounts(self) -> Set[str]:
        """The numbers of the accounts."""
        return self._books.accounts.keys()

    def snapshot(self) -> dict[str, Any]:
        """Accounts and orders as plain JSON."""
        return self._books.snapshot()

    def copied(self) -> Callable[[], dict[str, Any]]:
        """What makes the snapshot of this moment, later and on any thread."""
        return self._books.copied()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a snapshot, before the first order. Open orders of this session go to the exchange again."""
        self._books.restore(state)
        self._desk.resume(self._books.day == self._calendar.day(self._line.now()))

    def keep(self, changed: Callable[[], None]) -> None:
        """Begins the session, if another one has come, and calls ``changed`` whenever there is something to save."""
        self._turn()
        self._books.changed = changed

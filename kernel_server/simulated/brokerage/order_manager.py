"""Life cycle of orders: placed at the exchange, filled, modified, cancelled, expired."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.reference.charges import fee, taxes
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.broker_checks import BrokerChecks
from kernel_server.simulated.brokerage.order import (
    ORDER_TYPES,
    BrokerOrder,
    OrderRequest,
    QuoteType,
    quote_types,
)
from kernel_server.simulated.brokerage.order_events import OrderEvents
from kernel_server.simulated.exchange.interface import Exchange, Fill, NewOrder, OrderRejected
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.phases import NEXTRADE_PHASES, Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

_REFUSALS: Mapping[str, str] = {
    "not_listed": "unknown_code",
    "closed": "order_closed",
    "quantity": "order_quantity",
    "kind": "order_quote_type",
    "halted": "order_restricted",
    "limit": "order_limits",
    "tick": "order_tick",
}
"""Key of the broker's message by the exchange's reason for a reject."""


class OrderManager:
    """Executes order requests that have reached the broker, on the control thread."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        checks: BrokerChecks,
        events: OrderEvents,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        now: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._checks = checks
        self._events = events
        self._settings = settings
        self._issues = issues
        self._now = now

    def execute(self, request: OrderRequest) -> BrokerOrder:
        """Place, cancel or modify an order, and book its immediate fills.

        Raises:
            TrRejected: the broker rejects the request.
        """
        request = self._checks.check_request(request)
        action = ORDER_TYPES[request.type].action
        if action == "new":
            return self._new(request)
        original = self._checks.original_order(request)
        return self._cancel(request, original) if action == "cancel" else self._modify(request, original)

    def _new(self, request: OrderRequest) -> BrokerOrder:
        self._checks.check_credit(request)
        quote = self._checks.quote_type(request)
        price, bound = self._checks.prices(request, quote)
        self._checks.check_funds(request, bound)
        order = self._create(request, request.quote, bound)
        self._place(order, price, quote)
        self._events.acknowledged(request, order)
        self._book_early_fills(order, quote)
        return order

    def _create(self, request: OrderRequest, quote: str, bound: int) -> BrokerOrder:
        time = hhmmss(self._now())
        new = ORDER_TYPES[request.type].action == "new"
        return BrokerOrder(
            day=self._books.day,
            number=0,
            account=request.account,
            type=request.type,
            code=request.code,
            quote=quote,
            quantity=request.quantity,
            price=request.price,
            bound=bound,
            left=request.quantity,
            time=time,
            entered=time,
            screen=chejan.NO_SCREEN if request.from_other_client else request.screen,
            original=0 if new else int(request.original),
            credit=request.credit,
            loan_date=request.loan_date,
            venue=request.venue,
        )

    def _register(self, order: BrokerOrder) -> None:
        order.number = self._books.next_order()
        self._books.orders[order.number] = order
        self._books.changed()

    def _place(self, order: BrokerOrder, price: int, quote: QuoteType) -> None:
        """Place the order at the exchange; its immediate fills are queued in ``order.early``."""
        self._submit(order, price, quote)
        self._register(order)
        self._books.accounts[order.account].open_orders[order.number] = order

    def _submit(self, order: BrokerOrder, price: int, quote: QuoteType) -> None:
        order.early = []
        asked = NewOrder(order.code + order.venue, order.side, order.left, price, quote.kind, quote.board)
        try:
            order.placed = self._exchange.submit(asked, lambda fill: self._on_fill(order, fill))
        except OrderRejected as refusal:
            raise TrRejected(_REFUSALS.get(refusal.reason, "order_refused")) from None

    def _book_early_fills(self, order: BrokerOrder, quote: QuoteType) -> None:
        """Book the queued fills; cancel the rest of an order that may not rest (IOC, FOK)."""
        early_fills, order.early = order.early or [], None
        for fill in early_fills:
            self._book_fill(order, fill)
        if quote.kind != "day" and order.placed is not None:
            self._exchange.cancel(order.placed)
            order.left = 0
            self._events.order_changed(order, cleared=True)
            self._close(order)

    # Fills.

    def _on_fill(self, order: BrokerOrder, fill: Fill) -> None:
        if order.early is not None:
            order.early.append(fill)
            return
        self._book_fill(order, fill)
        # Events fired here could re-enter the exchange while it is matching.
        self._events.send_later()

    def _book_fill(self, order: BrokerOrder, fill: Fill) -> None:
        account = self._books.accounts[order.account]
        order.time = hhmmss(fill.time)
        order.state = "체결"
        order.fill, order.fill_price, order.fill_volume = self._books.next_fill(), fill.price, fill.volume
        order.left -= fill.volume
        order.filled += fill.volume
        order.amount += fill.price * fill.volume
        what = (order.day, order.time, order.number, order.fill, order.code, order.side)
        parts = self._parts(order, fill.volume)
        for loan_date, volume in parts:
            amount = fill.price * volume
            fee_amount, taxed = self._charges(order, amount)
            order.fee += fee_amount
            order.tax += taxed
            lent = account.lent(amount, order.credit)
            account.book(Deal(*what, fill.price, volume, fee_amount, taxed, loan=lent, loan_date=loan_date))
        self._books.changed()
        self._events.order_changed(order)
        if not order.left:
            self._close(order)
        for loan_date, _ in parts:
            self._events.balance_changed(order, loan_date)

    def _parts(self, order: BrokerOrder, volume: int) -> list[tuple[str, int]]:
        """대출일 (blank without credit) and shares of the holdings that a fill changes."""
        if order.credit == credits.ALL_LOANS:
            return list(self._books.accounts[order.account].of_loans(order.code, volume))
        if order.credit == credits.LOAN:
            return [(self._checks.loan_date(), volume)]
        return [(order.loan_date, volume)]

    def _charges(self, order: BrokerOrder, amount: int) -> tuple[int, int]:
        """Fee and taxes of a fill (KRW)."""
        fee_amount = fee(amount, self._settings.fee_rate)
        if order.side == Side.BUY or not self._settings.taxed:
            return fee_amount, 0
        board_name = board(self._issues[order.code])
        return fee_amount, taxes(amount, day_of(order.day), board_name, self._settings.tax_unit)

    def _close(self, order: BrokerOrder) -> None:
        """Close an order that is no longer at the exchange."""
        order.placed = None
        del self._books.accounts[order.account].open_orders[order.number]
        self._books.changed()

    # Cancels and modifies.

    def _withdraw(self, original: BrokerOrder, quantity: int) -> int:
        """Cancel up to ``quantity`` shares of an order at the exchange; returns how many were cancelled."""
        taken = self._exchange.cancel(original.placed or 0, quantity)
        if not taken:
            raise TrRejected("order_nothing_open")
        original.left -= taken
        if not original.left:
            self._close(original)
        return taken

    def _cancel(self, request: OrderRequest, original: BrokerOrder) -> BrokerOrder:
        request = request._replace(credit=original.credit, loan_date=original.loan_date)
        order = self._create(request, original.quote, 0)
        order.price = 0
        order.quantity = order.left = self._withdraw(original, request.quantity)
        self._register(order)
        self._events.acknowledged(request, order)
        order.left = 0
        self._confirm(order, original)
        return order

    def _modify(self, request: OrderRequest, original: BrokerOrder) -> BrokerOrder:
        quote = quote_types()[original.quote]
        if quote.price != "given" and request.price:
            raise TrRejected("order_priced")
        request = request._replace(credit=original.credit, loan_date=original.loan_date)
        price, bound = self._checks.prices(request, quote)
        self._checks.check_funds(request, bound, self._released_by(request, original))
        order = self._create(request, original.quote, bound)
        order.quantity = order.left = self._withdraw(original, request.quantity)
        try:
            self._place(order, price, quote)
        except TrRejected as rejected:
            # The original is already cancelled at the exchange: acknowledge the new order, then reject it.
            self._register(order)
            self._events.acknowledged(request, order)
            order.state, order.reason, order.left = "거부", rejected.text, 0
            self._events.order_changed(order)
            self._events.order_changed(original, cleared=not original.left)
            return order
        self._events.acknowledged(request, order)
        self._confirm(order, original)
        self._book_early_fills(order, quote)
        return order

    def _released_by(self, request: OrderRequest, original: BrokerOrder) -> int:
        """Reservation of the part to be modified: cash (KRW) of a buy order, shares of a sell order."""
        if original.side == Side.SELL:
            return request.quantity
        reservation = self._books.accounts[original.account].reservation
        left, credit = original.left, original.credit
        kept = reservation(original.bound, left - request.quantity, credit)
        return reservation(original.bound, left, credit) - kept

    def _confirm(self, order: BrokerOrder, original: BrokerOrder) -> None:
        order.state = "확인"
        order.confirmed = order.quantity
        self._events.order_changed(order)
        original.time = order.time
        self._events.order_changed(original, cleared=not original.left)

    # End of a session, and restoring after a restart.

    def expire(self, phase: Phase | None = None) -> None:
        """Cancel the orders that may not rest in that phase, or all of them; no events are fired."""
        early_orders = self._settings.early_orders
        for account in self._books.accounts.values():
            for order in [*account.open_orders.values()]:
                if order.venue:
                    ends = phase in (None, Phase.NXT_CLOSED)  # it rests in the breaks
                else:
                    resting = quote_types()[order.quote].resting_phases(early_orders)
                    ends = phase not in NEXTRADE_PHASES and phase not in resting
                if ends and account.open_orders.get(order.number) is order:
                    self._exchange.cancel(order.placed or 0)
                    # An exchange that has to catch up ends its session in that call, and so the order.
                    if account.open_orders.get(order.number) is order:
                        self._close(order)

    def resubmit(self, session_open: bool) -> None:
        """Place restored open orders at the exchange again; those that it rejects are closed.

        All are closed if their session is over (``session_open`` False), as are those not accepted in this phase.
        """
        for account in self._books.accounts.values():
            for order in [*account.open_orders.values()]:
                quote = quote_types()[order.quote]
                try:
                    if not session_open or not self._checks.may_rest(order):
                        raise TrRejected("order_closed")
                    self._submit(order, 0 if quote.price == "none" else order.bound, quote)
                except (TrRejected, BadMarketData):
                    order.placed, order.early = None, None
                    del account.open_orders[order.number]
                    self._books.changed()
                else:
                    self._book_early_fills(order, quote)
        self._events.send_later()

"""How an order goes: to the exchange and back, filled, modified, cancelled, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from kernel_server.clock import seoul
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.admission import Admission
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.charges import fee, taxes
from kernel_server.simulated.brokerage.order import BrokerOrder, OrderRequest, QuoteType, order_types, quotes
from kernel_server.simulated.brokerage.order_events import OrderEvents
from kernel_server.simulated.exchange.interface import Exchange, Fill, NewOrder, Refusal
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.tick_size import board
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings


def _time(now: float) -> str:
    return seoul(now).strftime("%H%M%S")


@cache
def _refusals() -> Mapping[str, str]:
    """The key of the broker's message by the exchange's reason."""
    return dict(rows("order_refusal"))


class OrderManager:
    """Takes orders that have reached the broker, on the control thread."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        admission: Admission,
        notices: OrderEvents,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        now: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._admission = admission
        self._notices = notices
        self._settings = settings
        self._issues = issues
        self._now = now

    def enter(self, ticket: OrderRequest) -> BrokerOrder:
        """Carries an order out as far as it goes at once.

        Raises:
            Rejected: the broker does not take it.
        """
        self._admission.known(ticket)
        action = order_types()[ticket.type].action
        if action == "new":
            return self._new(ticket)
        original = self._admission.original(ticket)
        return self._cancel(ticket, original) if action == "cancel" else self._modify(ticket, original)

    def _new(self, ticket: OrderRequest) -> BrokerOrder:
        quote = self._admission.quote(ticket)
        price, bound = self._admission.price(ticket, quote)
        self._admission.afford(ticket, bound)
        order = self._order(ticket, ticket.quote, bound)
        self._place(order, price, quote)
        self._notices.acknowledged(ticket, order)
        self._follow(order, quote)
        return order

    def _order(self, ticket: OrderRequest, quote: str, bound: int) -> BrokerOrder:
        time = _time(self._now())
        new = order_types()[ticket.type].action == "new"
        return BrokerOrder(
            day=self._books.day,
            number=0,
            account=ticket.account,
            type=ticket.type,
            code=ticket.code,
            quote=quote,
            quantity=ticket.quantity,
            price=ticket.price,
            bound=bound,
            left=ticket.quantity,
            time=time,
            entered=time,
            screen=chejan.NO_SCREEN if ticket.elsewhere else ticket.screen,
            original=0 if new else int(ticket.original),
        )

    def _number(self, order: BrokerOrder) -> None:
        order.number = self._books.next_order()
        self._books.orders[order.number] = order
        self._books.changed()

    def _place(self, order: BrokerOrder, price: int, quote: QuoteType) -> None:
        """Hands the order to the exchange; the fills that come at once wait in ``order.early``."""
        self._submit(order, price, quote)
        self._number(order)
        self._books.accounts[order.account].open[order.number] = order

    def _submit(self, order: BrokerOrder, price: int, quote: QuoteType) -> None:
        order.early = []
        asked = NewOrder(order.code, order.side, order.left, price, quote.kind, quote.board)
        try:
            order.placed = self._exchange.submit(asked, lambda fill: self._told(order, fill))
        except Refusal as refusal:
            raise TrRejected(_refusals().get(refusal.reason, "order_refused")) from None

    def _follow(self, order: BrokerOrder, quote: QuoteType) -> None:
        """Fills that came with the order, and the end of what does not wait for more."""
        early, order.early = order.early or [], None
        for fill in early:
            self._filled(order, fill)
        if quote.kind != "day" and order.placed is not None:
            self._exchange.cancel(order.placed)
            order.left = 0
            self._notices.order(order, cleared=True)
            self._finish(order)

    # Fills.

    def _told(self, order: BrokerOrder, fill: Fill) -> None:
        if order.early is not None:
            order.early.append(fill)
            return
        self._filled(order, fill)
        # Not from in here: the exchange is in the middle of its own work.
        self._notices.send_later()

    def _filled(self, order: BrokerOrder, fill: Fill) -> None:
        amount = fill.price * fill.volume
        charged, taxed = self._charges(order, amount)
        order.time = _time(fill.time)
        order.state = "체결"
        order.fill, order.fill_price, order.fill_volume = self._books.next_fill(), fill.price, fill.volume
        order.left -= fill.volume
        order.filled += fill.volume
        order.amount += amount
        order.fee += charged
        order.tax += taxed
        what = (order.day, order.time, order.number, order.fill, order.code, order.side)
        self._books.accounts[order.account].book(Deal(*what, fill.price, fill.volume, charged, taxed))
        self._books.changed()
        self._notices.order(order)
        if not order.left:
            self._finish(order)
        self._notices.balance(order)

    def _charges(self, order: BrokerOrder, amount: int) -> tuple[int, int]:
        """Fee and taxes of a fill (KRW)."""
        charged = fee(amount, self._settings.fee_rate)
        if order.side == Side.BUY or not self._settings.taxed:
            return charged, 0
        where = board(self._issues[order.code])
        return charged, taxes(amount, day_of(order.day), where, self._settings.tax_unit)

    def _finish(self, order: BrokerOrder) -> None:
        """The order is no longer at the exchange."""
        order.placed = None
        del self._books.accounts[order.account].open[order.number]
        self._books.changed()

    # Cancels and modifies.

    def _take(self, original: BrokerOrder, quantity: int) -> int:
        """Takes so many shares of it out of the exchange; how many those were."""
        taken = self._exchange.cancel(original.placed or 0, quantity)
        if not taken:
            raise TrRejected("order_nothing_open")
        original.left -= taken
        if not original.left:
            self._finish(original)
        return taken

    def _cancel(self, ticket: OrderRequest, original: BrokerOrder) -> BrokerOrder:
        order = self._order(ticket, original.quote, 0)
        order.price = 0
        order.quantity = order.left = self._take(original, ticket.quantity)
        self._number(order)
        self._notices.acknowledged(ticket, order)
        order.left = 0
        self._confirm(order, original)
        return order

    def _modify(self, ticket: OrderRequest, original: BrokerOrder) -> BrokerOrder:
        quote = quotes()[original.quote]
        if quote.price != "given" and ticket.price:
            raise TrRejected("order_priced")
        price, bound = self._admission.price(ticket, quote)
        self._admission.afford(ticket, bound, self._freed(ticket, original))
        order = self._order(ticket, original.quote, bound)
        order.quantity = order.left = self._take(original, ticket.quantity)
        try:
            self._place(order, price, quote)
        except TrRejected as rejected:
            # The original has left the exchange by now: the new order is accepted, and refused afterwards.
            self._number(order)
            self._notices.acknowledged(ticket, order)
            order.state, order.reason, order.left = "거부", rejected.text, 0
            self._notices.order(order)
            self._notices.order(original, cleared=not original.left)
            return order
        self._notices.acknowledged(ticket, order)
        self._confirm(order, original)
        self._follow(order, quote)
        return order

    def _freed(self, ticket: OrderRequest, original: BrokerOrder) -> int:
        """What the modified part of an order has reserved: cash (KRW), or shares of a sale."""
        if original.side == Side.SELL:
            return ticket.quantity
        reserve = self._books.accounts[original.account].reserve
        left = original.left
        return reserve(original.bound, left) - reserve(original.bound, left - ticket.quantity)

    def _confirm(self, order: BrokerOrder, original: BrokerOrder) -> None:
        order.state = "확인"
        order.confirmed = order.quantity
        self._notices.order(order)
        original.time = order.time
        self._notices.order(original, cleared=not original.left)

    # The end of a session, and another process.

    def expire(self, phase: Phase | None = None) -> None:
        """Ends the orders that do not live in that phase; without one, all. Nobody is told of it."""
        early = self._settings.early_orders
        for account in self._books.accounts.values():
            for order in [*account.open.values()]:
                if phase is None or phase not in quotes()[order.quote].lives(early):
                    self._exchange.cancel(order.placed or 0)
                    self._finish(order)

    def resume(self, alive: bool) -> None:
        """Hands restored orders to an exchange that does not know them; what it refuses ends there.

        With ``alive`` False the session they were made for is over, and all of them end, as do those that are not
        traded in the present phase.
        """
        for account in self._books.accounts.values():
            for order in [*account.open.values()]:
                quote = quotes()[order.quote]
                try:
                    if not alive or self._exchange.phase() not in quote.phases:
                        raise TrRejected("order_closed")
                    self._submit(order, 0 if quote.price == "none" else order.bound, quote)
                except (TrRejected, BadMarketData):
                    order.placed, order.early = None, None
                    del account.open[order.number]
                    self._books.changed()
                else:
                    self._follow(order, quote)
        self._notices.send_later()

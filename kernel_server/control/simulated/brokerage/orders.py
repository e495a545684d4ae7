"""How an order goes: to the exchange and back, filled, modified, cancelled, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from kernel_server.clock import seoul
from kernel_server.control.simulated.answers import Rejected
from kernel_server.control.simulated.brokerage import chejan
from kernel_server.control.simulated.brokerage.account import Deal
from kernel_server.control.simulated.brokerage.admission import Admission
from kernel_server.control.simulated.brokerage.books import Books
from kernel_server.control.simulated.brokerage.charges import fee, taxes
from kernel_server.control.simulated.brokerage.notices import Notices
from kernel_server.control.simulated.brokerage.order import Order, Quote, Ticket, order_types, quotes
from kernel_server.control.simulated.exchange.interface import Exchange, Fill, NewOrder, Phase, Refusal, Side
from kernel_server.control.simulated.given_files import BadMarketData
from kernel_server.control.simulated.hours import day_of
from kernel_server.control.simulated.market import Issue
from kernel_server.control.simulated.settings import Settings
from kernel_server.control.simulated.ticks import board
from kernel_server.control.simulated.tsv import rows


def _time(now: float) -> str:
    return seoul(now).strftime("%H%M%S")


@cache
def _refusals() -> Mapping[str, str]:
    """The key of the broker's message by the exchange's reason."""
    return dict(rows("order_refusal"))


class OrderDesk:
    """Takes orders that have reached the broker, on the control thread."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        admission: Admission,
        notices: Notices,
        settings: Settings,
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

    def enter(self, ticket: Ticket) -> Order:
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

    def _new(self, ticket: Ticket) -> Order:
        quote = self._admission.quote(ticket)
        price, bound = self._admission.price(ticket, quote)
        self._admission.afford(ticket, bound)
        order = self._order(ticket, ticket.quote, bound)
        self._place(order, price, quote)
        self._notices.acknowledged(ticket, order)
        self._follow(order, quote)
        return order

    def _order(self, ticket: Ticket, quote: str, bound: int) -> Order:
        time = _time(self._now())
        new = order_types()[ticket.type].action == "new"
        return Order(
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

    def _number(self, order: Order) -> None:
        order.number = self._books.next_order()
        self._books.orders[order.number] = order
        self._books.changed()

    def _place(self, order: Order, price: int, quote: Quote) -> None:
        """Hands the order to the exchange; the fills that come at once wait in ``order.early``."""
        self._submit(order, price, quote)
        self._number(order)
        self._books.accounts[order.account].open[order.number] = order

    def _submit(self, order: Order, price: int, quote: Quote) -> None:
        order.early = []
        asked = NewOrder(order.code, order.side, order.left, price, quote.kind, quote.board)
        try:
            order.placed = self._exchange.submit(asked, lambda fill: self._told(order, fill))
        except Refusal as refusal:
            raise Rejected(_refusals().get(refusal.reason, "order_refused")) from None

    def _follow(self, order: Order, quote: Quote) -> None:
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

    def _told(self, order: Order, fill: Fill) -> None:
        if order.early is not None:
            order.early.append(fill)
            return
        self._filled(order, fill)
        # Not from in here: the exchange is in the middle of its own work.
        self._notices.send_later()

    def _filled(self, order: Order, fill: Fill) -> None:
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

    def _charges(self, order: Order, amount: int) -> tuple[int, int]:
        """Fee and taxes of a fill (KRW)."""
        charged = fee(amount, self._settings.fee_rate)
        if order.side == Side.BUY or not self._settings.taxed:
            return charged, 0
        where = board(self._issues[order.code])
        return charged, taxes(amount, day_of(order.day), where, self._settings.tax_unit)

    def _finish(self, order: Order) -> None:
        """The order is no longer at the exchange."""
        order.placed = None
        del self._books.accounts[order.account].open[order.number]
        self._books.changed()

    # Cancels and modifies.

    def _take(self, original: Order, quantity: int) -> int:
        """Takes so many shares of it out of the exchange; how many those were."""
        taken = self._exchange.cancel(original.placed or 0, quantity)
        if not taken:
            raise Rejected("order_nothing_open")
        original.left -= taken
        if not original.left:
            self._finish(original)
        return taken

    def _cancel(self, ticket: Ticket, original: Order) -> Order:
        order = self._order(ticket, original.quote, 0)
        order.price = 0
        order.quantity = order.left = self._take(original, ticket.quantity)
        self._number(order)
        self._notices.acknowledged(ticket, order)
        order.left = 0
        self._confirm(order, original)
        return order

    def _modify(self, ticket: Ticket, original: Order) -> Order:
        quote = quotes()[original.quote]
        if quote.price != "given" and ticket.price:
            raise Rejected("order_priced")
        price, bound = self._admission.price(ticket, quote)
        self._admission.afford(ticket, bound, self._freed(ticket, original))
        order = self._order(ticket, original.quote, bound)
        order.quantity = order.left = self._take(original, ticket.quantity)
        try:
            self._place(order, price, quote)
        except Rejected as rejected:
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

    def _freed(self, ticket: Ticket, original: Order) -> int:
        """What the modified part of an order has reserved: cash (KRW), or shares of a sale."""
        if original.side == Side.SELL:
            return ticket.quantity
        reserve = self._books.accounts[original.account].reserve
        left = original.left
        return reserve(original.bound, left) - reserve(original.bound, left - ticket.quantity)

    def _confirm(self, order: Order, original: Order) -> None:
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
                        raise Rejected("order_closed")
                    self._submit(order, 0 if quote.price == "none" else order.bound, quote)
                except (Rejected, BadMarketData):
                    order.placed, order.early = None, None
                    del account.open[order.number]
                    self._books.changed()
                else:
                    self._follow(order, quote)
        self._notices.send_later()

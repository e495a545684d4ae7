"""Which orders the broker lets through to the exchange, and which it refuses with a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.clock import seoul
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage.books import Books, SessionCalendar
from kernel_server.simulated.brokerage.order import BrokerOrder, OrderRequest, QuoteType, order_types, quotes
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.exchange.off_hours.synthetic_trades import around
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.tick_size import board, rules
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

_NOON = 12


class Admission:
    """Each check raises ``TrRejected`` with what the broker says where it fails."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        calendar: SessionCalendar,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        now: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._calendar = calendar
        self._settings = settings
        self._issues = issues
        self._now = now

    def known(self, ticket: OrderRequest) -> None:
        """Account, issue and a quantity."""
        if ticket.type not in order_types() or ticket.account not in self._books.accounts:
            raise TrRejected("order_unknown")
        if ticket.code not in self._issues:
            raise TrRejected("unknown_code")
        if ticket.code in self._settings.restricted:
            raise TrRejected("order_restricted")
        if not ticket.quantity:
            raise TrRejected("order_quantity")

    def quote(self, ticket: OrderRequest) -> QuoteType:
        """What sHogaGb asks for, in the hours in which that is traded."""
        quote = quotes().get(ticket.quote)
        if quote is None or ticket.quote not in self._settings.quote_types:
            raise TrRejected("order_quote_type")
        if quote.price != "given" and ticket.price:
            raise TrRejected("order_priced")
        self.hours(quote)
        return quote

    def hours(self, quote: QuoteType) -> None:
        phase = self._exchange.phase()
        if phase in quote.phases:
            return
        now = self._now()
        if not self._calendar.is_session(now):
            raise TrRejected("order_holiday")
        early = seoul(now).hour < _NOON if phase == Phase.CLOSED else phase < min(quote.phases)
        raise TrRejected("order_not_open" if early else "order_closed")

    def price(self, ticket: OrderRequest, quote: QuoteType) -> tuple[int, int]:
        """What the exchange is told (0: a market order), and what a share can cost at most (KRW)."""
        try:
            tape = self._exchange.tape(ticket.code)
        except (LookupError, BadMarketData):  # listed, but without a price
            raise TrRejected("unknown_code") from None
        if quote.price == "none":
            return 0, tape.upper
        if quote.price in ("close", "base"):
            price = tape.last if quote.price == "close" else tape.base
            return price, price
        price = ticket.price if quote.price == "given" else self._best(ticket, quote)
        grid = rules(day_of(self._books.day), board(self._issues[ticket.code]))
        lower, upper = tape.lower, tape.upper
        if quote.board is Board.SINGLE:
            lower, upper = around(tape.last, lower, upper, grid)
            price = price or (tape.last if self._settings.evening_price == "close" else 0)
        if not lower <= price <= upper:
            raise TrRejected("order_limits")
        if grid.floor(price) != price:
            raise TrRejected("order_tick")
        return price, price

    def _best(self, ticket: OrderRequest, quote: QuoteType) -> int:
        asks, bids = self._exchange.depth(ticket.code)
        buys = order_types()[ticket.type].side == Side.BUY
        levels = asks if buys == (quote.price == "opposite") else bids
        if not levels:
            raise TrRejected("order_refused")
        return levels[0].price

    def afford(self, ticket: OrderRequest, bound: int, freed: int = 0) -> None:
        """Cash or shares for it. ``freed`` is what it takes over from the order that it modifies."""
        account = self._books.accounts[ticket.account]
        if order_types()[ticket.type].side == Side.BUY:
            if account.reserve(bound, ticket.quantity) > account.orderable + freed:
                raise TrRejected("order_no_cash")
        elif ticket.quantity > account.sellable(ticket.code) + freed:
            raise TrRejected("order_no_shares")

    def original(self, ticket: OrderRequest) -> BrokerOrder:
        """The order that is to be cancelled or modified, with enough of it open."""
        kind = order_types()[ticket.type]
        original = self._books.orders.get(int(ticket.original) if ticket.original.isdecimal() else 0)
        asked = (ticket.account, ticket.code, kind.side)
        if original is None or (original.account, original.code, original.side) != asked:
            raise TrRejected("order_unknown")
        quote = quotes()[original.quote]
        if kind.action != "cancel" or self._exchange.phase() not in quote.lives(self._settings.early_orders):
            self.hours(quote)
        if original.placed is None or not original.left:
            raise TrRejected("order_nothing_open")
        if ticket.quantity > original.left:
            raise TrRejected(f"order_{kind.action}_too_much")
        return original

"""The broker's checks of an order request before it reaches the exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.books import SETTLEMENT_SESSIONS, Books, SessionCalendar
from kernel_server.simulated.brokerage.order import (
    ORDER_TYPES,
    BrokerOrder,
    OrderRequest,
    QuoteType,
    quote_types,
)
from kernel_server.simulated.brokerage.order_routing import OrderRouting
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.exchange.off_hours.session_close import single_price_limits
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.phases import BOARDS, Board, Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

_NOON = 12


class BrokerChecks:
    """Checks of order requests. A failed check raises ``TrRejected`` with the broker's message."""

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
        self._routing = OrderRouting(exchange, settings)

    def check_request(self, request: OrderRequest) -> OrderRequest:
        """Check order type, account, issue, exchange and quantity; the request as it is routed."""
        if request.type not in ORDER_TYPES or request.account not in self._books.accounts:
            raise TrRejected("order_unknown")
        if split(request.code)[0] not in self._issues:
            raise TrRejected("unknown_code")
        original = self._books.orders.get(int(request.original) if request.original.isdecimal() else 0)
        new = ORDER_TYPES[request.type].action == "new"
        venue = None if original is None or new else original.venue
        request = self._routing.routed(request, venue)
        if request.code in self._settings.restricted:
            raise TrRejected("order_restricted")
        if not request.quantity:
            raise TrRejected("order_quantity")
        return request

    def check_credit(self, request: OrderRequest) -> None:
        """Check that account and issue take a new order on credit, and that there is the loan which it repays."""
        if request.credit == credits.CASH:
            return
        if not self._books.accounts[request.account].on_credit:
            raise TrRejected("order_no_credit_account")
        if self._issues[request.code].kind != "stock":  # GetMasterStockState of the others lacks 신용가능
            raise TrRejected("order_no_credit_issue")

    def loan_date(self) -> str:
        """대출일 (YYYYMMDD) of a purchase now."""
        day = self._books.day
        settles = self._settings.loan_date == "settlement"
        return str(self._calendar.shift(day, SETTLEMENT_SESSIONS) if settles else day)

    def quote_type(self, request: OrderRequest) -> QuoteType:
        """The quote type of a new order, which must be accepted in the current phase."""
        quote = quote_types().get(request.quote)
        if quote is None or request.quote not in self._settings.quote_types:
            raise TrRejected("order_quote_type")
        if quote.price != "given" and request.price:
            raise TrRejected("order_priced")
        self.check_hours(quote, request)
        return quote

    def check_hours(self, quote: QuoteType, request: OrderRequest) -> None:
        phase = self._exchange.phase(request.code + request.venue)
        if request.venue:
            self._check_hours_at_nextrade(quote, phase)
            return
        if phase is Phase.AFTER_MARKET and not self._settings.after_market_orders:
            raise TrRejected("order_no_after_market")
        if phase in quote.phases:
            return
        if phase is Phase.AFTER_MARKET and quote.board is Board.REGULAR:
            raise TrRejected("order_quote_hours")
        now = self._now()
        if not self._calendar.is_session(now):
            raise TrRejected("order_holiday")
        early = seoul(now).hour < _NOON if phase == Phase.CLOSED else phase < min(quote.phases)
        raise TrRejected("order_not_open" if early else "order_closed")

    def _check_hours_at_nextrade(self, quote: QuoteType, phase: Phase) -> None:
        if not self._routing.takes(quote):
            raise TrRejected("order_quote_hours")
        if quote.board in BOARDS[phase]:
            return
        now = self._now()
        if not self._calendar.is_session(now):
            raise TrRejected("order_holiday")
        raise TrRejected("order_not_open" if seoul(now).hour < _NOON else "order_closed")

    def may_rest(self, order: BrokerOrder) -> bool:
        """Whether an open order of this session can rest in the current phase: no order passes into an after-market."""
        if order.venue:
            return self._exchange.phase(order.code + order.venue) is not Phase.NXT_CLOSED
        phase, now = self._exchange.phase(), self._now()
        if phase is Phase.AFTER_MARKET and order.entered < hhmmss(self._calendar.after_market_begins(now)):
            return False
        return phase in quote_types()[order.quote].phases

    def prices(self, request: OrderRequest, quote: QuoteType) -> tuple[int, int]:
        """Price for the exchange (0 for a market order) and highest price a share can cost, KRW."""
        try:
            tape = self._exchange.tape(request.code + request.venue)
        except (LookupError, BadMarketData):  # listed, but without a price
            raise TrRejected("unknown_code") from None
        if quote.price == "none":
            return 0, tape.upper
        if quote.price in ("close", "base"):
            price = tape.last if quote.price == "close" else tape.base
            return price, price
        price = request.price if quote.price == "given" else self._best_price(request, quote)
        grid = rules(day_of(self._books.day), board(self._issues[request.code]))
        lower, upper = tape.lower, tape.upper
        if quote.board is Board.SINGLE:
            lower, upper = single_price_limits(tape.last, lower, upper, grid)
            price = price or (tape.last if self._settings.evening_price == "close" else 0)
        if not lower <= price <= upper:
            raise TrRejected("order_limits")
        if grid.floor(price) != price:
            raise TrRejected("order_tick")
        return price, price

    def _best_price(self, request: OrderRequest, quote: QuoteType) -> int:
        asks, bids = self._exchange.depth(request.code + request.venue)
        buys = ORDER_TYPES[request.type].side == Side.BUY
        levels = asks if buys == (quote.price == "opposite") else bids
        if not levels:
            raise TrRejected("order_refused")
        return levels[0].price

    def check_funds(self, request: OrderRequest, bound: int, released: int = 0) -> None:
        """Check buying power or sellable shares, plus ``released``, the reservation of a modified order."""
        account = self._books.accounts[request.account]
        if ORDER_TYPES[request.type].side == Side.BUY:
            if account.reservation(bound, request.quantity, request.credit) > account.orderable + released:
                raise TrRejected("order_no_cash")
        elif request.quantity > account.sellable(request.code, request.credit, request.loan_date) + released:
            raise TrRejected("order_no_shares")

    def original_order(self, request: OrderRequest) -> BrokerOrder:
        """The order to cancel or modify, which must have enough open shares."""
        order_type = ORDER_TYPES[request.type]
        original = self._books.orders.get(int(request.original) if request.original.isdecimal() else 0)
        expected = (request.account, request.code, request.venue, order_type.side)
        if original is None or (original.account, original.code, original.venue, original.side) != expected:
            raise TrRejected("order_unknown")
        by_credit, on_credit = request.credit != credits.CASH, original.credit != credits.CASH
        if self._settings.credit_changes == "same" and by_credit != on_credit:
            raise TrRejected("order_unknown")
        quote = quote_types()[original.quote]
        resting = quote.resting_phases(self._settings.early_orders)
        if order_type.action != "cancel" or self._exchange.phase() not in resting or original.venue:
            self.check_hours(quote, request)
        if original.placed is None or not original.left:
            raise TrRejected("order_nothing_open")
        if request.quantity > original.left:
            raise TrRejected(f"order_{order_type.action}_too_much")
        return original

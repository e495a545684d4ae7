"""Which exchange an order is for: the code of SendOrder says it, 005930_NX or 005930_AL; a guess, off by default."""

from __future__ import annotations

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage.order import ORDER_TYPES, OrderRequest, QuoteType, quote_types
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.nextrade.venues import COMBINED, NEXTRADE, split
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings


class OrderRouting:
    """Routes order requests to the Korea Exchange or to Nextrade."""

    def __init__(self, exchange: Exchange, settings: BrokerSettings) -> None:
        self._exchange = exchange
        self._settings = settings

    def routed(self, request: OrderRequest, original: str | None) -> OrderRequest:
        """The request with the issue's own code, and its exchange apart.

        Args:
            request: as it was sent.
            original: the exchange of the order that it cancels or modifies; None for a new order.

        Raises:
            TrRejected: orders for other exchanges are not taken, or Nextrade does not trade the issue.
        """
        own, venue = split(request.code)
        if not venue:
            return request._replace(venue="")
        if self._settings.nextrade_orders == "refused":
            raise TrRejected("order_other_exchange")
        if venue == COMBINED:
            venue = original if original is not None else self._better(request, own)
        elif not self._listed(own):
            raise TrRejected("unknown_code")
        return request._replace(code=own, venue=venue)

    def phase(self, code: str, venue: str) -> Phase:
        """The phase of an exchange."""
        return self._exchange.phase(code + venue)

    def takes(self, quote: QuoteType) -> bool:
        """Whether Nextrade takes orders of a quote type: those of an after-market, without market orders."""
        return Phase.AFTER_MARKET in quote.phases

    def _listed(self, own: str) -> bool:
        try:
            self._exchange.tape(own + NEXTRADE)
        except LookupError:
            return False
        return True

    def _better(self, request: OrderRequest, own: str) -> str:
        """The exchange that takes a new order; of both the one with the better price, then the Korea Exchange."""
        quote = quote_types().get(request.quote)
        if quote is None or not self.takes(quote) or not self._listed(own):
            return ""
        there, here = self.phase(own, NEXTRADE), self.phase(own, "")
        if Board.REGULAR not in phases.BOARDS[there]:
            return ""
        if here not in (Phase.CONTINUOUS, Phase.AFTER_MARKET):
            return NEXTRADE
        side = ORDER_TYPES[request.type].side
        prices = []
        for venue in (NEXTRADE, ""):
            levels = self._exchange.depth(own + venue)[0 if side is Side.BUY else 1]
            prices.append(levels[0].price if levels else 0)
        nextrade, exchange = prices
        better = nextrade and (not exchange or (nextrade - exchange) * side < 0)
        return NEXTRADE if better else ""

"""The order book of one issue: the quotes of the rule, with clients' orders in their queues.

Without clients' orders the book is the rule's quotes and costs nothing until it is read. From a client's order on it is
an ``OrderBook``, which follows the rule from quote to quote: shares that a level loses are the youngest, those that it
gains come last in its queue. A public trade at a client's price fills the client beside it, once the shares before it
are traded; quotes that come across a client's price fill it at that price. What a client has taken from a level is
missing until the next trade or change of the quotes.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.exchange.quotes.quote_rule import FollowedQuotes, QuoteRule, QuoteState
from kernel_server.simulated.market.trade_script import Side

_ALL = 1 << 60  # shares, more than any level has


class LiveBook:
    """The book of one issue on one day.

    Args:
        rule: of its quotes.
        state: what they follow now.
    """

    __slots__ = ("_followed", "_orders", "_rule", "state")

    def __init__(self, rule: QuoteRule, state: QuoteState) -> None:
        self._rule = rule
        self._orders: OrderBook | None = None
        self._followed: FollowedQuotes | None = None  # from the first reading on
        self.state = state

    def best(self) -> tuple[int, int]:
        """The best ask and bid, 0 for none."""
        orders = self._orders
        if orders is not None:
            return orders.ask(), orders.bid()
        return self._rule.best(self.state) if self._followed is None else self._followed.best(self.state)

    def depth(self) -> tuple[Sequence[Level], Sequence[Level]]:
        """Asks and bids, best first, at most ten levels each."""
        orders = self._orders
        if orders is None:
            if self._followed is None:
                self._followed = FollowedQuotes(self._rule)
            return self._followed.at(self.state)
        return orders.depth(Side.SELL), orders.depth(Side.BUY)

    # The market.

    def trade(self, side: Side, price: int, volume: int, number: int) -> list[Match]:
        """Follow a public trade, the one of that number in its minute; the matches with clients' orders."""
        self.state = QuoteState(price, side, number, 0)
        orders = self._clients_book()
        if orders is None:
            return []
        ask, bid = self._rule.best(self.state)
        bought = side is Side.BUY or (side is Side.NONE and ask == price)
        ask, bid = (price, bid) if bought else (ask, price)
        matches = self._cross(orders, ask, bid)
        waiting = Side.SELL if bought else Side.BUY
        missing = volume - orders.background_volume(waiting, price)
        if missing > 0:
            orders.add_background(waiting, price, missing)
        matches += orders.trade_background(Side.BUY if bought else Side.SELL, price, volume)
        return _of_clients(matches + self._follow(orders))

    def change_quotes(self) -> list[Match]:
        """Follow the next change of the quotes after a trade; the matches with clients' orders."""
        price, side, number, change = self.state
        self.state = tuple.__new__(QuoteState, (price, side, number, change + 1))
        return [] if self._orders is None else self.move(self.state)

    def move(self, state: QuoteState) -> list[Match]:
        """Follow other quotes without a trade; the matches with clients' orders."""
        self.state = state
        orders = self._clients_book()
        return [] if orders is None else _of_clients(self._follow(orders))

    # Clients.

    def submit(
        self, number: int, side: Side, quantity: int, price: int = 0, kind: str = "day"
    ) -> list[Match]:
        """Match a client's order, as ``OrderBook.submit`` does."""
        if self._orders is None:
            self._orders = OrderBook()
            self._follow(self._orders)
        return self._orders.submit(number, side, quantity, price, kind)

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Cancel a client's order, or ``quantity`` shares of it with its priority kept; the cancelled shares."""
        return 0 if self._orders is None else self._orders.cancel(number, quantity)

    def client_orders(self) -> list[int]:
        """Numbers of the clients' resting orders, oldest first."""
        return [] if self._orders is None else self._orders.client_orders()

    def _clients_book(self) -> OrderBook | None:
        """The book with clients' orders; None, and the rule's quotes from here on, if none is left."""
        if self._orders is not None and not self._orders.client_orders():
            self._orders = None
        return self._orders

    def _cross(self, orders: OrderBook, ask: int, bid: int) -> list[Match]:
        """Take the background away between two best quotes, 0 for none, and fill the clients that they cross."""
        orders.withdraw_background(Side.SELL, ask - 1 if ask else self._rule.upper)
        orders.withdraw_background(Side.BUY, bid + 1)
        matches: list[Match] = []
        if ask and orders.bid() >= ask:
            matches += orders.trade_background(Side.SELL, ask, 0)
        if bid and 0 < orders.ask() <= bid:
            matches += orders.trade_background(Side.BUY, bid, 0)
        return matches

    def _follow(self, orders: OrderBook) -> list[Match]:
        """Give each level the rule's shares, beside the clients'; the matches with clients that are crossed."""
        asks, bids = self._rule.quotes(self.state)
        matches = self._cross(orders, asks.best, bids.best)
        for side, levels in ((Side.SELL, asks), (Side.BUY, bids)):
            wanted = dict(levels)
            for price, _volume in orders.depth(side, _ALL):
                if price not in wanted:
                    orders.remove_background(side, price, _ALL)
            for price, volume in levels:
                more = volume - orders.background_volume(side, price)
                if more > 0:
                    orders.add_background(side, price, more)
                elif more:
                    orders.remove_background(side, price, -more)
        return matches


def _of_clients(matches: list[Match]) -> list[Match]:
    return [match for match in matches if match.maker or match.taker]

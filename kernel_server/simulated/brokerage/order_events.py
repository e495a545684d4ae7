"""What an order's client is told: the answer to SendOrder, and the Chejan events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.base.tr import message
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.order import BrokerOrder, OrderRequest, order_types
from kernel_server.simulated.brokerage.outbox import Outbox
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

_UNKNOWN_MARKET = "KOSPI"  # what the TR code of an order for an issue nobody knows is taken from


@cache
def _codes() -> Mapping[tuple[str, str], str]:
    """The TR code of an order by market and action."""
    return {(market, action): code for market, action, code in rows("order_tr")}


class OrderEvents:
    """Puts events into the post: the books as they are, the prices as they will be when the event is fired."""

    def __init__(
        self,
        post: Outbox,
        exchange: Exchange,
        books: Books,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        later: Callable[[float, Callable[[], None]], None],
        after_hours: Callable[[str], int] | None,
    ) -> None:
        self.chejan_first = settings.chejan_first
        self._after_hours = after_hours
        self._later = later
        self._post = post
        self._exchange = exchange
        self._books = books
        self._settings = settings
        self._issues = issues

    def _head(self, ticket: OrderRequest) -> tuple[str, str, str]:
        """Screen, request name and TR code, e.g. KOA_NORMAL_BUY_KP_ORD."""
        kind = order_types()[ticket.type]
        action = kind.side.name.lower() if kind.action == "new" else kind.action
        issue = self._issues.get(ticket.code)
        return ticket.screen, ticket.name, _codes()[issue.market if issue else _UNKNOWN_MARKET, action]

    def rejected(self, ticket: OrderRequest, text: str) -> None:
        """The order was not taken."""
        head = self._head(ticket)
        self._post.message(*head, text)
        if self._settings.rejected_order == "blank":
            self._post.number(*head, "")

    def acknowledged(self, ticket: OrderRequest, order: BrokerOrder) -> None:
        """The answer to the client, and 접수."""
        if not self.chejan_first:
            self._answer(ticket, order)
        self.order(order)
        if order.side == Side.SELL and order_types()[order.type].action == "new":
            self.balance(order)  # its shares can no longer be ordered
        if self.chejan_first:
            self._answer(ticket, order)

    def _answer(self, ticket: OrderRequest, order: BrokerOrder) -> None:
        if ticket.elsewhere:
            return
        head = self._head(ticket)
        text, number = message(order_types()[ticket.type].message), f"{order.number:07d}"
        if self._settings.order_answer == "message":
            self._post.message(*head, text)
            self._post.number(*head, number)
        else:
            self._post.number(*head, number)
            self._post.message(*head, text)

    def order(self, order: BrokerOrder, cleared: bool = False) -> None:
        """The order as it stands; ``cleared`` where a cancel or a modify has emptied it."""
        name, total = self._issues[order.code].name, self._settings.chejan_fills == "total"
        held = replace(order)
        self._post.chejan(
            chejan.ORDER,
            lambda: chejan.order_values(held, name, self._prices(held.code), total, cleared),
        )

    def balance(self, order: BrokerOrder) -> None:
        """What the order's account holds of its issue."""
        account = self._books.accounts[order.account]
        code, today = order.code, account.on(self._books.day, order.code)
        facts = chejan.balance_facts(account, code, self._issues[code].name, today)
        self._post.chejan(chejan.BALANCE, lambda: chejan.balance_values(facts, self._prices(code)))

    def _prices(self, code: str) -> chejan.BestPrices:
        now = chejan.prices(self._exchange, code)
        return now if self._after_hours is None else replace(now, after_hours=self._after_hours(code))

    def send_later(self) -> None:
        """Sends what waits, once the present work is done."""
        self._later(0, self._post.send)

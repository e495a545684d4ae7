"""Events of orders: the answer to SendOrder, and the Chejan events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from kernel_server.simulated.base.tr import message
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, OrderRequest
from kernel_server.simulated.brokerage.outbox import Outbox
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

_UNKNOWN_MARKET = "KOSPI"  # supplies the TR code of an order for an unknown issue


@cache
def _tr_codes() -> Mapping[tuple[str, str], str]:
    """TR code of an order by market and action."""
    return {(market, action): code for market, action, code in rows(_DATA / "order_tr.tsv")}


class OrderEvents:
    """Queues order events in the outbox, with the books as of now and prices as of when the event is fired."""

    def __init__(
        self,
        outbox: Outbox,
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
        self._outbox = outbox
        self._exchange = exchange
        self._books = books
        self._settings = settings
        self._issues = issues

    def _address(self, request: OrderRequest) -> tuple[str, str, str]:
        """Screen, request name and TR code, e.g. KOA_NORMAL_BUY_KP_ORD."""
        order_type = ORDER_TYPES[request.type]
        action = order_type.side.name.lower() if order_type.action == "new" else order_type.action
        issue = self._issues.get(split(request.code)[0])
        return request.screen, request.name, _tr_codes()[issue.market if issue else _UNKNOWN_MARKET, action]

    def rejected(self, request: OrderRequest, text: str) -> None:
        """Queue the events of a rejected request."""
        address = self._address(request)
        self._outbox.message(*address, text)
        if self._settings.rejected_order == "blank":
            self._outbox.order_number(*address, "")

    def acknowledged(self, request: OrderRequest, order: BrokerOrder) -> None:
        """Queue the answer to the client, and the 접수 event."""
        if not self.chejan_first:
            self._acknowledge(request, order)
        self.order_changed(order)
        if order.side == Side.SELL and ORDER_TYPES[order.type].action == "new":
            for loan_date in self._reserved_from(order):
                self.balance_changed(order, loan_date)
        if self.chejan_first:
            self._acknowledge(request, order)

    def _acknowledge(self, request: OrderRequest, order: BrokerOrder) -> None:
        if request.from_other_client:
            return
        address = self._address(request)
        text, number = message(ORDER_TYPES[request.type].message), f"{order.number:07d}"
        if self._settings.order_answer == "message":
            self._outbox.message(*address, text)
            self._outbox.order_number(*address, number)
        else:
            self._outbox.order_number(*address, number)
            self._outbox.message(*address, text)

    def order_changed(self, order: BrokerOrder, cleared: bool = False) -> None:
        """Queue an order event; ``cleared`` if a cancel or modify left nothing open."""
        issue, total = self._issues[order.code], self._settings.chejan_fills == "total"
        copy, real = replace(order), self._settings.server_gubun != "1"
        self._outbox.chejan(
            chejan.ORDER,
            lambda: chejan.order_values(
                copy, issue, self._prices(copy.code, copy.venue), total, cleared, real
            ),
        )

    def _reserved_from(self, order: BrokerOrder) -> list[str]:
        """대출일 of the holdings whose shares an order to sell reserves; blank of one without credit."""
        if order.credit != credits.ALL_LOANS:
            return [order.loan_date]
        loans = self._books.accounts[order.account].of_loans(order.code, order.quantity)
        return [loan_date for loan_date, _ in loans]

    def balance_changed(self, order: BrokerOrder, loan_date: str) -> None:
        """Queue a balance event for the order's account and issue, of the holding with that 대출일."""
        account = self._books.accounts[order.account]
        code, today = order.code, account.deals_on(self._books.day, order.code)
        facts = chejan.balance_facts(account, self._issues[code], loan_date, today, self._settings.loan_days)
        self._outbox.chejan(chejan.BALANCE, lambda: chejan.balance_values(facts, self._prices(code)))

    def _prices(self, code: str, venue: str = "") -> chejan.ChejanPrices:
        now = chejan.current_prices(self._exchange, code + venue)
        return now if self._after_hours is None else replace(now, after_hours=self._after_hours(code))

    def send_later(self) -> None:
        """Fire the queued events after the current work on the control thread."""
        self._later(0, self._outbox.flush)

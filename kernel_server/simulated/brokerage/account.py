"""An account: cash, holdings, open orders, and every fill booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kernel_server.reference.charges import fee
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market.trade_script import Side


class Deal(NamedTuple):
    """A fill as booked in an account. Money in KRW.

    Of a sale, ``cost`` is the purchase cost of the shares sold and ``bought_fee`` the fee paid on it; 0 for a purchase.
    """

    day: int
    time: str
    order: int
    number: int
    code: str
    side: Side
    price: int
    quantity: int
    fee: int
    tax: int
    cost: int = 0
    bought_fee: int = 0

    @property
    def amount(self) -> int:
        return self.price * self.quantity

    @property
    def cash_change(self) -> int:
        """Change in cash, fee and tax included."""
        return -self.side * self.amount - self.fee - self.tax

    @property
    def total_fees(self) -> int:
        """Fee of this fill plus, for a sale, the fee of the purchase."""
        return self.fee + self.bought_fee

    @property
    def profit(self) -> int:
        """당일매도손익 after all fees and taxes; 0 for a purchase."""
        return self.amount - self.cost - self.total_fees - self.tax if self.side == Side.SELL else 0


@dataclass(slots=True)
class Holding:
    """Shares held of one issue, their purchase cost (KRW) without fees, and the fees paid on it."""

    quantity: int = 0
    cost: int = 0
    fees: int = 0

    @property
    def average_price(self) -> int:
        """Average purchase price (매입단가), rounded, KRW."""
        return (2 * self.cost + self.quantity) // (2 * self.quantity) if self.quantity else 0


@dataclass(slots=True)
class Account:
    """An account. ``cash`` is in KRW with all fills settled (D+2추정예수금); open orders reserve cash and shares."""

    number: str
    deposit: int
    fee_rate: int
    cash: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    open_orders: dict[int, BrokerOrder] = field(default_factory=dict)

    def reservation(self, price: int, quantity: int) -> int:
        """Cash reserved by a buy order at its highest possible price, fee included."""
        amount = price * quantity
        return amount + fee(amount, self.fee_rate)

    @property
    def reserved(self) -> int:
        """Cash reserved by open buy orders."""
        buys = (order for order in self.open_orders.values() if order.side == Side.BUY)
        return sum(self.reservation(order.bound, order.left) for order in buys)

    @property
    def orderable(self) -> int:
        """Buying power (주문가능금액)."""
        return self.cash - self.reserved

    def holding(self, code: str) -> Holding:
        return self.holdings.get(code) or Holding()

    def sellable(self, code: str) -> int:
        """Shares not reserved by open sell orders (주문가능수량)."""
        offered = (
            order.left
            for order in self.open_orders.values()
            if order.side == Side.SELL and order.code == code
        )
        return self.holding(code).quantity - sum(offered)

    def book(self, deal: Deal) -> Deal:
        """Book a fill; returns it with ``cost`` and ``bought_fee`` filled in."""
        holding = self.holdings.setdefault(deal.code, Holding())
        if deal.side == Side.BUY:
            holding.quantity += deal.quantity
            holding.cost += deal.amount
            holding.fees += deal.fee
        else:
            cost = holding.cost * deal.quantity // holding.quantity
            fees = holding.fees * deal.quantity // holding.quantity
            holding.quantity -= deal.quantity
            holding.cost -= cost
            holding.fees -= fees
            deal = deal._replace(cost=cost, bought_fee=fees)
            if not holding.quantity:
                del self.holdings[deal.code]
        self.cash += deal.cash_change
        self.deals.append(deal)
        return deal

    def deals_on(self, day: int, code: str = "") -> list[Deal]:
        """Fills of a session (YYYYMMDD), of one issue or of all."""
        found = []
        for deal in reversed(self.deals):
            if deal.day < day:
                break
            if deal.day == day and code in ("", deal.code):
                found.append(deal)
        return found[::-1]

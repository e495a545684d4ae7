"""An account: its cash, its shares, and every trade that changed them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kernel_server.simulated.brokerage.charges import fee
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market.trade_script import Side


class Deal(NamedTuple):
    """One fill as the account books it. Money in KRW.

    ``cost`` and ``bought_fee`` are what the sold shares once cost and the fee paid then, 0 for a purchase.
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
    def cash(self) -> int:
        """What it changed the cash by."""
        return -self.side * self.amount - self.fee - self.tax

    @property
    def fees(self) -> int:
        """Both fees of a sale: then and now."""
        return self.fee + self.bought_fee

    @property
    def profit(self) -> int:
        """당일매도손익, all charges off; 0 for a purchase."""
        return self.amount - self.cost - self.fees - self.tax if self.side == Side.SELL else 0


@dataclass(slots=True)
class Holding:
    """Shares of one issue: what they cost (KRW) without fees, and the fees paid for them."""

    quantity: int = 0
    cost: int = 0
    fees: int = 0

    @property
    def average(self) -> int:
        """매입단가, rounded (KRW)."""
        return (2 * self.cost + self.quantity) // (2 * self.quantity) if self.quantity else 0


@dataclass(slots=True)
class Account:
    """Cash in KRW, as it will be once everything is settled (D+2추정예수금). Open orders reserve of both."""

    number: str
    deposit: int
    fee_rate: int
    cash: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    open: dict[int, BrokerOrder] = field(default_factory=dict)

    def reserve(self, price: int, quantity: int) -> int:
        """What an open purchase keeps back: at the price it can cost at most, with its fee."""
        amount = price * quantity
        return amount + fee(amount, self.fee_rate)

    @property
    def reserved(self) -> int:
        """Cash that open purchases keep back."""
        buys = (order for order in self.open.values() if order.side == Side.BUY)
        return sum(self.reserve(order.bound, order.left) for order in buys)

    @property
    def orderable(self) -> int:
        """주문가능금액."""
        return self.cash - self.reserved

    def held(self, code: str) -> Holding:
        return self.holdings.get(code) or Holding()

    def sellable(self, code: str) -> int:
        """주문가능수량: shares that no open sale has taken."""
        offered = (
            order.left for order in self.open.values() if order.side == Side.SELL and order.code == code
        )
        return self.held(code).quantity - sum(offered)

    def book(self, deal: Deal) -> Deal:
        """Books a fill whose ``cost`` and ``bought_fee`` are still to be found; the fill with them in."""
        held = self.holdings.setdefault(deal.code, Holding())
        if deal.side == Side.BUY:
            held.quantity += deal.quantity
            held.cost += deal.amount
            held.fees += deal.fee
        else:
            cost = held.cost * deal.quantity // held.quantity
            fees = held.fees * deal.quantity // held.quantity
            held.quantity -= deal.quantity
            held.cost -= cost
            held.fees -= fees
            deal = deal._replace(cost=cost, bought_fee=fees)
            if not held.quantity:
                del self.holdings[deal.code]
        self.cash += deal.cash
        self.deals.append(deal)
        return deal

    def on(self, day: int, code: str = "") -> list[Deal]:
        """The fills of that session, of one issue or of all."""
        found = []
        for deal in reversed(self.deals):
            if deal.day < day:
                break
            if deal.day == day and code in ("", deal.code):
                found.append(deal)
        return found[::-1]

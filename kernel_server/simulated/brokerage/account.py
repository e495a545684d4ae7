"""An account: cash, holdings, open orders, and every fill booked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kernel_server.reference.charges import fee
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market.trade_script import Side


class Deal(NamedTuple):
    """A fill as booked in an account. Money in KRW.

    Of a sale, ``cost`` is the purchase cost of the shares sold and ``bought_fee`` the fee paid on it; 0 for a purchase.
    ``loan`` is what was lent for it, or repaid by it, and ``loan_date`` (YYYYMMDD) the loan's; blank without one.
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
    loan: int = 0
    loan_date: str = ""

    @property
    def amount(self) -> int:
        return self.price * self.quantity

    @property
    def cash_change(self) -> int:
        """Change in cash, fee, tax and loan included."""
        return self.side * (self.loan - self.amount) - self.fee - self.tax

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
    """Shares held of one issue, their purchase cost (KRW) without fees, the fees paid on it, and what is lent on it."""

    quantity: int = 0
    cost: int = 0
    fees: int = 0
    loan: int = 0

    @property
    def average_price(self) -> int:
        """Average purchase price (매입단가), rounded, KRW."""
        return (2 * self.cost + self.quantity) // (2 * self.quantity) if self.quantity else 0


@dataclass(slots=True)
class Account:
    """An account. ``cash`` is in KRW with all fills settled (D+2추정예수금); open orders reserve cash and shares.

    ``loans`` holds the shares bought on credit, by code and 대출일; ``credit_margin`` is the percentage of such a
    purchase that is paid in cash, where the account is one for 신용거래 (``on_credit``).
    """

    number: str
    deposit: int
    fee_rate: int
    cash: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    open_orders: dict[int, BrokerOrder] = field(default_factory=dict)
    loans: dict[tuple[str, str], Holding] = field(default_factory=dict)
    on_credit: bool = False
    credit_margin: int = 100

    def reservation(self, price: int, quantity: int, credit: str = credits.CASH) -> int:
        """Cash reserved by a buy order at its highest possible price, fee included."""
        amount = price * quantity
        return amount - self.lent(amount, credit) + fee(amount, self.fee_rate)

    def lent(self, amount: int, credit: str) -> int:
        """What the broker lends for a purchase of that amount (KRW)."""
        return amount * (100 - self.credit_margin) // 100 if credit == credits.LOAN else 0

    @property
    def reserved(self) -> int:
        """Cash reserved by open buy orders."""
        buys = (order for order in self.open_orders.values() if order.side == Side.BUY)
        return sum(self.reservation(order.bound, order.left, order.credit) for order in buys)

    @property
    def orderable(self) -> int:
        """Buying power (주문가능금액)."""
        return self.cash - self.reserved

    @property
    def borrowed(self) -> int:
        """What is lent on all shares bought on credit."""
        return sum(loan.loan for loan in self.loans.values())

    def holding(self, code: str, loan_date: str = "") -> Holding:
        found = self.loans.get((code, loan_date)) if loan_date else self.holdings.get(code)
        return found or Holding()

    def sellable(self, code: str, credit: str = credits.CASH, loan_date: str = "") -> int:
        """Shares not reserved by open sell orders (주문가능수량): bought with cash, of one loan, or of all loans."""
        if credit == credits.CASH:
            return self.holding(code).quantity - self._offered(code, credits.CASH)
        free = dict(self._free_loans(code))
        if credit == credits.ALL_LOANS:
            oldest = sorted(free)[: credits.MOST_LOANS]
            return sum(free[one] for one in oldest) - self._offered(code, credits.ALL_LOANS)
        return dict(self._after_all_loans(code, free)).get(loan_date, 0)

    def of_loans(self, code: str, volume: int) -> Iterator[tuple[str, int]]:
        """대출일 and shares of the loans that a sale of 자기융자 합 repays, the oldest first."""
        for loan_date, free in self._free_loans(code):
            taken = min(free, volume)
            if taken:
                volume -= taken
                yield loan_date, taken

    def _free_loans(self, code: str) -> list[tuple[str, int]]:
        """대출일 and shares of each loan without those reserved by orders that repay just that one."""
        return [
            (loan_date, held.quantity - self._offered(code, credits.REPAYMENT, loan_date))
            for (of, loan_date), held in sorted(self.loans.items())
            if of == code
        ]

    def _after_all_loans(self, code: str, free: dict[str, int]) -> Iterator[tuple[str, int]]:
        offered = self._offered(code, credits.ALL_LOANS)
        for loan_date, shares in sorted(free.items()):
            taken = min(shares, offered)
            offered -= taken
            yield loan_date, shares - taken

    def _offered(self, code: str, credit: str, loan_date: str = "") -> int:
        return sum(
            order.left
            for order in self.open_orders.values()
            if order.side == Side.SELL
            and (order.code, order.credit) == (code, credit)
            and loan_date in ("", order.loan_date)
        )

    def book(self, deal: Deal) -> Deal:
        """Book a fill; returns it with ``cost``, ``bought_fee`` and a repaid ``loan`` filled in."""
        if deal.loan_date:
            holding = self.loans.setdefault((deal.code, deal.loan_date), Holding())
        else:
            holding = self.holdings.setdefault(deal.code, Holding())
        if deal.side == Side.BUY:
            holding.quantity += deal.quantity
            holding.cost += deal.amount
            holding.fees += deal.fee
            holding.loan += deal.loan
        else:
            cost, fees, loan = (
                part * deal.quantity // holding.quantity
                for part in (holding.cost, holding.fees, holding.loan)
            )
            holding.quantity -= deal.quantity
            holding.cost -= cost
            holding.fees -= fees
            holding.loan -= loan
            deal = deal._replace(cost=cost, bought_fee=fees, loan=loan)
            if not holding.quantity and deal.loan_date:
                del self.loans[deal.code, deal.loan_date]
            elif not holding.quantity:
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

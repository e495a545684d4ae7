"""What an account had, and was worth, on days that are over: its trades added up again, at that day's closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kernel_server.simulated.brokerage.account import Account
from kernel_server.simulated.brokerage.books import Books, SessionCalendar
from kernel_server.simulated.brokerage.charges import fee, taxes
from kernel_server.simulated.brokerage.valuation import SETTLED, Valuation
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.tick_size import board
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

Closes = Callable[[str, int], int]
"""What an issue cost (KRW) at the close of a session (YYYYMMDD) that is over; 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class AccountDay:
    """An account at the end of a session, in KRW: 예수금, shares at their prices, and 추정예탁자산."""

    settled: int
    value: int
    assets: int


class Ledger:
    """Accounts as they were. For the session that runs they are as the valuation has them."""

    def __init__(
        self,
        books: Books,
        calendar: SessionCalendar,
        valuation: Valuation,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
        closes: Closes,
    ) -> None:
        self._books = books
        self._calendar = calendar
        self._valuation = valuation
        self._settings = settings
        self._issues = issues
        self._closes = closes

    def on(self, account: Account, day: int) -> AccountDay:
        """The account at the end of that session (YYYYMMDD), or now where it is the newest."""
        if day >= self._books.day:
            value = sum(each.value for each in self._valuation.positions(account))
            return AccountDay(self._valuation.cash(account).settled, value, self._valuation.assets(account))
        settled = cash = account.deposit
        shares: dict[str, int] = {}
        for deal in account.deals:
            if deal.day > day:
                break
            cash += deal.cash
            if self._calendar.age(deal.day, day) >= SETTLED:
                settled += deal.cash
            shares[deal.code] = shares.get(deal.code, 0) + deal.side * deal.quantity
        value = charges = 0
        for code, quantity in shares.items():
            worth = quantity * self._closes(code, day)
            value += worth
            charges += self._charges(code, worth, day)
        return AccountDay(settled, value, cash + value - charges)

    def _charges(self, code: str, worth: int, day: int) -> int:
        """What selling that much would have cost."""
        issue = self._issues.get(code)
        taxed = self._settings.taxed and issue is not None
        where = board(issue) if issue is not None else ""
        tax = taxes(worth, day_of(day), where, self._settings.tax_unit) if taxed else 0
        return fee(worth, self._settings.fee_rate) + tax

    def traded(self, account: Account, first: int, last: int) -> tuple[int, int]:
        """What the account bought and sold (KRW) from ``first`` to ``last``, both included."""
        deals = [deal for deal in account.deals if first <= deal.day <= last]
        bought, sold = (sum(d.amount for d in deals if d.side == side) for side in (Side.BUY, Side.SELL))
        return bought, sold

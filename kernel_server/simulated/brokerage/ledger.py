"""Account balances on past days, recomputed from the fills and each day's closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kernel_server.reference.charges import fee, taxes
from kernel_server.simulated.brokerage.account import Account
from kernel_server.simulated.brokerage.books import SETTLEMENT_SESSIONS, Books, SessionCalendar
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

Closes = Callable[[str, int], int]
"""Close (KRW) of an issue by code and completed session (YYYYMMDD); 0 if unknown."""


@dataclass(frozen=True, slots=True)
class AccountDay:
    """An account at the end of a session, in KRW: 예수금, market value of the holdings, and 추정예탁자산."""

    settled: int
    value: int
    assets: int


class Ledger:
    """Past balances of accounts; for the current session those of the valuation."""

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

    def at_close(self, account: Account, day: int) -> AccountDay:
        """The account at the end of a session (YYYYMMDD), or now for the newest session."""
        if day >= self._books.day:
            value = sum(each.value for each in self._valuation.positions(account))
            return AccountDay(self._valuation.cash(account).settled, value, self._valuation.assets(account))
        settled = cash = account.deposit
        borrowed = 0
        shares: dict[str, int] = {}
        for deal in account.deals:
            if deal.day > day:
                break
            cash += deal.cash_change
            borrowed += deal.side * deal.loan
            if self._calendar.sessions_between(deal.day, day) >= SETTLEMENT_SESSIONS:
                settled += deal.cash_change
            shares[deal.code] = shares.get(deal.code, 0) + deal.side * deal.quantity
        value = charges = 0
        for code, quantity in shares.items():
            amount = quantity * self._closes(code, day)
            value += amount
            charges += self._charges(code, amount, day)
        return AccountDay(settled, value, cash - borrowed + value - charges)

    def _charges(self, code: str, amount: int, day: int) -> int:
        """Fee and taxes (KRW) of selling holdings of that value on that day."""
        issue = self._issues.get(code)
        taxed = self._settings.taxed and issue is not None
        board_name = board(issue) if issue is not None else ""
        tax = taxes(amount, day_of(day), board_name, self._settings.tax_unit) if taxed else 0
        return fee(amount, self._settings.fee_rate) + tax

    def amounts_traded(self, account: Account, first: int, last: int) -> tuple[int, int]:
        """Amounts bought and sold (KRW) from ``first`` to ``last``, both included."""
        deals = [deal for deal in account.deals if first <= deal.day <= last]
        bought, sold = (sum(d.amount for d in deals if d.side == side) for side in (Side.BUY, Side.SELL))
        return bought, sold

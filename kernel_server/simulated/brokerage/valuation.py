"""Market value of accounts at current prices, less the charges of a sale, by the broker's own formula."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from kernel_server.clock import seoul
from kernel_server.reference.charges import fee, taxes
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Account, Deal, Holding
from kernel_server.simulated.brokerage.books import (
    SETTLEMENT_SESSIONS,
    Books,
    SessionCalendar,
    SessionWorth,
)
from kernel_server.simulated.exchange.interface import Exchange, Tape
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

log = logging.getLogger(__name__)

_NOON = 12


@dataclass(frozen=True, slots=True)
class Position:
    """A holding valued at the current price. Money in KRW.

    Attributes:
        base: 전일종가; ``last`` is 현재가, ``value`` 평가금액.
        buy_fee, sell_fee, tax: on the purchase cost and on the proceeds of a sale.
        loan_date: 대출일 (YYYYMMDD) of shares bought on credit, blank of others.
        sellable: shares not reserved by open orders; ``settled`` shares that have been delivered.
        recent_volume: unsettled shares by age in sessions (0, 1) and side.
    """

    issue: Issue
    holding: Holding
    base: int
    last: int
    value: int
    buy_fee: int
    sell_fee: int
    tax: int
    sellable: int
    settled: int
    recent_volume: Mapping[tuple[int, Side], int]
    loan_date: str = ""

    @property
    def credit(self) -> str:
        """신용구분."""
        return credits.LOAN if self.loan_date else credits.CASH

    @property
    def charges(self) -> int:
        return self.buy_fee + self.sell_fee + self.tax

    @property
    def profit(self) -> int:
        """평가손익, from the rounded 매입가, as the broker's own figures are (recorded)."""
        return (self.last - self.holding.average_price) * self.holding.quantity - self.charges


@dataclass(frozen=True, slots=True)
class Cash:
    """예수금 in KRW: ``settled`` now, and estimated for D+1 and D+2.

    ``bought`` and ``sold`` are the amounts paid and received on D+1 and D+2, both positive.
    """

    settled: int
    d1: int
    d2: int
    bought: tuple[int, int]
    sold: tuple[int, int]


class Valuation:
    """Values accounts at the exchange's prices."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        calendar: SessionCalendar,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._calendar = calendar
        self._settings = settings
        self._issues = issues

    def positions(self, account: Account) -> list[Position]:
        """Positions of the account by code and 대출일; issues without a price are left out.

        Raises:
            BadMarketData: the recorded prices of an issue are invalid.
        """
        found, unsettled = [], self._unsettled(account)
        for code, loan_date in sorted([*((code, "") for code in account.holdings), *account.loans]):
            if code not in self._issues:
                continue
            try:
                tape = self._exchange.tape(code)
            except LookupError:
                continue
            found.append(self._position(account, code, loan_date, tape, unsettled))
        return found

    def _position(
        self, account: Account, code: str, loan_date: str, tape: Tape, unsettled: Mapping[int, list[Deal]]
    ) -> Position:
        holding, issue = account.holding(code, loan_date), self._issues[code]
        value = tape.last * holding.quantity
        recent_volume: dict[tuple[int, Side], int] = {}
        for age, deals in unsettled.items():
            for deal in deals:
                if (deal.code, deal.loan_date) == (code, loan_date):
                    recent_volume[age, deal.side] = recent_volume.get((age, deal.side), 0) + deal.quantity
        return Position(
            issue=issue,
            holding=holding,
            base=tape.base,
            last=tape.last,
            value=value,
            buy_fee=fee(holding.cost, self._settings.fee_rate),
            sell_fee=fee(value, self._settings.fee_rate),
            tax=self._tax(value, issue),
            sellable=account.sellable(code, credits.REPAYMENT if loan_date else credits.CASH, loan_date),
            settled=holding.quantity - sum(side * shares for (_age, side), shares in recent_volume.items()),
            recent_volume=recent_volume,
            loan_date=loan_date,
        )

    def _tax(self, value: int, issue: Issue) -> int:
        if not self._settings.taxed:
            return 0
        return taxes(value, day_of(self._books.day), board(issue), self._settings.tax_unit)

    def _unsettled(self, account: Account) -> dict[int, list[Deal]]:
        """Unsettled fills by age in sessions."""
        found: dict[int, list[Deal]] = {age: [] for age in range(SETTLEMENT_SESSIONS)}
        for deal in reversed(account.deals):
            age = (
                0
                if deal.day == self._books.day
                else self._calendar.sessions_between(deal.day, self._books.day)
            )
            if age >= SETTLEMENT_SESSIONS:
                break
            found[age].append(deal)
        return found

    def cash(self, account: Account) -> Cash:
        unsettled = self._unsettled(account)
        today, before = (sum(deal.cash_change for deal in unsettled[age]) for age in (0, 1))
        bought, sold = (
            tuple(
                sum(abs(deal.cash_change) for deal in unsettled[age] if deal.side == side) for age in (1, 0)
            )
            for side in (Side.BUY, Side.SELL)
        )
        now = account.cash
        return Cash(now - today - before, now - today, now, (bought[0], bought[1]), (sold[0], sold[1]))

    def assets(self, account: Account) -> int:
        """추정예탁자산: cash plus the proceeds of selling all holdings, less what is lent on them."""
        holding = self.positions(account)
        return account.cash - account.borrowed + sum(self._proceeds(each, at_last=True) for each in holding)

    def _proceeds(self, each: Position, at_last: bool) -> int:
        """Proceeds of a position after charges, at its last price or at the previous close."""
        value = (each.last if at_last else each.base) * each.holding.quantity
        return value - fee(value, self._settings.fee_rate) - self._tax(value, each.issue)

    def record_session_start(self, now: float) -> None:
        """Record the assets of all accounts at the start of the session and of its month, at the previous closes.

        The values are the same at any time of the session.
        """
        day = self._books.day
        # Before the first auction the tape is still that of the previous session, whose last price is its close.
        early = self._exchange.phase() is Phase.CLOSED and seoul(now).hour < _NOON
        before = early and self._calendar.is_session(now)
        for number, account in self._books.accounts.items():
            try:
                shares = sum(self._proceeds(each, before) for each in self.positions(account))
            except BadMarketData:
                # Keep the account usable: a request for its holdings reports the bad data.
                log.exception(
                    "what the shares of an account are worth is not known: they count at what they cost"
                )
                held = (*account.holdings.values(), *account.loans.values())
                shares = sum(holding.cost for holding in held)
            worth = SessionWorth(day, account.cash - account.borrowed + shares)
            self._books.day_worth[number] = worth
            month = self._books.month_worth.get(number)
            if month is None or month.day // 100 != day // 100:
                self._books.month_worth[number] = worth

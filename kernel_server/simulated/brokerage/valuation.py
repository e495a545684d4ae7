"""What an account is worth at today's prices, charges of a sale off, as the broker's own formula has it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from kernel_server.clock import seoul
from kernel_server.simulated.brokerage.account import Account, Deal, Holding
from kernel_server.simulated.brokerage.books import Books, SessionCalendar, SessionWorth
from kernel_server.simulated.brokerage.charges import fee, taxes
from kernel_server.simulated.exchange.interface import Exchange, Tape
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.tick_size import board
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

log = logging.getLogger(__name__)

_NOON = 12
SETTLED = 2  # sessions from a trade to its money


@dataclass(frozen=True, slots=True)
class Position:
    """Shares of an issue at its price now. Money in KRW.

    Attributes:
        base: 전일종가. ``last`` 현재가, ``value`` 평가금액.
        buy_fee, sell_fee, tax: on what they cost and on what they would bring.
        sellable: shares that can be ordered; ``settled`` shares that have been delivered.
        moved: shares bought and sold, by how many sessions ago (0, 1) and side.
    """

    issue: Issue
    held: Holding
    base: int
    last: int
    value: int
    buy_fee: int
    sell_fee: int
    tax: int
    sellable: int
    settled: int
    moved: Mapping[tuple[int, Side], int]

    @property
    def charges(self) -> int:
        return self.buy_fee + self.sell_fee + self.tax

    @property
    def profit(self) -> int:
        """평가손익."""
        return self.value - self.held.cost - self.charges


@dataclass(frozen=True, slots=True)
class Cash:
    """예수금: now (``settled``), and estimated for the next session and the one after. KRW.

    ``bought`` and ``sold`` are what is paid and received on D+1 and D+2, both positive.
    """

    settled: int
    next: int
    last: int
    bought: tuple[int, int]
    sold: tuple[int, int]


class Valuation:
    """Accounts at the exchange's prices."""

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
        """What the account holds, by code; issues that no longer have a price are left out.

        Raises:
            BadMarketData: the given prices of one of them are not as they should be.
        """
        found, recent = [], self._recent(account)
        for code in sorted(account.holdings.keys() & self._issues.keys()):
            try:
                found.append(self._position(account, code, self._exchange.tape(code), recent))
            except LookupError:
                continue
        return found

    def _position(
        self, account: Account, code: str, tape: Tape, recent: Mapping[int, list[Deal]]
    ) -> Position:
        held, issue = account.held(code), self._issues[code]
        value = tape.last * held.quantity
        moved: dict[tuple[int, Side], int] = {}
        for age, deals in recent.items():
            for deal in deals:
                if deal.code == code:
                    moved[age, deal.side] = moved.get((age, deal.side), 0) + deal.quantity
        return Position(
            issue=issue,
            held=held,
            base=tape.base,
            last=tape.last,
            value=value,
            buy_fee=fee(held.cost, self._settings.fee_rate),
            sell_fee=fee(value, self._settings.fee_rate),
            tax=self._tax(value, issue),
            sellable=account.sellable(code),
            settled=held.quantity - sum(side * shares for (_age, side), shares in moved.items()),
            moved=moved,
        )

    def _tax(self, value: int, issue: Issue) -> int:
        if not self._settings.taxed:
            return 0
        return taxes(value, day_of(self._books.day), board(issue), self._settings.tax_unit)

    def _recent(self, account: Account) -> dict[int, list[Deal]]:
        """The fills that are not settled, by how many sessions ago they were."""
        found: dict[int, list[Deal]] = {age: [] for age in range(SETTLED)}
        for deal in reversed(account.deals):
            age = 0 if deal.day == self._books.day else self._calendar.age(deal.day, self._books.day)
            if age >= SETTLED:
                break
            found[age].append(deal)
        return found

    def cash(self, account: Account) -> Cash:
        recent = self._recent(account)
        today, before = (sum(deal.cash for deal in recent[age]) for age in (0, 1))
        bought, sold = (
            tuple(sum(abs(deal.cash) for deal in recent[age] if deal.side == side) for age in (1, 0))
            for side in (Side.BUY, Side.SELL)
        )
        now = account.cash
        return Cash(now - today - before, now - today, now, (bought[0], bought[1]), (sold[0], sold[1]))

    def assets(self, account: Account) -> int:
        """추정예탁자산: cash and shares, the charges of selling them off."""
        held = self.positions(account)
        return account.cash + sum(self._sold(each, at_last=True) for each in held)

    def _sold(self, each: Position, at_last: bool) -> int:
        """What a position brings, charges off: at its last price, or at the close before."""
        value = (each.last if at_last else each.base) * each.held.quantity
        return value - fee(value, self._settings.fee_rate) - self._tax(value, each.issue)

    def mark(self, now: float) -> None:
        """Notes what the accounts are worth at the beginning of the session, and of its month: at the closes before.

        However late in the session that is noticed.
        """
        day = self._books.day
        # Until the first auction the newest tape is still that of the session before, and ends with its close.
        early = self._exchange.phase() is Phase.CLOSED and seoul(now).hour < _NOON
        before = early and self._calendar.is_session(now)
        for number, account in self._books.accounts.items():
            try:
                shares = sum(self._sold(each, before) for each in self.positions(account))
            except BadMarketData:
                # The account goes on; whoever asks for its holdings is told what is wrong.
                log.exception(
                    "what the shares of an account are worth is not known: they count at what they cost"
                )
                shares = sum(held.cost for held in account.holdings.values())
            worth = SessionWorth(day, account.cash + shares)
            self._books.day_worth[number] = worth
            month = self._books.month_worth.get(number)
            if month is None or month.day // 100 != day // 100:
                self._books.month_worth[number] = worth

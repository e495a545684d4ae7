"""The broker's books: accounts, orders, order and fill numbers, and the current session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.brokerage import state as states
from kernel_server.simulated.brokerage.account import Account, Holding
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

SETTLEMENT_SESSIONS = 2
"""From trade to settlement (D+2)."""


class SessionCalendar:
    """Trading calendar in YYYYMMDD numbers. ``sessions`` is called once, on first use."""

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._load = sessions
        self._sessions: Sessions | None = None

    def _loaded(self) -> Sessions:
        if self._sessions is None:
            self._sessions = self._load()
        return self._sessions

    def day(self, now: float) -> int:
        """YYYYMMDD of the session on or before the day of ``now``."""
        today = seoul(now).date()
        index = self._loaded().index_at_or_before(today)
        found: date = today if index < 0 else self._loaded().dates[index].item()
        return _number(found)

    def is_session(self, now: float) -> bool:
        return self._loaded().is_session(seoul(now).date())

    def after_market_begins(self, now: float) -> float:
        """When the after-market of the session on or before ``now`` begins; infinite if it has none."""
        sessions = self._loaded()
        index = phases.session_index(sessions, now)
        return phases.hours(sessions, index).after_market_begins if index >= 0 else float("inf")

    def shift(self, day: int, sessions: int) -> int:
        """YYYYMMDD of the session ``sessions`` after ``day`` (before it if negative), within the calendar."""
        calendar = self._loaded()
        index = min(max(0, calendar.index_at_or_before(day_of(day)) + sessions), len(calendar) - 1)
        return _number(calendar.dates[index].item())

    def between(self, first: int, last: int) -> list[int]:
        """YYYYMMDD of the sessions from ``first`` to ``last``, both included."""
        dates = self._loaded().between(day_of(first), day_of(last)).dates
        return [_number(day) for day in dates.tolist()]

    def sessions_between(self, day: int, today: int) -> int:
        """Number of sessions from ``day`` to ``today``, both YYYYMMDD."""
        index = self._loaded().index_at_or_before
        return index(day_of(today)) - index(day_of(day))


def _number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


class SessionWorth(NamedTuple):
    """Assets of an account (KRW) at the start of a session (YYYYMMDD)."""

    day: int
    assets: int


class Books:
    """The persistent state of the broker; ``snapshot`` returns it as plain JSON.

    Attributes:
        orders: orders of the session ``day`` by number; ``past`` holds those of earlier sessions.
        changed: callback after every change; it must be quick.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self.day = 0
        self.accounts: dict[str, Account] = {}
        for config in settings.accounts:
            deposit = settings.deposit
            self.accounts[config.number] = Account(
                config.number,
                deposit,
                settings.fee_rate,
                deposit,
                on_credit=config.credit,
                credit_margin=settings.credit_margin,
            )
        self.orders: dict[int, BrokerOrder] = {}
        self.past: list[BrokerOrder] = []
        self.day_worth: dict[str, SessionWorth] = {}
        self.month_worth: dict[str, SessionWorth] = {}
        self.changed: Callable[[], None] = lambda: None
        self._next_order = settings.first_order
        self._next_fill = settings.first_fill

    def start_session(self, day: int) -> None:
        """Start a session (YYYYMMDD): archive its predecessor's orders and reset the numbers."""
        self.past.extend(self.orders.values())
        self.orders.clear()
        self.day = day
        self._next_order = self._settings.first_order
        self._next_fill = self._settings.first_fill
        self.changed()

    def next_order(self) -> int:
        self._next_order += 1
        return self._next_order - 1

    def next_fill(self) -> int:
        self._next_fill += 1
        return self._next_fill - 1

    def snapshot(self) -> dict[str, Any]:
        """The books as plain JSON."""
        return self.deferred_snapshot()()

    def deferred_snapshot(self) -> Callable[[], dict[str, Any]]:
        """A cheap copy of the books, as a function that any thread may call later for the plain JSON."""
        # Fills and past orders are immutable and may be many: copy only the lists.
        day, numbers, past = self.day, [self._next_order, self._next_fill], self.past[:]
        orders = [*map(states.values, self.orders.values())]
        accounts = {
            number: (
                account.deposit,
                account.cash,
                {code: [h.quantity, h.cost, h.fees] for code, h in account.holdings.items()},
                [[code, day, h.quantity, h.cost, h.fees, h.loan] for (code, day), h in account.loans.items()],
                account.deals[:],
                [[*table[number]] for table in self._worth_tables() if number in table],
            )
            for number, account in self.accounts.items()
        }

        def plain() -> dict[str, Any]:
            return {
                "day": day,
                "next": numbers,
                "orders": [*map(states.plain, orders)],
                "past": [states.plain(states.values(order)) for order in past],
                "accounts": {
                    number: {
                        "deposit": deposit,
                        "cash": cash,
                        "holdings": holdings,
                        "loans": loans,
                        "deals": [[*deal] for deal in deals],
                        "worth": worth,
                    }
                    for number, (deposit, cash, holdings, loans, deals, worth) in accounts.items()
                },
            }

        return plain

    def _worth_tables(self) -> tuple[dict[str, SessionWorth], dict[str, SessionWorth]]:
        return self.day_worth, self.month_worth

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a snapshot that passed ``state_check.check``. Accounts missing in the settings are skipped."""
        self.day = state["day"]
        for (
            number,
            account,
        ) in self.accounts.items():  # an account missing in the snapshot starts at its deposit
            for table in self._worth_tables():
                table[number] = SessionWorth(self.day, account.deposit)
        self._next_order, self._next_fill = state["next"]
        self.past = [states.order_of(plain) for plain in state["past"] if plain["account"] in self.accounts]
        orders = [states.order_of(plain) for plain in state["orders"] if plain["account"] in self.accounts]
        self.orders = {order.number: order for order in orders}
        for number in self.accounts.keys() & state["accounts"].keys():
            account, plain = self.accounts[number], state["accounts"][number]
            account.deposit, account.cash = plain["deposit"], plain["cash"]
            account.holdings = {code: Holding(*numbers) for code, numbers in plain["holdings"].items()}
            account.loans = {(code, day): Holding(*numbers) for code, day, *numbers in plain.get("loans", ())}
            account.deals = [states.deal_of(deal) for deal in plain["deals"]]
            account.open_orders = {
                n: order
                for n, order in self.orders.items()
                if order.account == number and order.placed is not None
            }
            for table, worth in zip(self._worth_tables(), plain["worth"], strict=False):
                table[number] = SessionWorth(*worth)

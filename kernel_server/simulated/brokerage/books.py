"""The books the broker keeps: accounts, the session's orders, numbers given out, and which session it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.brokerage import state as states
from kernel_server.simulated.brokerage.account import Account, Holding
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings


class SessionCalendar:
    """Sessions by number. ``sessions`` is asked for once, when first needed."""

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._load = sessions
        self._sessions: Sessions | None = None

    def _known(self) -> Sessions:
        if self._sessions is None:
            self._sessions = self._load()
        return self._sessions

    def day(self, now: float) -> int:
        """YYYYMMDD of the session that ``now`` belongs to: today's, or the newest before."""
        today = seoul(now).date()
        index = self._known().index_at_or_before(today)
        found: date = today if index < 0 else self._known().dates[index].item()
        return _number(found)

    def is_session(self, now: float) -> bool:
        return self._known().is_session(seoul(now).date())

    def shift(self, day: int, sessions: int) -> int:
        """YYYYMMDD of the session so many after ``day`` (before it, where negative); the last one known at most."""
        known = self._known()
        index = min(max(0, known.index_at_or_before(day_of(day)) + sessions), len(known) - 1)
        return _number(known.dates[index].item())

    def between(self, first: int, last: int) -> list[int]:
        """YYYYMMDD of the sessions from ``first`` to ``last``, both included."""
        dates = self._known().between(day_of(first), day_of(last)).dates
        return [_number(day) for day in dates.tolist()]

    def age(self, day: int, today: int) -> int:
        """How many sessions ``day`` is before ``today``, both YYYYMMDD."""
        index = self._known().index_at_or_before
        return index(day_of(today)) - index(day_of(day))


def _number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


class SessionWorth(NamedTuple):
    """What an account was worth (KRW) when a session, of that YYYYMMDD, began."""

    day: int
    assets: int


class Books:
    """What has to outlive the process, and nothing else; ``snapshot`` gives it as plain JSON.

    Attributes:
        orders: those of the session ``day`` by number; ``past`` are those of the sessions before.
        changed: called whenever any of it has changed; it has to be quick.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self.day = 0
        self.accounts: dict[str, Account] = {}
        for held in settings.accounts:
            deposit = settings.deposit
            self.accounts[held.number] = Account(held.number, deposit, settings.fee_rate, deposit)
        self.orders: dict[int, BrokerOrder] = {}
        self.past: list[BrokerOrder] = []
        self.day_worth: dict[str, SessionWorth] = {}
        self.month_worth: dict[str, SessionWorth] = {}
        self.changed: Callable[[], None] = lambda: None
        self._next_order = settings.first_order
        self._next_fill = settings.first_fill

    def turn(self, day: int) -> None:
        """Begins that session."""
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
        """Plain JSON."""
        return self.copied()()

    def copied(self) -> Callable[[], dict[str, Any]]:
        """A copy that costs little, and what makes plain JSON of it, which any thread may do later."""
        # Fills and past orders do not change any more; there may be very many of them.
        day, numbers, past = self.day, [self._next_order, self._next_fill], self.past[:]
        orders = [*map(states.values, self.orders.values())]
        accounts = {
            number: (
                account.deposit,
                account.cash,
                {code: [held.quantity, held.cost, held.fees] for code, held in account.holdings.items()},
                account.deals[:],
                [[*table[number]] for table in self._worths() if number in table],
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
                        "deals": [[*deal] for deal in deals],
                        "worth": worth,
                    }
                    for number, (deposit, cash, holdings, deals, worth) in accounts.items()
                },
            }

        return plain

    def _worths(self) -> tuple[dict[str, SessionWorth], dict[str, SessionWorth]]:
        return self.day_worth, self.month_worth

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a snapshot that ``state.check`` lets pass. Accounts that the settings do not have are left out."""
        self.day = state["day"]
        for number, account in self.accounts.items():  # one that the snapshot has not is worth its deposit
            for table in self._worths():
                table[number] = SessionWorth(self.day, account.deposit)
        self._next_order, self._next_fill = state["next"]
        self.past = [states.order_of(plain) for plain in state["past"] if plain["account"] in self.accounts]
        kept = [states.order_of(plain) for plain in state["orders"] if plain["account"] in self.accounts]
        self.orders = {order.number: order for order in kept}
        for number in self.accounts.keys() & state["accounts"].keys():
            account, plain = self.accounts[number], state["accounts"][number]
            account.deposit, account.cash = plain["deposit"], plain["cash"]
            account.holdings = {code: Holding(*held) for code, held in plain["holdings"].items()}
            account.deals = [states.deal_of(deal) for deal in plain["deals"]]
            account.open = {
                n: order
                for n, order in self.orders.items()
                if order.account == number and order.placed is not None
            }
            for table, worth in zip(self._worths(), plain["worth"], strict=False):
                table[number] = SessionWorth(*worth)

"""The broker's own books, and how the orders and states of sessions differ from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from koalab.orders.order import Order
from koalab.orders.state import AccountState
from koalab.sessions.session import Session

_TYPES = {("매수", False): 1, ("매도", False): 2, ("매수", True): 5, ("매도", True): 6}


class Identity(NamedTuple):
    """What an order is to the broker: nOrderType, code, quantity, price and sOrgOrderNo.

    The quantity is 0 for a change, which the broker takes from what is open at that moment.
    """

    kind: int
    code: str
    quantity: int
    price: int
    original: str


def identity(order: Order) -> Identity:
    """Of a new order or a modification."""
    change = bool(order.original)
    quantity = 0 if change else order.quantity
    return Identity(_TYPES[order.side, change], order.code, quantity, order.price, order.original)


class BookedOrder(NamedTuple):
    """An order in the broker's books: its quantity, and shares and KRW of its fills."""

    identity: Identity
    quantity: int
    filled: int
    value: int


@dataclass(frozen=True)
class BrokerBooks:
    """The books of one account.

    Attributes:
        orders: of the day, by number.
        open_orders: open and filled shares, and the price, by number.
        holdings: shares, those that can be sold, average price and cost, by code.
    """

    orders: Mapping[str, BookedOrder]
    open_orders: Mapping[str, tuple[int, int, int]]
    holdings: Mapping[str, tuple[int, int, float, int]]

    @staticmethod
    def read(broker: Any, account: str) -> BrokerBooks:
        """On the control thread."""
        books = broker._brokerage._books
        found = books.accounts[account]
        orders = {}
        for number, one in books.orders.items():
            original = f"{one.original:07d}" if one.original else ""
            what = Identity(one.type, one.code, 0 if original else one.quantity, one.price, original)
            orders[f"{number:07d}"] = BookedOrder(what, one.quantity, one.filled, one.amount)
        return BrokerBooks(
            orders,
            {f"{number:07d}": (one.left, one.filled, one.price) for number, one in found.open_orders.items()},
            {
                code: (one.quantity, found.sellable(code), one.average_price, one.cost)
                for code, one in found.holdings.items()
                if one.quantity
            },
        )

    def compare_state(self, name: str, session: Session, state: AccountState) -> list[str]:
        """How a session's account differs from these books: a sentence each."""
        differences = _Differences(name)
        with state.changed:
            positions, open_orders = session.positions, session.open_orders
            differences.add("why stale", state.stale, "")
            rows = positions[["quantity", "sellable", "average_price", "cost"]].itertuples(name=None)
            differences.add("positions", {code: tuple(row) for code, *row in rows}, self.holdings)
            rows = open_orders[["left", "filled", "price"]].itertuples(name=None)
            differences.add("open orders", {number: tuple(row) for number, *row in rows}, self.open_orders)
            for number, booked in self.orders.items():
                one = state.orders.get(number)
                found = None if one is None else (one.filled, one.value)
                differences.add(f"fills of {number} {booked.identity}", found, (booked.filled, booked.value))
            differences.add("numbers beside the books", set(state.orders) - set(self.orders), set())
        return differences.found

    def compare_orders(self, name: str, orders: Sequence[Order], taken: set[str]) -> list[str]:
        """How a session's orders differ from these books.

        Args:
            name: the session's.
            orders: that it sent.
            taken: the numbers of all sessions' orders.
        """
        free = {booked.identity for number, booked in self.orders.items() if number not in taken}
        differences = _Differences(name)
        for order in orders:
            if order.status in ("sent", "unknown"):
                differences.add("fate", repr(order), "nothing open")
            elif order.number:
                booked = self.orders[order.number]
                found = (identity(order), order.quantity, order.filled)
                differences.add(repr(order), found, (booked.identity, booked.quantity, booked.filled))
            else:
                differences.add(f"refused, and at the broker: {order!r}", identity(order) in free, False)
        return differences.found


def sent_too_often(sent: Counter[Identity], asked: Counter[Identity]) -> list[str]:
    """The orders that reached the control more often than a session's user asked for them."""
    return [
        f"{what} was sent {times} times, and asked for {asked[what]} times"
        for what, times in sent.items()
        if times > asked[what]
    ]


class _Differences:
    def __init__(self, name: str) -> None:
        self._name = name
        self.found: list[str] = []

    def add(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.found.append(f"{self._name}: {what}: {found}, and the broker has {expected}")

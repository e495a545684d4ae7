"""``OrderTrial``: three sessions trade for an hour in which everything fails, and end with what the broker has.

What goes wrong, and between which orders, is drawn; how threads meet in it is not, so no two runs are the same.
"""

from __future__ import annotations

import random
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock

from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.simulated.faults import PlannedFault
from koalab.errors import KoalabError, OrderGuarded
from koalab.orders.order import Order
from koalab.orders.state import AccountState
from koalab.sessions.session import Session
from tests.support.chaos.failing_server import FailingServer
from tests.support.chaos.order_books import BrokerBooks, Identity, sent_too_often
from tests.support.chaos.order_faults import OrderFaults
from tests.support.session import Market
from tests.support.waiting import eventually

ACCOUNT: Final = "8000000011"
NAMES: Final = "ABC"
_CODES: Final = ("005930", "000660", "035420", "005380")
_MORNING: Final = datetime(2026, 11, 17, 10, tzinfo=KST)
_HOUR: Final = 3600.0
_AFTERNOON: Final = datetime(2026, 11, 17, 15, 15, tzinfo=KST)
_KINDS: Final = ("지정가", "지정가", "지정가", "시장가", "지정가IOC", "지정가FOK")
_WORTH: Final = 70_000_000  # KRW of an order, below the guard also where it counts at the upper limit
_SETTINGS: Final = simulated.BrokerSettings(
    limited=False,
    deposit=10**12,
    accounts=(simulated.AccountSetting(ACCOUNT),),
    quote_types=("00", "03", "10", "13", "16", "20", "23", "26"),
    planned_faults=(PlannedFault("10:40", "restart", 90.0),),
)
# So long nothing takes, on any machine: it hangs.
_HANGS_AFTER: Final = 300.0
# Ten seconds each, and each followed by all sessions: several readings of the lists, and the patience with an order.
_ROUNDS_OF_REST: Final = 40
# An hour of the market takes seconds or minutes by the wall clock, and so must what waits by that.
_QUICK: Final = {
    "koalab.orders.desk.ANSWERED_WITHIN": 2.0,
    "koalab.link.recovery._LONGEST_BACKOFF": 0.5,
    "koalab.link.recovery._LOOK_EVERY": 0.05,
    "kernel_server.rpc.chejan.EVERY": 0.1,
}


@contextmanager
def _quick_waits() -> Iterator[None]:
    with ExitStack() as patches:
        for name, seconds in _QUICK.items():
            patches.enter_context(mock.patch(name, seconds))
        yield


@dataclass
class OrderOutcome:
    """What a trial did and found.

    Attributes:
        asked, sent: how often each order was asked for, and how often it reached the control.
        stopped: orders that a guard stopped, by guard.
        faults, errors, ends: how many of each kind there were: errors raised to the user, ends of orders.
        unknown: orders whose fate was unknown at first.
        races: cancellations that raced a fill, by how they ended.
        unguarded: orders that a guard was to stop and did not, a sentence each.
        differences: between sessions and the broker's books at the end, a sentence each.
    """

    asked: Counter[Identity] = field(default_factory=Counter)
    sent: Counter[Identity] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    races: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    trs: int = 0
    unguarded: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counted = {
            "faults": self.faults,
            "stopped by guards": self.stopped,
            "cancellations that raced a fill": self.races,
            "ends": self.ends,
            "errors": self.errors,
        }
        lines = [
            f"{self.asked.total():,} asked for, {self.sent.total():,} sent, {self.unknown:,} of unknown fate at first,"
            f" {self.trs:,} TRs",
            *(
                f"{what}: {', '.join(f'{times:,} {name}' for name, times in found.most_common())}"
                for what, found in counted.items()
                if found
            ),
        ]
        return "\n".join(lines)


class OrderTrial:
    """One trial.

    Args:
        folder: of account file and caches.
        seed: of everything that is drawn.
        orders: how many orders, modifications and cancellations there are in the hour.
        faults: how many things go wrong in it.
    """

    def __init__(self, folder: Path, seed: int, orders: int, faults: int) -> None:
        self._draw = random.Random(seed)
        self._orders = orders
        self._moments = frozenset(self._draw.sample(range(5, orders), faults))
        self.outcome = OrderOutcome()
        self._server = FailingServer(folder, _MORNING, _SETTINGS, self._count_orders)
        self._faults = OrderFaults(self._server, self._draw)
        self._sessions = [self._server.connect(name) for name in NAMES]
        self._orders_of: list[list[Order]] = [[] for _ in NAMES]
        self._used: set[tuple[Any, ...]] = set()
        self._followed: dict[int, float] = {}

    def run(self, progress: Callable[[int], None] = lambda _: None) -> OrderOutcome:
        """Runs the hour, waits until all is at rest, and compares; ``progress`` gets the number of each order."""
        try:
            with _quick_waits(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of each order whose fate is unknown
                for session in self._sessions:
                    self._count_batches(session)
                    session.positions  # noqa: B018
                for number in range(self._orders):
                    self._turn(number)
                    progress(number + 1)
                self._rest()
            self.outcome.differences = self._differences()
            self._count_ends()
        finally:
            self._server.close()
        return self.outcome

    def _count_orders(self, market: Market) -> None:
        """Counts the orders that reach the control, and lets a fault come between an order and its answer."""
        broker = market.broker
        call, flush = broker.call, broker._brokerage._outbox.flush

        def counted(name: str, arguments: Sequence[Any] = ()) -> Any:
            result = call(name, arguments)
            if name == "SendOrder" and result == 0:
                kind, code, quantity, price, _quote, original = arguments[3:]
                self.outcome.sent[Identity(kind, code, 0 if original else quantity, price, original)] += 1
                self._faults.on_order("sent")
            return result

        def flushed() -> None:
            self._faults.on_order("done")
            flush()

        broker.call = counted  # type: ignore[method-assign, assignment]
        broker._brokerage._outbox.flush = flushed  # type: ignore[method-assign]

    def _count_batches(self, session: Session) -> None:
        """Notes up to which moment a session has followed the orders' events and what its lists say of them."""
        follower = session._follower
        read = follower._read_lists_where_due
        self._followed[id(session)] = float("-inf")

        def read_and_note(until: float) -> None:
            read(until)
            self._followed[id(session)] = until

        follower._read_lists_where_due = read_and_note  # type: ignore[method-assign]

    # -- an hour of orders

    def _turn(self, number: int) -> None:
        if number in self._moments:
            self._faults.make()
            self._server.start_if_killed()
        who = self._draw.randrange(len(NAMES))
        if self._draw.random() < 0.9:  # the others trade on while the connection is away
            self._wait_until_reachable(self._sessions[who])
        still_open = [one for one in self._orders_of[who] if one.number and not one.done]
        what = self._draw.random()
        try:
            if what < 0.06:
                self._forbidden(self._sessions[who])
            elif what < 0.12:
                self._race(who)
            elif what < 0.56 or not still_open:
                self._new(who)
            elif what < 0.78:
                self._modify(who, self._draw.choice(still_open))
            else:
                self._cancel(self._draw.choice(still_open), self._draw.choice(self._sessions))
        except KoalabError as error:
            self.outcome.errors[type(error).__name__] += 1
        self._server.start_if_killed()
        self._server.go(self._draw.expovariate(self._orders / _HOUR))

    def _new(self, who: int, kind: str | None = None) -> Order:
        code, kind = self._draw.choice(_CODES), kind or self._draw.choice(_KINDS)
        side = "매수" if self._draw.random() < 0.6 else "매도"
        price = 0 if kind == "시장가" else self._price(code)
        while True:  # no two are alike, so that each is found in the books by what it is
            quantity = self._draw.randint(1, _WORTH // self._last(code))
            if (one := (side, code, quantity, price)) not in self._used:
                break
        self._used.add(one)
        self.outcome.asked[Identity(1 if side == "매수" else 2, code, quantity, price, "")] += 1
        session = self._sessions[who]
        order = (session.buy if side == "매수" else session.sell)(code, quantity, price or None, type=kind)
        self._keep(who, order)
        return order

    def _modify(self, who: int, one: Order) -> None:
        quantity, price = self._part(one), self._price(one.code)
        self._ask(one, 5, price)
        self._keep(who, one.modify(price=price, quantity=quantity))

    def _cancel(self, one: Order, by: Session) -> None:
        """A session cancels an order, be it its own or another session's."""
        self._ask(one, 3, 0)
        by.order(one.number).cancel(self._part(one))

    def _race(self, who: int) -> None:
        """Cancels an order at the market's price while the market trades it."""
        order = self._new(who, "지정가")
        if not order.number or order.done:
            return
        self._ask(order, 3, 0)
        ended: list[str] = []

        def cancel() -> None:
            try:
                order.cancel()
                ended.append("cancelled")
            except KoalabError as error:
                ended.append(type(error).__name__)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        while canceller.is_alive() and not self._server.killed:
            self._server.go(0.2)
        canceller.join()
        self.outcome.races[ended[0]] += 1

    def _forbidden(self, session: Session) -> None:
        """Each guard stops its order before it is sent."""
        code = self._draw.choice(_CODES)
        price = self._last(code) // 1000 * 1000
        tries: dict[str, Callable[[], Order]] = {
            "max_quantity": lambda: session.buy(code, 100_001, price),
            "max_value": lambda: session.buy(code, 100_000_000 // price + 1, price),
            "tick_size": lambda: session.buy(code, 1, price + 1),
            "band": lambda: session.buy(code, 1, price * 3 // 2000 * 1000),
            "session": lambda: session.buy(code, 1, type="장후시간외종가"),
        }
        guard = self._draw.choice(list(tries))
        sent = self.outcome.sent.total()
        try:
            tries[guard]()
        except OrderGuarded as error:
            self.outcome.stopped[error.guard] += 1
            if error.guard == guard and self.outcome.sent.total() == sent:
                return
            self.outcome.unguarded.append(f"{guard} was to stop an order: {error}")
        else:
            self.outcome.unguarded.append(f"{guard} did not stop an order")

    def _keep(self, who: int, order: Order) -> None:
        self._orders_of[who].append(order)
        self.outcome.unknown += order.status == "unknown"

    def _ask(self, one: Order, kind: int, price: int) -> None:
        kind += 0 if one.side == "매수" else 1
        self.outcome.asked[Identity(kind, one.code, 0, price, one.number)] += 1

    def _part(self, one: Order) -> int | None:
        return self._draw.choice([None, None, max(1, one.left // 2)])

    def _last(self, code: str) -> int:
        return int(self._server.look(lambda broker: broker._exchange.tape(code).last))

    def _price(self, code: str) -> int:
        return max(1000, round(self._last(code) * self._draw.gauss(1, 0.004) / 1000) * 1000)

    # -- rest

    def _wait_until_reachable(self, session: Session) -> None:
        """Until the session has the server again, and that its broker, which logs in by the broker's time."""

        def reached() -> bool:
            try:
                if session._link.status().connected:
                    return True
            except KoalabError:
                time.sleep(0.02)
                return False
            self._server.go(1)
            return False

        _wait(reached, f"{session!r} does not reach the broker")

    def _rest(self) -> None:
        """Lets time pass until nothing has to be settled; every session follows each step of it."""
        self._faults.recover()
        if self._server.clock.now() > _AFTERNOON.timestamp():  # most orders are refused after that
            raise RuntimeError("the market closed before all orders were sent: begin earlier, or send fewer")
        for _ in range(_ROUNDS_OF_REST):
            self._server.go(10)
            now = self._server.clock.now()
            for name, session in zip(NAMES, self._sessions, strict=True):
                _wait(
                    lambda session=session, now=now: self._followed[id(session)] >= now,  # type: ignore[misc]
                    f"session {name} does not follow the broker's orders",
                )
            unsettled = any(state.stale or state.unsettled for state in self._states())
            if not unsettled and not self._differences():
                return

    def _states(self) -> list[AccountState]:
        return [session._follower.known()[ACCOUNT] for session in self._sessions]

    def _differences(self) -> list[str]:
        books = self._server.look(lambda broker: BrokerBooks.read(broker, ACCOUNT))
        taken = {one.number for mine in self._orders_of for one in mine}
        found = list(self.outcome.unguarded)
        for name, session, state, mine in zip(
            NAMES, self._sessions, self._states(), self._orders_of, strict=True
        ):
            found += books.compare_state(name, session, state)
            found += books.compare_orders(name, mine, taken)
        return found + sent_too_often(self.outcome.sent, self.outcome.asked)

    def _count_ends(self) -> None:
        self.outcome.faults = self._faults.made
        self.outcome.ends = Counter(one.status for mine in self._orders_of for one in mine)
        self.outcome.trs = sum(session._link.trs for session in self._sessions)


def _wait(until: Callable[[], bool], otherwise: str) -> None:
    """Waits for an event, however long it takes; raises TimeoutError where that is no progress but a hang."""
    if not eventually(until, _HANGS_AFTER):
        raise TimeoutError(otherwise)

"""Reports of orders that are lost, cross a list, or never come: the account is what the broker has again by itself."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from koalab import BadInput, OrderRejected
from koalab.orders.follower import PATIENCE
from koalab.orders.reports import Lists
from koalab.sessions.session import Session
from tests.koalab.orders.test_orders import ACCOUNT, CODE, go, held, limits
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until

MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)
Fire = Callable[..., None]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    settings = simulated.BrokerSettings(
        limited=False, deposit=10**11, accounts=(simulated.AccountSetting(ACCOUNT),)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kernel_server.rpc.chejan.EVERY", 0.02)  # `quiet` waits for a message at each step
        found = start(tmp_path_factory.mktemp("market"), MORNING, settings=settings)
        yield found
        found.close()


@pytest.fixture
def trading(served: Market) -> Iterator[Market]:
    outbox = served.broker._brokerage._outbox
    fire, deliver = outbox._fire, outbox._deliver
    yield served
    outbox._fire, outbox._deliver = fire, deliver


@pytest.fixture
def kw(trading: Market) -> Iterator[Session]:
    session = trading.connect()
    with contextlib.suppress(OrderRejected):  # after the close
        session.cancel_all()
    go(trading, 5)
    yield session
    session.close()


def lose(market: Market, lost: Callable[[str, str, str], bool]) -> None:
    """Loses the events of orders for which ``lost(event, kind, state)`` is true."""
    outbox = market.broker._brokerage._outbox
    fire, deliver = outbox._fire, outbox._deliver

    def fire_some(name: str, *arguments: Any) -> None:
        kind = str(arguments[0]) if name == "OnReceiveChejanData" else ""
        if not lost(name, kind, outbox.chejan_value(913) if kind else ""):
            fire(name, *arguments)

    def deliver_some(*arguments: Any) -> None:
        if not lost("OnReceiveTrData", "", ""):
            deliver(*arguments)

    outbox._fire, outbox._deliver = fire_some, deliver_some


@contextlib.contextmanager
def followed(kw: Session) -> Iterator[Callable[[], float]]:
    """Up to which moment the session has followed the orders' events and read the lists that it needed then."""
    follower, until = kw._follower, [float("-inf")]
    read = follower._read_lists_where_due

    def read_and_note(moment: float) -> None:
        read(moment)
        until[0] = moment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower, "_read_lists_where_due", read_and_note)
        yield lambda: until[0]


def quiet(
    market: Market, kw: Session, condition: Callable[[], bool], step: float = 1.0, steps: int = 90
) -> None:
    """Lets the market pass, step by step, each of which the session follows, until the condition is true."""
    with followed(kw) as until:
        for _ in range(steps):
            now = market.clock.now()
            wait_until(lambda: condition() or until() >= now)  # noqa: B023
            if condition():
                return
            go(market, step, step)
    assert condition(), (kw.positions, kw.open_orders, held(market))


def shares(kw: Session) -> dict[str, int]:
    return kw.positions["quantity"].to_dict()


class TestALostReport:
    def test_of_a_position_is_missed_within_seconds(self, trading: Market, kw: Session) -> None:
        before = shares(kw)
        lose(trading, lambda _name, kind, _state: kind == "1")
        order = kw.buy(CODE, 10)
        quiet(trading, kw, lambda: order.done)
        quiet(trading, kw, lambda: shares(kw) != before)
        assert shares(kw) == held(trading)

    def test_of_a_fill_is_missed_with_the_position_after_it(self, trading: Market, kw: Session) -> None:
        kw.positions  # noqa: B018
        lose(trading, lambda _name, _kind, state: state == "체결")
        order = kw.buy(CODE, 10)
        quiet(trading, kw, lambda: order.done)
        assert (order.status, order.filled) == ("filled", 10)
        quiet(trading, kw, lambda: shares(kw) == held(trading))

    def test_without_a_number_of_shares_is_no_zero(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        kw.positions  # noqa: B018
        outbox = trading.broker._brokerage._outbox
        values = outbox.chejan_value
        outbox.chejan_value = lambda fid: "" if fid == 902 else values(fid)
        try:
            order = kw.buy(CODE, 10, low)
            go(trading, 3)
            quiet(trading, kw, lambda: not kw.open_orders.attrs["stale"])
        finally:
            outbox.chejan_value = values
        assert (order.status, order.left) == ("accepted", 10)


class TestALostAnswer:
    def test_leaves_an_order_unknown_until_the_list_has_it(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        kw.positions  # noqa: B018
        lose(trading, lambda *_: True)
        with pytest.warns(UserWarning, match="not known yet"):
            order = kw.buy(CODE, 7, low)
        quiet(trading, kw, lambda: order.status == "accepted")
        assert order.number in kw.open_orders.index

    def test_after_the_broker_s_message_that_all_is_well_is_no_refusal(
        self, trading: Market, kw: Session
    ) -> None:
        low, _ = limits(kw)
        kw.positions  # noqa: B018
        lose(trading, lambda name, _kind, _state: name != "OnReceiveMsg")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            order = kw.buy(CODE, 8, low)
        quiet(trading, kw, lambda: order.status == "accepted")

    def test_of_an_order_that_was_sent_while_a_long_list_was_read_is_found_in_the_next(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        low, _ = limits(kw)
        kw.positions  # noqa: B018
        read, reading, go_on = kw._follower._read_lists, threading.Event(), threading.Event()

        def read_long(account: str) -> Lists:
            before = read(account)
            reading.set()
            assert go_on.wait(HANGS_AFTER)
            return replace(before, until=read(account).until)

        monkeypatch.setattr(kw._follower, "_read_lists", read_long)
        state = kw._follower.known()[ACCOUNT]
        state.on_gap(trading.clock.now(), "a gap")
        quiet(trading, kw, reading.is_set)
        lose(trading, lambda *_: True)
        with pytest.warns(UserWarning, match="it is not known yet"):
            order = kw.buy(CODE, 9, low)
        go(trading, 2 * PATIENCE)
        go_on.set()
        quiet(trading, kw, lambda: order.status != "unknown")
        assert order.status == "accepted", order

    def test_of_a_modification_that_took_what_was_left(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        trading.thread.post(
            lambda: trading.broker._brokerage.other_client(ACCOUNT, 3, CODE, 4, original=order.number)
        ).result(HANGS_AFTER)
        lose(trading, lambda *_: True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = order.modify(price=low + 1000, quantity=6)
        quiet(trading, kw, lambda: other.status == "accepted" and order.status == "replaced")
        assert (other.quantity, other.left) == (6, 6)


class TestWhatIsNotReported:
    def test_shares_of_a_cancelled_sale_can_be_sold_again(self, trading: Market, kw: Session) -> None:
        bought = kw.buy(CODE, 10)
        quiet(trading, kw, lambda: bought.done and shares(kw) == held(trading))
        high = limits(kw)[1] * 12 // 10 // 1000 * 1000
        total = shares(kw)[CODE]
        order = kw.sell(CODE, total, high)
        becomes(lambda: kw.positions.loc[CODE, "sellable"], 0)
        order.cancel(4)
        becomes(lambda: kw.positions.loc[CODE, "sellable"], 4)
        order.cancel()
        becomes(lambda: kw.positions.loc[CODE, "sellable"], total)

    def test_a_sale_that_races_its_cancellation_is_one_or_the_other(
        self, trading: Market, kw: Session
    ) -> None:
        bought = kw.buy(CODE, 10)
        quiet(trading, kw, lambda: bought.done and shares(kw) == held(trading))
        order = kw.sell(CODE, 10)
        with contextlib.suppress(OrderRejected, BadInput):  # at the broker it is filled, or here already
            order.cancel()
        quiet(trading, kw, lambda: order.done and shares(kw) == held(trading))
        assert order.filled + order.left <= 10
        assert order.status == ("filled" if order.filled == 10 else "cancelled")


class TestTheEndOfTheDay:
    """The last: they take the market's clock with them."""

    def test_an_order_that_expired_is_open_no_more(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        go(trading, 5.6 * 3600, step=600)  # 15:36
        quiet(trading, kw, lambda: order.done, 60.0, 30)
        assert (order.status, order.left) == ("cancelled", 0)
        assert not len(kw.open_orders)

    def test_the_next_day_s_first_order_is_another_than_today_s(self, trading: Market, kw: Session) -> None:
        kw.positions  # noqa: B018
        assert kw.order(1).number == "0000001"
        go(trading, 18 * 3600, step=1800)
        order = kw.buy(CODE, 3, limits(kw)[0])
        assert order.number == "0000001"
        assert (order.status, order.quantity) == ("accepted", 3)
        assert list(kw.open_orders.index) == ["0000001"]

    def test_an_order_that_is_open_at_its_end_ends_once(
        self, trading: Market, caplog: pytest.LogCaptureFixture
    ) -> None:
        go(trading, 18.3 * 3600, step=1800)  # the exchange has to catch up when its order is cancelled
        kw = trading.connect()
        assert not len(kw.orders())
        kw.close()
        assert "work on the control thread failed" not in caplog.text

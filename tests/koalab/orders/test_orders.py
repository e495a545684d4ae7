"""Orders as a session sends them, and its account's orders and positions beside the broker's own books."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.wire import kernel_pb2
from koalab import BadInput, NoAnswer, OrderRejected
from koalab.orders.order import Order
from koalab.sessions.session import Session
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until

ACCOUNT = "8000000011"
CODE = "005930"
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Market]:
    settings = simulated.BrokerSettings(limited=False, accounts=(simulated.AccountSetting(ACCOUNT),))
    found = start(tmp_path, MORNING, settings=settings)
    yield found
    found.close()


@pytest.fixture
def kw(trading: Market) -> Session:
    return trading.connect()


def go(market: Market, seconds: float, step: float = 1.0) -> None:
    until = market.clock.now() + seconds
    while market.clock.now() < until:
        market.clock.advance(min(step, until - market.clock.now()))
        market.thread.post(lambda: None).result(HANGS_AFTER)


def books(market: Market) -> Any:
    return market.look(lambda broker: broker._brokerage._books)


def held(market: Market) -> dict[str, int]:
    """The shares in the broker's own books."""
    return market.look(
        lambda broker: {
            code: holding.quantity
            for code, holding in broker._brokerage._books.accounts[ACCOUNT].holdings.items()
            if holding.quantity
        }
    )


def limits(kw: Session) -> tuple[int, int]:
    """A price below the market and within the day's limits, and 기준가."""
    base = int(str(kw.call.GetMasterLastPrice(CODE)))
    return base * 8 // 10 // 1000 * 1000, base


class TestAnOrder:
    def test_at_market_is_filled_and_becomes_a_position(self, trading: Market, kw: Session) -> None:
        assert not len(kw.positions)
        order = kw.buy("삼성전자", 10)
        go(trading, 5)
        order.wait(HANGS_AFTER)
        assert (order.status, order.filled, order.left) == ("filled", 10, 0)
        assert order.average_price > 0
        assert list(order.events["status"])[:2] == ["sent", "accepted"]
        becomes(lambda: kw.positions["quantity"].to_dict(), {CODE: 10})
        assert held(trading) == {CODE: 10}
        assert "삼성전자" in repr(order)
        assert "체결" in repr(order)

    @pytest.mark.parametrize("asynchronous", [False, True], ids=["wait", "await"])
    def test_is_waited_for_with_the_position_that_it_leaves(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
    ) -> None:
        monkeypatch.setattr("koalab.orders.order._POSITION_WITHIN", 10 * HANGS_AFTER)
        state = kw._state(None)
        late: list[Any] = []
        on_position = state.on_position
        monkeypatch.setattr(state, "on_position", late.append)
        order = kw.buy(CODE, 10)
        go(trading, 5)
        wait_until(lambda: order.done and len(late) > 0)
        assert not len(kw.positions)

        async def awaited() -> None:
            await order

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit((lambda: asyncio.run(awaited())) if asynchronous else order.wait)
            with pytest.raises(TimeoutError):
                waiting.result(0.1)
            for report in late:
                on_position(report)
            waiting.result(HANGS_AFTER)
        assert kw.positions["quantity"].to_dict() == {CODE: 10}

    def test_waits_in_the_book_until_it_is_cancelled(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        assert order.status == "accepted"
        assert list(kw.open_orders.index) == [order.number]
        with pytest.raises(NoAnswer, match="not done"):
            order.wait(0.01)
        order.cancel()
        becomes(lambda: order.status, "cancelled")
        assert not len(kw.open_orders)
        with pytest.raises(BadInput, match="nothing of it is open"):
            order.cancel()

    @pytest.mark.parametrize("modified", [False, True], ids=["cancelled", "modified"])
    def test_of_which_a_part_is_gone_is_shown_with_the_rest(self, kw: Session, modified: bool) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        assert kw.open_orders["left"].tolist() == [10]
        if modified:
            order.modify(price=low + 1000, quantity=4)
        else:
            order.cancel(4)
        becomes(lambda: order.left, 6)
        becomes(lambda: kw.open_orders.loc[order.number, "left"], 6)
        assert order.events.iloc[-1][["status", "left", "volume"]].tolist() == ["accepted", 6, 0]

    def test_is_modified_into_another(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        other = order.modify(price=low + 1000)
        becomes(lambda: (order.status, other.status), ("replaced", "accepted"))
        assert other.original == order.number
        assert (other.price, other.left) == (low + 1000, 10)
        assert list(kw.open_orders.index) == [other.number]
        for late in (order.cancel, lambda: order.modify(price=low)):
            with pytest.raises(BadInput, match=f"replaced by {other.number}, which is kw.order"):
                late()
        assert kw.order(other.number).left == 10

    def test_of_a_type_that_takes_no_price_reaches_the_broker_when_it_is_modified(
        self, tmp_path: Path
    ) -> None:
        settings = simulated.BrokerSettings(limited=False, quote_types=("00", "03", "07"))
        market = start(tmp_path, MORNING, settings=settings)
        kw = market.connect()
        order = kw.buy("068760", 20, type="최우선")
        price = int(str(kw.call.GetMasterLastPrice("068760"))) * 8 // 10 // 1000 * 1000
        with pytest.raises(OrderRejected, match="00Z237"):  # the simulated broker keeps its 거래구분
            order.modify(price=price)
        order.cancel()
        becomes(lambda: order.status, "cancelled")
        market.close()

    def test_is_cancelled_in_part(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        order = kw.buy(CODE, 10, low)
        order.cancel(4)
        becomes(lambda: (order.status, order.left), ("accepted", 6))

    def test_that_is_refused_carries_the_broker_s_message(self, trading: Market, kw: Session) -> None:
        with pytest.raises(OrderRejected, match="매도가능수량"):
            kw.sell(CODE, 10)
        assert not len(kw.open_orders)

    def test_can_be_awaited(self, trading: Market, kw: Session) -> None:
        order = kw.buy(CODE, 1)

        async def filled() -> Order:
            waiting = asyncio.ensure_future(awaited(order))
            await asyncio.to_thread(go, trading, 5)
            return await asyncio.wait_for(waiting, HANGS_AFTER)

        assert asyncio.run(filled()).status == "filled"

    def test_of_another_program_is_known_and_can_be_cancelled_by_number(
        self, trading: Market, kw: Session
    ) -> None:
        low, _ = limits(kw)
        assert not len(kw.open_orders)
        other = trading.connect("other")
        sent = other.buy(CODE, 3, low)
        becomes(lambda: list(kw.open_orders.index), [sent.number])
        assert kw.open_orders["type"].tolist() == [sent.type] == ["지정가"]  # 보통, as the broker writes it
        kw.order(sent.number).cancel()
        becomes(lambda: sent.status, "cancelled")

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"code": CODE, "quantity": 0}, "quantity"),
            ({"code": CODE, "quantity": 1.5}, "quantity"),
            ({"code": CODE, "quantity": 1, "price": -1}, "price"),
            ({"code": [CODE, "000660"], "quantity": 1}, "one issue"),
            ({"code": CODE, "quantity": 1, "account": ["8000000011"]}, "an account is a text"),
            ({"code": CODE, "quantity": 1, "type": "지정가"}, "needs a price"),
            ({"code": CODE, "quantity": 1, "price": 70000, "type": "시장가"}, "takes no price"),
            ({"code": CODE, "quantity": 1, "type": "없음"}, "거래구분"),
        ],
    )
    def test_that_cannot_be_is_refused_before_it_is_sent(
        self, trading: Market, kw: Session, arguments: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(BadInput, match=text):
            kw.buy(**arguments)
        assert not books(trading).orders


class TestTheState:
    def test_begins_with_what_the_broker_has(self, trading: Market, kw: Session) -> None:
        low, _ = limits(kw)
        bought = kw.buy(CODE, 10)
        open_order = kw.buy(CODE, 5, low)
        go(trading, 5)
        bought.wait(HANGS_AFTER)
        late = trading.connect("late")
        assert late.positions["quantity"].to_dict() == {CODE: 10}
        assert list(late.open_orders.index) == [open_order.number]
        assert late.order(bought.number).status == "filled"

    def test_costs_no_tr_after_the_first_use(self, trading: Market, kw: Session) -> None:
        kw.positions  # noqa: B018
        before = kw.status()["trs"]
        for _ in range(10):
            kw.positions  # noqa: B018
            kw.open_orders  # noqa: B018
        assert kw.status()["trs"] == before

    def test_is_read_while_the_server_is_away(self, trading: Market, kw: Session) -> None:
        kw.buy(CODE, 10, limits(kw)[0])
        assert len(kw.open_orders) == 1
        trading.server.stop(0)
        assert len(kw.open_orders) == 1
        wait_until(lambda: kw.open_orders.attrs["stale"] != "")

    def test_can_be_written_into_without_changing_it(self, trading: Market, kw: Session) -> None:
        kw.buy(CODE, 10)
        go(trading, 5)
        becomes(lambda: kw.positions["quantity"].to_dict(), {CODE: 10})
        mine = kw.positions
        mine.loc[CODE, "quantity"] = 99
        assert kw.positions.loc[CODE, "quantity"] == 10

    def test_after_a_cut_it_is_what_the_broker_has_again(
        self, trading: Market, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = kw.buy(CODE, 10, limits(kw)[0])
        state = kw._state(None)
        on_gap, stale = state.on_gap, list[str]()

        def gap(at: float, why: str) -> None:
            on_gap(at, why)
            stale.append(kw.open_orders.attrs["stale"])

        monkeypatch.setattr(state, "on_gap", gap)
        kw._link.transport._stub.Fault(kernel_pb2.FaultRequest(kind="cut", seconds=20))
        wait_until(lambda: stale != [])
        assert stale[0] != ""
        go(trading, 120, step=5)
        becomes(lambda: kw.open_orders.attrs["stale"], "")
        assert order.status == "accepted"
        order.cancel()
        becomes(lambda: order.status, "cancelled")

    def test_a_doubled_event_counts_once(self, trading: Market, kw: Session) -> None:
        kw._link.transport._stub.Fault(
            kernel_pb2.FaultRequest(kind="double", event="OnReceiveChejanData", times=50)
        )
        order = kw.buy(CODE, 10)
        go(trading, 5)
        order.wait(HANGS_AFTER)
        assert order.filled == 10
        becomes(lambda: kw.positions["quantity"].to_dict(), {CODE: 10})


async def awaited(order: Order) -> Order:
    return await order


def _refused(*_arguments: Any) -> None:
    raise OrderRejected("[RC4033] 모의투자 정정/취소할 수량이 없습니다")


class TestCancelAll:
    def test_takes_an_order_for_done_that_ends_before_its_cancellation_comes(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order = kw.buy(CODE, 1, price=int(kw.quotes(CODE)["lower_limit"].iloc[0]))
        cancelled = Order.cancel

        def too_late(one: Order) -> None:
            cancelled(one)  # as by another program
            _refused()

        monkeypatch.setattr(Order, "cancel", too_late)
        assert [one.number for one in kw.cancel_all()] == [order.number]
        assert order.done

    def test_says_which_the_broker_refuses_that_are_open_still(
        self, kw: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        price = int(kw.quotes(CODE)["lower_limit"].iloc[0])
        order = kw.buy(CODE, 1, price=price)
        monkeypatch.setattr(Order, "cancel", _refused)
        monkeypatch.setattr("koalab.sessions.orders._REPORTED_WITHIN", 0.1)
        with pytest.raises(OrderRejected, match="1 of 1 orders could not"):
            kw.cancel_all()
        assert not order.done

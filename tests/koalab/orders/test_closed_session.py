"""After the end of a session, or of the thread that follows its orders, nothing waits for what cannot come any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kernel_server.clock import KST
from koalab import NotConnected
from koalab.orders.order import Order
from koalab.sessions.session import Session
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until

CODE = "005930"
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Market]:
    found = start(tmp_path, MORNING)
    yield found
    found.close()


@pytest.fixture
def kw(trading: Market) -> Session:
    return trading.connect()


@pytest.fixture
def order(kw: Session) -> Order:
    """An order that stays open."""
    base = int(str(kw.call.GetMasterLastPrice(CODE)))
    return kw.buy(CODE, 10, base * 8 // 10 // 1000 * 1000)


def awaited(order: Order) -> Order:
    async def until_done() -> Order:
        return await order

    return asyncio.run(until_done())


WAYS = pytest.mark.parametrize("wait", [Order.wait, awaited], ids=["wait", "await"])


@WAYS
def test_a_wait_ends_with_the_session(kw: Session, order: Order, wait: Callable[[Order], Order]) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, order)
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        kw.close()
        with pytest.raises(NotConnected, match="is not done, and nothing more will be known of it"):
            waiting.result(HANGS_AFTER)


@WAYS
def test_a_wait_after_it_ends_at_once(kw: Session, order: Order, wait: Callable[[Order], Order]) -> None:
    kw.close()
    with ThreadPoolExecutor(1) as pool, pytest.raises(NotConnected, match="session is closed"):
        pool.submit(wait, order).result(HANGS_AFTER)


@WAYS
def test_an_order_that_is_done_is_still_done(
    kw: Session, order: Order, wait: Callable[[Order], Order]
) -> None:
    order.cancel()
    becomes(lambda: order.status, "cancelled")
    kw.close()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(wait, order).result(HANGS_AFTER).status == "cancelled"


@pytest.mark.parametrize(
    "use",
    [
        lambda kw: kw.positions,
        lambda kw: kw.open_orders,
        lambda kw: kw.order(1),
        lambda kw: kw.cancel_all(),
    ],
    ids=["positions", "open_orders", "order", "cancel_all"],
)
def test_the_account_as_it_was_is_not_shown_as_it_is(
    kw: Session, order: Order, use: Callable[[Session], Any]
) -> None:
    assert len(kw.open_orders) == 1
    kw.close()
    with pytest.raises(NotConnected, match="session is closed"):
        use(kw)
    wait_until(lambda: "koalab-orders" not in [one.name for one in threading.enumerate()])


@WAYS
def test_a_wait_ends_where_the_account_cannot_be_followed(
    kw: Session, order: Order, wait: Callable[[Order], Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait, order)
        with monkeypatch.context() as patch:
            patch.setattr(kw._follower, "_apply", broken)
            with pytest.raises(NotConnected, match="a defect"):
                waiting.result(HANGS_AFTER)
    assert kw.open_orders.index.tolist() == [order.number]  # which follows it again
    order.cancel()
    wait_until(lambda: order.done)
    assert wait(order).status == "cancelled"

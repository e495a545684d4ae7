"""An order, a condition or the stream of the orders' events never reaches a server that took the session's place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from kernel_server.clock import KST
from koalab import NotConnected, OrderRejected, OtherPrices
from koalab.orders.record import OrderRecord
from koalab.orders.state import AccountState
from koalab.sessions.session import Session
from koalab.transport.base import OrderRequest
from tests.support.session import Market, start
from tests.support.waiting import eventually

MONDAY = datetime(2026, 11, 23, 10, tzinfo=KST)
SENT = ("SendOrder", "SendCondition")


@dataclass
class Met:
    """What became of an order that met another server: replaced right before it was sent."""

    kw: Session
    after: Market
    error: BaseException | None
    records: list[OrderRecord]
    sent: list[str]


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Met]:
    folder = tmp_path_factory.mktemp("orders")
    before = start(folder, now=MONDAY)
    kw = before.connect()
    assert list(kw.positions.columns)
    whole, swapped, sent = kw._link.transport.order, list[Market](), list[str]()

    def order(*arguments: Any, **more: Any) -> Any:
        before.server.stop(0)
        port = int(before.server.address.rpartition(":")[2])
        swapped.append(start(folder, now=MONDAY, seed=9, port=port))
        broker, call = swapped[0].broker, swapped[0].broker.call

        def counted(name: str, arguments: Any) -> Any:
            if name in SENT:
                sent.append(name)
            return call(name, arguments)

        broker.call = counted  # type: ignore[method-assign]
        assert eventually(lambda: "other prices" in repr(kw))
        return whole(*arguments, **more)

    kw._link.transport.order = order  # type: ignore[method-assign]
    records: list[OrderRecord] = []
    added = AccountState.sent
    error = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            AccountState, "sent", lambda self, record: (records.append(record), added(self, record))[1]
        )
        try:
            kw.buy("005930", 1, 150_000)
        except OtherPrices as refused:
            error = refused
    kw._link.transport.order = whole  # type: ignore[method-assign]
    yield Met(kw, swapped[0], error, records, sent)
    before.close()
    swapped[0].close()


class TestAServerThatWasReplacedByOneWithOtherPrices:
    def test_refuses_an_order_before_it_is_sent(self, met: Met) -> None:
        assert isinstance(met.error, OtherPrices)
        assert "seed=9" in str(met.error)
        assert "nothing was sent" in str(met.error)
        assert [(one.status, one.number) for one in met.records] == [("rejected", "")]
        assert met.sent == []

    @pytest.mark.parametrize(
        "ask",
        [
            lambda kw: kw.call.SendOrder("n", "0101", "8000000011", 1, "005930", 1, 150_000, "00", ""),
            lambda kw: next(iter(kw._link.chejan())),
            lambda kw: list(kw._link.watch(0, "대형 저평가 우량주")),
        ],
        ids=["SendOrder by name", "events of orders", "live condition"],
    )
    def test_refuses_what_else_belongs_to_the_other(self, met: Met, ask: Callable[[Session], Any]) -> None:
        with pytest.raises(OtherPrices, match=r"seed=9.*seed=1.*kl.connect\(\)"):
            ask(met.kw)
        assert met.sent == []

    def test_shows_the_account_as_it_was_and_says_so(self, met: Met) -> None:
        with pytest.raises(OtherPrices):
            met.kw.buy("005930", 1, 150_000)
        assert met.sent == []


def test_an_order_for_an_earlier_process_of_the_server_is_not_sent_and_may_be_sent_again(met: Met) -> None:
    kw = met.after.connect("new")
    origin = kw._link.status().origin
    request = OrderRequest(kw.accounts[0], 1, "005930", 1, 150_000, "00")
    with pytest.raises(NotConnected, match=r"started anew.*nothing was sent"):
        kw._link.transport.order(request, 20, replace(origin, server="earlier"))
    assert met.sent == []
    with contextlib.suppress(OrderRejected):  # the broker may refuse the price
        kw._link.order(request, 20)
    assert met.sent == ["SendOrder"]

"""Orders for real money: two people's word, and a limit on size."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.security import access, orders
from kernel_server.security.access import Access, BadAccess
from kernel_server.security.orders import RequestedOrder, order_in, order_of
from kernel_server.tsv import rows
from kernel_server.wire import kernel_pb2, openapi_pb2
from tests.kernel_server.rpc.test_transactions import problem
from tests.kernel_server.security.test_access import ORDER, call, refused
from tests.support.canned_server import CannedServer, canned_server, official
from tests.support.waiting import wait_until

YES = [("koalab-allow-real-orders", "yes")]
CREDIT = ["주문", "0101", "8000000011", 1, "005930", 10, 70_000, "00", "", "", ""]
FUTURES = ["주문", "0101", "8000000031", "101V3000", 1, "2", "1", 1, "285.05", ""]


@contextmanager
def broker(gubun: str, price: str = "00070000", **settings: Any) -> Iterator[CannedServer]:
    """A server whose broker says so of itself, and gives that 기준가."""
    with canned_server({}, **settings) as server:
        info = server.control.GetLoginInfo
        server.control.GetLoginInfo = lambda tag: gubun if tag == "GetServerGubun" else info(tag)  # type: ignore[method-assign]
        server.control.GetMasterLastPrice = lambda _code: price  # type: ignore[attr-defined]
        says(server, GetStockMarketKind="0", IsOrderWarningStock="0")
        yield server


def says(server: CannedServer, **answers: str) -> None:
    """What KOA_Functions answers from here on."""
    known = getattr(server.control, "koa", {}) | answers
    server.control.koa = known  # type: ignore[attr-defined]
    server.control.KOA_Functions = lambda name, _argument: known.get(name, "")  # type: ignore[attr-defined]


def sent(server: CannedServer) -> list[Any]:
    return [arguments for name, arguments in server.control.calls if name.startswith("SendOrder")]


def order(
    quantity: int = 10, price: int = 70_000, kind: int = 1, quote: str = "00", code: str = "005930"
) -> openapi_pb2.CallRequest:
    return call("SendOrder", "주문", "0101", "8000000011", kind, code, quantity, price, quote, "")


def credit(
    quantity: int = 10, price: int = 70_000, kind: int = 1, quote: str = "00"
) -> openapi_pb2.CallRequest:
    words = ("주문", "0101", "8000000011", kind, "005930", quantity, price, quote, "03", "", "")
    return call("SendOrderCredit", *words)


PRICED = ("00", "10", "20", "62")
UNPRICED = ("03", "05", "06", "07", "13", "16", "23", "26", "61", "81")
BUYING, SELLING, CANCELLING = (1, 5, 7), (2, 6, 8), (3, 4)


class TestARealServer:
    @pytest.mark.parametrize("gubun", ["0", "", "2"])
    @pytest.mark.parametrize(
        "request_",
        [
            call("SendOrder", *ORDER),
            call("SendOrderCredit", *CREDIT),
            call("SendOrderFO", *FUTURES),
            order(kind=3),
        ],
        ids=["stock", "credit", "futures", "cancel"],
    )
    def test_gets_no_order_unless_both_sides_allow_it(
        self, gubun: str, request_: openapi_pb2.CallRequest
    ) -> None:
        allowed = Access(allow_real_orders=True)
        for settings, metadata, missing in [
            (Access(), None, "--allow-real-orders"),
            (Access(), YES, "--allow-real-orders"),
            (allowed, None, "allow_real_orders=True"),
            (allowed, [("koalab-allow-real-orders", "no")], "allow_real_orders=True"),
        ]:
            with broker(gubun, access=settings) as server:
                code, found = refused(server.stub.Call, request_, metadata=metadata)
                assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
                assert missing in found.message
                assert sent(server) == []
        with broker(gubun, access=allowed) as server:
            server.stub.Call(request_, metadata=YES)
            assert len(sent(server)) == 1

    def test_gets_everything_else_without_being_asked(self) -> None:
        with broker("0") as server:
            server.stub.Call(call("GetMasterCodeName", "005930"))
            server.stub.Call(call("SetRealReg", "0101", "005930", "10", "0"))

    def test_that_takes_the_place_of_모의투자_while_an_order_waits_does_not_get_it(self) -> None:
        with broker("1", limits=official()) as server:
            for _ in range(5):
                server.stub.Call(call("SendOrder", *ORDER))
            waiting = server.stub.Call.future(call("SendOrder", *ORDER))
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).queued == 1)
            server.control.GetLoginInfo = lambda _tag: ""  # type: ignore[method-assign]
            server.clock.advance(1.0)
            assert waiting.exception(10).code() is grpc.StatusCode.PERMISSION_DENIED
            assert len(sent(server)) == 5

    def test_does_not_get_orders_dressed_up_as_trs(self) -> None:
        with broker("0") as server:
            request = call("CommRqData", "주문", "KOA_NORMAL_BUY_KP_ORD", 0, "0101")
            code, found = refused(server.stub.Call, request)
            assert (code, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")
            assert "SendOrder" in found.message
            assert server.control.asked == []

    def test_is_told_of_in_the_status(self) -> None:
        with broker("0", access=Access(allow_real_orders=True, max_order_value=5_000_000)) as server:
            status = server.stub.Status(kernel_pb2.StatusRequest())
        assert (status.simulation, status.real_orders, status.max_order_value) == (False, True, 5_000_000)


def test_모의투자_gets_orders_without_being_asked() -> None:
    with broker("1") as server:
        server.stub.Call(call("SendOrder", *ORDER))
        assert len(sent(server)) == 1


def test_without_a_login_the_error_says_so() -> None:
    with canned_server({}, connected=False) as server:
        _, found = refused(server.stub.Call, call("SendOrder", *ORDER))
        assert found.kind == "NotConnected"
        assert sent(server) == []


class TestTheLimitOnSize:
    @given(st.integers(1, 3000), st.integers(1, 100_000), st.sampled_from(BUYING))
    def test_is_quantity_times_price(self, quantity: int, price: int, kind: int) -> None:
        server = self._server
        before = len(sent(server))
        if quantity * price <= 1_000_000:
            server.stub.Call(order(quantity, price, kind))
            assert len(sent(server)) == before + 1
        else:
            with pytest.raises(grpc.RpcError) as error:
                server.stub.Call(order(quantity, price, kind))
            assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "1,000,000" in problem(error.value).message
            assert len(sent(server)) == before

    @pytest.mark.parametrize("make", [order, credit])
    @pytest.mark.parametrize("quote", [*PRICED, *UNPRICED])
    def test_counts_each_거래구분_of_each_order_type_at_the_most_that_it_may_trade_at(
        self, make: Callable[..., openapi_pb2.CallRequest], quote: str
    ) -> None:
        """기준가 is 70,000, the upper limit 91,000, and the price in the request 1."""
        server = self._server
        for kind in (*BUYING, *SELLING):
            most = 10
            if quote in PRICED:
                most = 1_000_000 if kind in BUYING else 14  # 1, or 기준가
            server.stub.Call(make(most, 1, kind, quote))
            assert len(sent(server)) == 1
            for quantity in (most + 1, 0, -1):
                code, found = refused(server.stub.Call, make(quantity, 1, kind, quote))
                assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
            assert len(sent(server)) == 1
            server.control.calls.clear()
        for kind in CANCELLING:
            for quantity in (1_000_000, 0):
                server.stub.Call(make(quantity, 1, kind, quote))
        assert len(sent(server)) == 4

    def test_knows_every_거래구분_that_the_simulated_broker_has(self) -> None:
        table = Path(orders.__file__).parents[1] / "simulated" / "brokerage" / "data" / "order_quote.tsv"
        assert {row[0] for row in rows(table)} == {*PRICED, *UNPRICED}

    @pytest.mark.parametrize(("kind", "quote"), [(1, "99"), (1, " 03"), (1, ""), (0, "00"), (9, "00")])
    def test_refuses_quote_and_order_types_that_it_does_not_know(self, kind: int, quote: str) -> None:
        code, found = refused(self._server.stub.Call, order(1, 1, kind, quote))
        assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
        assert "--max-order-value" in found.message
        assert sent(self._server) == []

    @pytest.mark.parametrize(
        ("kind", "warning", "listed", "most"),
        [
            ("10", "0", "19750611", 10),
            ("8", "0", "20100222", 8),  # an ETF may be leveraged: 60 %
            ("0", "0", "20260921", 3),  # listed today: 300 %
            ("3", "0", "20260901", 0),  # ELW
            ("0", "2", "19750611", 0),  # 정리매매
            ("", "", "", 0),
        ],
    )
    def test_follows_the_daily_limit_of_the_issue(
        self, kind: str, warning: str, listed: str, most: int
    ) -> None:
        server = self._server
        says(server, GetStockMarketKind=kind, IsOrderWarningStock=warning)
        server.control.GetMasterListedStockDate = lambda _code: listed  # type: ignore[attr-defined]
        if most:
            server.stub.Call(order(most, 0, quote="03"))
        code, _ = refused(server.stub.Call, order(most + 1, 0, quote="03"))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert len(sent(server)) == bool(most)

    def test_asks_for_기준가_by_the_code_without_its_exchange(self) -> None:
        asked: list[str] = []
        self._server.control.GetMasterLastPrice = lambda code: asked.append(code) or "00070000"  # type: ignore[attr-defined,func-returns-value]
        self._server.stub.Call(order(10, 0, quote="03", code="005930_NX"))
        assert set(asked) == {"005930"}

    def test_holds_for_orders_with_their_events_too(self) -> None:
        request = openapi_pb2.OrderRequest(
            account_no="8000000011", order_type=1, code="005930", quantity=1000, price=1, quote_type="03"
        )
        code, _ = refused(self._server.stub.Order, request)
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert sent(self._server) == []

    @pytest.fixture(autouse=True)
    def _limited(self) -> Iterator[None]:
        with broker("1", access=Access(max_order_value=1_000_000)) as type(self)._server:
            yield

    _server: CannedServer

    def test_counts_an_order_without_a_price_at_the_days_highest(self) -> None:
        # 기준가 70,000: at 91,000 ten shares are 910,000 KRW and eleven 1,001,000.
        self._server.stub.Call(order(10, 0, quote="03"))
        code, found = refused(self._server.stub.Call, order(11, 0, quote="03"))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "130 %" in found.message
        assert len(sent(self._server)) == 1

    @pytest.mark.parametrize("price", [0, -70_000])
    def test_refuses_what_it_cannot_reckon(self, price: int) -> None:
        self._server.control.GetMasterLastPrice = lambda _code: ""  # type: ignore[attr-defined]
        code, found = refused(self._server.stub.Call, order(1, price, quote="03"))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "기준가" in found.message

    def test_is_not_gone_round_with_a_negative_quantity(self) -> None:
        code, _ = refused(self._server.stub.Call, order(-1000, 70_000))
        assert code is grpc.StatusCode.PERMISSION_DENIED

    def test_never_holds_up_a_cancellation(self) -> None:
        for kind in (3, 4):
            self._server.stub.Call(order(1_000_000, 70_000, kind))
        assert len(sent(self._server)) == 2

    def test_takes_no_derivatives_whose_worth_it_cannot_tell_but_their_cancellation(self) -> None:
        code, _ = refused(self._server.stub.Call, call("SendOrderFO", *FUTURES))
        assert code is grpc.StatusCode.PERMISSION_DENIED
        cancel = [3 if value == 1 and place == 4 else value for place, value in enumerate(FUTURES)]
        self._server.stub.Call(call("SendOrderFO", *cancel))
        assert len(sent(self._server)) == 1


class TestAnOrder:
    def test_is_read_from_the_call_that_sends_it(self) -> None:
        assert order_of("SendOrder", ORDER) == RequestedOrder(
            "8000000011", "buy", "005930", 10, 70_000.0, quote="00"
        )
        assert order_of("SendOrderFO", FUTURES) == RequestedOrder(
            "8000000031", "buy", "101V3000", 1, 285.05, derivative=True, quote="1"
        )
        assert order_in(call("SendOrderCredit", *CREDIT)) == RequestedOrder(
            "8000000011", "buy", "005930", 10, 70_000.0, quote="00"
        )
        assert order_of("GetMasterCodeName", ["005930"]) is None
        assert order_in(call("GetMasterCodeName", "005930")) is None

    def test_keeps_its_account_out_of_its_repr(self) -> None:
        assert "8000000011" not in repr(order_of("SendOrder", ORDER))

    @given(st.lists(st.one_of(st.text(max_size=5), st.integers(-5, 5)), max_size=12))
    def test_is_read_from_any_request_without_failing(self, arguments: list[str | int]) -> None:
        for name in ("SendOrder", "SendOrderFO", "SendOrderCredit"):
            order_in(call(name, *arguments))

    def test_is_known_in_every_function_that_sends_one(self) -> None:
        for name in reference.functions():
            known = order_of(name, [""] * len(reference.function(name).arguments)) is not None
            assert known == name.startswith("SendOrder")


class TestTheOptions:
    def read(self, *words: str) -> Access:
        parser = argparse.ArgumentParser()
        parser.add_argument("--host", default="127.0.0.1")
        access.add_options(parser)
        return access.from_options(parser.parse_args(words))

    def test_want_a_limit_said_for_real_orders(self) -> None:
        with pytest.raises(BadAccess, match="--max-order-value"):
            self.read("--allow-real-orders")
        found = self.read("--allow-real-orders", "--max-order-value", "5,000,000")
        assert (found.allow_real_orders, found.max_order_value) == (True, 5_000_000)
        assert self.read("--allow-real-orders", "--max-order-value", "unlimited").max_order_value is None

    @pytest.mark.parametrize("text", ["0", "-5", "much", "1.5", "5만"])
    def test_take_no_other_sum(self, text: str) -> None:
        with pytest.raises(SystemExit):
            self.read("--max-order-value", text)

    @pytest.mark.parametrize(
        "words", [["--tls-cert", "a"], ["--tls-key", "a"], ["--tls-client-ca", "a"], ["--max-streams", "0"]]
    )
    def test_that_do_not_go_together_are_refused(self, words: list[str]) -> None:
        with pytest.raises(BadAccess):
            self.read(*words)

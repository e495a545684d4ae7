"""Streams and what is called by KOAPY's clients, behind the door: rights, bounds, real orders, log and metrics."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kernel_server.failure import Failure
from kernel_server.observe.health import HealthSettings
from kernel_server.security import bounds, rights, tokens
from kernel_server.security.access import Access
from kernel_server.security.guard import Caller, Guard
from kernel_server.security.rights import TOKEN_RIGHTS, Right
from kernel_server.wire import kernel_pb2, koapy_pb2, openapi_pb2
from tests.kernel_server.observe.test_observe import lines, rpcs, scraped  # noqa: F401 - lines is a fixture
from tests.kernel_server.rpc.test_transactions import problem
from tests.kernel_server.security.test_access import Locked, bearer, call, refused
from tests.kernel_server.security.test_real_orders import YES, broker
from tests.support.canned_server import CannedServer, RequestQueue, calls, canned_server, fire, official
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until


def buy(quantity: int = 10, price: int = 70_000) -> openapi_pb2.OrderRequest:
    return openapi_pb2.OrderRequest(
        request_name="매수",
        screen_no="0101",
        account_no="8000000011",
        order_type=1,
        code="005930",
        quantity=quantity,
        price=price,
        quote_type="00",
    )


class TestAnOrderStream:
    def test_sends_nothing_to_a_real_server_unless_both_sides_allow_it(self) -> None:
        for access, metadata, missing in [
            (Access(), YES, "--allow-real-orders"),
            (Access(allow_real_orders=True), None, "allow_real_orders=True"),
        ]:
            with broker("0", access=access) as server, KoapyClient(server.address) as older:
                code, found = refused(server.stub.Order, buy(), metadata=metadata)
                assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
                assert missing in found.message
                with pytest.raises(grpc.RpcError) as error:
                    list(older.order(code="005930", quantity=10, price=70_000))
                assert problem(error.value).kind == "Forbidden"
                assert calls(server, "SendOrder") == []

    def test_reaches_it_with_both(self) -> None:
        with broker("0", access=Access(allow_real_orders=True)) as server:
            stream = server.stub.Order(buy(), metadata=YES)
            wait_until(lambda: len(calls(server, "SendOrder")) == 1)
            stream.cancel()

    def test_keeps_within_the_limit_on_size(self) -> None:
        with broker("1", access=Access(max_order_value=1_000_000)) as server:
            code, found = refused(server.stub.Order, buy(15, 70_000))
            assert code is grpc.StatusCode.PERMISSION_DENIED
            assert "1,050,000" in found.message
            assert calls(server, "SendOrder") == []

    def test_is_looked_at_again_when_its_turn_comes(self) -> None:
        with broker("1", limits=official()) as server:
            for _ in range(5):
                server.stub.Call(
                    call("SendOrder", "", "0101", "8000000011", 1, "005930", 1, 70_000, "00", "")
                )
            stream = server.stub.Order(buy())
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).queued == 1)
            server.control.GetLoginInfo = lambda _tag: ""  # type: ignore[method-assign]
            server.clock.advance(1.0)
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
            assert problem(error.value).kind == "Forbidden"
            assert len(calls(server, "SendOrder")) == 5

    def test_has_a_line_in_the_log_and_is_counted(self, lines: Any) -> None:  # noqa: F811 - the fixture
        with canned_server({}, metrics_port=0) as server:
            server.control.SendOrder = lambda *_: -307  # type: ignore[attr-defined]
            refused(server.stub.Order, buy())
            assert scraped(server)['koalab_orders_total{action="buy",code="-307"}'] == 1
        (line,) = rpcs(lines, "Kernel/Order")
        wanted = {"account": "80****11", "action": "buy", "code": "005930", "quantity": 10, "price": "70000"}
        assert wanted.items() <= line.items()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Locked]:
    file = tmp_path / "tokens.tsv"
    made = {name: tokens.add(file, name, right) for name, right in TOKEN_RIGHTS.items()}
    with canned_server({}, access=Access(tokens=file, refusal_delay=0.0)) as server:
        yield Locked(server, made)


class TestRights:
    def test_of_a_reader_reach_ticks_and_no_order(self, locked: Locked) -> None:
        asked = RequestQueue()
        asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10]))
        stream = locked.stub.Ticks(iter(asked), metadata=locked.read)
        wait_until(lambda: bool(calls(locked.server, "SetRealReg")))
        assert next(stream).carried_out == 1
        stream.cancel()
        asked.end()
        code, found = refused(locked.stub.Order, buy(), metadata=locked.read)
        assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")

    def test_that_were_taken_away_end_what_is_open(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens.tsv"
        made = {name: tokens.add(file, name, Right.READ) for name in ("gone", "kept")}
        access, watching = Access(tokens=file, refusal_delay=0.0), HealthSettings(every=0.02)
        with canned_server({}, access=access, health=watching) as server:
            asked, streams = {name: RequestQueue() for name in made}, {}
            for name, code in (("gone", "005930"), ("kept", "000660")):
                asked[name].put(kernel_pb2.TicksRequest(add=[code], fids=[10]))
                streams[name] = server.stub.Ticks(iter(asked[name]), metadata=bearer(made[name]))
                assert next(streams[name]).carried_out == 1
            tokens.remove(file, "gone")
            with pytest.raises(grpc.RpcError) as error:
                next(streams["gone"])
            assert (error.value.code(), problem(error.value).kind) == (
                grpc.StatusCode.UNAUTHENTICATED,
                "Forbidden",
            )
            wait_until(lambda: any(code == "005930" for _, code in calls(server, "SetRealRemove")))
            fire(server, "OnReceiveRealData", "000660", "주식체결", "\t".join(["1"] * 43))
            assert len(next(streams["kept"]).type) == 1
            for one in asked.values():
                one.end()

    def test_of_a_trader_reach_no_fault(self, locked: Locked) -> None:
        code, _ = refused(locked.stub.Fault, kernel_pb2.FaultRequest(), metadata=locked.trade)
        assert code is grpc.StatusCode.PERMISSION_DENIED

    @pytest.mark.parametrize("method", ["CustomListen", "CustomCallAndListen", "SetLogLevel"])
    def test_of_a_trader_reach_nothing_that_is_the_servers_own(self, locked: Locked, method: str) -> None:
        service = koapy_pb2.DESCRIPTOR.services_by_name["KiwoomOpenApiPlusService"]
        channel = grpc.insecure_channel(locked.server.address)
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(f"/{service.full_name}/{method}")(
                b"", timeout=HANGS_AFTER, metadata=locked.trade
            )
        channel.close()
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED

    def test_are_needed_for_the_function_inside_another_message(self, locked: Locked) -> None:
        request = openapi_pb2.CallAndListenRequest(call_request=call("SendOrder", *[""] * 9))
        with pytest.raises(Failure, match="SendOrder"):
            Guard(None).check(Caller("reader", Right.READ), request)

    def test_to_log_in_are_needed_only_where_no_login_exists(self, locked: Locked) -> None:
        locked.stub.Call(call("EnsureConnected"), metadata=locked.read)
        locked.server.control._connected = False
        code, _ = refused(locked.stub.Call, call("EnsureConnected"), metadata=locked.read)
        assert code is grpc.StatusCode.PERMISSION_DENIED
        locked.stub.Call(call("EnsureConnected"), metadata=locked.admin)
        assert locked.server.control.GetConnectState() == 1

    def test_are_known_for_every_convenience(self) -> None:
        from kernel_server.rpc.conveniences import _TABLE

        assert {(name, "") for name in _TABLE} <= rights.functions().keys()


class TestARequestInAStream:
    def test_with_too_many_codes_ends_it_with_the_field(self) -> None:
        with canned_server({}) as server:
            asked = RequestQueue()
            asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10]))
            stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
            assert next(stream).carried_out == 1
            asked.put(kernel_pb2.TicksRequest(remove=["000660"] * 10_001))
            with pytest.raises(grpc.RpcError) as error:
                list(stream)
            asked.end()
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "remove" in problem(error.value).message

    def test_with_the_clients_program_may_be_longer_than_a_name(self) -> None:
        bounds.check(openapi_pb2.ListenRequest(code="#" * 100_000))
        with pytest.raises(Exception, match="letters"):
            bounds.check(openapi_pb2.ListenRequest(class_name="x" * 100_000))


def test_events_that_a_slow_reader_loses_are_counted() -> None:
    with canned_server({}, metrics_port=0) as server:
        asked = RequestQueue()
        asked.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10], capacity=10))
        stream = server.stub.Ticks(iter(asked), timeout=HANGS_AFTER)
        assert next(stream).carried_out == 1
        lost = 0
        for number in itertools.count():
            _flood(server, number)
            lost += next(stream).dropped
            if lost:
                break
        wait_until(lambda: scraped(server).get("koalab_events_dropped_total", 0) >= lost)
        assert scraped(server)['koalab_events_total{event="OnReceiveRealData"}'] >= 200
        stream.cancel()
        asked.end()


def _flood(server: CannedServer, number: int) -> None:
    def all_at_once() -> None:
        for count in range(200):
            server.control.fire("OnReceiveRealData", "005930", "주식체결", f"09000{number}\t{count}")

    server.thread.post(all_at_once).result(HANGS_AFTER)


@pytest.mark.parametrize("name", ["koapy", "koapy.backend.kiwoom_open_api_plus", " koapy.grpc "])
def test_the_loggers_of_koapys_server_are_the_servers_own(name: str) -> None:
    own = logging.getLogger("kernel_server")
    before = own.level
    try:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            client.set_log_level(logging.ERROR, name)
            assert own.level == logging.ERROR
    finally:
        own.setLevel(before)


def test_a_log_level_that_cannot_be_is_refused() -> None:
    with canned_server({}) as server, KoapyClient(server.address) as client:
        with pytest.raises(grpc.RpcError) as error:
            client.set_log_level(10, "somebody.elses")
        assert problem(error.value).kind == "BadInput"
        fire(server, "OnReceiveMsg", "", "", "", "")

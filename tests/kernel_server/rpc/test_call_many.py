"""CallMany: bounded work and a bounded answer, in turns with other work, and only while its caller waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kernel_server.rpc import call as call_rpc
from kernel_server.wire import kernel_pb2
from tests.kernel_server.security.test_access import call, refused
from tests.support.canned_server import CannedServer, canned_server
from tests.support.waiting import HANGS_AFTER, wait_until


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with canned_server({}) as running:
        yield running


def many(count: int, name: str = "GetMasterCodeName") -> kernel_pb2.CallManyRequest:
    return kernel_pb2.CallManyRequest(calls=[call(name, str(number)) for number in range(count)])


def health(server: CannedServer) -> None:
    """An RPC that needs no control thread."""
    with grpc.insecure_channel(server.address) as channel:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=HANGS_AFTER)


def test_others_get_their_turn_in_between(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_rpc, "MANY_TURN", 0.0)
    order: list[str] = []
    began = threading.Event()

    def name_of(code: str) -> str:
        order.append(code)
        if code == "0":
            began.set()
            wait_until(lambda: server.thread._work.qsize() > 0)
        return code

    server.control.GetMasterCodeName = name_of  # type: ignore[attr-defined]
    asked = server.stub.CallMany.future(many(100))
    assert began.wait(HANGS_AFTER)
    server.stub.Call(call("GetMasterCodeName", "other"), timeout=HANGS_AFTER)
    assert [value.string_value for value in asked.result(HANGS_AFTER).return_values] == [
        str(n) for n in range(100)
    ]
    assert order.index("other") == 1


def test_it_stops_when_its_caller_has_gone(server: CannedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_rpc, "MANY_TURN", 0.0)
    made: list[str] = []
    began, over = threading.Event(), threading.Event()

    def name_of(code: str) -> str:
        made.append(code)
        began.set()
        over.wait(HANGS_AFTER)
        return code

    server.control.GetMasterCodeName = name_of  # type: ignore[attr-defined]
    asked = server.stub.CallMany.future(many(100))
    assert began.wait(HANGS_AFTER)
    asked.cancel()
    health(server)
    over.set()
    server.stub.Call(call("GetConnectState"), timeout=HANGS_AFTER)
    server.stub.Call(call("GetConnectState"), timeout=HANGS_AFTER)
    assert made == ["0"]


def test_its_answer_has_a_bound(server: CannedServer) -> None:
    made: list[str] = []
    server.control.GetCodeListByMarket = lambda market: made.append(market) or "가" * 2**20  # type: ignore[attr-defined,func-returns-value]
    code, found = refused(server.stub.CallMany, many(100, "GetCodeListByMarket"))
    assert (code, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")
    assert "bytes" in found.message
    assert len(made) == 3


def test_so_many_calls_go_into_one_and_no_more(server: CannedServer) -> None:
    assert len(server.stub.CallMany(many(20_000), timeout=HANGS_AFTER).return_values) == 20_000
    code, found = refused(server.stub.CallMany, many(20_001))
    assert (code, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")


def test_one_client_has_so_many_open_and_no_more(server: CannedServer) -> None:
    over = threading.Event()
    server.control.GetMasterCodeName = lambda _code: over.wait(HANGS_AFTER) and ""  # type: ignore[attr-defined]
    asked: list[Any] = [server.stub.CallMany.future(many(1)) for _ in range(call_rpc.MANY_OF_A_CLIENT + 1)]
    # Any of them may be the last to arrive: they are sent while the connection is made.
    wait_until(lambda: any(one.done() for one in asked))
    over.set()
    codes = [one.code() for one in asked]
    assert codes.count(grpc.StatusCode.OK) == call_rpc.MANY_OF_A_CLIENT
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 1
    assert len(server.stub.CallMany(many(1), timeout=HANGS_AFTER).return_values) == 1

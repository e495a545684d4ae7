"""Every function by Call, wrong calls, and many calls in one message."""

from __future__ import annotations

import grpc
import pytest

from kernel_server import reference
from kernel_server.control.seam import Scalar
from kernel_server.wire import kernel_pb2, openapi_pb2
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER

SESSION = {"CommConnect", "CommTerminate"}
"""Functions that begin and end the session."""

USUAL = {"sScreenNo": "0101", "strScreenNo": "0101", "sScnNo": "0101", "nPrevNext": 0}
"""Arguments that are no code of an issue and no 1."""

WRONG: list[tuple[str, list[str | int]]] = [
    ("GetNothing", []),
    ("getmastercodename", ["005930"]),
    ("GetMasterCodeName", []),
    ("GetMasterCodeName", ["005930", "000660"]),
    ("GetMasterCodeName", [5930]),
    ("GetFutureCodeByIndex", ["first"]),
    ("GetFutureCodeByIndex", [2**31]),
    ("GetFutureCodeByIndex", [-(2**31) - 1]),
    ("CommRqData", ["이름", "opt00000", 0, "0101"]),
    ("CommRqData", ["이름", "opt10001", 0, "abcd"]),
    ("SetRealReg", ["0101", "005930", "10", "2"]),
    ("SendOrder", ["주문", "0101", "123", 1, "005930", 1, 0, "03", ""]),
]

TEXTS = ["", " ", "삼성전자", "뷁꿹", "한" * 3000, "a;b^c\td|e", "🙂 漢字", "\\Z:\\", "QString", "0"]


def outcome(client: KoapyClient, name: str, *arguments: str | int) -> str:
    try:
        return repr(client.call(name, *arguments))
    except grpc.RpcError as error:
        return f"{error.code()}: {error.details()}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(set(reference.functions()) - SESSION))
def test_a_function_gives_the_same(client: KoapyClient, said: Transcript, name: str) -> None:
    defaults: dict[str, Scalar] = {"str": "005930", "int": 1}
    arguments = [USUAL.get(argument, defaults[kind]) for argument, kind in reference.function(name).arguments]
    said.line(outcome(client, name, *arguments))


@pytest.mark.parametrize(("name", "arguments"), WRONG)
def test_a_wrong_call_is_refused_with_the_reason(
    client: KoapyClient, said: Transcript, name: str, arguments: list[str | int]
) -> None:
    said.line(outcome(client, name, *arguments))


@pytest.mark.parametrize("text", TEXTS, ids=[f"{number}" for number in range(len(TEXTS))])
def test_any_text_arrives_whole(client: KoapyClient, said: Transcript, text: str) -> None:
    said.line(outcome(client, "GetMasterCodeName", text))
    client.call("SetInputValue", "종목코드", text)
    said.line(outcome(client, "CommRqData", text or "이름", "opt10001", 0, "0101"))


@pytest.mark.parametrize("market", ["0", "10", "8", "3", "50", "4", "5", "6", "9", "30", "nothing"])
def test_codes_of_a_market_are_all_there(client: KoapyClient, said: Transcript, market: str) -> None:
    said.line(client.call("GetCodeListByMarket", market))


def test_many_calls_in_one_message_keep_their_order(
    host: Host, client: KoapyClient, said: Transcript
) -> None:
    codes = str(client.call("GetCodeListByMarket", "0")).split(";")[:300]
    calls = [
        openapi_pb2.CallRequest(name=name, arguments=[openapi_pb2.Argument(string_value=code)])
        for code in codes
        for name in ("GetMasterCodeName", "GetMasterListedStockCnt", "GetMasterStockState")
    ]
    with grpc.insecure_channel(host.address) as channel:
        stub = kernel(channel)
        answer = stub.CallMany(kernel_pb2.CallManyRequest(calls=calls), timeout=HANGS_AFTER)
    assert len(answer.return_values) == len(calls)
    said.message(answer)


def test_a_wrong_call_among_many_is_named(host: Host, client: KoapyClient, said: Transcript) -> None:
    calls = [openapi_pb2.CallRequest(name="GetConnectState"), openapi_pb2.CallRequest(name="GetNothing")]
    with grpc.insecure_channel(host.address) as channel, pytest.raises(grpc.RpcError) as error:
        kernel(channel).CallMany(kernel_pb2.CallManyRequest(calls=calls), timeout=HANGS_AFTER)
    said.error(error.value)
    assert "GetNothing" in error.value.details()  # type: ignore[attr-defined]


def test_the_state_of_the_server(host: Host, client: KoapyClient, said: Transcript) -> None:
    with grpc.insecure_channel(host.address) as channel:
        stub = kernel(channel)
        status = stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
    assert status.connected
    assert status.simulation
    status.ClearField("quotas")  # how many calls the tests before have used, in real seconds
    said.message(status)

"""TRs: single and multiple blocks, pages, stop conditions, and what is wrong with a request."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kernel_server.wire import kernel_pb2, openapi_pb2
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER

DAILY = {"종목코드": "005930", "기준일자": "20261126", "수정주가구분": "1"}
QUOTES: list[tuple[str, dict[str, str]]] = [
    ("opt10001", {"종목코드": "005930"}),
    ("opt10001", {"종목코드": "없음"}),
    ("opt10003", {"종목코드": "005930"}),
    ("opt10004", {"종목코드": "005930"}),
    ("opt10007", {"종목코드": "005930"}),
    (
        "opt10059",
        {"일자": "20261126", "종목코드": "005930", "금액수량구분": "1", "매매구분": "0", "단위구분": "1"},
    ),
    ("opt10080", {"종목코드": "005930", "틱범위": "1", "수정주가구분": "1"}),
    ("opt20006", {"업종코드": "001", "기준일자": "20261126"}),
    ("optkwfid", {}),
    ("opw00001", {"계좌번호": "8000000011", "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "2"}),
    ("opw00018", {"계좌번호": "8000000011", "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "1"}),
]
STOPS = [(comparator, "20261103") for comparator in range(6)]


def pages(host: Host, request: Any, said: Transcript) -> list[int]:
    """Records the pages of a request, or its failure; the numbers of their rows."""
    rows = []
    with grpc.insecure_channel(host.address) as channel:
        try:
            for page in kernel(channel).Pages(request, timeout=HANGS_AFTER):
                if not page.HasField("waiting"):
                    said.message(page)
                    rows.append(page.rows)
        except grpc.RpcError as error:
            said.error(error)
    return rows


@pytest.mark.parametrize(("code", "inputs"), QUOTES)
def test_the_first_page_arrives_whole(
    host: Host, client: KoapyClient, said: Transcript, code: str, inputs: dict[str, str]
) -> None:
    request = kernel_pb2.PagesRequest(transaction_code=code, inputs=inputs, max_pages=1)
    pages(host, request, said)
    assert said.lines


def test_pages_follow_one_another_to_the_last(host: Host, client: KoapyClient, said: Transcript) -> None:
    request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY, max_pages=3)
    assert pages(host, request, said) == [600, 600, 600]


def test_koapys_call_reads_the_same_pages(client: KoapyClient, said: Transcript) -> None:
    answers = list(client.transaction("opt10081", DAILY, stop=("일자", "20220103", 1)))
    for answer in answers:
        said.message(answer)
    assert len(answers) > 1


@pytest.mark.parametrize(("comparator", "value"), STOPS)
def test_a_stop_condition_cuts_the_page(
    host: Host, client: KoapyClient, said: Transcript, comparator: int, value: str
) -> None:
    stop = openapi_pb2.TransactionStopCondition(
        name="일자",
        value=value,
        comparator=comparator,  # type: ignore[arg-type]
    )
    request = kernel_pb2.PagesRequest(
        transaction_code="opt10081", inputs=DAILY, stop_condition=stop, max_pages=1
    )
    pages(host, request, said)


@pytest.mark.parametrize(
    ("code", "inputs", "more"),
    [
        ("opt00000", {}, {}),
        ("opt10081", {"종목코드": "005930"}, {}),
        ("opt10081", {**DAILY, "없는입력": "1"}, {}),
        (
            "opt10081",
            DAILY,
            {"stop_condition": openapi_pb2.TransactionStopCondition(name="없는필드", value="1")},
        ),
    ],
)
def test_a_wrong_request_ends_in_the_same_way(
    host: Host, client: KoapyClient, said: Transcript, code: str, inputs: dict[str, str], more: dict[str, Any]
) -> None:
    pages(host, kernel_pb2.PagesRequest(transaction_code=code, inputs=inputs, max_pages=1, **more), said)
    assert said.lines


def test_a_request_by_calls_is_heard_and_read(client: KoapyClient, said: Transcript) -> None:
    stream = client.listen("OnReceiveTrData", "OnReceiveMsg")
    stream.initial_metadata()
    client.call("SetInputValue", "종목코드", "000660")
    said.line(client.call("CommRqData", "한글 이름", "opt10001", 0, "0777"))
    for event in stream:
        said.message(event)
        if event.name == "OnReceiveTrData":
            break
    stream.cancel()
    codes = ["005930", "000660", "035420"]
    stream = client.listen("OnReceiveTrData")
    stream.initial_metadata()
    said.line(client.call("CommKwRqData", ";".join(codes), 0, len(codes), 0, "관심", "0778"))
    said.message(next(stream))
    stream.cancel()

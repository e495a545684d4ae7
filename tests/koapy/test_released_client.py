"""KOAPY 0.9.0's released client, unmodified, against our server: everything it has, and its README from top to bottom.

It runs in an environment of its own (``make test-koapy``): KOAPY needs Python 3.10 and libraries of its time.
"""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import grpc
import pytest
import stand_in

stand_in.install()

from koapy import KiwoomOpenApiPlusEntrypoint  # noqa: E402
from koapy.config import config  # noqa: E402

# It looks for a 32-bit Python before it looks whether a server is there already, and starts it only if not.
config.put("koapy.python.executable.32bit", sys.executable)

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("KOALAB_SERVER_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
# The middle of a session, and no wait for the hour's limit: the clock goes twenty times as fast.
CLOCK = "fast:20@2026-11-18T09:30"
SIMULATED = [
    "kernel_server",
    "--control",
    "simulated",
    "--port",
    "0",
    "--clock",
    CLOCK,
    "--parent",
    str(os.getpid()),
]
OCX = ["tests.ocx.serve", CLOCK]
SERVER = [PYTHON, "-m", *(OCX if os.environ.get("KOALAB_CONFORMANCE") == "ocx" else SIMULATED)]
"""The server: over the simulated control, or the OCX host under Wine (``make test-ocx``)."""
HANGS_AFTER = 120.0
"""Seconds after which what is waited for hangs."""


@pytest.fixture
def port() -> Iterator[int]:
    with subprocess.Popen(SERVER, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["listening"].rpartition(":")[2])
        process.stdin.close()
        process.wait(3 * HANGS_AFTER)  # of which the OCX host and its broker may take one each


@pytest.fixture
def client(port: int) -> Iterator[Any]:
    with KiwoomOpenApiPlusEntrypoint(port=port) as client:
        client.EnsureConnected()
        yield client


def events(stream: Any, count: int, seconds: float = HANGS_AFTER) -> list[Any]:
    """That many events of a stream that does not end by itself."""
    timer = threading.Timer(seconds, stream.cancel)
    timer.start()
    found = []
    try:
        for event in stream:
            found.append(event)
            if len(found) == count:
                return found
        return found
    finally:
        timer.cancel()
        stream.cancel()


def watched(stream: Any, enough: Callable[[Any], bool]) -> Iterator[Any]:
    """The events of a stream that does not end by itself, until two seconds after the one that is waited for."""
    end, hangs = (threading.Timer(seconds, stream.cancel) for seconds in (2, HANGS_AFTER))
    hangs.start()
    try:
        for event in stream:
            if enough(event) and end.ident is None:
                end.start()
            yield event
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.CANCELLED:
            raise
    finally:
        end.cancel()
        hangs.cancel()


def lists_codes(event: Any) -> bool:
    return bool(event.name == "OnReceiveTrCondition")


def has_price(event: Any) -> bool:
    return "현재가" in event.single_data.names


def readme() -> list[doctest.Example]:
    """The examples of the README that came with the release, in order."""
    [file] = [file for file in distribution("koapy").files or () if file.name == "README.rst"]
    text = Path(str(file.locate())).read_text(encoding="utf-8")
    return doctest.DocTestParser().get_examples(text)


def test_the_readme_runs_from_top_to_bottom(port: int) -> None:
    """Its account is the author's, and it watches a condition and a price for ten seconds each, in which a busy machine
    may show nothing; the rest is taken word for word."""
    examples = readme()
    assert len(examples) > 60
    known: dict[str, Any] = {"watched": watched, "lists_codes": lists_codes, "has_price": has_price}
    waited_for = iter(["lists_codes", "has_price"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every stream that it cancels
        for example in examples:
            source = example.source.replace('account_no = "8014526011"', "account_no = first_account_no")
            if "in cancel_after(stream, 10)" in source:
                source = source.replace("cancel_after(stream, 10)", f"watched(stream, {next(waited_for)})")
            source = source.replace(
                "KiwoomOpenApiPlusEntrypoint()", f"KiwoomOpenApiPlusEntrypoint(port={port})"
            )
            exec(compile(source, f"README.rst:{example.lineno}", "exec"), known)
    assert list(waited_for) == []
    assert known["code_by_name"]["삼성전자"] == "005930"
    assert known["info"]["종목명"] == "삼성전자"
    assert len(known["code_list_info"]) == len(known["name_list"])
    assert len(known["chart_data"]) > 2_000
    assert set(known["condition_met_code_list"])
    assert (known["orders_filled"], known["orders_left"], known["stocks"]) == ("1", "0", "1")
    assert known["current_price"].lstrip("+-").isdigit()


def test_every_loader_of_the_client_answers(client: Any) -> None:
    account, code, days = (
        client.GetAccountList()[0],
        "005930",
        {"start_date": "20261117", "end_date": "20261101"},
    )
    assert client.GetStockBasicInfoAsSeries(code)["종목명"] == "삼성전자"
    assert client.GetStockQuoteInfoAsDataFrame(["005930", "000660"])["종목명"].tolist()[0] == "삼성전자"
    assert len(client.GetTickStockDataAsDataFrame(code, 30, "20261118093000", "20261118090000"))
    assert len(client.GetMinuteStockDataAsDataFrame(code, 5, "20261118093000", "20261117090000"))
    for period in ("Daily", "Weekly", "Monthly", "Yearly"):
        frame = getattr(client, f"Get{period}StockDataAsDataFrame")(code, **days)
        assert len(frame) == {"Daily": 12, "Weekly": 3}.get(period, len(frame))
    assert int(client.GetDepositInfo(account)["예수금"]) > 0
    assert len(client.GetStockQuotes(code))
    assert client.GetMarketPriceInfo(code)["종목명"] == "삼성전자"
    for number in (1, 2, 3):
        getattr(client, f"GetOrderLogAsDataFrame{number}")(account)
    client.GetAccountRateOfReturnAsDataFrame(account)
    for report in ("EvaluationStatus", "ExecutionBalance", "EvaluationBalance"):
        single, _multi = getattr(client, f"GetAccount{report}AsSeriesAndDataFrame")(account)
        assert len(single)


def test_orders_are_bought_modified_and_cancelled(client: Any) -> None:
    account = client.GetAccountList()[0]
    low = abs(int(client.GetStockBasicInfoAsDict("005930")["하한가"]))
    bought = list(client.OrderCall("매수", "0001", account, 1, "005930", 3, 0, "03"))
    statuses = [
        dict(zip(one.single_data.names, one.single_data.values, strict=True)).get("주문상태")
        for one in bought
    ]
    assert "접수" in statuses
    assert "체결" in statuses
    waiting = client.OrderCall("매수", "0001", account, 1, "005930", 3, low, "00")
    number = next(one.single_data.values[0] for one in waiting if one.name == "OnReceiveTrData")
    waiting.cancel()
    list(client.OrderCall("취소", "0001", account, 3, "005930", 3, 0, "00", number))
    held = client.GetAccountEvaluationBalanceAsSeriesAndDataFrame(account)[1]
    assert held["보유수량"].astype(int).tolist() == [3]
    left = client.GetOrderLogAsDataFrame1(account)
    assert number not in set(left["주문번호"][left["미체결수량"].astype(int) > 0])


def test_handlers_read_the_event_that_they_are_given(client: Any) -> None:
    prices: list[tuple[str, str]] = []
    answers: list[tuple[str, str]] = []
    heard, answered = threading.Event(), threading.Event()

    def on_real(code: str, kind: str, _data: str) -> None:
        if kind == "주식체결":
            prices.append((code, client.GetCommRealData(code, 10)))
            heard.set()

    def on_tr(_screen: str, request: str, tr: str, *_rest: Any) -> None:
        answers.append((request, client.GetCommData(tr, request, 0, "종목명").strip()))
        answered.set()

    client.OnReceiveRealData.connect(on_real)
    client.OnReceiveTrData.connect(on_tr)
    client.SetRealReg("0150", "005930", "10;20", "0")
    client.SetInputValue("종목코드", "005930")
    assert client.CommRqData("기본", "opt10001", 0, "0101") == 0
    assert heard.wait(HANGS_AFTER)
    assert answered.wait(HANGS_AFTER)
    seen = list(prices)  # an event that is handled while its handler is disconnected cannot be read any more
    client.OnReceiveRealData.disconnect(on_real)
    client.OnReceiveTrData.disconnect(on_tr)
    client.SetRealRemove("ALL", "ALL")
    assert answers == [("기본", "삼성전자")]
    assert all(code == "005930" and price.lstrip("+-").isdigit() for code, price in seen)


def test_twenty_streams_at_once_leave_calls_answered(client: Any) -> None:
    """Its own server has eight threads and gives a stream one for as long as it lasts."""
    codes = client.GetCodeListByMarketAsList("0")[:20]
    streams = [client.GetRealDataForCodesAsStream([code], infer_fids=True) for code in codes]
    busy = client.GetRealDataForCodesAsStream(["005930", "000660"], infer_fids=True, readable_names=True)
    for code in codes:
        assert client.GetMasterCodeName(code)
    assert {event.name for event in events(busy, 20)} == {"OnReceiveRealData"}
    for stream in streams:
        stream.cancel()
    assert client.GetConnectState() == 1

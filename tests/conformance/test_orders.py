"""Orders from sent to filled, changed, cancelled and refused, and the streams that follow them."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kernel_server.wire import kernel_pb2
from tests.conformance.broker import Broker
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import HANGS_AFTER

BROKER = {"deposit": 1_000_000_000}
CODE = "005930"
BUY, SELL, CANCEL_BUY, MODIFY_BUY = 1, 2, 3, 5


def number_of(event: Any) -> str:
    return str(event.single_data.values[0])


def started(client: KoapyClient, said: Transcript, **fields: Any) -> tuple[Any, str]:
    """An order's stream after its number, and the number."""
    stream = client.order(code=CODE, **fields)
    for event in stream:
        said.message(event)
        if event.name == "OnReceiveTrData":
            return stream, number_of(event)
    raise AssertionError("the order got no number")


def far_below(client: KoapyClient) -> int:
    """A price at which a buy order waits."""
    return int(str(client.call("GetMasterLastPrice", CODE))) * 8 // 10 // 1000 * 1000


def test_a_market_order_is_followed_to_its_balance(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    stream, _ = started(client, said, quantity=3, quote_type="03", request_name="매수 주문")
    broker.advance(10)
    rest = list(stream)
    for event in rest:
        said.message(event)
    assert {event.name for event in rest} == {"OnReceiveChejanData"}


def test_what_was_bought_is_sold(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    stream, _ = started(client, said, quantity=2, quote_type="03", order_type=SELL)
    broker.advance(10)
    for event in stream:
        said.message(event)


def test_a_waiting_order_is_modified_and_cancelled(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    price = far_below(client)
    first, number = started(client, said, quantity=5, price=price)
    broker.advance(1)
    change, changed = started(
        client, said, quantity=5, price=price - 1000, order_type=MODIFY_BUY, original_order_no=number
    )
    broker.advance(1)
    end, _ = started(client, said, quantity=5, price=0, order_type=CANCEL_BUY, original_order_no=changed)
    broker.advance(1)
    for stream in (first, change, end):
        for event in stream:
            said.message(event)
        said.line("over")


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": 1_000_000, "quote_type": "03"},
        {"quantity": 1, "price": 12_345_678},
        {"quantity": 1, "price": 1000, "quote_type": "99"},
        {"quantity": 0, "quote_type": "03"},
        {"quantity": 1, "quote_type": "03", "account_no": "1234567890"},
        {"quantity": 1, "quote_type": "03", "order_type": 9},
        {"quantity": 500, "quote_type": "03", "order_type": SELL},
        {"quantity": 1, "price": 0, "order_type": CANCEL_BUY, "original_order_no": "9999999"},
    ],
)
def test_an_order_is_refused_with_the_reason(
    client: KoapyClient, broker: Broker, said: Transcript, fields: dict[str, Any]
) -> None:
    stream = client.order(code=CODE, timeout=HANGS_AFTER, **fields)
    try:
        for event in stream:
            said.message(event)
    except grpc.RpcError as error:
        said.error(error)
    assert said.lines


def test_both_streams_of_orders_hear_of_it(
    host: Host, client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    heard = client.order_listen()
    heard.initial_metadata()
    with grpc.insecure_channel(host.address) as channel:
        stub = kernel(channel)
        chejan = stub.Chejan(kernel_pb2.ChejanRequest(), timeout=HANGS_AFTER)
        next(chejan)
        stream, _ = started(client, said, quantity=1, quote_type="03")
        broker.advance(10)
        for event in stream:
            said.message(event)
        events: list[Any] = []
        for batch in chejan:
            events.extend(batch.events)
            if events and events[-1].kind == "1":
                break
        chejan.cancel()
    for event in events:
        said.message(event)
    for event in heard:
        said.message(event)
        if event.name == "OnReceiveChejanData" and plain(event.arguments)[0] == "1":
            break
    heard.cancel()


def test_the_account_lists_show_it_all(client: KoapyClient, said: Transcript) -> None:
    account = {"계좌번호": "8000000011", "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "1"}
    orders = {
        "계좌번호": "8000000011",
        "전체종목구분": "0",
        "매매구분": "0",
        "종목코드": "",
        "체결구분": "0",
    }
    for code, inputs in (("opw00018", account), ("opt10075", orders)):
        for answer in client.transaction(code, inputs):
            said.message(answer)

"""Streams of events, acknowledged or not, and what is refused unless it is switched on."""

from __future__ import annotations

import grpc
import pytest

from tests.conformance.broker import Broker
from tests.conformance.transcript import Transcript
from tests.support.canned_server import RequestQueue
from tests.support.koapy_client import KoapyClient, message


def test_an_event_is_read_until_it_is_acknowledged(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    requests = RequestQueue()
    asked = message("BidirectionalListenRequest")
    requests.put(asked(listen_request={"slots": ["OnReceiveTrData"]}))
    stream = client.bidirectional_listen(iter(requests))
    stream.initial_metadata()
    client.call("SetInputValue", "종목코드", "005930")
    client.call("CommRqData", "기본", "opt10001", 0, "0101")
    said.message(next(stream))
    said.line(client.call("GetCommData", "opt10001", "", 0, "종목명"))
    said.line(client.call("GetRepeatCnt", "opt10001", ""))
    requests.put(asked(handled_request={}))
    requests.put(asked(stop_listen_request={}))
    requests.end()
    assert list(stream) == []


@pytest.mark.parametrize("slots", [(), ("OnReceiveNothing",), ("OnReceiveMsg", "onreceivemsg")])
def test_unknown_events_are_refused(client: KoapyClient, said: Transcript, slots: tuple[str, ...]) -> None:
    with pytest.raises(grpc.RpcError) as error:
        next(client.listen(*slots))
    said.error(error.value)


def test_code_of_a_client_is_not_run(client: KoapyClient, said: Transcript) -> None:
    for stream in (
        client.custom_listen("class A: pass", "A"),
        client.custom_call_and_listen("GetConnectState", code="class A: pass", class_name="A"),
    ):
        with pytest.raises(grpc.RpcError) as error:
            next(stream)
        said.error(error.value)


@pytest.mark.parametrize(
    ("level", "logger"), [(30, ""), (30, "kernel_server.rpc"), (5, ""), (30, "nothing.here")]
)
def test_the_log_level_can_be_set(client: KoapyClient, said: Transcript, level: int, logger: str) -> None:
    try:
        client.set_log_level(level, logger)
        said.line("set")
    except grpc.RpcError as error:
        said.error(error)

"""Real-time events: by RealCall, Ticks and BidirectionalRealCall, of a few issues and of many."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest

from kernel_server.wire import ORIGIN_KEY, kernel_pb2
from tests.conformance.broker import Broker
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.canned_server import RequestQueue
from tests.support.koapy_client import KoapyClient, message, plain
from tests.support.waiting import HANGS_AFTER, wait_until


def taken(stream: Any, count: int) -> list[Any]:
    return [next(stream) for _ in range(count)]


def test_events_arrive_with_their_fields(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    stream = client.real(["005930", "000660"], [20, 10, 15, 41], infer_fids=True, readable_names=True)
    stream.initial_metadata()
    broker.advance(30)
    events = taken(stream, 40)
    stream.cancel()
    for event in events:
        said.message(event)
    assert {plain(event.arguments)[1] for event in events} >= {"주식체결", "주식호가잔량"}


def test_the_fids_asked_for_are_read_one_by_one(
    client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    stream = client.real(["005930"], [20, 10, 15, 228])
    stream.initial_metadata()
    broker.advance(30)
    for event in taken(stream, 10):
        said.message(event)
    stream.cancel()


def test_of_a_hundred_issues_none_is_lost_or_out_of_order(
    host: Host, client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    codes = str(client.call("GetCodeListByMarket", "0")).split(";")[:100]
    requests = RequestQueue()
    with grpc.insecure_channel(host.address) as channel:
        stub = kernel(channel)
        stream = stub.Ticks(iter(requests), timeout=HANGS_AFTER)
        requests.put(kernel_pb2.TicksRequest(add=codes, fids=[10, 41], capacity=1_000_000))
        for batch in stream:
            if batch.carried_out:
                break
        broker.advance(10)
        broker.fault("cut")  # what says so comes behind all that was fired
        for batch in stream:
            assert not batch.dropped
            if batch.type:
                data = batch.data.split("\n")
                for place, (code, kind) in enumerate(zip(batch.code, batch.type, strict=True)):
                    said.line(f"{batch.codes[code]} {batch.types[kind]} {data[place]}")
            if batch.HasField("connected") and not batch.connected:
                break
        stream.cancel()
        requests.end()
    assert len(said.lines) > 1000
    wait_until(lambda: client.call("GetConnectState") == 1)


@pytest.mark.parametrize(
    ("codes", "fids"), [([], [10]), (["005930"], []), (["없음"], [10]), (["005930"], [9999])]
)
def test_a_wrong_registration_is_refused_with_the_reason(
    client: KoapyClient, said: Transcript, codes: list[str], fids: list[int]
) -> None:
    stream = client.real(codes, fids)
    try:
        if ORIGIN_KEY not in dict(stream.initial_metadata()):  # which a refusal has not
            next(stream)
        said.line("accepted")
    except grpc.RpcError as error:
        said.error(error)
    finally:
        stream.cancel()


# The last one: how far it moves the time on depends on the pace of the threads.
def test_codes_come_and_go(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    def asked(**fields: Any) -> Any:
        return message("BidirectionalRealRequest")(**fields)

    requests = RequestQueue()
    requests.put(asked(initialize_request={"fid_list": [10]}))
    requests.put(asked(register_request={"code_list": ["005930"]}))
    stream = client.bidirectional_real(iter(requests))
    requests.put(asked(register_request={"code_list": ["000660"]}))
    seen: set[str] = set()
    reader = threading.Thread(
        target=lambda: seen.update(str(plain(event.arguments)[0]) for event in stream), daemon=True
    )
    reader.start()

    def both() -> bool:
        """Whether both codes have been heard of; which event is the first after a registration is a matter of time."""
        broker.advance(1)
        return len(seen) == 2

    wait_until(both)
    said.line(sorted(seen))
    requests.put(asked(stop_request={}))
    requests.end()
    reader.join(HANGS_AFTER)
    assert not reader.is_alive()

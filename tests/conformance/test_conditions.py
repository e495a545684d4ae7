"""Conditions: their list, a search, a live one, and wrong ones."""

from __future__ import annotations

import grpc
import pytest

from kernel_server.wire import kernel_pb2
from tests.conformance.broker import Broker
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER


def test_their_list_is_loaded(host: Host, client: KoapyClient, said: Transcript) -> None:
    for event in client.load_conditions():
        said.message(event)
    said.line(client.call("GetConditionNameList"))
    with grpc.insecure_channel(host.address) as channel:
        stub = kernel(channel)
        said.message(stub.Conditions(kernel_pb2.ConditionsRequest(), timeout=HANGS_AFTER))


def test_one_is_searched(client: KoapyClient, said: Transcript) -> None:
    for event in client.condition("대형 저평가 우량주", 0):
        said.message(event)
    assert "OnReceiveTrCondition" in "".join(said.lines)


def test_one_goes_on_live(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    stream = client.condition("장중 급등주", 5, search_type=1, timeout=HANGS_AFTER)
    said.message(next(stream))
    broker.advance(1200)
    said.message(next(stream))
    stream.cancel()


@pytest.mark.parametrize(("name", "index"), [("없는 조건", 0), ("", 0), ("대형 저평가 우량주", 77)])
def test_an_unknown_one_is_refused_with_those_that_there_are(
    client: KoapyClient, said: Transcript, name: str, index: int
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        list(client.condition(name, index))
    said.error(error.value)

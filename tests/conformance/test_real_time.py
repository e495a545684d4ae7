"""Real-time events."""

from __future__ import annotations

from tests.conformance.broker import Broker
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient


def test_trades_arrive_with_their_fields(client: KoapyClient, broker: Broker, said: Transcript) -> None:
    stream = client.real(["005930"], [20, 10, 15], infer_fids=True)
    stream.initial_metadata()
    broker.advance(30)
    events = [next(stream) for _ in range(5)]
    stream.cancel()
    for event in events:
        said.message(event)
    assert {event.name for event in events} == {"OnReceiveRealData"}

"""The broker's own limits: what the server does when the broker refuses all the same."""

from __future__ import annotations

from typing import Any

import grpc

from kernel_server.wire import kernel_pb2
from tests.conformance.broker import Broker
from tests.conformance.conftest import Host, kernel
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until

BROKER = {"limited": True, "requests_a_second": 2}


def request(client: KoapyClient) -> Any:
    """The call, at once."""
    client.call("SetInputValue", "종목코드", "005930")
    return client.start("CommRqData", "이름", "opt10001", 0, "0101")


def test_a_request_beyond_them_waits_and_the_server_asks_for_less(
    host: Host, client: KoapyClient, broker: Broker, said: Transcript
) -> None:
    for _ in range(2):
        said.message(next(request(client)))
    third = request(client)

    with grpc.insecure_channel(host.address) as channel:

        def narrower() -> bool:
            status = kernel(channel).Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
            return any(quota.allowed < quota.limit for quota in status.quotas)

        wait_until(narrower)
    said.line(third.done())
    third.cancel()

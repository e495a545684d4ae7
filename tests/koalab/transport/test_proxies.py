"""http_proxy and its like: never for this machine, and named where another one does not answer."""

from __future__ import annotations

import pytest

import koalab as kl
from koalab.transport.diagnosis import proxy_hint
from koalab.transport.remote import RemoteTransport
from tests.support.session import Market

NOWHERE = "http://127.0.0.1:9"
ELSEWHERE = "192.0.2.1:5943"  # of the network for examples


@pytest.mark.parametrize("name", ["grpc_proxy", "https_proxy", "http_proxy"])
def test_a_proxy_is_not_asked_for_this_machine(
    market: Market, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, NOWHERE)
    port = market.server.address.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        transport = RemoteTransport(f"{host}:{port}")
        assert transport.wait_ready(5).control == "simulated"
        transport.close()


def test_it_is_named_where_another_machine_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    monkeypatch.setattr("koalab.transport.diagnosis._TIMEOUT", 0.01)
    with pytest.raises(kl.NotConnected, match=r"proxy 127\.0\.0\.1:9 of http_proxy.*no_proxy=192") as error:
        kl.connect(ELSEWHERE, timeout=0.05)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("excepted", "named"),
    [("", True), ("other.host", True), ("192.0.2.1", False), ("a, 192.0.2.0/24", False), (".2.1", False)],
)
def test_a_host_of_no_proxy_has_none(excepted: str, named: bool) -> None:
    environment = {"http_proxy": NOWHERE, "no_proxy": excepted}
    assert bool(proxy_hint(ELSEWHERE, environment)) is named


def test_the_first_that_grpc_reads_is_named() -> None:
    environment = {"http_proxy": "http://c:1", "https_proxy": "b:1", "grpc_proxy": "http://a:1"}
    assert "proxy a:1 of grpc_proxy" in proxy_hint(ELSEWHERE, environment)
    del environment["grpc_proxy"]
    assert "proxy b:1 of https_proxy" in proxy_hint(ELSEWHERE, environment)
    assert proxy_hint("127.0.0.1:5943", environment) == ""

"""The servers on which the suite runs, chosen by ``KOALAB_CONFORMANCE``, and the comparison of their answers.

``simulated`` (the default) is the server over the simulated control, ``ocx`` the one in a Windows Python under Wine
over the test control (``make test-ocx``); anything else is the address of a server that is running already, whose
broker cannot be reached beside it, so that only the tests without it run. Several are separated by commas.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
import pytest

from kernel_server.clock import RunningClock
from kernel_server.reconnecting import ReconnectSettings
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.wire import kernel_pb2_grpc
from tests.conformance.broker import START, Broker, LocalBroker
from tests.conformance.transcript import Transcript
from tests.support.koapy_client import KoapyClient

CHOSEN = os.environ.get("KOALAB_CONFORMANCE", "simulated").split(",")

_simulated: dict[str, list[str]] = {}  # lines of the tests on the simulated control


@dataclass(frozen=True)
class Host:
    """A server.

    Attributes:
        kind: of ``CHOSEN``.
        address: where it listens.
        broker: the broker behind it; None where it cannot be reached.
    """

    kind: str
    address: str
    broker: Broker | None


def kernel(channel: grpc.Channel) -> Any:
    """koalab's service over that channel."""
    stub: Any = kernel_pb2_grpc.KernelStub(channel)  # type: ignore[no-untyped-call]
    return stub


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X display for programs under Wine."""
    from scripts.ocx.machine import Machine
    from tests.ocx import desktop

    with desktop.shared(Machine.require()) as shown:
        yield shown


@pytest.fixture(scope="module", params=CHOSEN)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A server whose broker has the settings in the module's ``BROKER`` and the time in its ``START``."""
    kind: str = request.param
    start = getattr(request.module, "START", START)
    settings = getattr(request.module, "BROKER", {})
    if kind == "simulated":
        yield from _simulated_host(start, settings)
    elif kind == "ocx":
        display = request.getfixturevalue("display")
        yield from _ocx_host(start, settings, display, tmp_path_factory.mktemp("state"))
    else:
        yield Host(kind, kind, None)


def _simulated_host(start: str, settings: dict[str, object]) -> Iterator[Host]:
    local = LocalBroker(start, **settings)
    # Its time runs, as that of a server over a real control does; only logins again come sooner.
    chosen = ServerSettings(PRESETS["official"], port=0, reconnect=ReconnectSettings(first=0.5))
    with BackgroundServer(lambda: local.control, RunningClock(), chosen, local.thread) as server:
        yield Host("simulated", server.address, local)
    local.clock.close()


def _ocx_host(start: str, settings: dict[str, object], display: str, state: Path) -> Iterator[Host]:
    from scripts.ocx.machine import Machine
    from tests.ocx.host import BrokerProcess, OcxHost

    process = BrokerProcess(start, **settings)
    served = OcxHost(Machine.require(), display, process, state)
    yield Host("ocx", served.address, process)
    served.close()
    process.close()


@pytest.fixture
def broker(host: Host) -> Broker:
    if host.broker is None:
        pytest.skip("the broker of a server that is running already cannot be reached beside it")
    return host.broker


@pytest.fixture
def client(host: Host) -> Iterator[KoapyClient]:
    """A client with KOAPY's wire, logged in."""
    with KoapyClient(host.address) as client:
        client.login()
        yield client


@pytest.fixture
def said(host: Host, request: pytest.FixtureRequest) -> Iterator[Transcript]:
    """What the server answered; at the end it is compared with what the simulated control's server did."""
    transcript = Transcript()
    yield transcript
    test = request.node.nodeid.replace(f"[{host.kind}]", "").replace(f"[{host.kind}-", "[")
    if host.kind == "simulated":
        _simulated[test] = transcript.lines
    elif host.broker is not None and test in _simulated:
        differences = unified_diff(
            _simulated[test], transcript.lines, "simulated", host.kind, lineterm="", n=0
        )
        shown = "\n".join(islice(differences, 20))
        assert not shown, f"the answers differ:\n{shown}"

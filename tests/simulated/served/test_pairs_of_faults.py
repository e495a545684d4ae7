"""Any two faults together: the server logs in again, and an open stream of real-time events goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Final

import grpc
import pytest

from kernel_server.observe.health import HealthSettings
from kernel_server.simulated.faults import Faults
from tests.support.koapy_client import KoapyClient
from tests.support.served import Served, served
from tests.support.waiting import HANGS_AFTER, wait_until

EVENT = "OnEventConnect"
CODE = "005930"
TRADE = "\t".join(["100000", "70000"] + ["0"] * 30)

FAULTS: Final[Mapping[str, Callable[[Faults], None]]] = {
    "cut": lambda faults: faults.cut(),
    "restart": lambda faults: faults.restart(180.0),
    "silence": lambda faults: faults.go_silent(400.0),
    "silence for good": lambda faults: faults.go_silent(),
    "slowness": lambda faults: faults.slow_down(30.0, 60.0),
    "lose one": lambda faults: faults.lose(EVENT),
    "lose many": lambda faults: faults.lose(EVENT, 4),
    "double": lambda faults: faults.double(EVENT, 3),
    "reject a login": lambda faults: faults.reject_logins(),
    "demand an update": lambda faults: faults.demand_update(),
    "chejan first": lambda faults: faults.chejan_first(),
}
ENDS_BY_ITSELF: Final = FAULTS.keys() - {"silence for good", "demand an update"}

# Of the broker's time: the longest pause between two tries, a login without an end, and the restart.
WITHIN: Final = 300.0 + 120.0 + 180.0


@pytest.fixture(scope="module")
def broker() -> Iterator[Served]:
    # On a Saturday no event comes but those that the tests fire.
    with served("2026-11-21 12:00", health=HealthSettings(every=0.01)) as found:
        yield found


@pytest.fixture(scope="module")
def client(broker: Served) -> Iterator[KoapyClient]:
    with broker.client() as found:
        yield found


@pytest.mark.parametrize(("first", "second"), list(product(FAULTS, FAULTS)))
def test_of_faults(broker: Served, client: KoapyClient, first: str, second: str) -> None:
    stream = client.real([CODE], [10], timeout=HANGS_AFTER)
    try:
        wait_until(lambda: registered(broker))
        losses = broker.server.reconnector.losses
        for name in (first, second):
            broker.on_thread(lambda name=name: FAULTS[name](broker.control.faults))  # type: ignore[misc]
        cut = {"cut", "restart"} & {first, second}
        if cut:
            wait_until(lambda: broker.server.reconnector.losses > losses)
        if not {first, second} <= ENDS_BY_ITSELF:
            if cut:
                # It is tried all the time, and says so.
                assert broker.server.reconnector.next_try or is_in(broker)
            broker.on_thread(broker.control.faults.recover)
        with broker.running(step=2.0):
            until = broker.clock.now() + WITHIN
            wait_until(lambda: is_in(broker) or broker.clock.now() > until)
        assert is_in(broker)
        assert registered(broker)
        assert broker.server.reconnector.problems() == []

        broker.on_thread(broker.control.faults.recover)
        broker.on_thread(lambda: broker.control.fire("OnReceiveRealData", CODE, "주식체결", TRADE))
        codes = []
        for event in stream:
            if event.name != EVENT:
                break
            codes.append(event.arguments[0].long_value)
    finally:
        stream.cancel()
    assert event.arguments[0].string_value == CODE
    if cut:
        assert codes[0] == -106
        assert codes[-1] == 0
    wait_until(lambda: not registered(broker))


# Asked on the control's thread: on another one, a login could be seen before what it registers again.


def is_in(broker: Served) -> bool:
    return broker.on_thread(
        lambda: broker.server.reconnector.state == "in" and broker.control.GetConnectState() == 1
    )


def registered(broker: Served) -> bool:
    return broker.on_thread(lambda: broker.control.registry.registration(CODE) is not None)


@pytest.mark.parametrize("lost", ["lose one", "silence"])
def test_a_first_login_whose_event_is_lost_is_a_login_all_the_same(lost: str) -> None:
    with (
        served("2026-11-21 12:00", health=HealthSettings(every=0.01)) as broker,
        KoapyClient(broker.server.address) as client,
    ):
        broker.on_thread(lambda: FAULTS[lost](broker.control.faults))
        (event,) = client.login()
        assert event.arguments[0].long_value == 0
        assert broker.server.reconnector.state == "in"


def test_a_request_over_a_connection_whose_end_had_no_event_is_refused_with_what_to_do(
    broker: Served, client: KoapyClient
) -> None:
    faults = broker.control.faults
    # No login succeeds before the request has been refused.
    broker.on_thread(lambda: (faults.lose(EVENT), faults.demand_update(), faults.cut()))
    with pytest.raises(grpc.RpcError) as error:
        list(client.transaction("opt10001", {"종목코드": CODE}))
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
    assert "logs in again by itself" in error.value.details()  # type: ignore[attr-defined]
    broker.on_thread(faults.recover)
    wait_until(lambda: is_in(broker))

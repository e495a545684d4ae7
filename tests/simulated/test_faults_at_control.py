"""Faults of the whole control: what a program meets when the broker is not well."""

from __future__ import annotations

import pytest

from kernel_server.simulated.faults import NIGHTLY, PlannedFault, parse
from tests.support.simulated_broker import SimulatedBroker, small_market

DAY = 24 * 3600.0


def test_the_nightly_check_cuts_the_connection_and_refuses_logins_for_a_while() -> None:
    rig = SimulatedBroker(small_market(), planned_faults=(NIGHTLY,)).login()
    rig.clock.advance(DAY - (rig.clock.now() + 9 * 3600) % DAY + 5 * 3600 - 10.0)
    rig.settle()
    assert rig.call("GetConnectState") == 1
    rig.clock.advance(10.0)
    rig.settle()
    assert rig.call("GetConnectState") == 0
    assert [event.arguments for event in rig.events if event.name == "OnEventConnect"] == [(-106,)]
    rig.events.clear()
    rig.call("CommConnect")
    rig.clock.advance(1.0)
    rig.settle()
    assert [event.arguments for event in rig.events] == [(-101,)]
    rig.clock.advance(NIGHTLY.seconds)
    rig.call("CommConnect")
    rig.clock.advance(1.0)
    rig.settle()
    assert rig.call("GetConnectState") == 1


def test_a_silent_broker_takes_requests_and_says_nothing() -> None:
    rig = SimulatedBroker(small_market()).login()
    rig.control.faults.go_silent(60.0)
    rig.send("opt10001", 종목코드="005930")
    rig.settle()
    assert rig.events == []


def test_a_slow_broker_answers_late() -> None:
    rig = SimulatedBroker(small_market()).login()
    rig.control.faults.slow_down(5.0, 60.0)
    rig.send("opt10001", 종목코드="005930")
    rig.clock.advance(4.0)
    rig.settle()
    assert rig.events == []
    rig.clock.advance(2.0)
    rig.settle()
    assert [event.name for event in rig.events] == ["OnReceiveTrData"]


def test_an_event_can_be_lost_or_come_twice() -> None:
    rig = SimulatedBroker(small_market()).login()
    rig.control.faults.lose("OnReceiveTrData", 1)
    rig.control.faults.double("OnReceiveTrData", 1)
    counts = []
    for _ in range(3):
        rig.events.clear()
        rig.send("opt10001", 종목코드="005930")
        rig.settle()
        counts.append(len(rig.events))
        rig.clock.advance(1.0)
    assert counts == [0, 2, 1]


def test_a_fault_is_written_on_the_command_line_as_its_time_its_kind_and_its_seconds() -> None:
    assert parse("nightly") == NIGHTLY
    assert parse("12:30 cut") == PlannedFault("12:30", "cut")
    assert parse("12:30:15 slowness 60 2.5") == PlannedFault("12:30:15", "slowness", 60.0, 2.5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12:30",
        "25:00 cut",
        "12:30 storm",
        "12:30 silence long",
        "12:30 silence nan",
        "12:30 slowness 5 inf",
        "12:30 cut 1 2 3",
    ],
)
def test_one_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|time|seconds"):
        parse(text)

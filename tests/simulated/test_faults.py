"""Faults on demand and by plan, and themes."""

from __future__ import annotations

import pytest

from kernel_server.simulated.faults import NIGHTLY, Faults, PlannedFault
from kernel_server.simulated.market import listing
from kernel_server.simulated.market.themes import Themes, themes
from tests.support.simulated_broker import moment
from tests.support.tr_handlers import Line, stock


class Broken:
    """Faults on a stepped clock, and the codes of the cuts they made."""

    def __init__(self, start: str, *plan: PlannedFault) -> None:
        self.line = Line(start)
        self.cuts: list[tuple[float, int]] = []
        self.faults = Faults(
            self.line.clock,
            self.line.work.append,
            lambda code: self.cuts.append((self.line.now(), code)),
            plan,
        )
        self.faults.start()


def test_without_a_fault_nothing_happens() -> None:
    held = Broken("2022-01-18 09:00")
    held.line.settle(86_400 * 2)
    assert (held.cuts, held.faults.login(0), held.faults.delay(), held.faults.copies("OnReceiveMsg")) == (
        [],
        0,
        0,
        1,
    )
    assert held.faults.login(-100) == -100


def test_the_nightly_restart_comes_every_night() -> None:
    held = Broken("2022-01-18 09:00", NIGHTLY)
    held.line.settle(86_400 * 3)
    assert held.cuts == [(moment(f"2022-01-{day} 05:00"), -106) for day in (19, 20, 21)]


def test_after_a_restart_logins_are_refused_for_a_while() -> None:
    held = Broken("2022-01-19 04:59", NIGHTLY)
    held.line.settle(61)
    assert held.faults.login(0) == -101
    held.line.settle(178)
    assert held.faults.login(0) == -101
    held.line.settle(2)
    assert held.faults.login(0) == 0


def test_silence_and_slowness_end() -> None:
    held = Broken(
        "2022-01-19 09:59",
        PlannedFault("10:00", "silence", seconds=30),
        PlannedFault("10:00:10", "slowness", seconds=60, extra=2.5),
        PlannedFault("10:05", "cut"),
    )
    told = []
    for _ in range(5):
        held.line.settle(20)
        told.append((held.faults.copies("OnReceiveTrData"), held.faults.delay()))
    assert told == [(1, 0.0), (1, 0.0), (0, 0.0), (0, 2.5), (1, 2.5)]
    held.line.settle(60)
    assert (held.faults.copies("OnReceiveTrData"), held.faults.delay(), held.cuts) == (1, 0.0, [])
    held.line.settle(200)
    assert held.cuts == [(moment("2022-01-19 10:05"), -106)]


def test_lost_and_doubled_events_by_name() -> None:
    faults = Broken("2022-01-19 10:00").faults
    faults.lose("OnReceiveTrData")
    faults.double("OnReceiveTrData", 2)
    assert [faults.copies("OnReceiveMsg") for _ in range(2)] == [1, 1]
    assert [faults.copies("OnReceiveTrData") for _ in range(4)] == [0, 2, 2, 1]


def test_logins_are_rejected_and_an_update_stops_them_all() -> None:
    faults = Broken("2022-01-19 10:00").faults
    faults.reject_logins(-100, 2)
    assert [faults.login(0) for _ in range(3)] == [-100, -100, 0]
    faults.demand_update()
    assert [faults.login(0) for _ in range(3)] == [-102, -102, -102]
    faults.recover()
    assert faults.login(0) == 0
    with pytest.raises(ValueError, match="negative"):
        faults.reject_logins(0)


def test_recovery_ends_what_has_no_end() -> None:
    faults = Broken("2022-01-19 10:00").faults
    faults.go_silent()
    faults.slow_down(5.0)
    assert (faults.copies("OnEventConnect"), faults.delay()) == (0, 5.0)
    faults.recover()
    assert (faults.copies("OnEventConnect"), faults.delay()) == (1, 0.0)


def test_closed_faults_do_nothing_any_more() -> None:
    held = Broken("2022-01-18 09:00", NIGHTLY)
    held.faults.close()
    held.line.settle(86_400 * 2)
    assert held.cuts == []


@pytest.mark.parametrize("at", ["5", "24:00", "05:60", "a:b", "05:00:00:00", ""])
def test_a_plan_needs_a_time_of_day(at: str) -> None:
    with pytest.raises(ValueError, match="time"):
        PlannedFault(at, "cut")


def test_themes_by_code_and_by_name() -> None:
    functions = Themes(listing.known_listing().issues)
    by_code = [item.split("|") for item in functions.GetThemeGroupList(0).split(";")]
    by_name = [item.split("|") for item in functions.GetThemeGroupList(1).split(";")]
    assert by_code[0] == ["100", "태양광_폴리실리콘"]
    assert [code for code, _ in by_code] == sorted(code for code, _ in by_code)
    assert (
        [name for _, name in by_name] == sorted(name for _, name in by_name) != [name for _, name in by_code]
    )
    assert sorted(by_code) == sorted(by_name)
    for code, _ in by_code:
        members = functions.GetThemeGroupCode(code).split(";")
        assert {member[0] for member in members} == {"A"}
        assert {member[1:] for member in members} <= listing.known_listing().issues.keys()
    assert functions.GetThemeGroupCode("999") == ""


def test_every_member_in_the_table_is_listed() -> None:
    named = {member for _, _, members in themes() for member in members}
    assert named <= listing.known_listing().issues.keys()


def test_a_theme_has_only_what_the_market_lists() -> None:
    functions = Themes({"000080": stock("000080")})
    assert functions.GetThemeGroupList(0) == "300|주류"
    assert functions.GetThemeGroupCode("300") == "A000080"

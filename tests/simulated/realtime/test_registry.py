"""Bookkeeping of real-time registrations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.simulated.realtime.registry import RealTimeRegistry
from tests.support.simulated_broker import SimulatedBroker, small_market

CODES = [f"{number:06d}" for number in range(1, 202)]


@pytest.fixture
def rig() -> SimulatedBroker:
    return SimulatedBroker(small_market()).login()


def register(
    rig: SimulatedBroker, screen: str, codes: list[str], fids: str = "10", option: str = "1"
) -> object:
    return rig.call("SetRealReg", screen, ";".join(codes), fids, option)


def test_a_screen_holds_a_hundred_codes(rig: SimulatedBroker) -> None:
    assert register(rig, "0101", CODES[:101]) == -204
    assert rig.control.registry.screens() == ()
    assert register(rig, "0101", CODES[:100]) == 0
    assert register(rig, "0101", CODES[100:101]) == -204
    assert register(rig, "0101", CODES[:50], "15") == 0
    assert rig.control.registry.codes("0101") == frozenset(CODES[:100])
    assert rig.control.registry.fids("0101", CODES[0]) == {"10", "15"}
    assert rig.control.registry.fids("0101", CODES[99]) == {"10"}


def test_option_0_drops_what_the_screen_had(rig: SimulatedBroker) -> None:
    register(rig, "0101", CODES[:100])
    assert register(rig, "0101", CODES[100:102], option="0") == 0
    assert rig.control.registry.codes("0101") == frozenset(CODES[100:102])


def test_a_hundred_fids(rig: SimulatedBroker) -> None:
    fids = [str(number) for number in range(10, 111)]
    assert register(rig, "0101", ["005930"], ";".join(fids)) == -206
    assert register(rig, "0101", ["005930"], ";".join(fids[:100])) == 0


def test_two_hundred_screens(rig: SimulatedBroker) -> None:
    screens = [f"{number:04d}" for number in range(1, 202)]
    assert {register(rig, screen, ["005930"]) for screen in screens[:200]} == {0}
    assert register(rig, screens[200], ["005930"]) == -10
    assert register(rig, screens[0], ["000660"]) == 0
    rig.call("DisconnectRealData", screens[5])
    assert register(rig, screens[200], ["005930"]) == 0


@pytest.mark.parametrize("screen", ["", "0000", "101", "10101", "abcd", "１２３４"])
def test_what_is_no_screen(rig: SimulatedBroker, screen: str) -> None:
    assert register(rig, screen, ["005930"]) == -105
    assert rig.call("CommRqData", "요청", "opt10001", 0, screen) == -105


def test_a_bad_option_or_no_fid_is_an_input_error(rig: SimulatedBroker) -> None:
    assert register(rig, "0101", ["005930"], option="2") == -105
    assert register(rig, "0101", ["005930"], fids="") == -105


def test_market_wide_types_need_no_code(rig: SimulatedBroker) -> None:
    assert rig.call("SetRealReg", "0101", "", "215;20;214", "0") == 0
    assert rig.control.registry.screens() == ("0101",)
    assert rig.control.registry.codes("0101") == frozenset()


def test_removal(rig: SimulatedBroker) -> None:
    for screen in ("0101", "0102"):
        register(rig, screen, ["005930", "900290"])
    held = rig.control.registry
    rig.call("SetRealRemove", "0101", "005930")
    assert (held.codes("0101"), held.codes("0102")) == ({"900290"}, {"005930", "900290"})
    rig.call("SetRealRemove", "ALL", "900290")
    assert held.screens() == ("0102",)
    rig.call("SetRealRemove", "0999", "ALL")
    rig.call("SetRealRemove", "ALL", "ALL")
    assert held.screens() == ()


def test_a_quote_tr_registers_its_code_in_place_of_the_one_before(rig: SimulatedBroker) -> None:
    held = rig.control.registry
    register(rig, "0101", ["069500"])
    rig.page("opt10001", 종목코드="005930")
    assert held.codes("0101") == {"069500", "005930"}
    rig.page("opt10001", 종목코드="900290")
    assert held.codes("0101") == {"069500", "900290"}
    rig.watch(["005930", "999999", "900290"], screen="0102")
    assert held.codes("0102") == {"005930", "900290"}
    rig.call("DisconnectRealData", "0101")
    assert held.screens() == ("0102",)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["register", "add", "tr", "remove", "drop", "clear"]),
        st.sampled_from(["0101", "0102", "0103"]),
        st.lists(st.sampled_from(CODES[:4]), max_size=3, unique=True),
        st.sampled_from(["10", "15", "41"]),
    ),
    max_size=25,
)


@given(STEPS)
def test_the_registration_of_a_code_is_that_of_all_its_screens(
    steps: list[tuple[str, str, list[str], str]],
) -> None:
    registry = RealTimeRegistry(-10)
    changed: list[set[str]] = []
    registry.subscribe(lambda codes: changed.append(set(codes)))
    for what, screen, codes, fid in steps:
        before = {code: registry.registration(code) for code in CODES[:4]}
        if what in ("register", "add"):
            assert registry.register(screen, codes, [fid], "1" if what == "add" else "0") == 0
        elif what == "tr":
            registry.register_by_tr(screen, codes)
        elif what == "clear":
            registry.clear()
        else:
            registry.remove("ALL" if what == "drop" else screen, codes[0] if codes else "ALL")
        for code in CODES[:4]:
            on = [each for each in registry.screens() if code in registry.codes(each)]
            now = registry.registration(code)
            assert (now is None) == (not on)
            assert (now.fids if now else set()) == {fid for each in on for fid in registry.fids(each, code)}
            if now != before[code]:
                assert code in changed[-1]
    registry.clear()
    assert all(registry.registration(code) is None for code in ("", *CODES[:4]))

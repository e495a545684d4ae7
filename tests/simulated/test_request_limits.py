"""The broker's counters, on their own and behind CommRqData."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel_server.simulated.request_limits import RequestLimits
from kernel_server.simulated.settings import BrokerSettings
from tests.support.simulated_broker import SimulatedBroker, small_market


def take(limits: RequestLimits, *times: float) -> list[int]:
    return [limits.take(time) for time in times]


def test_five_in_a_second_of_the_clock() -> None:
    limits = RequestLimits(BrokerSettings())
    assert take(limits, *[10.9] * 6) == [0, 0, 0, 0, 0, -200]
    assert take(limits, *[11.0] * 6) == [0, 0, 0, 0, 0, -200]


def test_a_sliding_second_looks_back() -> None:
    limits = RequestLimits(BrokerSettings(window="sliding"))
    assert take(limits, 10.9, 10.9, 10.9, 10.9, 11.0, 11.1) == [0, 0, 0, 0, 0, -200]
    assert take(limits, 11.9, 11.9, 11.9, 11.9, 11.9) == [0, 0, 0, 0, -200]


@given(st.lists(st.floats(0, 3), max_size=60))
def test_a_sliding_second_never_holds_more_than_five(gaps: list[float]) -> None:
    limits = RequestLimits(BrokerSettings(window="sliding", overruns=1000))
    now, served = 1000.0, []
    for gap in gaps:
        now += gap
        if limits.take(now) == 0:
            served.append(now)
    for start in served:
        assert sum(start <= time < start + 1.0 for time in served) <= 5


def test_a_thousand_in_an_hour() -> None:
    limits = RequestLimits(BrokerSettings())
    assert set(take(limits, *(float(n) for n in range(1000)))) == {0}
    assert limits.take(1000.0) == -200
    assert limits.take(3599.9) == -200
    assert limits.take(3600.0) == 0


def test_five_refusals_in_a_row_close_the_door() -> None:
    limits = RequestLimits(BrokerSettings())
    assert take(limits, *[1.0] * 11) == [0] * 5 + [-200] * 5 + [-209]
    assert limits.take(5000.0) == -209
    limits.renew()
    assert limits.take(5000.0) == 0


def test_refusals_are_forgiven_by_an_answer_and_by_time() -> None:
    limits = RequestLimits(BrokerSettings())
    for second in range(20):
        assert take(limits, *[float(second)] * 9) == [0] * 5 + [-200] * 4
    slow = RequestLimits(BrokerSettings(requests_an_hour=1))
    assert take(slow, 0.0, *(3.0 * n for n in range(1, 30))) == [0] + [-200] * 29


def test_refused_requests_do_not_count() -> None:
    limits = RequestLimits(BrokerSettings(requests_an_hour=6, overruns=1000))
    assert take(limits, *[1.0] * 50).count(0) == 5
    assert take(limits, 2.0, 2.0) == [0, -200]


def test_no_limits_where_they_are_switched_off() -> None:
    limits = RequestLimits(BrokerSettings(limited=False))
    assert set(take(limits, *[1.0] * 5000)) == {0}


def test_tr_and_watch_list_share_one_counter() -> None:
    rig = SimulatedBroker(small_market(), latency=0).login()
    for _ in range(3):
        assert rig.send("opt10001", 종목코드="005930") == 0
    for _ in range(2):
        assert rig.call("CommKwRqData", "005930", 0, 1, 0, "관심", "0102") == 0
    assert rig.send("opt10001", 종목코드="005930") == -200
    assert rig.call("CommKwRqData", "005930", 0, 1, 0, "관심", "0102") == -200
    rig.settle()
    assert len(rig.pages) == 5
    assert rig.send("opt10001", 종목코드="005930") == 0


def test_a_refused_request_sends_nothing_and_clears_the_inputs() -> None:
    rig = SimulatedBroker(small_market(), latency=0, requests_a_second=1).login()
    assert rig.send("opt10001", 종목코드="005930") == 0
    assert rig.send("opt10001", 종목코드="005930") == -200
    rig.settle()
    assert len(rig.pages) == 1
    assert rig.send("opt10001") == 0
    assert rig.messages() == ["Fail to parse Request TR"]


def test_the_ban_ends_with_the_next_login() -> None:
    rig = SimulatedBroker(small_market(), latency=0, requests_a_second=1, overruns=2).login()
    assert [rig.send("opt10001", 종목코드="005930") for _ in range(4)] == [0, -200, -200, -209]
    rig.settle(100)
    assert rig.send("opt10001", 종목코드="005930") == -209
    rig.control.lose_connection()
    rig.login()
    assert rig.send("opt10001", 종목코드="005930") == 0


def test_requests_the_module_itself_turns_down_do_not_count() -> None:
    rig = SimulatedBroker(small_market(), latency=0, requests_a_second=1).login()
    assert rig.send("opt10001") == 0
    assert rig.send("opt77777", 종목코드="005930") == -201
    assert rig.send("opt10001", 종목코드="005930") == 0

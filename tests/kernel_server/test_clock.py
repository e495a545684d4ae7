"""Time as an argument."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import clock_name
from kernel_server.clock import ClockSetting, RunningClock, SteppedClock, seoul
from kernel_server.clock_name import BadClock
from tests.support.waiting import HANGS_AFTER


@given(st.lists(st.integers(1, 100), max_size=20), st.lists(st.integers(0, 30), max_size=10))
def test_a_stepped_clock_makes_calls_in_the_order_in_which_they_are_due(
    dues: list[int], steps: list[int]
) -> None:
    clock = SteppedClock(1000.0)
    made: list[float] = []
    for due in dues:
        clock.call_at(1000.0 + due, lambda due=due: made.append(due))  # type: ignore[misc]
    for step in steps:
        clock.advance(step)
    reached = clock.now() - 1000.0
    assert made == sorted(due for due in dues if 1000.0 + due <= clock.now())
    assert reached == pytest.approx(sum(steps))


def test_a_call_sees_the_time_at_which_it_was_due() -> None:
    clock = SteppedClock(0.0)
    seen: list[float] = []
    clock.call_at(5.0, lambda: seen.append(clock.now()))
    clock.advance(60.0)
    assert (seen, clock.now()) == ([5.0], 60.0)


def test_a_call_may_ask_for_another_on_the_way() -> None:
    clock = SteppedClock(0.0)
    seen: list[float] = []
    clock.call_at(1.0, lambda: clock.call_at(2.0, lambda: seen.append(clock.now())))
    clock.advance(3.0)
    assert seen == [2.0]


def test_a_cancelled_call_is_not_made() -> None:
    clock = SteppedClock(0.0)
    seen: list[int] = []
    clock.call_at(1.0, lambda: seen.append(1)).cancel()
    clock.advance(2.0)
    assert (seen, clock.next_due()) == ([], None)


def test_a_clock_that_jumps_leaps_over_what_is_waited_for() -> None:
    clock = SteppedClock(0.0, jump=True)
    reached = threading.Event()
    clock.call_at(3600.0, lambda: clock.call_at(7200.0, reached.set))
    assert reached.wait(HANGS_AFTER)
    assert clock.now() == 7200.0
    clock.close()


def test_an_accelerated_clock_makes_calls_in_its_own_time() -> None:
    clock = RunningClock(speed=100_000.0, start=0.0)
    reached = threading.Event()
    clock.call_at(1000.0, reached.set)
    assert reached.wait(HANGS_AFTER)
    assert clock.now() >= 1000.0
    clock.close()


def test_the_real_clock_tells_the_time_of_the_day() -> None:
    before = time.time()
    clock = RunningClock()
    assert before - 5.0 < clock.now() < time.time() + 5.0  # by which the machine's time may be set in between
    assert (clock.speed, clock.setting) == (1.0, ClockSetting("real"))
    clock.close()


def test_moments_are_told_in_the_markets_time_zone() -> None:
    assert seoul(0.0).isoformat() == "1970-01-01T09:00:00+09:00"


class Watches:
    """What a running clock is made of: the time on the wall, and seconds that only go forward."""

    def __init__(self, wall: float) -> None:
        self.wall, self.monotonic = wall, 7.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def clock(self, start: float, leaps_at: float) -> RunningClock:
        return RunningClock(
            start=start,
            leaps_at=leaps_at,
            name="market",
            replays=True,
            wall=lambda: self.wall,
            monotonic=lambda: self.monotonic,
        )


class TestAClockThatLeaps:
    def test_runs_from_where_it_was_set_and_is_the_wall_clock_from_its_leap_on(self) -> None:
        watches = Watches(wall=10_000.0)
        clock = watches.clock(start=1000.0, leaps_at=1600.0)
        assert (clock.now(), clock.setting) == (1000.0, ClockSetting("market", 1000.0, True, 1600.0))
        watches.pass_by(599.0)
        assert (clock.now(), clock.setting.replays) == (1599.0, True)
        watches.pass_by(1.0)
        assert (clock.now(), clock.setting) == (10_600.0, ClockSetting("market"))
        watches.pass_by(5000.0)
        assert clock.now() == 15_600.0

    def test_stays_where_it_is_if_the_wall_is_behind_it(self) -> None:
        watches = Watches(wall=900.0)
        clock = watches.clock(start=1000.0, leaps_at=1600.0)
        watches.pass_by(600.0)
        assert clock.now() == 1600.0
        watches.pass_by(1.0)
        assert clock.now() == 1601.0

    def test_does_what_is_due_on_the_way_in_its_order(self) -> None:
        watches = Watches(wall=10_000.0)
        clock = watches.clock(start=1000.0, leaps_at=1600.0)
        made: list[float] = []
        done = threading.Event()
        for due in (9000.0, 1599.0, 10_700.0, 1700.0, 1600.0):
            clock.call_at(due, lambda due=due: made.append(due))  # type: ignore[misc]
        watches.pass_by(600.0)
        clock.call_at(10_600.0, done.set)  # wakes it, and comes after all that is due
        assert done.wait(HANGS_AFTER)
        assert made == [1599.0, 1600.0, 1700.0, 9000.0]
        clock.close()

    def test_leaps_by_itself_when_something_waits_for_what_comes_after(self) -> None:
        clock = RunningClock(start=1000.0, leaps_at=1000.05, wall=lambda: 10_000.0)
        reached = threading.Event()
        clock.call_at(9000.0, reached.set)  # two hours away, if it did not leap
        assert reached.wait(HANGS_AFTER)
        clock.close()

    def test_leaps_once_though_many_look(self) -> None:
        watches = Watches(wall=10_000.0)
        clock = watches.clock(start=1000.0, leaps_at=1600.0)
        watches.pass_by(600.0)
        seen: list[float] = []
        threads = [threading.Thread(target=lambda: seen.append(clock.now())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [10_600.0] * 8

    @given(
        st.floats(0, 3000),
        st.lists(st.tuples(st.floats(0, 400), st.floats(-3000, 3000)), max_size=20),
    )
    def test_never_goes_backward_when_the_machines_time_is_changed(
        self, wall: float, passes: list[tuple[float, float]]
    ) -> None:
        watches = Watches(wall)
        clock = watches.clock(start=1000.0, leaps_at=1600.0)
        before = clock.now()
        for seconds, set_by in passes:
            watches.pass_by(seconds)
            watches.wall += set_by
            now = clock.now()
            assert now >= before + seconds - 1e-6
            before = now

    def test_runs_as_fast_as_the_wall_clock(self) -> None:
        with pytest.raises(ValueError, match="as fast"):
            RunningClock(2.0, 0.0, leaps_at=1.0)


class TestANameOfAClock:
    @pytest.mark.parametrize(
        ("text", "kind", "speed"),
        [
            ("market", "market", 1.0),
            ("real", "real", 1.0),
            ("fast:60", "fast", 60.0),
            ("fast:0.5", "fast", 0.5),
            ("stepped", "stepped", 0.0),
        ],
    )
    @pytest.mark.parametrize(
        ("when", "moment"),
        [
            ("", None),
            ("@2026-11-19", "2026-11-19T00:00:00+09:00"),
            ("@2026-11-19T08:50", "2026-11-19T08:50:00+09:00"),
            ("@2026-11-19 08:50:30", "2026-11-19T08:50:30+09:00"),
        ],
    )
    def test_is_its_kind_and_a_moment_in_seoul(
        self, text: str, kind: str, speed: float, when: str, moment: str | None
    ) -> None:
        name = clock_name.parse(f" {text}{when} ")
        assert (name.text, name.kind, name.speed) == (text + when, kind, speed)
        assert (name.moment.isoformat() if name.moment else None) == moment
        assert name.whole_day == (when == "@2026-11-19")

    @pytest.mark.parametrize(
        "text",
        [
            *("", "fast", "fast:", "fast:0", "fast:-1", "fast:x", "fast:nan", "fast:inf", "slow", "real:2"),
            *("market:1", "stepped:3", "Real", "fast:2:3", "@2026-11-19", "market@", "real@today"),
            *("real@2026-11-19T8:50", "real@2026-11-19T08:50Z", "real@20261119", "real@2026-11-19@08:50"),
            *("stepped@2026-02-30", "stepped@2026-11-19T24:00", "stepped@0000-01-01"),
        ],
    )
    def test_that_is_none_is_refused_with_those_there_are(self, text: str) -> None:
        with pytest.raises(BadClock, match='"stepped", MOMENT'):
            clock_name.parse(text)

    def test_that_is_no_text_is_refused_too(self) -> None:
        with pytest.raises(BadClock, match="60"):
            clock_name.parse(60)  # type: ignore[arg-type]

    @given(st.text(max_size=30) | st.from_regex(r"(real|fast:\S+)@[-0-9T: ]+", fullmatch=True))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            name = clock_name.parse(text)
        except BadClock:
            return
        assert clock_name.parse(name.text) == name

    def test_is_market_unless_prices_are_given(self) -> None:
        assert clock_name.default(given_prices=False) == "market"
        assert clock_name.default(given_prices=True) == "real"

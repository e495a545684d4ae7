"""Where a simulated broker's clock begins, and what becomes of the market when it leaps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server import clock_name
from kernel_server.clock import Clock, ClockSetting, RunningClock, seoul
from kernel_server.clock_name import BadClock
from kernel_server.control.seam import Event, Scalar, Value
from kernel_server.reference.sessions import Sessions, load
from kernel_server.simulated.control import SimulatedControl
from kernel_server.simulated.market import clock as market_clock
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.market_phase import PHASE_NAMES, market_phase
from kernel_server.simulated.market.phases import Phase
from tests.support.examples import examples
from tests.support.market_calendar import at
from tests.support.quiet_market import quiet
from tests.support.simulated_broker import moment
from tests.support.synthetic_day import SEVERAL, BestKnownIssues
from tests.support.waiting import HANGS_AFTER

HOUR = 3600.0


@cache
def calendar() -> Sessions:
    return load(today=date(2026, 11, 20))


class Watches:
    """The time on the wall, and seconds that only go forward."""

    def __init__(self, wall: float) -> None:
        self.wall, self.monotonic = wall, 0.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def clock(self, name: str = "market") -> Clock:
        return market_clock.make(clock_name.parse(name), calendar, lambda: self.wall, lambda: self.monotonic)


def told(clock: Clock) -> str:
    return f"{seoul(clock.now()):%Y-%m-%d %H:%M}"


# Where it begins


@pytest.mark.parametrize(
    ("wall", "begins"),
    [
        ("2026-11-22 14:00", "2026-11-20 14:00"),  # a Sunday afternoon: the Friday's
        ("2026-11-22 09:00", "2026-11-20 09:00"),
        ("2026-11-22 15:19", "2026-11-20 15:19"),
        ("2026-11-22 15:20", "2026-11-20 10:00"),  # the closing auction is no time to begin at
        ("2026-11-22 08:59", "2026-11-20 10:00"),
        ("2026-11-17 22:30", "2026-11-17 10:00"),  # the evening after a session
        ("2026-11-17 15:30", "2026-11-17 10:00"),  # its very close
        ("2026-11-18 03:00", "2026-11-17 10:00"),  # the night
        ("2026-11-18 08:29", "2026-11-17 10:00"),  # the morning, before the opening auction
        ("2026-11-19 08:45", "2026-11-18 10:00"),  # 수능: its auction begins at half past nine
        ("2026-11-19 09:15", "2026-11-18 09:15"),
        ("2026-11-19 20:00", "2026-11-19 11:00"),  # and it opens at ten
        ("2026-11-21 09:30", "2026-11-20 09:30"),
        ("2026-01-01 13:00", "2025-12-30 13:00"),  # the year's last session was the day before yesterday
        ("2026-01-02 09:29", "2025-12-30 09:29"),  # the year's first session opens at ten too
        ("2026-01-02 16:00", "2026-01-02 11:00"),
        ("2026-07-17 10:30", "2026-07-16 10:30"),  # a holiday
    ],
)
@pytest.mark.parametrize("name", ["market", "fast:60", "stepped"])
def test_outside_trading_hours_it_begins_inside_the_latest_session(wall: str, begins: str, name: str) -> None:
    clock = Watches(at(*wall.split())).clock(name)
    assert told(clock) == begins
    assert clock.setting.replays
    assert clock.setting.begins == clock.now()
    clock.close()


@pytest.mark.parametrize(
    "wall",
    [
        *("2026-11-17 08:30", "2026-11-17 08:45", "2026-11-17 12:00", "2026-11-17 15:29"),
        *("2026-11-19 09:30", "2026-11-19 15:45", "2026-11-19 16:29"),  # 수능: an hour later
        *("2026-01-02 09:30", "2026-01-02 15:29"),  # the year's first session opens an hour later
    ],
)
def test_in_a_trading_day_it_begins_at_the_time_on_the_wall(wall: str) -> None:
    for name in ("market", "fast:60", "stepped"):
        clock = Watches(at(*wall.split())).clock(name)
        assert told(clock) == wall
        assert not clock.setting.replays
        clock.close()
    assert Watches(at(*wall.split())).clock("market").setting == ClockSetting("market")


@pytest.mark.parametrize("wall", ["2026-11-22 14:00", "2026-11-17 22:30", "2026-11-17 12:00"])
def test_the_real_one_is_the_wall_clock_at_any_hour_and_needs_no_calendar(wall: str) -> None:
    watches = Watches(at(*wall.split()))

    def none() -> Sessions:
        raise AssertionError("it asked for the calendar")

    clock = market_clock.make(clock_name.parse("real"), none, lambda: watches.wall, lambda: watches.monotonic)
    assert (told(clock), clock.setting) == (wall, ClockSetting("real"))
    watches.pass_by(100 * HOUR)
    assert clock.now() == watches.wall


@pytest.mark.parametrize(
    ("name", "saved", "begins"),
    [
        ("market", "2026-11-20 09:30", "2026-11-20 14:00"),  # of that morning: where it would anyway
        ("market", "2026-11-20 14:30", "2026-11-20 14:30"),  # they know half an hour more
        ("market", "2026-11-20 20:30", "2026-11-22 14:00"),  # their day is over: nothing to go back for
        ("fast:10", "2026-11-20 19:00", "2026-11-20 19:00"),
        ("stepped", "2026-11-25 10:00", "2026-11-25 10:00"),  # a clock that had run ahead
        ("real", "2026-11-25 10:00", "2026-11-22 14:00"),
        ("stepped@2026-11-19T10:00", "2026-11-25 10:00", "2026-11-19 10:00"),  # its user has said when
    ],
)
def test_it_does_not_begin_before_what_accounts_have_seen(name: str, saved: str, begins: str) -> None:
    watches = Watches(moment("2026-11-22 14:00"))  # a Sunday
    clock = market_clock.make(
        clock_name.parse(name), calendar, lambda: watches.wall, lambda: watches.monotonic, moment(saved)
    )
    assert clock.now() == moment(begins)


def test_before_the_calendar_begins_it_is_the_wall_clock() -> None:
    assert Watches(0.0).clock().setting == ClockSetting("market")


@given(st.floats(at("2020-01-01"), at("2026-12-31")))
@settings(max_examples=examples(300))
def test_wherever_the_wall_clock_stands_there_is_a_market_to_watch(wall: float) -> None:
    clock = Watches(wall).clock()
    now = clock.now()
    assert now <= wall
    assert phases.phase(calendar(), now) in (
        Phase.BEFORE_OPEN,
        Phase.OPENING_AUCTION,
        Phase.CONTINUOUS,
        Phase.CLOSING_AUCTION,
    )
    if clock.setting.replays:
        assert phases.phase(calendar(), now) is Phase.CONTINUOUS
        sessions = calendar()
        index = sessions.last_started(now)
        # No later session has ended by now: it is the latest.
        assert wall < sessions.closes[index + 1]
        assert now < sessions.closes[index] <= wall


# Where it is told to begin


@pytest.mark.parametrize(
    ("moment", "begins"),
    [
        ("2026-11-19T08:50", "2026-11-19 08:50"),
        ("2026-11-18", "2026-11-18 08:30"),
        ("2026-11-19", "2026-11-19 09:30"),  # 수능
        ("2026-11-22", "2026-11-22 08:30"),  # a Sunday: nothing to see, and no mistake
        ("2018-05-04 09:00", "2018-05-04 09:00"),
        ("1986-01-01", "1986-01-01 08:30"),
        ("2027-12-31T23:59", "2027-12-31 23:59"),
    ],
)
@pytest.mark.parametrize("kind", ["market", "real", "fast:60", "stepped"])
def test_it_begins_at_the_moment_in_its_name(kind: str, moment: str, begins: str) -> None:
    watches = Watches(at("2026-11-20", "12:00"))
    clock = watches.clock(f"{kind}@{moment}")
    assert told(clock) == begins
    assert clock.setting == ClockSetting(f"{kind}@{moment}", clock.now())
    clock.close()


@pytest.mark.parametrize("kind", ["market", "real"])
def test_it_runs_on_from_there_at_the_pace_of_the_wall_clock_and_never_leaps(kind: str) -> None:
    watches = Watches(at("2026-11-22", "14:00"))
    clock = watches.clock(f"{kind}@2026-11-19T08:50")
    watches.pass_by(48 * HOUR)
    assert told(clock) == "2026-11-21 08:50"


@pytest.mark.parametrize("moment", ["1985-12-31", "1956-03-03T10:00", "2028-01-01", "9999-12-31"])
def test_a_moment_outside_the_calendar_is_refused_with_what_it_knows(moment: str) -> None:
    with pytest.raises(BadClock, match="of 1986 to 2027"):
        Watches(at("2026-11-20", "12:00")).clock(f"fast:2@{moment}")


# The leap


@pytest.mark.parametrize(
    ("wall", "over", "then"),
    [
        (
            "2026-11-22 14:00",
            "2026-11-20 20:00",
            "2026-11-22 20:00",
        ),  # a Sunday evening: nothing to see again
        ("2026-11-17 22:00", "2026-11-17 20:00", "2026-11-18 08:00"),  # asleep until the next session
        (
            "2026-11-19 20:00",
            "2026-11-19 20:00",
            "2026-11-20 05:00",
        ),  # 수능: its day is over at the usual hour
        ("2026-11-18 05:00", "2026-11-17 20:00", "2026-11-18 15:00"),  # into the session that is on by then
        (
            "2026-09-13 14:00",
            "2026-09-11 18:00",
            "2026-09-13 18:00",
        ),  # the last session without an after-market
    ],
)
def test_when_the_day_is_over_on_it_it_leaps_to_the_wall_clock_and_stays_with_it(
    wall: str, over: str, then: str
) -> None:
    watches = Watches(at(*wall.split()))
    clock = watches.clock()
    assert clock.setting.leaps_at == at(*over.split())
    watches.pass_by(at(*over.split()) - clock.now() - 1.0)
    assert clock.now() == at(*over.split()) - 1.0
    watches.pass_by(1.0)
    assert (told(clock), clock.setting) == (then, ClockSetting("market"))
    watches.pass_by(300 * HOUR)
    assert clock.now() == watches.wall


def test_an_accelerated_one_goes_on_into_the_next_session_and_never_leaps() -> None:
    watches = Watches(at("2026-11-22", "14:00"))
    clock = watches.clock("fast:60")
    watches.pass_by(HOUR)
    assert told(clock) == "2026-11-23 02:00"
    assert clock.setting.leaps_at is None


@given(
    st.floats(at("2026-10-01"), at("2026-12-31")),
    st.lists(st.floats(0, 20 * HOUR), max_size=30),
)
def test_it_never_goes_backward_and_ends_with_the_wall_clock(wall: float, passes: list[float]) -> None:
    watches = Watches(wall)
    clock = watches.clock()
    before = clock.now()
    for seconds in [*passes, 24 * HOUR]:
        watches.pass_by(seconds)
        now = clock.now()
        assert before + seconds - 1e-3 <= now <= watches.wall + 1e-3
        before = now
    assert clock.now() == pytest.approx(watches.wall, abs=1e-3)


class Broker:
    """The simulated broker on a clock that runs, whose time passes when the test says so."""

    def __init__(self, wall: str) -> None:
        self.watches = Watches(at(*wall.split()))
        clock = self.watches.clock()
        assert isinstance(clock, RunningClock)
        self.clock = clock
        self.work: list[Callable[[], None]] = []
        self.heard: list[tuple[float, Event]] = []
        self.rows: Value = None
        market = BestKnownIssues(1, SEVERAL, calendar)
        self.control = SimulatedControl(market, self.clock, quiet(), self.work.append, calendar)
        self.control.listen(self.hear)
        self.call("CommConnect")
        self.pass_by(1.0)

    def hear(self, event: Event) -> None:
        self.heard.append((self.clock.now(), event))
        if event.name == "OnReceiveTrData":
            self.rows = self.call("GetRepeatCnt", event.arguments[2], "")

    def open_orders(self) -> Value:
        """How many the account has (opt10075)."""
        inputs = {
            "계좌번호": "8000000011",
            "전체종목구분": "0",
            "매매구분": "0",
            "종목코드": "",
            "체결구분": "1",
        }
        for name, value in inputs.items():
            self.call("SetInputValue", name, value)
        assert self.call("CommRqData", "미체결", "opt10075", 0, "0401") == 0
        self.pass_by(1.0)
        return self.rows

    def call(self, name: str, *arguments: Scalar) -> Value:
        return self.control.call(name, arguments)

    def pass_by(self, seconds: float) -> None:
        """Lets that much time pass in one go, and happen what is due by then."""
        self.watches.pass_by(seconds)
        while True:
            fired = threading.Event()
            # Whatever else is due by now has been handed to the control thread when this is.
            self.clock.call_at(self.clock.now(), fired.set)
            assert fired.wait(HANGS_AFTER)
            if not self.work:
                return
            while self.work:
                self.work.pop(0)()

    def live(self, realtype: str) -> list[tuple[float, list[str]]]:
        """When each event of that type came, and its fields."""
        return [
            (now, str(event.arguments[2]).split("\t"))
            for now, event in self.heard
            if event.name == "OnReceiveRealData" and event.arguments[1] == realtype
        ]

    def close(self) -> None:
        self.control.close()
        self.clock.close()


@pytest.fixture
def broker():  # type: ignore[no-untyped-def]
    made: list[Broker] = []

    def make(wall: str) -> Broker:
        made.append(Broker(wall))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_on_a_sunday_trades_are_heard_as_on_the_friday(broker: Callable[[str], Broker]) -> None:
    sunday = broker("2026-11-22 14:00")
    sunday.call("SetRealReg", "0101", "005930", "10", "0")
    for _ in range(30):
        sunday.pass_by(2.0)
    trades = sunday.live("주식체결")
    assert trades
    assert {fields[0][:4] for _, fields in trades} <= {"1400", "1401"}
    assert market_phase(calendar(), sunday.clock.now()) == ("2026-11-20", "정규장")


def test_a_leap_into_a_running_session_ends_the_old_day_and_joins_the_new_one(
    broker: Callable[[str], Broker],
) -> None:
    # It shows the Tuesday until 20:00, when it is Wednesday 15:00 on the wall.
    early = broker("2026-11-18 05:00")
    early.call("SetRealReg", "0101", "005930;001", "10;20;215", "0")
    order = ("주문", "0301", "8000000011", 1, "005930", 1, 0, "03", "")
    low = int(str(early.call("GetMasterLastPrice", "000660"))) * 8 // 10 // 1000 * 1000
    limit = ("주문", "0301", "8000000011", 1, "000660", 1, low, "00", "")
    assert early.call("SendOrder", *order) == early.call("SendOrder", *limit) == 0
    early.pass_by(2.0)
    assert early.open_orders() == 1
    early.pass_by(at("2026-11-17", "19:59:59") - early.clock.now())
    early.pass_by(1.0)
    assert told(early.clock) == "2026-11-18 15:00"
    early.heard.clear()
    for _ in range(60):
        early.pass_by(1.0)
    # Of the Wednesday it hears what happens from now on; what was leapt over is on the tape only.
    for realtype in ("주식체결", "업종지수"):
        times = [fields[0] for _, fields in early.live(realtype)]
        assert times == sorted(times)
        assert times[0] >= "150000"
    # The Tuesday's open order has ended with its day.
    assert early.open_orders() == 0


def test_after_the_leap_the_next_session_comes_in_real_time(broker: Callable[[str], Broker]) -> None:
    night = broker("2026-11-17 22:00")
    night.call("SetRealReg", "0101", "005930", "10;215", "0")
    night.pass_by(10 * HOUR)
    assert told(night.clock) == "2026-11-18 08:00"
    night.heard.clear()
    night.pass_by(0.5 * HOUR + 1.0)  # 08:30:01
    assert night.live("장시작시간")[0][1][:2] == ["0", "083000"]
    assert not night.live("주식체결")
    night.pass_by(0.5 * HOUR)
    for _ in range(10):
        night.pass_by(1.0)
    trades = night.live("주식체결")
    assert trades[0][1][0].startswith("0900")
    assert night.clock.now() == night.watches.wall


# What is said of it


def test_every_phase_has_a_name() -> None:
    assert set(PHASE_NAMES) == set(Phase)
    assert len(set(PHASE_NAMES.values())) == len(Phase)


@pytest.mark.parametrize(
    ("now", "day", "phase"),
    [
        ("2026-11-19 09:45", "2026-11-19", "장전 동시호가"),
        ("2026-11-19 10:00", "2026-11-19", "정규장"),
        ("2026-11-19 16:25", "2026-11-19", "장마감 동시호가"),
        ("2026-11-22 14:00", "2026-11-20", "장 종료"),
        ("2026-11-20 08:00", "2026-11-19", "장 종료"),
        ("2026-11-20 18:30", "2026-11-20", "애프터마켓"),
        ("2026-11-19 16:45", "2026-11-19", "장후 시간외 종가"),
        ("2026-09-11 17:59", "2026-09-11", "시간외 단일가"),
    ],
)
def test_the_market_stands_in_a_phase_of_a_session(now: str, day: str, phase: str) -> None:
    assert market_phase(calendar(), at(*now.split())) == (day, phase)


def test_before_the_first_session_there_is_none() -> None:
    assert market_phase(calendar(), 0.0) == ("", "장 종료")

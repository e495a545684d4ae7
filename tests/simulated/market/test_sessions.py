"""When the exchange is open, and the file that remembers it."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.reference import sessions as calendar
from kernel_server.reference.sessions import Sessions, load
from tests.support.examples import examples
from tests.support.market_calendar import at, weekdays
from tests.support.recorded_data import RECORDED_DATA, needs_market_data

THREE_DAYS = weekdays().between(date(2025, 11, 12), date(2025, 11, 14))  # the second of them is late


def same(one: Sessions, other: Sessions) -> bool:
    names = ("dates", "opens", "closes")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


# What a calendar answers


@pytest.mark.parametrize(
    ("now", "started", "completed", "current"),
    [
        (at("2025-11-12", "08:59:59"), -1, -1, None),
        (at("2025-11-12", "09:00"), 0, -1, 0),
        (at("2025-11-12", "15:29:59"), 0, -1, 0),
        (at("2025-11-12", "15:30"), 0, 0, None),
        (at("2025-11-13", "09:30"), 0, 0, None),
        (at("2025-11-13", "16:00"), 1, 0, 1),
        (at("2025-11-13", "16:30"), 1, 1, None),
        (at("2030-01-01"), 2, 2, None),
    ],
)
def test_a_session_is_open_from_its_open_up_to_its_close(
    now: float, started: int, completed: int, current: int | None
) -> None:
    assert THREE_DAYS.last_started(now) == started
    assert THREE_DAYS.last_completed(now) == completed
    assert THREE_DAYS.current(now) == current


def test_the_next_open_is_after_now() -> None:
    assert THREE_DAYS.next_open(at("2025-11-12", "08:00")) == at("2025-11-12", "09:00")
    assert THREE_DAYS.next_open(at("2025-11-12", "09:00")) == at("2025-11-13", "10:00")


def test_behind_the_end_of_the_calendar_there_is_no_next_open() -> None:
    with pytest.raises(LookupError, match="2025-11-14"):
        THREE_DAYS.next_open(at("2025-11-14", "09:00"))


def test_a_day_has_an_index_and_a_weekend_that_of_the_friday() -> None:
    assert weekdays().dates[weekdays().index_at_or_before(date(2025, 11, 16))] == np.datetime64("2025-11-14")
    assert weekdays().is_session(date(2025, 11, 14))
    assert not weekdays().is_session(date(2025, 11, 15))
    assert weekdays().index_at_or_before(date(1985, 1, 1)) == -1


def test_a_span_includes_both_its_ends() -> None:
    assert [str(day) for day in THREE_DAYS.dates] == ["2025-11-12", "2025-11-13", "2025-11-14"]
    assert len(weekdays().between(date(2025, 11, 15), date(2025, 11, 16))) == 0
    assert len(weekdays().between(date(2025, 11, 14), date(2025, 11, 12))) == 0


@given(st.floats(at("1985-06-01"), at("2029-01-01")))
def test_what_has_begun_is_over_or_runs(now: float) -> None:
    sessions = weekdays()
    running = sessions.current(now)
    assert sessions.last_started(now) - sessions.last_completed(now) == (running is not None)
    if running is not None:
        assert sessions.opens[running] <= now < sessions.closes[running]


# What the exchange's calendar says


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("exchange_calendars")
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def krx(cache: Path) -> Sessions:
    return load(cache, date(2026, 11, 20))


def test_it_reaches_from_1986_to_the_end_of_next_year(krx: Sessions) -> None:
    assert str(krx.dates[0]) == "1986-01-06"
    assert str(krx.dates[-1]) == "2027-12-30"
    assert (np.diff(krx.dates) > np.timedelta64(0, "D")).all()
    assert (krx.opens < krx.closes).all()
    assert (krx.closes[:-1] < krx.opens[1:]).all()


@pytest.mark.parametrize(
    "day",
    [
        *("2026-06-03", "2026-07-17", "2026-01-01", "2025-10-06", "2026-11-21", "2026-12-31"),
        *("2027-05-03", "2027-07-19", "2027-12-31"),
    ],
)
def test_holidays_are_no_sessions(krx: Sessions, day: str) -> None:
    assert not krx.is_session(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2027-11-18", "10:00", "16:30"),
        ("2026-11-18", "09:00", "15:30"),
        ("2026-11-19", "10:00", "16:30"),
        ("2025-11-13", "10:00", "16:30"),
        ("2024-11-14", "10:00", "16:30"),
        ("2023-11-16", "10:00", "16:30"),
        ("2022-11-17", "10:00", "16:30"),
        ("2021-11-18", "10:00", "16:30"),
        ("2020-12-03", "10:00", "16:30"),
        ("2026-01-02", "10:00", "15:30"),
        ("2027-01-04", "10:00", "15:30"),
        ("2027-12-30", "09:00", "15:30"),
        ("2016-07-29", "09:00", "15:00"),
        ("2016-08-01", "09:00", "15:30"),
    ],
)
def test_sessions_have_the_hours_of_their_day(krx: Sessions, day: str, start: str, end: str) -> None:
    index = krx.index_at_or_before(date.fromisoformat(day))
    assert krx.is_session(date.fromisoformat(day))
    assert krx.opens[index] == at(day, start)
    assert krx.closes[index] == at(day, end)


@pytest.mark.parametrize(("year", "sessions"), [(2026, 244), (2027, 245)])
def test_a_year_has_the_sessions_that_were_announced(krx: Sessions, year: int, sessions: int) -> None:
    assert len(krx.between(date(year, 1, 1), date(year, 12, 31))) == sessions


def test_every_row_of_the_patch_mends_something() -> None:
    try:
        installed = version("exchange_calendars")
    except PackageNotFoundError:
        pytest.skip("exchange_calendars is not installed")
    if installed != "4.13.2":
        pytest.skip(f"the patch was written for exchange_calendars 4.13.2, this is {installed}")
    listed = calendar._listed(date(2027, 12, 31))
    rows = list(calendar._corrections())
    assert rows
    for row in rows:
        assert not same(calendar._changed(listed, [row]), listed), row


class TestAgainstRecordedSessions:
    pytestmark = needs_market_data

    def recorded(self) -> dict[str, tuple[str, str]]:
        with (RECORDED_DATA / "calendar" / "xkrx_sessions.csv").open(encoding="utf-8", newline="") as text:
            return {row["date"]: (row["open"], row["close"]) for row in csv.DictReader(text)}

    def test_days_and_hours_agree_but_for_the_saturdays_and_the_new_holiday(self, krx: Sessions) -> None:
        recorded = self.recorded()
        newest = max(recorded)
        here = {str(day): index for index, day in enumerate(krx.dates) if str(day) <= newest}
        missing = [date.fromisoformat(day) for day in recorded if day not in here]
        assert {day.weekday() for day in missing if day < date(1998, 12, 7)} == {5}
        # The list was made before 제헌절 became a holiday again.
        assert [str(day) for day in missing if day >= date(1998, 12, 7)] in ([], ["2026-07-17"])
        assert set(here) <= set(recorded)
        not_yet_known = "2026-11-19"
        days = [day for day in here if day != not_yet_known]
        places = [here[day] for day in days]
        # Summer time: the clock in Seoul was an hour ahead of Korea's standard time.
        ahead = [
            3600 * ("1987-05-10" <= day < "1987-10-11" or "1988-05-08" <= day < "1988-10-09") for day in days
        ]
        for hours, which in ((krx.opens, 0), (krx.closes, 1)):
            seoul = np.array([f"{day}T{recorded[day][which]}" for day in days], "datetime64[s]")
            known = seoul.astype(np.int64) - 9 * 3600 - ahead
            assert [day for day, same in zip(days, hours[places] == known, strict=True) if not same] == []

    def test_special_hours_agree(self, krx: Sessions) -> None:
        file = RECORDED_DATA / "calendar" / "xkrx_special_hours_2016-08_on.csv"
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        assert rows
        for row in rows:
            index = krx.index_at_or_before(date.fromisoformat(row["date"]))
            assert krx.opens[index] == at(row["date"], row["open"]), row
            assert krx.closes[index] == at(row["date"], row["close"]), row


# The file that remembers it


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Stands in for exchange_calendars, which takes its time; notes each time it is asked."""
    pytest.importorskip("exchange_calendars")
    asked: list[date] = []

    def listed(last: date) -> Sessions:
        asked.append(last)
        return weekdays().between(date(2025, 1, 1), last)

    monkeypatch.setattr(calendar, "_listed", listed)
    return asked


TODAY = date(2026, 11, 20)


def test_the_second_time_it_is_read_from_its_file(builds: list[date], tmp_path: Path) -> None:
    first = load(tmp_path, TODAY)
    assert same(load(tmp_path, TODAY), first)
    assert same(load(tmp_path, date(2026, 1, 1)), first)
    assert builds == [date(2027, 12, 31)]


def test_another_year_or_another_patch_has_a_separate_file(
    builds: list[date], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, TODAY)
    load(tmp_path, date(2025, 11, 20))
    patch = tmp_path / "patch.tsv"
    patch.write_text("date\topen\tclose\twhy\n2026-11-23\t-\t-\ttest\n", encoding="utf-8")
    monkeypatch.setattr(calendar, "_PATCH", patch)
    assert not load(tmp_path, TODAY).is_session(date(2026, 11, 23))
    assert builds == [date(2027, 12, 31), date(2026, 12, 31), date(2027, 12, 31)]


def test_nothing_but_the_finished_file_is_left_behind(builds: list[date], tmp_path: Path) -> None:
    load(tmp_path, TODAY)
    assert [file.suffix for file in tmp_path.rglob("*") if file.is_file()] == [".npz"]


def the_file(folder: Path) -> Path:
    (file,) = folder.rglob("*.npz")
    return file


def as_array(file: Path) -> None:
    with file.open("wb") as out:
        np.save(out, np.arange(3))


def with_arrays(**arrays: object) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        with file.open("wb") as out:
            np.savez(out, **arrays)  # type: ignore[arg-type]

    return write


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(b"not a zip"), id="text"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-40]), id="cut short"),
        pytest.param(as_array, id="one array"),
        pytest.param(with_arrays(dates=np.arange(3)), id="arrays missing"),
        pytest.param(
            with_arrays(dates=np.arange(3, dtype="int32"), opens=np.arange(2), closes=np.arange(3)),
            id="of other lengths",
        ),
        pytest.param(
            with_arrays(dates=np.zeros(3), opens=np.arange(3), closes=np.arange(3)), id="of other types"
        ),
        pytest.param(
            with_arrays(dates=np.array([{}], object), opens=np.arange(1), closes=np.arange(1)), id="pickled"
        ),
    ],
)
def test_a_damaged_file_is_made_anew(
    builds: list[date], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    good = load(tmp_path, TODAY)
    damage(the_file(tmp_path))
    assert same(load(tmp_path, TODAY), good)
    assert len(builds) == 2
    assert same(load(tmp_path, TODAY), good)
    assert len(builds) == 2


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60), deadline=None
)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_changed_byte_never_gives_other_sessions(
    builds: list[date], tmp_path: Path, place: float, change: int
) -> None:
    good = load(tmp_path, TODAY)
    whole = bytearray(the_file(tmp_path).read_bytes())
    whole[int(place * len(whole))] ^= change
    the_file(tmp_path).write_bytes(bytes(whole))
    assert same(load(tmp_path, TODAY), good)


def test_a_folder_that_cannot_be_made_costs_only_time(builds: list[date], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert len(load(blocked, TODAY)) > 0
    assert blocked.read_text() == "in the way"


def test_the_environment_names_the_folder(
    builds: list[date], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(tmp_path / "named"))
    load(today=TODAY)
    assert the_file(tmp_path / "named")


def test_reading_the_file_needs_neither_pandas_nor_exchange_calendars(krx: Sessions, cache: Path) -> None:
    program = (
        "import sys; from datetime import date; from pathlib import Path; "
        "from kernel_server.reference.sessions import load; "
        "found = load(Path(sys.argv[1]), date(2026, 11, 20)); "
        "print(len(found), *[name for name in ('pandas', 'exchange_calendars') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(cache)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [str(len(krx))]

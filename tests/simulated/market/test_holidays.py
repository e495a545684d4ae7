"""The user's file of holidays: what it changes, and what a damaged one says."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from kernel_server.reference import holidays
from kernel_server.reference.holidays import BadHolidays, DayChange
from kernel_server.reference.sessions import Sessions, load
from koalab import calendar as client_calendar
from koalab.errors import BadInput
from tests.support.cache_folder import with_calendar
from tests.support.market_calendar import at
from tests.support.waiting import HANGS_AFTER

pytest.importorskip("exchange_calendars")

TODAY = date(2026, 11, 27)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_calendar(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(cache))
    monkeypatch.setenv("KOALAB_HOLIDAYS", str(tmp_path / "holidays.txt"))
    client_calendar.table.cache_clear()
    return tmp_path / "holidays.txt"


def hours(sessions: Sessions, day: str) -> tuple[int, int] | None:
    if not sessions.is_session(date.fromisoformat(day)):
        return None
    index = sessions.index_at_or_before(date.fromisoformat(day))
    return int(sessions.opens[index]), int(sessions.closes[index])


def test_a_file_closes_days_moves_hours_and_opens_days(file: Path, cache: Path) -> None:
    file.write_text(
        "# announced in May\n\n2027-06-30 closed 임시공휴일\n2027-11-18\t09:00-15:30 수능 moved\r\n"
        "2027-11-25 10:00-16:30 수능 # a week later\n2027-05-03 09:00-15:30\n2040-01-02 closed\n",
        encoding="utf-8-sig",
    )
    plain, changed = load(cache, TODAY, ()), load(cache, TODAY)
    assert hours(plain, "2027-06-30") is not None
    assert hours(changed, "2027-06-30") is None
    assert hours(changed, "2027-11-18") == (at("2027-11-18", "09:00"), at("2027-11-18", "15:30"))
    assert hours(changed, "2027-11-25") == (at("2027-11-25", "10:00"), at("2027-11-25", "16:30"))
    assert hours(plain, "2027-05-03") is None
    assert hours(changed, "2027-05-03") is not None
    assert len(changed) == len(plain)


def test_without_a_file_in_the_configuration_folder_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KOALAB_HOLIDAYS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert holidays.read() == ()
    if sys.platform == "linux":
        (tmp_path / "koalab").mkdir()
        (tmp_path / "koalab" / "holidays.txt").write_text("2027-06-30 closed\n")
        assert holidays.read() == (DayChange(date(2027, 6, 30)),)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2027-06-31 closed", "no date"),
        ("20270630 closed", "no date"),
        ("27-06-30 closed", "no date"),
        ("2027-06-30", "is not"),
        ("2027-06-30 close", "is not"),
        ("2027-06-30 closed임시공휴일", "is not"),
        ("2027-06-30 closed, perhaps", "is not"),
        ("2027-06-30 10:00", "is not"),
        ("2027-06-30 10-16", "is not"),
        ("2027-06-30 10:00-16:60", "no time of day"),
        ("2027-06-30 24:00-25:00", "no time of day"),
        ("2027-06-30 16:30-10:00", "before it opens"),
        ("2027-01-04 closed", "second time"),
        ("2027-06-30 closed \x00", "is not"),
    ],
)
def test_a_damaged_line_is_named(file: Path, line: str, says: str) -> None:
    file.write_text(f"# 휴장일\n2027-01-04 10:00-15:30\n{line}\n", encoding="utf-8")
    with pytest.raises(BadHolidays, match=rf"line 3 of the file of holidays .*holidays\.txt: .*{says}"):
        holidays.read()
    with pytest.raises(BadInput, match=r"line 3"):
        client_calendar.hours("2027-01-04")


def test_a_file_that_is_not_utf_8_says_so(file: Path) -> None:
    file.write_bytes("2027-06-30 closed 임시공휴일".encode("cp949"))
    with pytest.raises(BadHolidays, match=r"line 1 .*save the file as UTF-8"):
        holidays.read()


def test_a_named_file_has_to_be_there(file: Path) -> None:
    with pytest.raises(BadHolidays, match=r"no file of holidays .*correct KOALAB_HOLIDAYS"):
        holidays.read()
    file.mkdir()
    with pytest.raises(BadHolidays, match="cannot be read"):
        holidays.read()


def test_a_server_with_a_damaged_file_says_which_line_and_does_not_start(file: Path) -> None:
    file.write_text("2026-11-27 shut\n")
    command = [sys.executable, "-m", "kernel_server", "--control", "simulated", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER)
    assert ended.returncode == 1
    assert "line 1 of the file of holidays" in ended.stderr
    assert "Traceback" not in ended.stderr

"""``kl.calendar``: the sessions of the exchange, as a user asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernel_server.reference import sessions as reference
from koalab import calendar
from koalab.errors import BadInput
from tests.support.cache_folder import with_calendar


@pytest.fixture(scope="module", autouse=True)
def _own_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path_factory.mktemp("cache"))))
        calendar.table.cache_clear()
        yield
    calendar.table.cache_clear()


def seoul(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="Asia/Seoul")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-11-12 08:59:59", False),
        ("2025-11-12 09:00", True),
        ("2025-11-12 15:29:59", True),
        ("2025-11-12 15:30", False),
        ("2025-11-13 09:30", False),  # 수능
        ("2025-11-13 16:00", True),
        ("2025-10-06 11:00", False),  # 추석
        ("2025-11-15 11:00", False),  # a Saturday
        (datetime(2025, 11, 12, 0, 30, tzinfo=timezone.utc), True),
        (datetime(2025, 11, 12, 9, 30, tzinfo=timezone.utc), False),
        (np.datetime64("2025-11-12T10:00"), True),
    ],
)
def test_is_open(at: calendar.Day, expected: bool) -> None:
    assert calendar.is_open(at) is expected


@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda day: day.replace("-", ""),
        lambda day: int(day.replace("-", "")),
        date.fromisoformat,
        pd.Period,
        np.datetime64,
    ],
)
def test_of_a_day_it_is_whether_it_has_a_session(form: Any) -> None:
    assert calendar.is_open(form("2025-11-13"))  # 수능: at midnight it is closed, and at nine
    assert not calendar.is_open(form("2025-10-06"))
    assert not calendar.is_open(form("2025-11-15"))


@pytest.mark.parametrize(
    "midnight",
    ["2025-11-13 00:00", datetime(2025, 11, 13), seoul("2025-11-13"), np.datetime64("2025-11-13T00:00")],  # noqa: DTZ001
)
def test_midnight_is_no_day(midnight: calendar.Day) -> None:
    assert not calendar.is_open(midnight)


def test_without_a_moment_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar.time, "time", lambda: seoul("2025-11-12 10:00").timestamp())
    assert calendar.is_open()
    assert calendar.next_open() == seoul("2025-11-13 10:00")
    monkeypatch.setattr(calendar.time, "time", lambda: seoul("2025-11-12 16:00").timestamp())
    assert not calendar.is_open()


@pytest.mark.parametrize(
    "first", ["2025-10-01", "20251001", 20251001, date(2025, 10, 1), seoul("2025-10-01 20:00")]
)
def test_sessions_over_a_holiday(first: calendar.Day) -> None:
    days = calendar.sessions(first, "2025-10-13")
    expected = pd.DatetimeIndex(["2025-10-01", "2025-10-02", "2025-10-10", "2025-10-13"], name="date")
    pd.testing.assert_index_equal(days, expected.as_unit("us"), exact=True)
    assert days.tz is None


def test_a_stretch_without_sessions_is_empty_and_keeps_its_type() -> None:
    days = calendar.sessions("2025-11-15", "2025-11-16")
    assert len(days) == 0
    assert days.name == "date"
    assert days.dtype == "datetime64[us]"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-11-12 08:00", "2025-11-12 09:00"),
        ("2025-11-12 09:00", "2025-11-13 10:00"),
        ("2025-10-02 12:00", "2025-10-10 09:00"),
        ("2025-12-31", "2026-01-02 10:00"),
    ],
)
def test_next_open(at: str, expected: str) -> None:
    opens = calendar.next_open(at)
    assert opens == seoul(expected)
    assert str(opens.tz) == "Asia/Seoul"


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2025-11-12", "09:00", "15:30"),
        ("2025-11-13", "10:00", "16:30"),
        ("2025-01-02", "10:00", "15:30"),
    ],
)
def test_hours(day: str, opens: str, closes: str) -> None:
    assert calendar.hours(day) == (seoul(f"{day} {opens}"), seoul(f"{day} {closes}"))


def test_a_day_without_a_session_has_no_hours_and_the_error_names_its_neighbours() -> None:
    with pytest.raises(BadInput, match="2025-10-02 and 2025-10-10"):
        calendar.hours("2025-10-06")


@pytest.mark.parametrize("given", ["soon", "2025-13-01", "", "20251301", 5, 20251301, True, 1.5, pd.NaT, []])
def test_what_is_no_date(given: calendar.Day) -> None:
    with pytest.raises(BadInput, match="no date"):
        calendar.hours(given)


def test_a_month_is_all_of_it_in_a_range_and_no_day_elsewhere() -> None:
    assert list(calendar.sessions("2025-11", "2025-11")) == list(
        calendar.sessions("2025-11-01", "2025-11-30")
    )
    for ask in (calendar.hours, calendar.is_open, calendar.next_open):
        for given in ("2025-11", "2025", pd.Period("2025-11")):
            with pytest.raises(BadInput, match="longer than a day"):
                ask(given)


def test_a_range_that_ends_before_it_starts() -> None:
    with pytest.raises(BadInput, match="before it starts"):
        calendar.sessions("2025-11-30", "2025-11-01")


@pytest.mark.parametrize("day", ["1985-12-31", "2999-01-01"])
def test_outside_what_is_known(day: str) -> None:
    with pytest.raises(BadInput, match="outside the known sessions: 1986 to"):
        calendar.hours(day)
    with pytest.raises(BadInput, match="outside"):
        calendar.sessions(*sorted(["2025-01-01", day]))


def test_it_is_loaded_when_first_asked_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    real = reference.load
    monkeypatch.setattr(reference, "load", lambda: loads.append(1) or real())
    calendar.table.cache_clear()
    assert not loads
    calendar.is_open("2025-11-12 10:00")
    calendar.next_open("2025-11-12 10:00")
    assert loads == [1]

"""What is final when, and which gaps are worth a request, on real days of the exchange."""

from __future__ import annotations

from datetime import datetime, time

import numpy as np
import pytest

from kernel_server.clock import KST
from kernel_server.reference.sessions import Sessions, load
from koalab.errors import BadInput
from koalab.store.finality import DEFAULT, Finality, final_until, needs_fetch
from tests.support.cache_folder import with_calendar


@pytest.fixture(scope="module")
def xkrx(tmp_path_factory: pytest.TempPathFactory) -> Sessions:
    return load(with_calendar(tmp_path_factory.mktemp("calendar")))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=KST).timestamp()


def settled(interval: str, now: str, sessions: Sessions) -> str:
    """The minute at which the last final bars were settled: one microsecond after ``final_until``."""
    moment = final_until(interval, at(now), sessions)
    assert moment.dtype == "datetime64[us]"
    return str((moment + np.timedelta64(1, "us")).astype("datetime64[m]")).replace("T", " ")


@pytest.mark.parametrize(
    ("interval", "now", "expected"),
    [
        # A usual day: minutes ten minutes after the close, daily bars when the last single-price auction is over.
        ("1min", "2025-11-12 15:39:59", "2025-11-11 15:40"),
        ("1min", "2025-11-12 15:40", "2025-11-12 15:40"),
        ("30tick", "2025-11-12 15:40", "2025-11-12 15:40"),
        ("D", "2025-11-12 17:59:59", "2025-11-11 18:00"),
        ("D", "2025-11-12 18:00", "2025-11-12 18:00"),
        # 수능: open and close an hour later.
        ("5min", "2025-11-13 16:39", "2025-11-12 15:40"),
        ("5min", "2025-11-13 16:40", "2025-11-13 16:40"),
        ("D", "2025-11-13 18:30", "2025-11-12 18:00"),
        ("D", "2025-11-13 19:00", "2025-11-13 19:00"),
        # The first session of a year opens at 10:00 and closes as ever.
        ("D", "2025-01-02 18:00", "2025-01-02 18:00"),
        # Chuseok 2025: no session from Friday 3 October to Thursday the 9th.
        ("D", "2025-10-09 23:00", "2025-10-02 18:00"),
        ("D", "2025-10-10 09:30", "2025-10-02 18:00"),
        # Weeks: Thursday the 2nd was the last session of its week, Friday the 10th the only one of the next.
        ("W", "2025-10-02 17:59", "2025-09-26 18:00"),
        ("W", "2025-10-02 18:00", "2025-10-02 18:00"),
        ("W", "2025-10-10 12:00", "2025-10-02 18:00"),
        ("W", "2025-10-10 18:00", "2025-10-10 18:00"),
        ("W", "2025-10-14 20:00", "2025-10-10 18:00"),
        # Months and years: the last session of 2025 was 30 December.
        ("M", "2025-10-30 20:00", "2025-09-30 18:00"),
        ("M", "2025-10-31 18:00", "2025-10-31 18:00"),
        ("Y", "2025-12-30 17:00", "2024-12-30 18:00"),
        ("Y", "2025-12-30 18:00", "2025-12-30 18:00"),
    ],
)
def test_bars_are_final_up_to(interval: str, now: str, expected: str, xkrx: Sessions) -> None:
    assert settled(interval, now, xkrx) == expected


def test_before_the_calendar_begins_everything_is_final(xkrx: Sessions) -> None:
    begins = xkrx.dates[0].astype("datetime64[us]")
    for interval in ("1min", "D", "W", "M", "Y"):
        assert final_until(interval, at("1980-06-02 12:00"), xkrx) == begins - np.timedelta64(1, "us")


def test_where_the_calendar_ends_only_time_tells_that_a_period_is_over() -> None:
    days = np.array(["2025-10-30", "2025-10-31"], "datetime64[D]")
    opens = np.array([at("2025-10-30 09:00"), at("2025-10-31 09:00")], np.int64)
    table = Sessions(days, opens, opens + 390 * 60)
    assert settled("M", "2025-10-31 23:59", table) == "2025-10-30 00:00"
    assert settled("M", "2025-11-01 00:00", table) == "2025-10-31 18:00"


def fetched(interval: str, first: str, last: str, now: str, sessions: Sessions) -> bool:
    gap = (np.datetime64(first, "us"), np.datetime64(last, "us"))
    kept = needs_fetch([gap], interval, at(now), sessions)
    assert kept in ([], [gap])
    return bool(kept)


LATER = "2026-01-15 12:00"


@pytest.mark.parametrize(
    ("interval", "first", "last", "now", "expected"),
    [
        # Gaps without a session cost nothing.
        ("D", "2025-11-15", "2025-11-16", LATER, False),
        ("1min", "2025-11-15T00:00", "2025-11-16T23:59", LATER, False),
        ("D", "2025-10-03", "2025-10-09", LATER, False),
        ("D", "2025-10-03", "2025-10-10", LATER, True),
        ("1min", "2025-10-03T00:00", "2025-10-10T09:59", LATER, True),
        # A daily bar's time is a midnight; a gap without one cannot hold it.
        ("D", "2025-11-12T00:00:00.000001", "2025-11-12T23:59", LATER, False),
        ("D", "2025-11-12T00:00", "2025-11-12T00:00", LATER, True),
        ("W", "2025-11-12", "2025-11-12", LATER, True),
        # The evening and the morning of a session day hold no minutes; the closing auction's trades do come late.
        ("1min", "2025-11-12T15:40", "2025-11-13T09:59", LATER, False),
        ("1min", "2025-11-12T15:30:27", "2025-11-12T20:00", LATER, True),
        ("30tick", "2025-11-12T15:39", "2025-11-12T20:00", LATER, True),
        ("1min", "2025-11-12T15:40", "2025-11-13T10:00", LATER, True),
        # The open end: nothing is new until the next session opens, late days included.
        ("D", "2025-11-12T18:00", "2025-11-13T09:30", "2025-11-13 09:30", False),
        ("D", "2025-11-12T18:00", "2025-11-13T10:00", "2025-11-13 10:00", True),
        ("1min", "2025-11-12T15:40", "2025-11-13T09:59", "2025-11-13 09:59", False),
        ("1min", "2025-11-12T15:40", "2025-11-13T10:00", "2025-11-13 10:00", True),
        ("D", "2025-11-14T18:00", "2025-11-16T12:00", "2025-11-16 12:00", False),
        ("W", "2025-11-14T18:00", "2025-11-16T12:00", "2025-11-16 12:00", False),
        ("W", "2025-11-14T18:00", "2025-11-17T09:00", "2025-11-17 09:00", True),
        # However far a range reaches into the future, only what is past counts.
        ("D", "2025-11-12T18:00", "2099-01-01", "2025-11-13 09:30", False),
        ("D", "2025-11-14", "2099-01-01", "2025-11-13 12:00", False),
        # Until December 1998 Saturdays were sessions, which the calendar does not list.
        ("D", "1998-12-05", "1998-12-06", LATER, True),
        ("D", "1998-12-06", "1998-12-06", LATER, False),
        ("D", "1998-12-12", "1998-12-13", LATER, False),
        # Before the calendar begins any day but a Sunday may have been one, and nothing is older than the exchange.
        ("D", "1985-01-04", "1985-01-04", LATER, True),
        ("D", "1985-01-06", "1985-01-06", LATER, False),
        ("D", "1900-01-01", "1956-03-02", LATER, False),
        # Behind its end any weekday may be one.
        ("D", "2040-01-02", "2040-01-02", "2040-01-03 12:00", True),
        ("D", "2040-01-07", "2040-01-08", "2040-01-09 08:00", False),
    ],
)
def test_a_gap_is_fetched_only_where_there_can_be_a_bar(
    interval: str, first: str, last: str, now: str, expected: bool, xkrx: Sessions
) -> None:
    assert fetched(interval, first, last, now, xkrx) is expected


def test_gaps_come_back_as_they_were_given(xkrx: Sessions) -> None:
    gaps = [
        (np.datetime64("2025-11-10", "us"), np.datetime64("2025-11-10", "us")),
        (np.datetime64("2025-11-15", "us"), np.datetime64("2025-11-16", "us")),
        (np.datetime64("2025-11-17", "us"), np.datetime64("2025-11-30", "us")),
    ]
    assert needs_fetch(gaps, "D", at(LATER), xkrx) == [gaps[0], gaps[2]]
    assert needs_fetch([], "D", at(LATER), xkrx) == []


def test_what_is_final_at_the_close_is_not_asked_for_again_before_the_next_opening(xkrx: Sessions) -> None:
    for interval in ("1min", "30tick", "D", "W"):
        now = at("2025-11-14 18:00")
        held_until = final_until(interval, now, xkrx)
        gap = (held_until + np.timedelta64(1, "us"), np.datetime64("2099-01-01", "us"))
        assert needs_fetch([gap], interval, now, xkrx) == []
        assert needs_fetch([gap], interval, at("2025-11-17 08:59:59"), xkrx) == []
        assert needs_fetch([gap], interval, at("2025-11-17 09:00"), xkrx) == [gap]


def test_no_such_interval(xkrx: Sessions) -> None:
    with pytest.raises(BadInput, match="5min"):
        final_until("H", at(LATER), xkrx)
    with pytest.raises(BadInput, match="5min"):
        needs_fetch([], "0min", at(LATER), xkrx)


NX, AL, OWN = "005930_NX", "005930_AL", "005930"


@pytest.mark.parametrize(
    ("interval", "code", "now", "last"),
    [
        # Nextrade began on 2025-03-04; on the day before, both together are the Korea Exchange alone.
        ("D", AL, "2025-02-28 18:00", "2025-02-28"),
        ("D", OWN, "2025-03-05 18:00", "2025-03-05"),
        ("D", NX, "2025-03-05 18:00", "2025-03-04"),
        ("D", AL, "2025-03-05 20:04:59", "2025-03-04"),
        ("D", NX, "2025-03-05 20:05", "2025-03-05"),
        ("W", AL, "2025-03-07 19:00", "2025-02-28"),
        ("1min", NX, "2025-03-05 15:45", "2025-03-04"),
        ("1min", OWN, "2025-03-05 15:45", "2025-03-05"),
        ("1min", AL, "2025-03-05 20:05", "2025-03-05"),
        ("30tick", AL, "2025-03-05 20:04", "2025-03-04"),
        # The evening ends at 20:00 on a day that closes late, too.
        ("D", NX, "2025-11-13 20:05", "2025-11-13"),
        ("D", NX, "2026-09-11 20:04", "2026-09-10"),
        ("D", OWN, "2026-09-11 18:00", "2026-09-11"),
        ("D", NX, "2026-09-11 20:05", "2026-09-11"),
        # Since there is an after-market at the Korea Exchange all are final at the same time.
        ("D", NX, "2026-09-15 07:59", "2026-09-11"),
        ("D", NX, "2026-09-15 08:00", "2026-09-14"),
        ("1min", NX, "2026-09-14 20:05", "2026-09-14"),
    ],
)
def test_days_with_nextrade_are_final_after_its_evening(
    interval: str, code: str, now: str, last: str, xkrx: Sessions
) -> None:
    moment = final_until(interval, at(now), xkrx, DEFAULT.of(code))
    assert str(moment.astype("datetime64[D]")) == last


def test_the_hour_at_which_they_are_final_is_the_setting_of_minutes(xkrx: Sessions) -> None:
    finality = Finality(minutes=time(20, 30)).of(NX)
    for now, last in (("2025-03-05 20:29", "2025-03-04"), ("2025-03-05 20:30", "2025-03-05")):
        assert str(final_until("D", at(now), xkrx, finality).astype("datetime64[D]")) == last


@pytest.mark.parametrize(("code", "expected"), [(OWN, False), (NX, True), (AL, True)])
def test_the_pre_market_may_have_bars_before_the_exchange_opens(
    code: str, expected: bool, xkrx: Sessions
) -> None:
    gap = (np.datetime64("2025-11-12T08:00", "us"), np.datetime64("2025-11-12T08:30", "us"))
    for interval in ("1min", "10tick"):
        assert bool(needs_fetch([gap], interval, at("2025-11-12 08:30"), xkrx, DEFAULT.of(code))) is expected


def test_what_is_final_of_nextrade_is_not_asked_for_again_before_its_next_morning(xkrx: Sessions) -> None:
    finality = DEFAULT.of(NX)
    for interval in ("1min", "D"):
        held_until = final_until(interval, at("2025-11-14 20:05"), xkrx, finality)
        gap = (held_until + np.timedelta64(1, "us"), np.datetime64("2099-01-01", "us"))
        assert needs_fetch([gap], interval, at("2025-11-17 07:59:59"), xkrx, finality) == []
        assert needs_fetch([gap], interval, at("2025-11-17 08:00"), xkrx, finality) == [gap]

"""Dates as users write them: every form gives its period back, anything else is refused with the list of forms."""

# ruff: noqa: DTZ001 - a datetime without a time zone is Seoul wall time

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.dates import bounds, moment, span
from koalab.errors import BadInput
from koalab.sessions.session import Session
from tests.support.session import SATURDAY, Market

NOW = datetime.fromisoformat("2026-11-27T12:34:56+09:00").timestamp()
DAYS = st.dates(date(1, 1, 2), date(9999, 12, 30))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
SIGNS = st.sampled_from("-./")


def micros(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def whole(first: str, after: str) -> tuple[np.datetime64, np.datetime64]:
    return micros(first), micros(after) - np.timedelta64(1, "us")


def text_of(day: date, sign: str) -> str:
    return f"{day.year:04}{sign}{day.month:02}{sign}{day.day:02}"


class TestEveryFormGivesItsPeriod:
    @given(DAYS, SIGNS)
    def test_a_day(self, day: date, sign: str) -> None:
        expected = whole(day.isoformat(), (day + timedelta(days=1)).isoformat())
        compact = text_of(day, "")
        forms: list[Any] = [text_of(day, sign), f"  {text_of(day, sign)}\t", compact, day]
        forms += [np.datetime64(day), np.datetime64(day, "us"), datetime(day.year, day.month, day.day)]
        forms += [compact.translate({48 + n: 0xFF10 + n for n in range(10)})]
        if day.year >= 1000:
            forms += [int(compact), np.int64(compact), np.str_(compact)]
        for form in forms:
            assert bounds(form) == expected, form

    @given(st.integers(1, 9998), st.integers(1, 12), SIGNS)
    def test_a_month_and_a_year(self, year: int, month: int, sign: str) -> None:
        after = f"{year + month // 12:04}-{month % 12 + 1:02}"
        expected = whole(f"{year:04}-{month:02}", after)
        assert bounds(f"{year:04}{sign}{month:02}") == expected
        assert bounds(np.datetime64(f"{year:04}-{month:02}")) == expected
        assert bounds(f"{year:04}") == whole(f"{year:04}", f"{year + 1:04}")

    @given(st.dates(date(1700, 1, 1), date(2200, 1, 1)), st.sampled_from("DMYQ"))
    def test_a_period_of_pandas(self, day: date, unit: str) -> None:
        period = pd.Period(str(day), unit)
        first, last = bounds(period)
        assert first == period.start_time.to_datetime64()
        assert last + np.timedelta64(1, "us") == (period + 1).start_time.to_datetime64()

    @given(MOMENTS, SIGNS | st.just(""), st.sampled_from(" T"))
    def test_a_moment(self, at: datetime, sign: str, between: str) -> None:
        to_minute, to_second = at.replace(second=0, microsecond=0), at.replace(microsecond=0)
        day = text_of(at.date(), sign)
        for text, expected in (
            (f"{day}{between}{at:%H:%M}", to_minute),
            (f"{day}{between}{at:%H:%M:%S}", to_second),
            (f"{day}{between}{at:%H:%M:%S.%f}", at),
        ):
            assert bounds(text) == (np.datetime64(expected, "us"),) * 2
        if at.time() != datetime.min.time():
            for form in (at, pd.Timestamp(at), np.datetime64(at)):
                assert bounds(form) == (np.datetime64(at, "us"),) * 2

    @given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-23, 23))
    def test_a_moment_of_another_zone_is_seouls(self, at: datetime, hours: int) -> None:
        there = at.replace(microsecond=1, tzinfo=timezone(timedelta(hours=hours)))
        expected = np.datetime64(at.replace(microsecond=1) - timedelta(hours=hours - 9), "us")
        for form in (there, pd.Timestamp(there), there.isoformat(), str(pd.Timestamp(there))):
            assert bounds(form) == (expected, expected)

    def test_today_is_the_day_of_the_clock_that_is_given(self) -> None:
        assert bounds(" Today ", NOW) == whole("2026-11-27", "2026-11-28")
        late = datetime.fromisoformat("2026-11-27T23:30:00+00:00").timestamp()
        assert bounds("today", late) == whole("2026-11-28", "2026-11-29")


@pytest.mark.parametrize(
    "given_",
    [
        *("26-11-20", "261120", "202611", "11-20", "-1", "20", "1", "02/11/2026", "27.11.2026", "11/27/2026"),
        *("2026-11/27", "2026-1-5", "2026-11-2", "2026 11 27", "2026-1127", "202611-27", "2026-", "2026-11-"),
        *(
            "Nov 27 2026",
            "27 Nov 2026",
            "2026-Nov-27",
            "2026년 11월 27일",
            "20261127.0",
            "2026-W48",
            "2026Q4",
        ),
        *("2026-13", "2026-00", "2026-11-31", "2025-02-29", "0000", "0000-01-01", "20260230", "02112026"),
        *("2026-11-27 9:30", "2026-11-27 24:00", "2026-11-27 09:60", "2026-11-27 09", "2026-11-27  09:30"),
        *("2026-11 09:30", "2026 09:30", "09:30", "2026-11-27 09:30 KST", "2026-11-27 09:30+9", "now"),
        *(
            "yesterday",
            "tomorrow",
            "어제",
            "오늘",
            "",
            " ",
            "nan",
            "NaT",
            "inf",
            "٢٠٢٦-١١-٢٧",
            "²026",
            "2026-11-27\0",
        ),
        *("\ud800", "9" * 100_000, None, True, np.True_, 0, -1, 2026, 202611, 20261332, -20261127, 10**6000),
        *(20261127.0, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT"), np.datetime64(10**17, "Y"), b"2026"),
        *(np.timedelta64(20261127, "D"), timedelta(days=1), pd.Timedelta("1D"), [], ["2026"], {}, object()),
        np.array("2026-11-27", "datetime64[D]"),
    ],
    ids=lambda value: type(value).__name__,  # some have no text
)
def test_anything_else_is_refused_and_the_forms_are_listed(given_: Any) -> None:
    readers: list[Callable[[Any], object]] = [bounds, moment]
    if given_ is not None:
        readers += [lambda one: span(one, None, NOW), lambda one: span(None, one, NOW)]
    for reader in readers:
        with pytest.raises(
            BadInput, match=r'is no date: write it as "2026", "2026-11", .* "20261102"'
        ) as error:
            reader(given_)
        assert len(str(error.value)) < 300


@given(
    st.text(max_size=12)
    | st.text("0123456789-./: T", max_size=20)
    | st.integers()
    | st.floats()
    | st.binary()
)
def test_whatever_is_given_is_a_period_or_refused(given_: Any) -> None:
    try:
        first, last = bounds(given_)
    except BadInput:
        return
    assert first <= last
    # What is taken begins with its year.
    assert str(first).startswith(str(given_).strip()[:4])


class TestARange:
    def test_begins_with_the_first_moment_of_a_period_and_ends_with_the_last(self) -> None:
        assert span("2026-10", "2026-10", NOW) == whole("2026-10-01", "2026-11-01")
        assert span("2025", pd.Period("2025Q1"), NOW) == whole("2025-01-01", "2025-04-01")
        assert span("2026-11-02 09:00", "2026-11-02 09:30", NOW) == (
            micros("2026-11-02T09:00"),
            micros("2026-11-02T09:30"),
        )

    def test_ends_now_at_the_latest(self) -> None:
        assert (
            span("2026-11", "2026-11", NOW)[1]
            == span("2026-11", None, NOW)[1]
            == micros("2026-11-27T12:34:56")
        )

    def test_of_days_counts_a_start_with_a_time_as_its_day(self) -> None:
        start = datetime(2026, 11, 2, 9)
        assert span(start, None, NOW)[0] == micros("2026-11-02T09:00")
        assert span(start, None, NOW, dated=True)[0] == micros("2026-11-02")
        assert span("2026-11-27 20:00", None, NOW, dated=True)[0] == micros("2026-11-27")
        with pytest.raises(BadInput, match="after now"):
            span("2026-11-27 20:00", None, NOW)
        with pytest.raises(BadInput, match="before it starts"):
            span("2026-11-03", "2026-11-02 09:00", NOW, dated=True)


class TestInASession:
    @pytest.mark.parametrize(
        "start", [datetime(2026, 11, 16, 9), "2026-11-16 15:30", pd.Timestamp("2026-11-16 10:00")]
    )
    def test_the_day_of_a_start_with_a_time_is_there(self, kw: Session, start: Any) -> None:
        assert len(kw.daily("005930", start)) == 5
        assert len(kw.flows("005930", start)) == 5
        assert len(kw.index("KOSPI", start)) == 5

    def test_a_month_is_all_of_it(self, kw: Session) -> None:
        frame = kw.daily("005930", "2026-10", "2026-10")
        expected = kw.daily("005930", "2026-10-01", "2026-10-31")
        pd.testing.assert_frame_equal(frame, expected)
        assert kw.plan("daily", "005930", "2026-10", "2026-10").trs == 0

    def test_today_is_the_brokers_day(self, open_market: Callable[[datetime], Market]) -> None:
        kw = open_market(SATURDAY - timedelta(days=1, hours=-6)).connect()  # Friday, after the close
        assert list(kw.daily("005930", "today", "today").index) == [pd.Timestamp("2026-11-20")]

"""Loading bars: the frames are clean, and each costs the fewest TRs that can be."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.clock import KST
from koalab import BadInput, UnknownCode
from koalab.commands import NOTEBOOK, CommandGroup, run
from koalab.sessions.session import Session
from koalab.transport.base import Page
from tests.support.examples import examples
from tests.support.session import SATURDAY, Market, start

COLUMNS = ["open", "high", "low", "close", "volume", "value"]


class TestADailyFrame:
    def test_is_clean(self, kw: Session) -> None:
        frame = kw.daily("005930", "2024-01-01", "2024-12-31")
        assert list(frame.columns) == COLUMNS
        assert (frame.dtypes == np.int64).all()
        assert isinstance(frame.index, pd.DatetimeIndex)
        assert (frame.index.name, frame.index.tz) == ("date", None)
        assert frame.index.is_monotonic_increasing
        assert frame.index.is_unique
        assert (frame[["open", "close"]].to_numpy() <= frame[["high"]].to_numpy()).all()
        assert (frame[["open", "close"]].to_numpy() >= frame[["low"]].to_numpy()).all()

    def test_has_one_row_a_session_and_no_other(self, kw: Session) -> None:
        import koalab as kl

        frame = kw.daily("005930", "2024-01-01", "2026-11-20")
        pd.testing.assert_index_equal(frame.index, kl.calendar.sessions("2024-01-01", "2026-11-20"))

    def test_says_where_it_came_from(self, kw: Session) -> None:
        attrs = kw.daily("005930", "2024-01-01", adjusted=False).attrs
        assert attrs["tr"] == "opt10081"
        assert attrs["adjusted"] is False
        assert attrs["trs"] == 2
        assert attrs["cache_hits"] == 0
        assert attrs["source"].startswith("simulated:synthetic:seed=1")
        assert attrs["fetched_at"].startswith("2026-11-21T12:0")

    def test_can_be_written_as_parquet_with_its_attrs(self, kw: Session, tmp_path) -> None:  # type: ignore[no-untyped-def]
        frame = kw.daily("005930", "2026-01-01")
        frame.to_parquet(tmp_path / "bars.parquet")
        again = pd.read_parquet(tmp_path / "bars.parquet")
        pd.testing.assert_frame_equal(frame, again, check_freq=False)
        assert again.attrs == frame.attrs

    def test_has_the_brokers_own_names_where_asked_for(self, kw: Session) -> None:
        frame = kw.daily("005930", "2026-01-01", columns="ko")
        assert list(frame.columns) == ["시가", "고가", "저가", "현재가", "거래량", "거래대금"]
        assert frame.index.name == "일자"

    def test_of_several_codes_has_the_code_first(self, kw: Session) -> None:
        frame = kw.daily(["005930", "SK하이닉스"], "2026-11-01")
        assert frame.index.names == ["code", "date"]
        assert list(frame.index.levels[0]) == ["000660", "005930"] or set(frame.index.levels[0]) == {
            "000660",
            "005930",
        }
        pd.testing.assert_frame_equal(frame.loc["000660"], kw.daily("000660", "2026-11-01"), check_freq=False)

    def test_without_a_session_in_the_range_is_empty_and_typed(self, kw: Session) -> None:
        frame = kw.daily("005930", "2026-11-14", "2026-11-15")
        assert len(frame) == 0
        assert list(frame.columns) == COLUMNS
        assert (frame.dtypes == np.int64).all()
        assert frame.index.name == "date"

    def test_of_no_codes_is_empty_and_typed(self, kw: Session) -> None:
        frame = kw.daily([], "2026-01-01")
        assert list(frame.columns) == COLUMNS
        assert frame.index.names == ["code", "date"]

    def test_raw_and_adjusted_differ_only_before_a_split(self, kw: Session) -> None:
        raw = kw.daily("005930", "2018-04-01", "2018-06-01", adjusted=False)
        adjusted = kw.daily("005930", "2018-04-01", "2018-06-01")
        split = pd.Timestamp("2018-05-04")
        pd.testing.assert_frame_equal(raw[split:], adjusted[split:], check_freq=False)
        before = raw[: split - pd.Timedelta(days=1)]
        ratio = before["close"] / adjusted.loc[before.index, "close"]
        assert ratio.between(49, 51).all()


class TestAMinuteFrame:
    def test_is_clean(self, kw: Session) -> None:
        frame = kw.minute("005930", start="2026-11-18", end="2026-11-19")
        assert list(frame.columns) == COLUMNS[:5]
        assert (frame.dtypes == np.int64).all()
        assert (frame.index.name, str(frame.index.tz)) == ("time", "Asia/Seoul")
        assert frame.index.is_monotonic_increasing
        assert frame.index.is_unique
        assert set(frame.index.strftime("%Y-%m-%d")) == {"2026-11-18", "2026-11-19"}

    def test_of_a_late_day_begins_and_ends_an_hour_later(self, kw: Session) -> None:
        frame = kw.minute("005930", start="2026-11-19", end="2026-11-19")
        assert (frame.index[0].hour, frame.index[-1].strftime("%H%M")) == (10, "1630")

    def test_makes_up_the_day(self, kw: Session) -> None:
        minutes = kw.minute("005930", start="2026-11-18", end="2026-11-18")
        day = kw.daily("005930", "2026-11-18", "2026-11-18").iloc[0]
        assert (minutes["open"].iloc[0], minutes["high"].max(), minutes["low"].min()) == (
            day.open,
            day.high,
            day.low,
        )
        assert minutes["close"].iloc[-1] == day.close
        # The after-market is in the volume of the day and in none of its minutes.
        assert 1.02 < day.volume / minutes["volume"].sum() < 1.11
        minutes = kw.minute("005930", start="2026-09-11", end="2026-09-11")
        assert minutes["volume"].sum() == kw.daily("005930", "2026-09-11", "2026-09-11")["volume"].iloc[0]

    def test_ends_where_its_range_ends(self, kw: Session) -> None:
        frame = kw.minute("005930", 5, "2026-11-18 09:30", "2026-11-18 10:00")
        assert [time.strftime("%H%M") for time in frame.index] == [
            "0930",
            "0935",
            "0940",
            "0945",
            "0950",
            "0955",
            "1000",
        ]

    @pytest.mark.parametrize("interval", [3, 5, 10, 15, 30, 45, 60])
    def test_of_longer_bars_holds_the_same_trades(self, kw: Session, interval: int) -> None:
        ones = kw.minute("005930", 1, "2026-11-18", "2026-11-18")
        longer = kw.minute("005930", interval, "2026-11-18", "2026-11-18")
        assert longer["volume"].sum() == ones["volume"].sum()
        assert (longer["high"].max(), longer["low"].min()) == (ones["high"].max(), ones["low"].min())
        assert len(longer) < len(ones)


@pytest.mark.parametrize(("interval", "rule"), [("W", "W-SUN"), ("M", "ME"), ("Y", "YE")])
def test_longer_bars_hold_the_days_of_their_period(kw: Session, interval: str, rule: str) -> None:
    longer = kw.bars("005930", interval, "2024-01-01", "2025-12-31")
    days = kw.daily("005930", "2024-01-01", "2025-12-31").resample(rule)
    expected = days["volume"].sum()[days["volume"].count() > 0]
    if interval == "W":
        longer, expected = longer.iloc[1:-1], expected.iloc[1:-1]  # weeks over the range's edges are cut
    assert longer["volume"].tolist() == expected.tolist()


class TestACall:
    def spent(self, kw: Session, *arguments: object, **options: object) -> int:
        return int(kw.daily("005930", *arguments, **options).attrs["trs"])  # type: ignore[arg-type]

    def test_costs_one_tr_a_page_of_600_when_nothing_is_held(self, kw: Session) -> None:
        frame = kw.daily("005930")
        assert frame.attrs["trs"] == -(-len(frame) // 600)

    def test_costs_nothing_when_everything_is_held(self, kw: Session) -> None:
        first = kw.daily("005930", "2020-01-01")
        again = kw.daily("005930", "2020-01-01")
        assert again.attrs["trs"] == 0
        assert again.attrs["cache_hits"] == len(first)
        pd.testing.assert_frame_equal(first, again, check_freq=False)

    def test_costs_nothing_inside_what_is_held_nor_in_another_session(self, market: Market) -> None:
        market.connect().daily("005930", "2020-01-01")
        assert self.spent(market.connect(), "2021-03-01", "2022-04-01") == 0

    def test_asks_only_for_what_is_missing_before(self, kw: Session) -> None:
        self.spent(kw, "2024-01-01")
        assert self.spent(kw, "2022-01-01") == 1

    def test_asks_only_for_what_is_missing_after(self, open_market: Callable[[datetime], Market]) -> None:
        friday = open_market(datetime(2026, 11, 14, 12, tzinfo=KST))
        self.spent(friday.connect(), "2020-01-01")
        week_later = open_market(SATURDAY)
        frame = week_later.connect().daily("005930", "2020-01-01")
        assert (frame.attrs["trs"], frame.index[-1].strftime("%Y-%m-%d")) == (1, "2026-11-20")

    def test_asks_only_for_a_hole(self, kw: Session) -> None:
        self.spent(kw, "2010-01-01", "2010-12-31")
        self.spent(kw, "2014-01-01", "2014-12-31")
        assert self.spent(kw, "2010-01-01", "2014-12-31") == 2  # three years of sessions

    def test_costs_nothing_over_the_weekend(self, market: Market, kw: Session) -> None:
        self.spent(kw, "2026-01-01")
        market.clock.advance(24 * 3600)
        assert self.spent(kw, "2026-01-01") == 0

    def test_costs_nothing_before_the_history_begins(self, kw: Session) -> None:
        kw.daily("005930")
        assert self.spent(kw, "1970-01-01", "1980-01-01") == 0

    def test_asks_for_the_bar_in_progress_and_never_keeps_it(
        self, open_market: Callable[[datetime], Market]
    ) -> None:
        market = open_market(datetime(2026, 11, 20, 11, tzinfo=KST))
        kw = market.connect()
        first = kw.daily("005930", "2026-11-01")
        market.clock.advance(3600)
        second = kw.daily("005930", "2026-11-01")
        assert second.attrs["trs"] == 1
        assert first.index[-1] == second.index[-1] == pd.Timestamp("2026-11-20")
        assert second["volume"].iloc[-1] > first["volume"].iloc[-1]
        pd.testing.assert_frame_equal(first.iloc[:-1], second.iloc[:-1], check_freq=False)
        assert kw.daily("005930", "2026-11-01", "2026-11-19").attrs["trs"] == 0

    def test_of_minutes_costs_a_tr_a_page_and_then_nothing(self, kw: Session) -> None:
        first = kw.minute("005930", start="2026-11-16", end="2026-11-20")
        assert first.attrs["trs"] == 3  # 5 x 381 bars, 900 a page
        again = kw.minute("005930", start="2026-11-16", end="2026-11-20")
        assert again.attrs["trs"] == 0
        pd.testing.assert_frame_equal(first, again, check_freq=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):  # type: ignore[no-untyped-def]
    """A market, and what one cold request for everything gives."""
    market = start(tmp_path_factory.mktemp("whole"))
    yield market, market.connect("cold").daily("035420", adjusted=True)
    market.close()


DAYS = st.dates(date(2000, 1, 1), SATURDAY.date())


@settings(
    max_examples=examples(6, 15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=6), st.integers(0, 10**9))
def test_any_order_of_asking_gives_what_one_request_gives(whole, ranges, number) -> None:  # type: ignore[no-untyped-def]
    market, everything = whole
    kw = market.connect(f"cache-{number}-{hash(tuple(ranges))}")
    for first, last in ranges:
        first, last = min(first, last), max(first, last)
        frame = kw.daily("035420", first, last)
        expected = everything.loc[pd.Timestamp(first) : pd.Timestamp(last)]
        pd.testing.assert_frame_equal(frame, expected, check_freq=False)
        assert kw.daily("035420", first, last).attrs["trs"] == 0
    kw.close()


class TestWhatCannotBeAskedFor:
    @pytest.fixture(autouse=True)
    def _nothing_is_sent(self, kw: Session):  # type: ignore[no-untyped-def]
        kw.find("삼성전자")
        before = kw.status()["quota"]
        yield
        assert kw.status()["quota"] == before

    def test_an_unknown_code_is_answered_with_near_names(self, kw: Session) -> None:
        with pytest.raises(UnknownCode, match="삼성전자") as error:
            kw.daily("삼성전지")
        assert ("005930", "삼성전자") in error.value.near

    @pytest.mark.parametrize(
        "code", ["", "  ", "0059300", "없는종목", "123", None, 5930, {"005930": 1}, ["005930", "없음"]]
    )
    def test_what_is_no_code(self, kw: Session, code: object) -> None:
        with pytest.raises(BadInput):
            kw.daily(code)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "day", ["2024-13-01", "어제", "", 20241301, 1.5, True, "2024-02-30", b"20240101"]
    )
    def test_a_wrong_date(self, kw: Session, day: object) -> None:
        with pytest.raises(BadInput, match="is no date"):
            kw.daily("005930", day)  # type: ignore[arg-type]

    def test_a_range_that_ends_before_it_starts(self, kw: Session) -> None:
        with pytest.raises(BadInput, match="before it starts"):
            kw.daily("005930", "2024-01-02", "2024-01-01")

    def test_a_range_in_the_future(self, kw: Session) -> None:
        with pytest.raises(BadInput, match="after now"):
            kw.daily("005930", "2030-01-01")

    @pytest.mark.parametrize("interval", ["7min", "2D", "1h", "D1", "", "min", 0, 7, -5, "tick", "2tick"])
    def test_an_interval_that_the_broker_has_not(self, kw: Session, interval: str | int) -> None:
        with pytest.raises(BadInput, match="5min"):
            kw.bars("005930", interval)

    def test_columns_in_another_language(self, kw: Session) -> None:
        with pytest.raises(BadInput, match='"ko"'):
            kw.daily("005930", columns="jp")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["005930", " 005930 ", "A005930", "삼성전자", "삼성 전자"])
def test_a_code_may_be_given_as_people_write_it(kw: Session, given: str) -> None:
    assert len(kw.daily(given, "2026-11-16")) == 5


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-16",
        "20261116",
        20261116,
        date(2026, 11, 16),
        datetime(2026, 11, 16, tzinfo=KST),
        pd.Timestamp("2026-11-16"),
        np.datetime64("2026-11-16"),
    ],
)
def test_a_date_may_be_given_as_people_write_it(kw: Session, start: object) -> None:
    assert len(kw.daily("005930", start)) == 5  # type: ignore[arg-type]


class TestWhatTheBrokerSaysOfNothing:
    """It is told of the line that asked, whatever stands between."""

    @pytest.fixture
    def silent(self, kw: Session) -> Session:
        """A session whose broker has nothing, and says so."""
        kw.names()

        def pages(tr: str, _inputs: Any, _progress: Any, **_more: Any) -> Iterator[Page]:
            yield Page([""] * len(reference.tr(tr).single), [], 0, "", ["없습니다"], 0.0)

        kw._link.pages = pages  # type: ignore[method-assign,assignment]
        return kw

    @pytest.mark.parametrize(
        "ask",
        [
            lambda kw: kw.daily("005930", "2026-11-20"),
            lambda kw: kw.minute("005930", 5, "2026-11-20"),
            lambda kw: kw.bars(["005930"], "W", "2026-11-01"),
            lambda kw: kw.index("KOSPI", "2026-11-20"),
            lambda kw: kw.flows("000660", "2026-11-20"),
            lambda kw: kw.orderbook("000660"),
            lambda kw: kw.tr("opt10075", 계좌번호="1", 전체종목구분=0, 매매구분=0, 종목코드="", 체결구분=0),
            lambda kw: run(CommandGroup(NOTEBOOK), ["daily", "005930"], FakeRunner(kw), "%kiwoom"),
        ],
    )
    def test_is_a_warning_of_the_users_line(self, silent: Session, ask: Callable[[Session], Any]) -> None:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            frame = ask(silent)
        assert [(one.filename, one.lineno) for one in told] == [(__file__, ask.__code__.co_firstlineno)]
        assert str(told[0].message) == "no rows; the broker says: 없습니다"
        assert getattr(frame, "multi", frame).attrs["messages"] == ["없습니다"]


class FakeRunner:
    """Who runs a command: nobody in particular."""

    columns, progress = "en", False

    def __init__(self, session: Session) -> None:
        self.session = lambda: session

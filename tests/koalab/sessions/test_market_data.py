"""Order books, indices and investors: what the frames say is what the broker itself holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import koalab as kl
from kernel_server import reference, simulated
from kernel_server.clock import KST
from koalab.frames import book as book_frames
from koalab.frames import flows as flow_frames
from koalab.frames.chart_pages import parse
from koalab.frames.errors import ConflictingBars, UnreadableValue
from koalab.frames.fields import table
from koalab.loaders.intervals import interval, intervals
from koalab.sessions.session import Session
from koalab.transport.base import Page
from tests.support.session import Market, start

MORNING = datetime(2026, 11, 17, 10, 30, tzinfo=KST)
INVESTORS = [
    "individuals",
    "foreigners",
    "institutions",
    "securities",
    "insurers",
    "funds",
    "other_financials",
    "banks",
    "pensions",
    "private_funds",
    "government",
    "other_corporations",
    "resident_foreigners",
]


def page(tr: str, *rows: dict[str, str]) -> Page:
    names = reference.tr(tr).multi_names
    columns = ["\n".join(row.get(name, "") for row in rows) for name in names]
    return Page([], columns, len(rows), "", [], 0.0)


class TestAnOrderBook:
    def test_is_the_exchanges(self, open_market: Callable[[datetime], Market]) -> None:
        market = open_market(MORNING)
        kw = market.connect()
        frame = kw.orderbook("삼성전자")
        asks, bids = market.look(lambda broker: broker._exchange.depth("005930"))
        assert [(level.price, level.volume) for level in asks[:10]] == [
            tuple(row) for row in frame.loc["ask"].sort_index()[["price", "volume"]].to_numpy()
        ]
        assert [(level.price, level.volume) for level in bids[:10]] == [
            tuple(row) for row in frame.loc["bid"].sort_index()[["price", "volume"]].to_numpy()
        ]
        assert frame["price"].is_monotonic_decreasing
        assert frame.attrs["total_ask"] == sum(level.volume for level in asks)
        assert frame.attrs["total_bid"] == sum(level.volume for level in bids)
        assert (frame.attrs["time"], frame.attrs["tr"], frame.attrs["trs"]) == ("10:30:00", "opt10004", 1)
        assert frame.attrs["fetched_at"].startswith("2026-11-17T10:30:0")

    def test_has_a_row_a_level(self, open_market: Callable[[datetime], Market]) -> None:
        frame = open_market(MORNING).connect().orderbook("005930")
        assert list(frame.index) == [("ask", n) for n in range(10, 0, -1)] + [
            ("bid", n) for n in range(1, 11)
        ]
        assert list(frame.columns) == ["price", "volume", "change"]
        assert (frame.dtypes == np.int64).all()
        assert frame.loc[("ask", 1), "price"] > frame.loc[("bid", 1), "price"]

    def test_of_several_has_the_code_first(self, open_market: Callable[[datetime], Market]) -> None:
        kw = open_market(MORNING.replace(hour=15, minute=35)).connect()  # when quotes stand still
        frame = kw.orderbook(["005930", "SK하이닉스", "005930"], columns="ko")
        assert frame.index.names == ["code", "구분", "단계"]
        assert list(frame.columns) == ["호가", "잔량", "잔량대비"]
        assert frame.attrs["trs"] == 2
        assert set(frame.attrs["books"]) == {"005930", "000660"}
        assert frame.loc[("000660", "매도", 1), "호가"] == kw.orderbook("000660").loc[("ask", 1), "price"]
        nothing = kw.orderbook([])
        assert (len(nothing), nothing.attrs["trs"]) == (0, 0)
        assert nothing.index.names == ["code", "side", "level"]

    def test_leaves_out_empty_levels(self) -> None:
        names = reference.tr("opt10004").multi_names
        row = dict.fromkeys(names, "0") | {
            "매수최우선호가": "-77000",
            "매수최우선잔량": "5",
            "매수1차선잔량대비": "-3",
            "총매도잔량": "",
            "호가잔량기준시간": "152000",
        }
        frame = book_frames.book([page("opt10004", row)])
        assert frame.reset_index().to_numpy().tolist() == [["bid", 1, 77000, 5, -3]]
        summary = book_frames.summary([page("opt10004", row)])
        assert (summary["time"], summary["total_ask"]) == ("15:20:00", 0)

    def test_that_is_not_there_is_empty_and_typed(self) -> None:
        frame = book_frames.book([])
        assert (frame.dtypes == np.int64).all()
        assert frame.index.names == ["side", "level"]
        assert book_frames.summary([])["total_bid"] == 0

    def test_with_a_value_that_is_none_is_refused_with_its_field(self) -> None:
        with pytest.raises(UnreadableValue, match="opt10004 매도최우선잔량"):
            book_frames.book([page("opt10004", {"매도최우선잔량": "many", "매도최우선호가": "1"})])

    def test_takes_its_levels_from_fields_that_there_are(self) -> None:
        rows = list(table("book"))
        assert len(rows) == 20
        assert {name for row in rows for name in row[2:]} <= set(reference.tr("opt10004").multi_names)
        assert len({name for row in rows for name in row[2:]}) == 60


class TestAnIndex:
    @pytest.mark.parametrize("name", ["KOSPI", "kospi", "코스피", "001", "종합(KOSPI)", " KOSPI "])
    def test_goes_by_any_of_its_names(self, kw: Session, name: str) -> None:
        assert kw._indices.resolve(name) == "001"

    def test_is_known_by_what_people_call_it(self, kw: Session) -> None:
        wanted = {"KOSDAQ": "101", "코스닥": "101", "KOSPI200": "201", "코스피 200": "201", "전기전자": "013"}
        assert {name: kw._indices.resolve(name) for name in wanted} == wanted
        listed = kw.indices()
        assert listed.loc["001", "name"] == "종합(KOSPI)"
        assert listed.index.name == "code"

    def test_is_looked_up_once_a_day_and_without_a_server_in_the_last_list(
        self, open_market: Callable[[datetime], Market]
    ) -> None:
        market = open_market(MORNING)
        kw = market.connect()
        with kw.cache.shelf.transaction() as change:
            change.set("memo:indices", b"?")  # damaged
        assert kw._indices.resolve("KOSPI") == "001"
        later = market.connect()
        later._link.call_many = None  # type: ignore[method-assign,assignment]
        assert later._indices.resolve("KOSPI") == "001"
        market.server.stop(0)
        kw._indices._cached = None
        kw._memo.put("indices", {"day": "2000-01-01", "names": {"001": "종합(KOSPI)"}})
        assert dict(kw._indices.names()) == {"001": "종합(KOSPI)"}

    def test_that_there_is_not_is_told_with_its_neighbours_and_costs_nothing(self, kw: Session) -> None:
        with pytest.raises(kl.UnknownCode, match=r"KOSPI200 \(201\)") as error:
            kw.index("KOSPI300")
        assert ("201", "KOSPI200") in error.value.near
        for wrong in (1, None, ["KOSPI", 1], ""):
            with pytest.raises(kl.BadInput, match="an index is a text"):
                kw.index(wrong)  # type: ignore[arg-type]
        with pytest.raises(kl.BadInput, match="30tick"):
            kw.index("KOSPI", interval="30tick")
        assert kw.status()["trs"] == 0

    def test_is_in_points(self, market: Market, kw: Session) -> None:
        frame = kw.index("KOSPI", "2026-11-02", date(2026, 11, 13))
        raw = kw.tr("opt20006", 업종코드="001", 기준일자="20261113", pages=1).multi
        assert list(frame.columns) == ["open", "high", "low", "close", "volume", "value"]
        assert [str(kind) for kind in frame.dtypes] == ["float64"] * 4 + ["int64"] * 2
        newest = raw[raw["일자"] >= "2026-11-02"].iloc[::-1]
        assert (frame["close"] * 100).round().astype(int).tolist() == newest["현재가"].tolist()
        assert (frame["value"] == newest["거래대금"].to_numpy() * 1_000_000).all()
        pd.testing.assert_index_equal(frame.index, kl.calendar.sessions("2026-11-02", "2026-11-13"))
        assert frame.attrs["tr"] == "opt20006"
        bars = market.look(lambda broker: broker._indices.daily("001", market.clock.now()))
        assert frame["high"].iloc[-1] == bars.high[bars.time == 20261113][0] / 100

    def test_is_kept_like_other_bars(self, market: Market, kw: Session) -> None:
        first = kw.index("KOSPI", "2026-01-01", "2026-06-30")
        again = kw.index("코스피", "2026-01-01", "2026-06-30")
        assert (first.attrs["trs"], again.attrs["trs"], again.attrs["cache_hits"]) == (1, 0, len(first))
        pd.testing.assert_frame_equal(first, again)
        assert again["close"].dtype == np.float64
        wider = kw.index("KOSPI", "20251201", "2026-06-30")
        assert wider.attrs["cache_hits"] == len(first)
        pd.testing.assert_frame_equal(wider.loc["2026-01-01":], first)
        assert kw.cache.verify() == []
        series = kw.cache.info()
        assert list(series.loc[series["code"] == "001", "interval"]) == ["D"]
        held = kw.index("KOSPI", "2026-01-01", "2026-06-30")
        market.server.stop(0)
        pd.testing.assert_frame_equal(kw.index("KOSPI", "2026-01-01", "2026-06-30"), held)

    def test_of_a_range_without_a_session_is_empty_and_in_fractions(self, kw: Session) -> None:
        frame = kw.index("KOSPI", "2026-11-14", "2026-11-15")
        assert len(frame) == 0
        pd.testing.assert_series_equal(frame.dtypes, kw.index("KOSPI", "2026-11-13", "2026-11-13").dtypes)
        nothing = kw.index([])
        assert (len(nothing), nothing.index.names) == (0, ["code", "date"])

    @pytest.mark.filterwarnings("ignore:no rows")
    def test_that_the_broker_lists_and_does_not_chart_is_asked_for_again(self, kw: Session) -> None:
        for _ in range(2):
            frame = kw.index("대형주", "2026-11-02")
            assert (len(frame), frame.attrs["trs"], frame.attrs["messages"]) == (
                0,
                1,
                ["[00Z211] 종목코드 오류"],
            )
        kw.index("KOSPI", "2026-11-02", "2026-11-13")
        kw.index("KOSPI", "1970-01-01", "1970-12-31")  # before its history, of which something is cached
        assert kw.index("KOSPI", "2026-11-02", "2026-11-13").attrs["trs"] == 0

    def test_of_several_has_the_code_first(self, kw: Session) -> None:
        frame = kw.index(["KOSPI", "코스닥"], "2026-11-10", "2026-11-12", columns="ko")
        assert list(frame.columns) == ["시가", "고가", "저가", "현재가", "거래량", "거래대금"]
        assert frame.index.names == ["code", "일자"]
        assert list(frame.loc["101"].index) == list(pd.bdate_range("2026-11-10", "2026-11-12"))

    @pytest.mark.parametrize(("name", "rule"), [("W", "W-SUN"), ("M", "ME"), ("Y", "YE")])
    def test_has_longer_bars_that_its_days_add_up_to(self, kw: Session, name: str, rule: str) -> None:
        days, longer = (kw.index("KOSDAQ", "2024-01-01", interval=each) for each in ("D", name))
        summed = days.resample(rule).agg({"open": "first", "high": "max", "low": "min", "close": "last"})
        got = longer[["open", "high", "low", "close"]].to_numpy()
        np.testing.assert_array_equal(got, summed.dropna().to_numpy())

    def test_has_minutes(self, kw: Session) -> None:
        day = kw.index("KOSPI", "2026-11-20", "2026-11-20").iloc[0]
        frame = kw.index("KOSPI", "2026-11-20", interval="30min")
        assert str(frame.index.tz) == "Asia/Seoul"
        assert (frame["open"].iloc[0], frame["close"].iloc[-1]) == (day["open"], day["close"])
        assert "value" not in frame
        assert frame.attrs["tr"] == "opt20005"
        assert kw.index("KOSPI", "2026-11-20", interval="30min").attrs["trs"] > 0

    def test_has_minutes_whose_last_bears_a_mark_for_its_time(self) -> None:
        """888888 is 장마감, about 16:00, and 999999 comes at 18:00."""
        times = ("20240119999999", "20240119888888", "20240119152900")
        rows = [
            {"체결시간": time, **dict.fromkeys(("현재가", "시가", "고가", "저가"), "247274")}
            for time in times
        ]
        for row in rows:
            row["거래량"] = "1"
        bars = parse("opt20005", [page("opt20005", *rows)])
        assert [str(time)[11:16] for time in bars.time] == ["15:29", "16:00", "18:00"]
        assert bars.close.tolist() == [2472.74] * 3
        with pytest.raises(UnreadableValue):
            parse("opt10080", [page("opt10080", *rows)])

    def test_has_every_interval_that_the_table_says(self) -> None:
        assert {one.of for one in intervals("index").values()} == {"index"}
        assert interval("D", "index").inputs("001", False) == {"업종코드": "001"}
        assert interval(5, "index").inputs("001", True) == {"업종코드": "001", "틱범위": "5"}
        assert interval("D").inputs("005930", True) == {"종목코드": "005930", "수정주가구분": "1"}


class TestFlows:
    def test_are_what_the_broker_says_of_each_day(self, kw: Session) -> None:
        frame = kw.flows("삼성전자", "2026-11-02", "2026-11-13")
        asked = {
            "종목코드": "005930",
            "일자": "20261113",
            "금액수량구분": "1",
            "매매구분": "0",
            "단위구분": "1",
        }
        raw = kw.tr("opt10059", pages=1, **asked).multi.iloc[:10][::-1]
        assert list(frame.columns) == ["close", "volume", "value", *INVESTORS]
        assert list(frame.index) == raw["일자"].tolist()
        assert (frame["foreigners"] == raw["외국인투자자"].to_numpy() * 1_000_000).all()
        assert (frame["value"] == raw["누적거래대금"].to_numpy() * 1_000_000).all()
        days = kw.daily("005930", "2026-11-02", "2026-11-13")
        pd.testing.assert_series_equal(frame["close"], days["close"])
        pd.testing.assert_series_equal(frame["volume"], days["volume"])
        assert (frame.attrs["tr"], frame.attrs["trs"], frame.attrs["what"]) == ("opt10059", 1, "amount")

    def test_add_up(self, kw: Session) -> None:
        """All buyers together bought what all sellers sold, so net is nothing, and bought less sold is net."""
        net, bought, sold = (
            kw.flows("005930", "2026-11-02", "2026-11-13", what="shares", side=side)  # type: ignore[call-overload]
            for side in ("net", "buy", "sell")
        )
        groups = [name for name in INVESTORS if name != "institutions"]
        assert (net[groups].sum(axis=1) == 0).all()
        assert (bought[groups].sum(axis=1) == bought["volume"]).all()
        assert (sold[groups] >= 0).all(axis=None)
        pd.testing.assert_frame_equal(bought[INVESTORS] - sold[INVESTORS], net[INVESTORS])
        parts = ["securities", "insurers", "funds", "other_financials", "banks", "pensions", "private_funds"]
        pd.testing.assert_series_equal(
            net[[*parts, "government"]].sum(axis=1), net["institutions"], check_names=False
        )

    def test_of_many_days_come_page_by_page_and_no_more_than_needed(self, kw: Session) -> None:
        frame = kw.flows("005930", "2026-01-01", "2026-11-20")
        pd.testing.assert_index_equal(
            frame.index, kl.calendar.sessions("2026-01-01", "2026-11-20"), check_names=False
        )
        assert frame.attrs["trs"] == -(-len(frame) // 100)
        assert frame.attrs["cache_hits"] == 0

    def test_take_ranges_in_any_form(self, kw: Session) -> None:
        forms: list[Any] = ["20261102", 20261102, date(2026, 11, 2), pd.Timestamp("2026-11-02")]
        frames = [kw.flows("005930", form, "2026-11-06") for form in forms]
        for frame in frames[1:]:
            pd.testing.assert_frame_equal(frame, frames[0])
        for wrong in (
            {"start": "yesterday"},
            {"start": "2026-11-06", "end": "2026-11-02"},
            {"start": "2030-01-01"},
        ):
            with pytest.raises(kl.BadInput):
                kw.flows("005930", **wrong)
        for wrong in ({"what": "money"}, {"side": "both"}, {"columns": "de"}):
            with pytest.raises(kl.BadInput):
                kw.flows("005930", "2026-11-02", **wrong)  # type: ignore[arg-type]

    def test_of_several_have_the_code_first(self, kw: Session) -> None:
        frame = kw.flows(["005930", "SK하이닉스"], "2026-11-12", "2026-11-13", columns="ko")
        assert frame.index.names == ["code", "일자"]
        assert list(frame.columns[:5]) == [
            "현재가",
            "누적거래량",
            "누적거래대금",
            "개인투자자",
            "외국인투자자",
        ]
        assert len(frame) == 4
        nothing = kw.flows([])
        assert (len(nothing), nothing.index.names) == (0, ["code", "date"])

    def test_of_no_day_are_empty_and_typed(self, kw: Session) -> None:
        frame = kw.flows("005930", "2026-11-14", "2026-11-15")
        assert len(frame) == 0
        assert (frame.dtypes == np.int64).all()
        assert frame.index.name == "date"

    def test_do_not_mind_signs_that_say_what_was_asked_for(self, tmp_path: Path) -> None:
        found = []
        for signs in ("signed", "plain"):
            market = start(tmp_path, settings=simulated.BrokerSettings(flow_signs=signs))  # type: ignore[arg-type]
            kw = market.connect(cache=signs)
            found.append(kw.flows("005930", "2026-11-12", "2026-11-13", side="sell"))
            market.close()
        pd.testing.assert_frame_equal(*found)

    def test_with_one_day_in_two_ways_are_refused(self) -> None:
        rows = [{"일자": "20261113", "개인투자자": text} for text in ("1", "2")]
        for row in rows:
            row |= {name: "0" for name in reference.tr(flow_frames.TR).multi_names if name not in row}
        with pytest.raises(ConflictingBars, match="opt10059"):
            flow_frames.flows([page(flow_frames.TR, *rows)], money=True, net=True)
        same = flow_frames.flows([page(flow_frames.TR, rows[0], rows[0])], money=True, net=True)
        assert same["individuals"].tolist() == [1_000_000]


LEVEL = st.tuples(st.integers(1, 3_000_000), st.integers(0, 10**9), st.integers(-(10**6), 10**6))


@given(st.lists(LEVEL, max_size=10), st.lists(LEVEL, max_size=10), st.sampled_from(["", "+", "-"]))
def test_a_book_is_what_its_fields_say(asks: list[Any], bids: list[Any], colour: str) -> None:
    levels = {("ask", n): one for n, one in enumerate(asks, 1)} | {
        ("bid", n): one for n, one in enumerate(bids, 1)
    }
    row = {}
    for side, level, *names in table("book"):
        price, volume, change = levels.get((side, int(level)), (0, 0, 0))
        row |= dict(zip(names, (f"{colour}{price}", str(volume), str(change)), strict=True))
    frame = book_frames.book([page("opt10004", row)])
    assert {key: tuple(values) for key, *values in frame.itertuples()} == levels
    assert [key for key, *_ in frame.itertuples()] == sorted(
        levels, key=lambda key: -key[1] if key[0] == "ask" else key[1] + 100
    )

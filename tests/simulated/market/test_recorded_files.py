"""A market of given files: served as they stand, and refused where they are not right."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.recorded.market import RecordedMarket
from tests.support.examples import examples
from tests.support.market_calendar import LATE, at, weekdays
from tests.support.recorded_data import RECORDED_DATA, needs_market_data

LATER = at("2026-11-20", "20:00")

LISTING = """\
code,name,market,shares,listing_date,industry,more
005930,삼성전자,KOSPI,6000,1975-06-11,전자,x
247540,에코프로비엠,KOSDAQ GLOBAL,100,2019-03-05,,x
0009K0,어느회사,KONEX,7,,,x
"""
DAILY = """\
date,open,high,low,close,volume
1985-01-03,90,95,85,91,10
1985-01-04,100,110,90,105,1000
2026-11-18,200,210,190,205,2000
2026-11-19,205,220,200,210,3000
"""
MINUTE = """\
time,open,high,low,close,volume,ticks
20261119090000,205,206,205,206,10,3
20261119090100,206,220,206,215,20,4
20261119153000,210,210,210,210,5,1
"""


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    def write(**files: str) -> Path:
        for name, text in files.items():
            file = tmp_path.joinpath(*name.split("__")).with_suffix(".csv")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def rows(*lines: str, header: str = "date,open,high,low,close,volume") -> str:
    return "\n".join([header, *lines]) + "\n"


# The listing


def test_the_listing_says_which_issues_there_are(put: Callable[..., Path]) -> None:
    issues = RecordedMarket(put(listing=LISTING)).issues()
    assert list(issues) == ["005930", "247540", "0009K0"]
    samsung = issues["005930"]
    assert (samsung.name, samsung.market, samsung.kind) == ("삼성전자", "KOSPI", "stock")
    assert (samsung.shares, samsung.listed, samsung.industry) == (6000, date(1975, 6, 11), "전자")
    assert issues["247540"].market == "KOSDAQ"


def test_more_columns_say_more(put: Callable[..., Path]) -> None:
    text = rows(
        "123450,가나리츠,KOSPI,9,2020-01-02,,1000",
        "123460,가나상품,KOSPI,9,2020-01-02,etf,",
        "500001,가나증권 ETN,KOSPI,9,2020-01-02,,",
        "069500,다른 이름,KOSPI,9,2020-01-02,,",
        header="code,name,market,shares,listing_date,kind,face_value",
    )
    issues = RecordedMarket(put(listing=text)).issues()
    assert [issue.kind for issue in issues.values()] == ["reit", "etf", "etn", "etf"]
    assert [issue.face_value for issue in issues.values()] == [1000, 0, 0, 0]
    assert issues["069500"].name == "다른 이름"


def test_without_a_listing_the_codes_of_the_files_are_it(put: Callable[..., Path]) -> None:
    issues = RecordedMarket(
        put(daily__005930=DAILY, daily_unadjusted__123450=DAILY, minute__678900_1=MINUTE)
    ).issues()
    assert list(issues) == ["005930", "123450", "678900"]
    assert issues["005930"].name == "삼성전자"  # what everybody knows
    assert issues["123450"].name == "123450"
    assert issues["123450"].listed == date(1985, 1, 3)
    assert issues["678900"].listed == date(2026, 11, 19)


def test_a_file_of_an_issue_that_the_listing_lacks_is_listed_too(put: Callable[..., Path]) -> None:
    issues = RecordedMarket(put(listing=LISTING, daily__069500=DAILY)).issues()
    assert list(issues) == ["005930", "247540", "0009K0", "069500"]
    assert issues["069500"].kind == "etf"


def test_a_blank_listing_date_is_that_of_the_first_bar(put: Callable[..., Path]) -> None:
    assert RecordedMarket(put(listing=LISTING, daily__0009K0=DAILY)).issues()["0009K0"].listed == date(
        1985, 1, 3
    )


# Days


def test_days_are_served_as_they_stand(put: Callable[..., Path]) -> None:
    bars = RecordedMarket(put(daily__005930=DAILY)).daily("005930", True, LATER)
    assert bars.time.tolist() == [19850104, 20261118, 20261119]
    assert bars.open.tolist() == [100, 200, 205]
    assert bars.high.tolist() == [110, 210, 220]
    assert bars.low.tolist() == [90, 190, 200]
    assert bars.close.tolist() == [105, 205, 210]
    assert bars.volume.tolist() == [1000, 2000, 3000]
    assert not bars.event.any()
    assert not bars.ratio.any()


def test_value_is_the_files_own_or_else_estimated(put: Callable[..., Path]) -> None:
    own = rows("20261118,200,210,190,205,2000,409000", header="date,open,high,low,close,volume,value")
    market = RecordedMarket(put(daily__005930=DAILY, daily__000660=own))
    assert market.daily("000660", True, LATER).value.tolist() == [409_000]
    assert market.daily("005930", True, LATER).value.tolist() == [101_250, 402_500, 626_250]


def test_there_is_nothing_where_there_is_no_file(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(listing=LISTING, daily__005930=DAILY, minute__247540=MINUTE))
    assert len(market.daily("005930", False, LATER)) == 0
    assert len(market.minute("005930", True, LATER, 9)) == 0
    assert len(market.daily("999999", True, LATER)) == 0
    assert len(market.minute("247540", True, LATER, 9)) == 3


def test_a_day_is_served_once_its_session_is_over(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(daily__005930=DAILY))
    assert market.daily("005930", True, at("2026-11-18", "15:29")).time[-1] == 19850104
    assert market.daily("005930", True, at("2026-11-18", "15:30")).time[-1] == 20261118
    assert len(market.daily("005930", True, at("1985-01-04", "09:00"))) == 0


def test_the_calendar_knows_when_that_is(put: Callable[..., Path]) -> None:
    text = rows(f"{LATE},1,1,1,1,1")
    folder = put(daily__005930=text)
    for sessions, count in ((None, 1), (weekdays, 0)):
        assert (
            len(RecordedMarket(folder, sessions).daily("005930", True, at(LATE.isoformat(), "15:30")))
            == count
        )
    assert len(RecordedMarket(folder, weekdays).daily("005930", True, at(LATE.isoformat(), "16:30"))) == 1


def test_while_it_runs_a_day_is_what_its_minutes_add_up_to(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(daily__005930=DAILY, minute__005930=MINUTE))
    for time, expected in (
        ("09:00:59", None),
        ("09:01", (205, 206, 205, 206, 10)),
        ("12:00", (205, 220, 205, 215, 30)),
        ("15:30", (205, 220, 200, 210, 3000)),
    ):
        bars = market.daily("005930", True, at("2026-11-19", time))
        if expected is None:
            assert bars.time[-1] == 20261118
        else:
            assert bars.time.tolist() == [19850104, 20261118, 20261119]
            found = (bars.open[-1], bars.high[-1], bars.low[-1], bars.close[-1], bars.volume[-1])
            assert found == expected


def test_a_day_without_trades_may_have_a_close_only_and_is_served_so(put: Callable[..., Path]) -> None:
    text = rows("20261118,0,0,0,205,0")
    bars = RecordedMarket(put(daily__005930=text)).daily("005930", True, LATER)
    assert bars.open.tolist() == bars.high.tolist() == bars.low.tolist() == [0]
    assert (bars.close.tolist(), bars.volume.tolist()) == ([205], [0])


def test_fractions_are_rounded(put: Callable[..., Path]) -> None:
    text = rows("20261118,200.0,210.0,190.0,205.4,2000.6")
    bars = RecordedMarket(put(daily__005930=text)).daily("005930", True, LATER)
    assert (bars.close.tolist(), bars.volume.tolist()) == ([205], [2001])


def test_bars_cannot_be_changed(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(daily__005930=DAILY, minute__005930=MINUTE))
    for bars in (market.daily("005930", True, LATER), market.minute("005930", True, LATER, 1)):
        with pytest.raises(ValueError, match="read-only"):
            bars.close[0] = 1


# Splits


def history(closes: list[int]) -> str:
    days = weekdays().dates[-300 : -300 + len(closes)]
    return rows(
        *(f"{day},{close},{close},{close},{close},10" for day, close in zip(days, closes, strict=True))
    )


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40), deadline=None
)
@given(
    closes=st.lists(st.integers(100, 200_000), min_size=4, max_size=30),
    factor=st.sampled_from([1, 2, 3, 5, 10, 50, 100]),
    data=st.data(),
)
def test_a_split_is_marked_in_both_and_nothing_else_is(
    put: Callable[..., Path], closes: list[int], factor: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(closes) - 1))
    raw = [close * factor if row < place else close for row, close in enumerate(closes)]
    market = RecordedMarket(
        put(daily__005930=history(closes), daily_unadjusted__005930=history(raw)), cached=1
    )
    expected = [8 if row == place and factor >= 5 else 0 for row in range(len(closes))]
    for adjusted in (True, False):
        bars = market.daily("005930", adjusted, at("2028-01-01"))
        assert bars.event.tolist() == expected
        assert bars.ratio[place] == (pytest.approx(100 / factor - 100) if factor >= 5 else 0)


def test_adjusted_prices_that_have_been_rounded_hide_no_split_and_make_none(put: Callable[..., Path]) -> None:
    raw = [5000 + 37 * row for row in range(40)] + [110 + row for row in range(40)]
    fair = [round(close / 50) for close in raw[:40]] + raw[40:]
    market = RecordedMarket(put(daily__005930=history(fair), daily_unadjusted__005930=history(raw)))
    assert np.flatnonzero(market.daily("005930", True, at("2028-01-01")).event).tolist() == [40]


def test_with_one_of_the_two_files_nothing_is_marked(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(daily_unadjusted__005930=history([5000, 5000, 100, 100])))
    assert not market.daily("005930", False, at("2028-01-01")).event.any()


# Minutes


def test_minutes_are_served_once_they_are_over(put: Callable[..., Path]) -> None:
    market = RecordedMarket(put(minute__005930=MINUTE))
    for time, count in (("09:00:59", 0), ("09:01", 1), ("09:02", 2), ("15:29:59", 2), ("15:30", 3)):
        assert len(market.minute("005930", True, at("2026-11-19", time), 5)) == count
    bars = market.minute("005930", False, LATER, 5)
    assert bars.time.tolist() == [20261119090000, 20261119090100, 20261119153000]
    assert bars.close.tolist() == [206, 215, 210]


def test_several_files_of_one_code_are_one_history(put: Callable[..., Path]) -> None:
    earlier = MINUTE.replace("20261119", "20261118")
    market = RecordedMarket(put(minute__005930_b=earlier, minute__005930_a=MINUTE))
    for days, first in ((1, 20261119), (2, 20261118), (9, 20261118)):
        bars = market.minute("005930", True, LATER, days)
        assert len(bars) == 3 * min(days, 2)
        assert bars.time[0] // 10**6 == first
        assert (np.diff(bars.time) > 0).all()
    assert len(market.minute("005930", True, LATER, 0)) == 0


# What is refused


@pytest.mark.parametrize(
    ("files", "file", "line", "expected"),
    [
        ({}, "", 0, "listing.csv"),
        ({"listing": "code,name\n"}, "listing.csv", 1, "no market, shares, listing_date"),
        ({"listing": LISTING.replace("KONEX", "NASDAQ")}, "listing.csv", 4, "NASDAQ"),
        ({"listing": LISTING.replace("0009K0", "5930")}, "listing.csv", 4, "'5930'"),
        ({"listing": LISTING.replace("0009K0", "005930")}, "listing.csv", 4, "'005930'"),
        ({"listing": LISTING.replace("2019-03-05", "March")}, "listing.csv", 3, "listing_date"),
        ({"listing": LISTING.replace(",100,", ",many,")}, "listing.csv", 3, "'many'"),
        ({"listing": LISTING.replace(",100,", ",-1,")}, "listing.csv", 3, "'-1'"),
        ({"listing": LISTING.replace(",x\n", "\n")}, "listing.csv", 2, "7 cells"),
        ({"daily__삼성전자": DAILY}, "삼성전자.csv", 0, "a code"),
        ({"daily__005930": ""}, "005930.csv", 1, "no date"),
        ({"daily__005930": DAILY.replace("volume", "shares")}, "005930.csv", 1, "no volume"),
        ({"minute__005930": DAILY}, "005930.csv", 1, "no time"),
        ({"daily__005930": rows("1985-13-01,1,1,1,1,1")}, "005930.csv", 2, "1985-13-01"),
        (
            {"minute__005930": MINUTE.replace("20261119090000", "202611190900")},
            "005930.csv",
            2,
            "YYYYMMDDHHMMSS",
        ),
    ],
)
def test_what_can_be_seen_at_once_is_refused_at_once(
    put: Callable[..., Path], files: dict[str, str], file: str, line: int, expected: str
) -> None:
    folder = put(**files)
    with pytest.raises(BadMarketData, match=expected) as refused:
        RecordedMarket(folder)
    assert refused.value.line == line
    assert str(refused.value.file).endswith(file)
    assert str(refused.value.file) in str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadMarketData, match="expected a folder"):
        RecordedMarket(tmp_path / "nowhere")


def test_text_that_is_not_utf_8_is_refused(put: Callable[..., Path]) -> None:
    folder = put(listing=LISTING)
    (folder / "listing.csv").write_bytes(LISTING.encode("cp949"))
    with pytest.raises(BadMarketData, match="UTF-8"):
        RecordedMarket(folder)


GOOD = "2026-11-17,200,210,190,205,2000"


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("2026-11-18,200,210,190,205", "6 cells, found 5"),
        ("2026-11-18,200,210,190,205,2000,1", "6 cells, found 7"),
        ("2026-02-30,200,210,190,205,2000", "2026-02-30"),
        ("yesterday,200,210,190,205,2000", "yesterday"),
        ("2026-11-16,200,210,190,205,2000", "in order of date"),
        ("2026-11-17,200,210,190,205,2000", "in order of date"),
        ("2026-11-18,two,210,190,205,2000", "open should be a number.*'two'"),
        ("2026-11-18,200,210,190,205,", "volume should be a number"),
        ("2026-11-18,200,210,190,205,-5", "volume should be a number"),
        ("2026-11-18,200,210,190,205,nan", "volume should be a number"),
        ("2026-11-18,200,210,190,205,1e300", "volume should be a number"),
        ("2026-11-18,200,190,210,205,2000", "between low and high"),
        ("2026-11-18,200,210,190,250,2000", "between low and high"),
        ("2026-11-18,200,210,0,205,2000", "above 0"),
        ("2026-11-18,0,0,0,0,0", "above 0"),
    ],
)
def test_a_bad_row_is_refused_when_it_is_read_and_named_with_its_line(
    put: Callable[..., Path], bad: str, expected: str
) -> None:
    market = RecordedMarket(
        put(daily__005930=rows(GOOD, "", bad, "2026-11-19,1,1,1,1,1"), daily__000660=DAILY)
    )
    assert len(market.daily("000660", True, LATER)) == 3
    with pytest.raises(BadMarketData, match=expected) as refused:
        market.daily("005930", True, LATER)
    assert refused.value.line == 4
    assert refused.value.file.name == "005930.csv"


@pytest.mark.parametrize("time", ["20261118240000", "20261118096000", "20261118090060", "20261131090000"])
def test_a_time_that_no_clock_shows_is_refused(put: Callable[..., Path], time: str) -> None:
    header, good, *_more = MINUTE.splitlines()
    text = rows(good.replace("20261119", "20261117"), f"{time},205,206,205,206,10,3", header=header)
    market = RecordedMarket(put(minute__005930=text))
    with pytest.raises(BadMarketData, match=time) as refused:
        market.minute("005930", True, LATER, 1)
    assert refused.value.line == 3


def test_files_of_minutes_that_overlap_are_refused(put: Callable[..., Path]) -> None:
    later = MINUTE.replace("20261119090000", "20261119090200").replace("20261119090100", "20261119090300")
    later = later.replace("20261119153000", "20261120153000")
    market = RecordedMarket(put(minute__005930_1=MINUTE, minute__005930_2=later))
    with pytest.raises(BadMarketData, match=r"after those of 005930_1\.csv") as refused:
        market.minute("005930", True, LATER, 1)
    assert refused.value.file.name == "005930_2.csv"


def test_a_price_may_be_off_by_what_adjusting_rounds(put: Callable[..., Path]) -> None:
    text = rows("2026-11-18,22981,23481,22780,23483,466027")
    assert len(RecordedMarket(put(daily__005930=text)).daily("005930", True, LATER)) == 1


# What it is called


def test_the_source_changes_with_the_files(put: Callable[..., Path]) -> None:
    folder = put(daily__005930=DAILY)
    first = RecordedMarket(folder).source
    assert first.startswith("given:")
    assert RecordedMarket(folder).source == first
    file = folder / "daily" / "005930.csv"
    os.utime(file, ns=(1, 1))
    touched = RecordedMarket(folder).source
    file.rename(folder / "daily" / "000660.csv")
    renamed = RecordedMarket(folder).source
    put(minute__000660=MINUTE)
    assert len({first, touched, renamed, RecordedMarket(folder).source}) == 4


@pytest.fixture(scope="module")
def market() -> RecordedMarket:
    return RecordedMarket(RECORDED_DATA)


class TestOverRecordedData:
    pytestmark = needs_market_data

    def test_it_has_the_whole_listing(self, market: RecordedMarket) -> None:
        issues = market.issues()
        assert len(issues) >= 2879
        assert {issue.market for issue in issues.values()} == {"KOSPI", "KOSDAQ", "KONEX"}
        assert issues["005930"].name == "삼성전자"

    def test_every_file_is_read(self, market: RecordedMarket) -> None:
        for folder, adjusted in (("daily", True), ("daily_unadjusted", False)):
            files = list((RECORDED_DATA / folder).glob("*.csv"))
            assert files
            for file in files:
                bars = market.daily(file.stem, adjusted, LATER)
                with file.open(encoding="utf-8") as text:
                    served = sum(line[:10] >= "1985-01-04" for line in text) - 1  # the header sorts behind
                assert len(bars) == served
                assert (bars.value[bars.volume > 0] > 0).all()

    def test_the_split_of_2018_is_found(self, market: RecordedMarket) -> None:
        for adjusted in (True, False):
            bars = market.daily("005930", adjusted, LATER)
            assert bars.time[bars.event > 0].tolist() == [20180504]
            assert bars.ratio[bars.event > 0].tolist() == [-98.0]
        raw = market.daily("005930", False, LATER)
        assert raw.time[0] == 19850104
        assert raw.close[raw.time == 20180504].tolist() == [51_900]
        assert (raw.volume[np.isin(raw.time, [20180430, 20180502, 20180503])] == 0).all()

    def test_recorded_minutes_are_served(self, market: RecordedMarket) -> None:
        bars = market.minute("000660", True, LATER, 5)
        assert bars.time[0] == 20200601095400
        assert len(market.minute("000660", True, at("2020-06-01", "10:00"), 5)) == 6
        assert len(market.minute("005490", True, LATER, 5)) > 300

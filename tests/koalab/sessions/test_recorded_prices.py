"""The whole way over recorded prices: what comes out at the end is what went in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from koalab.sessions.session import Session
from tests.support.examples import examples
from tests.support.session import Market, start

pytestmark = pytest.mark.market_data

CODES = ["005930", "000660", "035420", "005380", "035720", "069500", "530107"]
PRICES = ["open", "high", "low", "close", "volume"]


def recorded(file: Path, first: str = "1985-01-04") -> pd.DataFrame:
    frame = pd.read_csv(file, index_col="date", parse_dates=True)
    return frame.loc[first:, PRICES].astype(np.int64)


@pytest.fixture(scope="module")
def given(market_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    market = start(tmp_path_factory.mktemp("recorded"), market_data=market_data)
    yield market
    market.close()


@pytest.fixture
def kw(given: Market) -> Session:
    return given.connect()


def equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found[PRICES], expected, check_freq=False, check_index_type=False)


def test_the_raw_history_of_005930_comes_row_for_row_in_the_fewest_trs(
    given: Market, market_data: Path
) -> None:
    expected = recorded(market_data / "daily_unadjusted" / "005930.csv")
    found = given.connect("raw").daily("005930", adjusted=False)
    equal(found, expected)
    assert found.attrs["trs"] == -(-len(expected) // 600)
    assert found.index[0] == pd.Timestamp("1985-01-04")


def test_halts_and_the_split_of_2018_are_in_it(kw: Session) -> None:
    raw = kw.daily("005930", "2018-04-25", "2018-05-10", adjusted=False)
    halted = raw.loc["2018-04-30":"2018-05-03"]
    assert (halted["volume"] == 0).all()
    assert (halted[["open", "high", "low"]].to_numpy() == halted[["close"]].to_numpy()).all()
    assert raw.loc["2018-05-04", "close"] == 51_900
    assert raw.loc["2018-04-27", "close"] == 2_650_000


@pytest.mark.parametrize("code", CODES)
def test_every_adjusted_history_comes_row_for_row(kw: Session, market_data: Path, code: str) -> None:
    expected = recorded(market_data / "daily" / f"{code}.csv")
    equal(kw.daily(code), expected)
    again = kw.daily(code)
    assert again.attrs["trs"] == 0
    equal(again, expected)


def test_ranges_asked_for_in_any_order_give_the_same_rows(given: Market, market_data: Path) -> None:
    expected = recorded(market_data / "daily_unadjusted" / "005930.csv")
    kw = given.connect("order")
    for first, last in [
        ("2018-01-01", "2018-12-31"),
        ("2017-01-01", "2018-06-30"),
        ("1990-01-01", "2020-12-31"),
    ]:
        equal(kw.daily("005930", first, last, adjusted=False), expected.loc[first:last])


# Each with days before and after its split: 005930's of 2018-05-04, 035720's of 2021-04-15.
SPLITS = [("005930", "2018-05-04", True), ("005930", "2018-05-04", False), ("035720", "2021-04-15", True)]
AROUND = st.integers(-900, 500)


@settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
@hypothesis.given(
    st.sampled_from(SPLITS),
    st.lists(st.tuples(AROUND, AROUND, st.sampled_from([0, 0, 1, 6, 40])), min_size=2, max_size=8),
)
@pytest.mark.filterwarnings("ignore:no rows")
def test_around_a_split_any_ranges_at_any_time_give_the_recorded_rows(
    market_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
    split: tuple[str, str, bool],
    requests: list[tuple[int, int, int]],
) -> None:
    code, day, adjusted = split
    expected = recorded(market_data / ("daily" if adjusted else "daily_unadjusted") / f"{code}.csv")
    effective = pd.Timestamp(day, tz="Asia/Seoul")
    market = start(
        tmp_path_factory.mktemp("split"), effective - pd.Timedelta(hours=3), market_data=market_data
    )
    try:
        kw = market.connect()
        for first, last, days in requests:
            market.clock.advance(days * 86_400.0)
            today = pd.Timestamp(market.clock.now(), unit="s", tz="Asia/Seoul").tz_localize(None).normalize()
            ends = sorted(
                min(today, effective.tz_localize(None) + pd.Timedelta(days=n)) for n in (first, last)
            )
            found = kw.daily(code, *ends, adjusted=adjusted)
            # At nine in the evening and no earlier in the day: today's bar is whole.
            equal(found, expected.loc[ends[0] : ends[1]])
        assert kw.cache.verify() == []
    finally:
        market.close()


@pytest.mark.parametrize(("code", "day"), [("000660", "20200601"), ("005490", "20200604")])
def test_minutes_come_row_for_row(kw: Session, market_data: Path, code: str, day: str) -> None:
    expected = pd.read_csv(market_data / "minute" / f"{code}_{day}.csv")
    found = kw.minute(code)
    assert found.index.strftime("%Y%m%d%H%M%S").tolist() == expected["time"].astype(str).tolist()
    assert (found[PRICES].to_numpy() == expected[PRICES].to_numpy()).all()


def test_a_code_without_a_file_has_no_rows_and_the_broker_says_so(kw: Session) -> None:
    with pytest.warns(UserWarning, match="571578"):
        found = kw.daily("000270")
    assert len(found) == 0
    assert list(found.columns) == [*PRICES, "value"]
    assert "571578" in found.attrs["messages"][0]


@pytest.mark.parametrize(("code", "day"), [("005490", "20200604"), ("000660", "20200601")])
def test_ticks_come_row_for_row(kw: Session, market_data: Path, code: str, day: str) -> None:
    expected = pd.read_csv(market_data / "ticks" / f"{code}_{day}.csv.gz", dtype={"time": str})
    found = kw.bars(code, "1tick")
    assert found["close"].tolist() == expected["price"].tolist()
    assert found["volume"].tolist() == expected["volume"].tolist()
    assert found.index.strftime("%Y%m%d%H%M%S").tolist() == (day + expected["time"]).tolist()


def test_a_day_of_which_only_trades_are_given_has_a_daily_bar(kw: Session, market_data: Path) -> None:
    trades = pd.read_csv(market_data / "ticks" / "005490_20200604.csv.gz")
    price, volume = trades["price"], trades["volume"]
    (bar,) = kw.daily("005490")[PRICES].itertuples()
    assert bar.Index == pd.Timestamp("2020-06-04")
    assert tuple(bar)[1:] == (price.iloc[0], price.max(), price.min(), price.iloc[-1], volume.sum())


def test_the_listing_is_the_given_one(kw: Session, market_data: Path) -> None:
    with (market_data / "listing.csv").open(encoding="utf-8") as file:
        expected = {row["code"]: row["name"] for row in csv.DictReader(file)}
    found = kw.codes()
    assert {code: found.loc[code, "name"] for code in expected} == expected
    assert kw.find("하이닉스").index.tolist()[0] == "000660"


def test_info_stands_on_the_given_prices(kw: Session, market_data: Path) -> None:
    last = recorded(market_data / "daily" / "000660.csv").iloc[-1]
    info = kw.info("000660")
    assert (info["price"], info["open"], info["volume"]) == (last["close"], last["open"], last["volume"])
    assert pd.isna(info["per"])

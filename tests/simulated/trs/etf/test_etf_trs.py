"""ETFs: the price stays near the net asset value, which follows the index; in agreement with charts and investors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.funds import funds
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_trs import OVER, RUNNING, MarketTrs, plain, size
from tests.support.simulated_broker import small_market
from tests.support.tr_handlers import ask, calendar, single

CODE = "069500"
FOREIGN = "133690"  # its index is not one of this market
ALL = {"과세유형": "0", "NAV대비": "0", "운용사": "0000", "과세여부": "0", "추적지수": "0"}


@pytest.fixture(scope="module", params=[RUNNING, OVER])
def etfs(request: pytest.FixtureRequest) -> MarketTrs:
    return MarketTrs(SyntheticMarket(7, calendar), request.param, fundamentals_seed=1)


def cents(nav: str) -> int:
    return round(abs(float(nav)) * 100)


def test_days_are_those_of_the_daily_chart(etfs: MarketTrs) -> None:
    chart = etfs.page("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")
    for tr, day, close in (("opt40003", "체결일자", "현재가"), ("opt40005", "체결시간", "종가")):
        rows = etfs.rows(tr, 150, 종목코드=CODE)[:150]
        for row, bar in zip(rows, chart, strict=False):
            assert (row[day], size(row[close])) == (bar["일자"], int(bar["현재가"]))
            assert (row["거래량"], row["누적거래대금"]) == (bar["거래량"], bar["거래대금"])
    assert len(etfs.page("opt40003", 종목코드=CODE)) == 100


@pytest.mark.parametrize("code", [CODE, "114800", "233740", FOREIGN])
def test_the_price_stays_near_the_net_asset_value(etfs: MarketTrs, code: str) -> None:
    for row in etfs.page("opt40003", 종목코드=code):
        price, nav = size(row["현재가"]), cents(row["NAV"]) / 100
        assert float(row["NAV/ETF괴리율"]) == pytest.approx((price - nav) / price * 100, abs=0.006)
        assert abs(float(row["NAV/ETF괴리율"])) < 1


@pytest.mark.parametrize("code", [fund.code for fund in funds().values() if fund.index])
def test_net_asset_value_and_price_follow_the_index_times_the_multiple(etfs: MarketTrs, code: str) -> None:
    fund = funds()[code]
    rows = etfs.page("opt40003", 종목코드=code)[::-1]
    chart = {bar["일자"]: int(bar["현재가"]) for bar in etfs.page("opt20006", 업종코드=fund.index)}
    assert [size(row["추적현재가"]) for row in rows] == [chart[row["체결일자"]] for row in rows]
    index, nav, price = (
        np.array(values, float)
        for values in (
            [chart[row["체결일자"]] for row in rows],
            [cents(row["NAV"]) for row in rows],
            [size(row["현재가"]) for row in rows],
        )
    )
    index, nav, price = (np.diff(each) / each[:-1] for each in (index, nav, price))
    # The NAV of a session that runs follows the price.
    over = len(nav) - (etfs.now == RUNNING)
    assert np.abs(nav - fund.multiple * index)[:over].max() < 0.0002
    assert np.abs(price - fund.multiple * index).std() < 0.003
    assert np.corrcoef(price, fund.multiple * index)[0, 1] > 0.95
    for row in rows[: len(rows) - (etfs.now == RUNNING)]:
        assert abs(float(row["NAV/지수괴리율"])) <= 0.02
    assert 0 < float(rows[-1]["추적오차율"]) < 0.5


def test_changes_are_from_the_day_before(etfs: MarketTrs) -> None:
    rows = etfs.rows("opt40009", 60, 종목코드=CODE)
    days = etfs.page("opt40003", 종목코드=CODE)
    for row, before, day, day_before in zip(rows, rows[1:], days, days[1:], strict=False):
        assert (row["NAV"], row["괴리율"]) == (day["NAV"], day["NAV/ETF괴리율"])
        change = cents(row["NAV"]) - cents(before["NAV"])
        assert round(float(row["NAV전일대비"]) * 100) == change
        assert row["NAV"][0] == ("+" if change > 0 else "-")
        assert float(row["NAV등락율"]) == pytest.approx(change / cents(before["NAV"]) * 100, abs=0.006)
        assert int(row["기준가"]) == size(day_before["현재가"])
        assert int(day["추적전일대비"]) == size(day["추적현재가"]) - size(day_before["추적현재가"])
    assert {row["주식수"] for row in rows} == {"190000"}


def test_who_bought_an_etf_is_who_opt10059_says(etfs: MarketTrs) -> None:
    asked = {"금액수량구분": "2", "매매구분": "0", "단위구분": "1", "종목코드": CODE, "일자": ""}
    flows = etfs.page("opt10059", **asked)
    rows = etfs.rows("opt40008", 60, 종목코드=CODE)
    foreign = etfs.page("opt40010", 종목코드=CODE)
    for row, other, flow in zip(rows, foreign, flows, strict=False):
        assert row["일자"] == flow["일자"]
        assert plain(row["외인순매수수량"]) == plain(other["외인순매수"]) == int(flow["외국인투자자"])
        assert plain(row["기관순매수수량"]) == int(flow["기관계"])
    assert any(row["외인순매수수량"].startswith("--") for row in rows)
    week = etfs.page("opt40001", 종목코드=CODE, 기간="0")[0]
    assert int(week["외인순매수수량"]) == sum(int(flow["외국인투자자"]) for flow in flows[:5])
    prices = [size(row["현재가n"]) for row in rows]
    assert float(week["체결수익률"]) == pytest.approx((prices[0] / prices[5] - 1) * 100, abs=0.006)


def test_minutes_end_where_the_day_stands(etfs: MarketTrs) -> None:
    rows = etfs.rows("opt40006", 종목코드=CODE)
    day = etfs.page("opt40003", 종목코드=CODE)[0]
    same = {
        "종가": "현재가",
        "거래량": "거래량",
        "NAV": "NAV",
        "NAVETF": "NAV/ETF괴리율",
        "NAV지수": "NAV/지수괴리율",
        "추적지수": "추적현재가",
        "거래대금": "누적거래대금",
    }
    assert {name: rows[0][name] for name in same} == {name: day[other] for name, other in same.items()}
    for row, before in pairwise(rows):
        assert int(row["거래량"]) >= int(before["거래량"])
        assert abs(float(row["NAVETF"])) < 0.3
    chart = etfs.rows("opt10080", 종목코드=CODE, 틱범위="1", 수정주가구분="1")
    today = [bar for bar in chart if bar["체결시간"].startswith("20220118")]
    assert [size(row["종가"]) for row in rows] == [size(bar["현재가"]) for bar in today]
    trades = etfs.rows("opt40007", 종목코드=CODE)
    assert [row["거래량"] for row in trades] == [bar["거래량"] for bar in today]


def test_the_head_names_the_index(etfs: MarketTrs) -> None:
    for tr in ("opt40002", "opt40006", "opt40007"):
        head = single(tr, ask(etfs.handlers, tr, etfs.now, 종목코드=CODE)[0])
        assert (head["종목명"], head["ETF대상지수명"]) == ("KODEX 200", "KOSPI200")
    assert head["ETF대상지수코드"] == "201"
    newest = single("opt40008", ask(etfs.handlers, "opt40008", etfs.now, 종목코드=CODE)[0])
    assert newest["현재가"] == etfs.page("opt40003", 종목코드=CODE)[0]["현재가"]


def test_all_etfs(etfs: MarketTrs) -> None:
    rows = {row["종목코드"]: row for row in etfs.rows("opt40004", **ALL)}
    listed = {issue.code for issue in etfs.market.issues().values() if issue.kind == "etf"}
    assert set(rows) == listed == set(funds())
    for code in (CODE, FOREIGN):
        day = etfs.page("opt40003", 종목코드=code)[0]
        assert [rows[code][name] for name in ("종가", "NAV", "추적오차율", "추적지수")] == [
            day[name] for name in ("현재가", "NAV", "추적오차율", "추적현재가")
        ]
    of_tiger = etfs.rows("opt40004", **ALL | {"운용사": "3191"})
    assert {row["종목명"].split()[0] for row in of_tiger} == {"TIGER"}
    above, below = (etfs.rows("opt40004", **ALL | {"NAV대비": side}) for side in ("1", "2"))
    assert {row["종목코드"] for row in above} | {row["종목코드"] for row in below} <= listed
    assert not {row["종목코드"] for row in above} & {row["종목코드"] for row in below}
    assert etfs.rows("opt40004", **ALL | {"과세여부": "2"}) == []


def test_history_is_the_same_however_much_of_it_is_read() -> None:
    one, other = SyntheticMarket(7, calendar), SyntheticMarket(7, calendar)
    now = float(calendar().closes[-1])
    few = one.daily("233740", True, now, 30)
    whole = other.daily("233740", True, now)
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert getattr(few, name).tolist() == getattr(whole, name)[-30:].tolist()


def test_given_prices_have_no_net_asset_value() -> None:
    trs = MarketTrs(small_market(), OVER)
    with pytest.raises(TrRejected):
        trs.page("opt40003", 종목코드="005930")


@pytest.mark.parametrize(
    ("tr", "inputs"),
    [
        ("opt40001", {"종목코드": CODE, "기간": "4"}),
        ("opt40003", {"종목코드": "005930"}),
        ("opt40004", ALL | {"운용사": "1"}),
        ("opt40004", ALL | {"NAV대비": "3"}),
        ("opt40006", {"종목코드": "999999"}),
    ],
)
def test_wrong_inputs_are_rejected(etfs: MarketTrs, tr: str, inputs: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        etfs.page(tr, **inputs)

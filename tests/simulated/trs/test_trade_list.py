"""The TRs that list trades, and the price table: they agree with the tape, the ticks and the book."""

from __future__ import annotations

import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_trs import OVER, MarketTrs, size
from tests.support.simulated_broker import HandMarket
from tests.support.tr_handlers import calendar, stock

CODE = "005930"
TODAY, BEFORE = "1", "2"


def test_the_trades_of_today_are_those_of_opt10003(trs: MarketTrs) -> None:
    known = trs.rows("opt10003", 300, 종목코드=CODE)[:300]
    listed = trs.rows("opt10084", 300, 종목코드=CODE, 당일전일=TODAY, 틱분="0", 시간="")[:300]
    large = trs.page("opt10055", 종목코드=CODE, 당일전일=TODAY)[:300]
    strong = trs.rows("opt10046", 300, 종목코드=CODE, 틱구분="1", 체결강도구분="1")[:300]
    for trade, row, other, third in zip(known, listed, large, strong, strict=True):
        for name in (
            "시간",
            "현재가",
            "전일대비",
            "우선매도호가단위",
            "체결거래량",
            "누적거래량",
            "체결강도",
        ):
            assert row[name] == trade[name]
        # in millions here, in won there
        assert int(row["누적거래대금"]) == (int(trade["누적거래대금"]) + 500_000) // 1_000_000
        assert (other["체결시간"], other["체결가"], other["체결량"]) == (
            trade["시간"],
            trade["현재가"],
            trade["체결거래량"],
        )
        assert (third["체결시간"], third["체결강도"], third["누적거래량"]) == (
            trade["시간"],
            trade["체결강도"],
            trade["누적거래량"],
        )
        assert other["누적거래대금"] == third["누적거래대금"] == row["누적거래대금"]


def test_every_trade_is_told_once(trs: MarketTrs) -> None:
    rows = trs.rows("opt10055", 100_000, 종목코드=CODE, 당일전일=TODAY)
    assert sum(size(row["체결량"]) for row in rows) == int(rows[0]["누적거래량"])
    assert size(rows[-1]["체결량"]) == int(rows[-1]["누적거래량"])


def in_session(rows: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    """The trades of the session itself, without 시간외종가 before and after it."""
    return [row for row in rows if "0900" <= row[name] < "1531"]


def test_yesterday_s_trades_make_up_its_day(trs: MarketTrs) -> None:
    every = trs.rows("opt10055", 100_000, 종목코드=CODE, 당일전일=BEFORE)
    day = next(
        row
        for row in trs.page("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")
        if row["일자"] == "20220117"
    )
    assert sum(size(row["체결량"]) for row in every) == int(every[0]["누적거래량"])
    rows = in_session(every, "체결시간")
    prices = [size(row["체결가"]) for row in rows]
    assert sum(size(row["체결량"]) for row in rows) == int(day["거래량"])
    assert (prices[-1], max(prices), min(prices), prices[0]) == tuple(
        int(day[name]) for name in ("시가", "고가", "저가", "현재가")
    )
    assert rows[0]["체결시간"] == "153000"


def test_minutes_of_trades_are_those_of_the_chart(trs: MarketTrs) -> None:
    rows = in_session(trs.rows("opt10084", 종목코드=CODE, 당일전일=BEFORE, 틱분="1", 시간=""), "시간")
    chart = {
        bar["체결시간"][8:12]: bar
        for bar in trs.page("opt10080", 종목코드=CODE, 틱범위="1", 수정주가구분="1")
        if bar["체결시간"].startswith("20220117")
    }
    assert len(rows) == len(chart)
    for row in rows:
        bar = chart[row["시간"][:4]]
        assert (size(row["현재가"]), row["체결거래량"]) == (size(bar["현재가"]), bar["거래량"])


def test_the_trades_of_an_evening_are_the_next_day_those_of_the_day_before() -> None:
    evening = MarketTrs(SyntheticMarket(7, calendar), OVER)
    told = evening.rows("opt10084", 200, 종목코드=CODE, 당일전일=TODAY, 틱분="0", 시간="")[:200]
    morning = MarketTrs(SyntheticMarket(7, calendar), "2022-01-19 11:00:30")
    remembered = morning.rows("opt10084", 200, 종목코드=CODE, 당일전일=BEFORE, 틱분="0", 시간="")[:200]
    assert told[0]["시간"] > "154000"
    names = ("시간", "현재가", "체결거래량", "누적거래량", "체결강도")
    assert [[row[name] for name in names] for row in remembered] == [
        [row[name] for name in names] for row in told
    ]


def test_trades_up_to_a_time_of_day(trs: MarketTrs) -> None:
    rows = trs.page("opt10084", 종목코드=CODE, 당일전일=TODAY, 틱분="0", 시간="0930")
    assert rows[0]["시간"] <= "093059"
    assert rows[0]["시간"] >= "0930"
    for wrong in ("930", "2460", "abcd"):
        with pytest.raises(TrRejected):
            trs.page("opt10084", 종목코드=CODE, 당일전일=TODAY, 틱분="0", 시간=wrong)


def test_a_mean_strength_lies_among_those_it_is_of(trs: MarketTrs) -> None:
    rows = trs.rows("opt10046", 2000, 종목코드=CODE, 틱구분="1", 체결강도구분="1")
    newest = rows[0]
    hour, minute, second = (int(newest["체결시간"][at : at + 2]) for at in (0, 2, 4))
    since = (hour * 60 + minute - 5) * 60 + second
    recent = [
        float(row["체결강도"])
        for row in rows
        if int(row["체결시간"][:2]) * 3600 + int(row["체결시간"][2:4]) * 60 + int(row["체결시간"][4:]) > since
    ]
    assert min(recent) - 0.01 <= float(newest["체결강도5분"]) <= max(recent) + 0.01


@pytest.mark.parametrize("tr", ["opt10055", "opt10084", "opt10046", "opt10007"])
def test_wrong_inputs_are_rejected(trs: MarketTrs, tr: str) -> None:
    good = {"종목코드": CODE}
    if tr in ("opt10055", "opt10084"):
        good |= {"당일전일": TODAY}
        with pytest.raises(TrRejected):
            trs.page(tr, **{**good, "당일전일": "3", **({"틱분": "0"} if tr == "opt10084" else {})})
    with pytest.raises(TrRejected):
        trs.page(tr, **{**good, "종목코드": "999999", **({"틱분": "0"} if tr == "opt10084" else {})})


def test_an_issue_without_prices_has_no_trades() -> None:
    trs = MarketTrs(HandMarket([stock("000100")]), OVER)
    for inputs in ({"당일전일": TODAY}, {"당일전일": BEFORE}):
        assert trs.page("opt10055", 종목코드="000100", **inputs) == []
    assert trs.page("opt10046", 종목코드="000100") == trs.page("opt10007", 종목코드="000100") == []


def test_the_price_table_is_the_book_and_the_tape(trs: MarketTrs) -> None:
    row = trs.page("opt10007", 종목코드=CODE)[0]
    book = trs.page("opt10004", 종목코드=CODE)[0]
    newest = trs.page("opt10003", 종목코드=CODE)[0]
    assert (row["현재가"], row["거래량"]) == (newest["현재가"], newest["누적거래량"])
    assert row["시간"] == book["호가잔량기준시간"]
    for side in ("매도", "매수"):
        assert row[f"총{side}잔량"] == book[f"총{side}잔량"]
        assert row[f"{side}1호가"] == book[f"{side}최우선호가"]
        assert row[f"{side}1호가잔량"] == book[f"{side}최우선잔량"]
        for level in (2, 3, 4, 5, 7, 8, 9, 10):
            assert row[f"{side}{level}호가"] == book[f"{side}{level}차선호가"]
            assert row[f"{side}{level}호가잔량"] == book[f"{side}{level}차선잔량"]
            assert row[f"{side}{level}호가직전대비"] == book[f"{side}{level}차선잔량대비"]
    days = trs.page("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")
    assert (row["전일종가"], row["전일거래량"]) == (days[1]["현재가"], days[1]["거래량"])
    assert row["전일거래대금"] == days[1]["거래대금"]


@pytest.mark.parametrize("side", ["매도", "매수"])
def test_members_trade_less_than_there_is(trs: MarketTrs, side: str) -> None:
    row = trs.page("opt10002", 종목코드=CODE)[0]
    shares = [int(row[f"{side}거래량{number}"]) for number in range(1, 6)]
    assert shares == sorted(shares, reverse=True)
    volume = int(trs.quoted([CODE])[CODE]["거래량"])
    assert 0 < sum(shares) < volume
    leading = trs.handlers["opt10040"]
    assert leading == trs.handlers["opt10070"]
    assert len({row[f"{side}거래원{number}"] for number in range(1, 6)}) == 5


def test_members_are_ranked_by_what_they_bought_net(trs: MarketTrs) -> None:
    asked = {"종목코드": CODE, "시작일자": "", "종료일자": "", "기간": "19"}
    buyers = trs.page("opt10038", **asked, 조회구분="2")
    sellers = trs.page("opt10038", **asked, 조회구분="1")
    net = [int(row["누적순매수수량"]) for row in buyers]
    assert net == sorted(net, reverse=True)
    assert [row["회원사명"] for row in sellers] == [row["회원사명"] for row in buyers][::-1]
    for row in buyers:
        assert int(row["매수수량"]) + int(row["매도수량"]) == int(row["누적순매수수량"])
    newest = trs.page("opt10038", **{**asked, "기간": "1"}, 조회구분="2")
    today = trs.page("opt10002", 종목코드=CODE)[0]
    for row in newest:
        at = next(n for n in range(1, 6) if today[f"매수거래원명{n}"] == row["회원사명"])
        assert int(row["매수수량"]) == int(today[f"매수거래량{at}"])
    for wrong in ({"조회구분": "3"}, {"조회구분": "1", "기간": "2"}, {"조회구분": "1", "종목코드": "999999"}):
        with pytest.raises(TrRejected):
            trs.page("opt10038", **{**asked, **wrong})

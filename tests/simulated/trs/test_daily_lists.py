"""The TRs that list an issue's days: they agree with the charts, with who traded, and with the watch list."""

from __future__ import annotations

import itertools

import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_trs import OVER, MarketTrs, plain, size
from tests.support.simulated_broker import SAMSUNG, small_market
from tests.support.tr_handlers import ask, calendar, market_of, single, stock

CODE = "005930"
FLOW = {"금액수량구분": "2", "매매구분": "0", "단위구분": "1", "종목코드": CODE, "일자": ""}
EXTRA = {"틱구분": "1", "체결강도구분": "1", "표시구분": "0"}
DAILY = {"opt10005": "날짜", "opt10008": "일자", "opt10015": "일자", "opt10047": "일자", "opt10086": "날짜"}


def asked(tr: str) -> dict[str, str]:
    return {"종목코드": CODE, **(EXTRA if tr in ("opt10047", "opt10086") else {})}


@pytest.mark.parametrize("tr", DAILY)
def test_days_are_those_of_the_daily_chart(trs: MarketTrs, tr: str) -> None:
    inputs = asked(tr) if tr != "opt10086" else {"종목코드": CODE, "표시구분": "0"}
    inputs = {name: value for name, value in inputs.items() if name != "표시구분" or tr == "opt10086"}
    chart = trs.page("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")[:200]
    rows = trs.rows(tr, 200, **inputs)[:200]
    assert len(rows) == 200
    before = trs.rows("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")
    for at, (row, bar) in enumerate(zip(rows, chart, strict=True)):
        assert row[DAILY[tr]] == bar["일자"]
        close = row.get("종가") or row["현재가"]
        assert size(close) == int(bar["현재가"])
        change = int(bar["현재가"]) - int(before[at + 1]["현재가"])
        assert plain(row.get("대비") or row.get("전일대비") or row["전일비"]) == change
        assert close[0] == ("+" if change > 0 else "-" if change < 0 else close[0])
        assert row["거래량"] == bar["거래량"]
        for name in ("시가", "고가", "저가"):
            assert name not in row or size(row[name]) == int(bar[name])
        for name in ("거래대금", "누적거래대금", "금액(백만)"):
            assert row.get(name, bar["거래대금"]) == bar["거래대금"]


@pytest.mark.parametrize("tr", ["opt10005", "opt10015", "opt10086"])
def test_what_investors_traded_is_what_opt10059_says(trs: MarketTrs, tr: str) -> None:
    flows = {row["일자"]: row for row in trs.page("opt10059", **FLOW)}
    for row in trs.page(tr, **{"종목코드": CODE, **({"표시구분": "0"} if tr == "opt10086" else {})}):
        there = flows[row[DAILY[tr]]]
        for name, group in (("외인", "외국인투자자"), ("기관", "기관계"), ("개인", "개인투자자")):
            assert plain(row[f"{name}순매수"]) == int(there[group])
        if tr == "opt10086":
            assert (row["개인"], row["기관"], row["외인수량"]) == (
                row["개인순매수"],
                row["기관순매수"],
                row["외인순매수"],
            )


def test_sales_bear_two_signs_in_opt10086(trs: MarketTrs) -> None:
    rows = trs.page("opt10086", 종목코드=CODE, 조회일자="", 표시구분="0")
    signs = {row["외인순매수"][:2].rstrip("0123456789") for row in rows}
    assert signs == {"+", "--"}
    assert len(rows) == 20


def test_money_is_asked_for_by_표시구분_and_shares_stay_shares(trs: MarketTrs) -> None:
    money = {row["일자"]: row for row in trs.page("opt10059", **{**FLOW, "금액수량구분": "1"})}
    shares = trs.page("opt10086", 종목코드=CODE, 조회일자="", 표시구분="0")
    for row, other in zip(
        trs.page("opt10086", 종목코드=CODE, 조회일자="", 표시구분="1"), shares, strict=True
    ):
        there = money[row["날짜"]]
        assert plain(row["외인수량"]) == int(there["외국인투자자"])
        assert plain(row["기관"]) == int(there["기관계"])
        assert row["외인순매수"] == other["외인순매수"]


def test_what_foreigners_hold_changes_by_what_they_trade(trs: MarketTrs) -> None:
    rows = trs.rows("opt10008", 300, 종목코드=CODE)
    shares = trs.market.issues()[CODE].shares
    for newer, older in itertools.pairwise(rows):
        assert int(newer["보유주식수"]) - int(older["보유주식수"]) == int(newer["변동수량"])
    for row in rows:
        assert int(row["보유주식수"]) + int(row["취득가능주식수"]) == int(row["외국인한도"]) == shares
        assert float(row["비중"]) == pytest.approx(int(row["보유주식수"]) / shares * 100, abs=0.006)
    answer, _rows = ask(trs.handlers, "opt10001", trs.now, 종목코드=CODE)
    ratio = single("opt10001", answer)["외인소진률"]
    assert ratio == rows[0]["한도소진률"]
    assert trs.page("opt10086", 종목코드=CODE, 조회일자="", 표시구분="0")[0]["외인비"] == ratio
    assert trs.page("opt10009", 종목코드=CODE)[0]["외국인지분율"] == ratio


def test_holdings_are_the_same_whenever_they_are_asked_for() -> None:
    market = SyntheticMarket(7, calendar)
    early, late = (MarketTrs(market, now, fundamentals_seed=1) for now in ("2021-06-15 18:00", OVER))
    known = {row["일자"]: row["보유주식수"] for row in early.page("opt10008", 종목코드=CODE)}
    again = {row["일자"]: row["보유주식수"] for row in late.rows("opt10008", 종목코드=CODE)}
    assert known.items() <= again.items()


def test_over_given_prices_foreign_holdings_are_unknown() -> None:
    trs = MarketTrs(small_market(), OVER)
    row = trs.page("opt10086", 종목코드=SAMSUNG.code, 조회일자="", 표시구분="0")[0]
    assert (row["외인비"], row["신용비"], row["종가"]) == ("", "", "-77000")
    assert trs.page("opt10008", 종목코드=SAMSUNG.code)[0]["보유주식수"] == ""


def test_pages_of_days_go_on_where_the_last_one_ended(trs: MarketTrs) -> None:
    whole = trs.rows("opt10086", 100, 종목코드=CODE, 조회일자="20211230", 표시구분="0")
    assert whole[0]["날짜"] == "20211230"
    dates = [row["날짜"] for row in whole]
    assert dates == sorted(set(dates), reverse=True)


def test_the_details_of_a_day_add_up(trs: MarketTrs) -> None:
    rows = trs.rows("opt10015", 150, 종목코드=CODE, 시작일자="20220110")[:150]
    total = 0
    minutes = trs.rows("opt10080", 종목코드=CODE, 틱범위="60", 수정주가구분="1")
    days: dict[str, int] = {}
    for minute in minutes:
        days[minute["체결시간"][:8]] = days.get(minute["체결시간"][:8], 0) + int(minute["거래량"])
    for row in rows:
        total += int(row["거래량"])
        assert int(row["기간중거래량"]) == total
        parts = (row["장전거래량"], row["장중거래량"], row["장후거래량"])
        assert sum(map(int, parts)) == int(row["거래량"]) == int(row["합계3"])
        assert days[row["일자"]] == int(row["거래량"])
        assert sum(float(row[f"{time}거래비중"]) for time in ("장전", "장중", "장후")) == 100.0


def test_the_strength_of_the_newest_day_is_the_watch_list_s(trs: MarketTrs) -> None:
    listed = trs.quoted([CODE])[CODE]["체결강도"]
    for tr in ("opt10005", "opt10006", "opt10015", "opt10047", "opt10086"):
        inputs = {"종목코드": CODE, **({"표시구분": "0"} if tr == "opt10086" else {})}
        assert trs.page(tr, **inputs)[0]["체결강도"] == listed
    rows = trs.page("opt10047", 종목코드=CODE, 틱구분="1", 체결강도구분="1")
    mean = sum(float(row["체결강도"]) for row in rows[:5]) / 5
    assert float(rows[0]["체결강도5분"]) == pytest.approx(mean, abs=0.01)


def test_a_period_of_opt10045_is_summed_up(trs: MarketTrs) -> None:
    inputs = {"종목코드": CODE, "시작일자": "20211201", "종료일자": "20220114"}
    answer, rows = ask(
        trs.handlers, "opt10045", trs.now, 기관추정단가구분="1", 외인추정단가구분="2", **inputs
    )
    assert (rows[0]["일자"], rows[-1]["일자"]) == ("20220114", "20211201")
    summed = 0
    for row in reversed(rows):
        summed += int(row["기관일별순매매수량"])
        assert int(row["기관기간누적"]) == summed
    prices = [size(row["종가"]) for row in rows]
    for estimate in single("opt10045", answer).values():
        assert min(prices) * 0.9 < int(estimate) < max(prices) * 1.1


def test_short_sales_are_a_part_of_what_was_traded(trs: MarketTrs) -> None:
    rows = trs.rows("opt10014", 종목코드=CODE, 시간구분="1", 시작일자="20210601", 종료일자="20220114")
    assert len(rows) > 100
    for row in rows:
        part = int(row["공매도량"]) / int(row["거래량"]) * 100
        assert 0 <= part <= 12
        assert float(row["매매비중"]) == pytest.approx(part, abs=0.006)
        amount = int(row["공매도량"]) * int(row["공매도평균가"])
        assert int(row["공매도거래대금"]) == (amount + 500) // 1000
    assert len({row["공매도량"] for row in rows}) > 100


@pytest.mark.parametrize(
    ("tr", "wrong"),
    [
        ("opt10005", {"종목코드": "999999"}),
        ("opt10086", {"표시구분": "2"}),
        ("opt10086", {"조회일자": "20221301"}),
        ("opt10015", {"시작일자": "어제"}),
        ("opt10045", {"기관추정단가구분": "3"}),
    ],
)
def test_wrong_inputs_are_rejected(trs: MarketTrs, tr: str, wrong: dict[str, str]) -> None:
    inputs = {"종목코드": CODE}
    if tr == "opt10045":
        inputs |= {"기관추정단가구분": "1", "외인추정단가구분": "1"}
    with pytest.raises(TrRejected):
        trs.page(tr, **{**inputs, **wrong})


def test_before_the_first_day_there_is_nothing(trs: MarketTrs) -> None:
    answer, rows = ask(trs.handlers, "opt10086", trs.now, 종목코드=CODE, 조회일자="19850101", 표시구분="0")
    assert (rows, answer.message) == ([], "[571578] 모의투자 해당조회내역이 없습니다")


def test_a_day_without_a_trade_divides_nothing() -> None:
    halted = [
        (20220114, 1000, 1100, 900, 1000, 500),
        (20220117, 0, 0, 0, 1000, 0),
        (20220118, 1000, 1000, 900, 900, 7),
    ]
    trs = MarketTrs(market_of([stock("000100")], {"000100": halted}, {}), OVER)
    rows = trs.page("opt10015", 종목코드="000100", 시작일자="")
    assert [row["장중거래비중"] for row in rows] == ["+100.00", "0.00", "+100.00"]
    assert rows[1]["체결강도"] == "0.00"
    assert (
        trs.page("opt10014", 종목코드="000100", 시간구분="1", 시작일자="20220117", 종료일자="20220117")[0][
            "매매비중"
        ]
        == "0.00"
    )

"""Program trading: parts of the bars and of what foreigners and institutions traded, and markets as sums of issues."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kernel_server.simulated.base.tr import TrRejected
from tests.support.market_trs import OVER, RUNNING, MarketTrs, plain
from tests.support.tr_handlers import ask, market_of, single, stock

CODE = "005930"
KOSPI, KOSDAQ = "P00101", "P10102"
DAYS = {"시간일자구분": "2", "금액수량구분": "1", "종목코드": CODE, "날짜": ""}
FLOWS = {"매매구분": "0", "단위구분": "1", "종목코드": CODE, "일자": ""}
TREND = {"시간구분": "1", "금액수량구분": "1", "시장구분": KOSPI, "분틱구분": "1", "날짜": ""}


# After a session all of its minutes would have to be read for the tests of a market's minutes.
RUNNING_ONLY = pytest.mark.parametrize("trs", [RUNNING], indirect=True)


def two_issues() -> MarketTrs:
    """After a session in which two issues had three minutes each."""
    days = [(20220117, 100, 100, 100, 100, 5000), (20220118, 100, 120, 100, 110, 40_000)]
    minutes = [
        (20220118_000000 + clock, 100, 120, 100, 110, volume)
        for clock, volume in ((90_000, 10_000), (101_500, 20_000), (140_000, 10_000))
    ]
    issues = [stock("100000"), stock("200000")]
    codes = [issue.code for issue in issues]
    return MarketTrs(market_of(issues, dict.fromkeys(codes, days), dict.fromkeys(codes, minutes)), OVER)


def listed(trs: MarketTrs, market: str, day: str = "") -> tuple[dict[str, str], list[dict[str, str]]]:
    """The sums and the rows of opt90004."""
    answer, _ = ask(trs.handlers, "opt90004", trs.now, 시장구분=market, 일자=day)
    return single("opt90004", answer), trs.rows("opt90004", 시장구분=market, 일자=day)


def test_programs_trade_a_part_of_the_day_and_of_what_foreigners_and_institutions_trade(
    trs: MarketTrs,
) -> None:
    rows = trs.rows("opt90013", 100, **DAYS)[:100]
    assert len(rows) == 100
    for unit, measure, total in (("금액", "1", "누적거래대금"), ("수량", "2", "누적거래량")):
        bought, sold = (
            {
                row["일자"]: row
                for row in trs.page("opt10059", **FLOWS | {"금액수량구분": measure, "매매구분": side})
            }
            for side in ("1", "2")
        )
        for row in rows:
            flows = bought[row["일자"]], sold[row["일자"]]
            for side, there in zip(("매수", "매도"), flows, strict=True):
                most = abs(int(there["외국인투자자"])) + abs(int(there["기관계"]))
                assert 0 < int(row[f"프로그램{side}{unit}"]) <= most + 2 < int(there[total])
            net = int(row[f"프로그램매수{unit}"]) - int(row[f"프로그램매도{unit}"])
            assert plain(row[f"프로그램순매수{unit}"]) == net
        for row, before in pairwise(rows):
            change = plain(row[f"프로그램순매수{unit}"]) - plain(before[f"프로그램순매수{unit}"])
            assert plain(row[f"프로그램순매수{unit}증감"]) == change


def test_days_of_programs_are_those_of_the_daily_chart_and_of_opt10086(trs: MarketTrs) -> None:
    rows = trs.page("opt90013", **DAYS)
    chart = trs.page("opt10081", 종목코드=CODE, 기준일자="", 수정주가구분="1")
    assert [(row["일자"], row["거래량"]) for row in rows] == [
        (bar["일자"], bar["거래량"]) for bar in chart[:20]
    ]
    for choice, unit in (("0", "수량"), ("1", "금액")):
        there = trs.page("opt10086", 종목코드=CODE, 조회일자="", 표시구분=choice)
        assert [row["프로그램"] for row in there] == [row[f"프로그램순매수{unit}"] for row in rows]
    older = trs.page("opt90013", **DAYS | {"날짜": "20210630"})
    assert older[0]["일자"] == "20210630"


def test_net_purchases_have_the_recorded_signs(trs: MarketTrs) -> None:
    texts = {row["프로그램순매수금액"][:2] for row in trs.rows("opt90013", 100, **DAYS)}
    assert {text for text in texts if text[0] not in "+0"} == {"--"}
    assert any(text[0] == "+" for text in texts)


@pytest.mark.parametrize("market", [KOSPI, KOSDAQ])
def test_a_market_is_the_sum_of_its_issues(trs: MarketTrs, market: str) -> None:
    sums, rows = listed(trs, market)
    names = ("매수체결수량", "매수체결금액", "매도체결수량", "매도체결금액", "순매수대금")
    for number, name in enumerate(names, 1):
        assert int(sums[f"합계{number}"]) == sum(int(row[name]) for row in rows)
    newest = trs.page("opt90005", **TREND | {"시간구분": "2", "시장구분": market})[0]
    assert newest["체결시간"] == "20220118000000"
    assert int(newest["전체순매수"]) == sum(int(row["순매수대금"]) for row in rows)
    assert int(newest["전체매수"]) == sum(int(row["매수체결금액"]) for row in rows)


def test_a_past_day_of_a_market_is_the_sum_of_its_issues(trs: MarketTrs) -> None:
    day = "20211215"
    _, rows = listed(trs, KOSPI, day)
    page = trs.page("opt90005", **TREND | {"시간구분": "2", "날짜": day})
    assert page[0]["체결시간"] == f"{day}000000"
    assert int(page[0]["전체순매수"]) == sum(int(row["순매수대금"]) for row in rows)
    row = next(row for row in rows if row["종목코드"] == CODE)
    there = trs.page("opt90013", **DAYS | {"날짜": day})[0]
    assert (row["매수체결금액"], row["매도체결수량"]) == (
        there["프로그램매수금액"],
        there["프로그램매도수량"],
    )
    assert (row["현재가"], row["전일대비"]) == (there["현재가"], there["전일대비"])


@RUNNING_ONLY
@pytest.mark.parametrize("kind", ["1", "2"])
def test_both_kinds_of_program_trades_make_up_the_whole(trs: MarketTrs, kind: str) -> None:
    rows = trs.page("opt90005", **TREND | {"시간구분": kind})
    assert len(rows) > 30
    assert rows == sorted(rows, key=lambda row: row["체결시간"], reverse=True)
    for row in rows:
        for side in ("매도", "매수", "순매수"):
            kinds = [int(row[f"{each}거래{side}"]) for each in ("차익", "비차익")]
            assert int(row[f"전체{side}"]) == sum(kinds)
        for each in ("차익거래", "비차익거래"):
            assert int(row[f"{each}순매수"]) == int(row[f"{each}매수"]) - int(row[f"{each}매도"])
        assert 0 < int(row["차익거래매수"]) * 8 < int(row["비차익거래매수"])


@RUNNING_ONLY
def test_minutes_of_a_market_add_up_to_its_day(trs: MarketTrs) -> None:
    minutes = trs.rows("opt90005", **TREND)
    day = trs.page("opt90005", **TREND | {"시간구분": "2"})[0]
    for name in ("차익거래매도", "비차익거래매수", "전체순매수", "비차익거래매수수량"):
        assert minutes[0][name] == day[name]
    assert minutes[0]["체결시간"] == "110000"
    assert minutes[0]["KOSPI200"] == day["KOSPI200"]
    bought = [int(row["전체매수"]) for row in minutes]
    assert bought == sorted(bought, reverse=True)
    assert len({row["체결시간"] for row in minutes}) == len(minutes) == 120


def test_the_minutes_of_a_session_that_is_over_are_those_of_its_issues() -> None:
    trs = two_issues()
    minutes = trs.rows("opt90005", **TREND | {"금액수량구분": "2"})
    assert [row["체결시간"] for row in minutes] == ["140100", "101600", "090100"]
    asked = {"시간일자구분": "1", "금액수량구분": "1", "날짜": ""}
    issues = [code for code, issue in trs.market.issues().items() if issue.market == "KOSPI"]
    last = [trs.page("opt90008", **asked, 종목코드=code)[0] for code in issues]
    for side in ("매도", "매수"):
        summed = sum(int(row[f"프로그램{side}수량"]) for row in last)
        assert abs(int(minutes[0][f"전체{side}"]) * 1000 - summed) <= 500
    assert trs.page("opt90005", **TREND | {"날짜": "20220117"}) == []  # minutes are those of one session


def test_minutes_of_an_issue_add_up_to_its_day(trs: MarketTrs) -> None:
    asked = {"시간일자구분": "1", "금액수량구분": "1", "종목코드": CODE, "날짜": ""}
    minutes = trs.rows("opt90008", **asked)
    day = trs.page("opt90013", **DAYS)[0]
    for name in ("현재가", "거래량", "프로그램매도금액", "프로그램순매수금액", "프로그램매수수량"):
        assert minutes[0][name] == day[name]
    for row, before in pairwise(minutes):
        change = plain(row["프로그램순매수수량"]) - plain(before["프로그램순매수수량"])
        assert plain(row["프로그램순매수수량증감"]) == change
    past = trs.page("opt90008", **asked | {"날짜": "20220110"})[0]
    assert past["거래량"] == trs.page("opt90013", **DAYS | {"날짜": "20220110"})[0]["거래량"]
    assert trs.page("opt90008", **asked | {"날짜": "20220109"}) == []  # a Sunday


def test_the_year_added_up(trs: MarketTrs) -> None:
    asked = {"날짜": "", "금액수량구분": "1", "시장구분": "0"}
    rows = trs.rows("opt90007", **asked)
    assert len(rows) == 252
    days = {row["체결시간"][:8]: row for row in trs.page("opt90005", **TREND | {"시간구분": "2"})}
    for kind in ("차익거래", "비차익거래", "전체"):
        for row, before in pairwise(rows):
            assert int(row[f"{kind}누적"]) - int(before[f"{kind}누적"]) == int(row[f"{kind}당일"])
        assert rows[-1][f"{kind}누적"] == rows[-1][f"{kind}당일"]
    for row in rows[:50]:
        there = days[row["일자"]]
        assert row["전체당일"] == there["전체순매수"]
        assert (row["KOSPI200"], row["BASIS"]) == (there["KOSPI200"], there["BASIS"])


@pytest.mark.parametrize(("sort", "sign"), [("1", 1), ("2", -1)])
def test_the_fifty_that_programs_traded_most(trs: MarketTrs, sort: str, sign: int) -> None:
    rows = trs.rows("opt90003", 매매상위구분=sort, 금액수량구분="1", 시장구분=KOSPI)
    assert [row["순위"] for row in rows] == [str(rank) for rank in range(1, 51)]
    nets = {row["종목코드"]: int(row["순매수대금"]) for row in listed(trs, KOSPI)[1]}
    assert [int(row["프로그램순매수금액"]) for row in rows] == sorted(
        nets.values(), key=lambda net: sign * net
    )[:50]
    for row in rows:
        assert int(row["프로그램순매수금액"]) == nets[row["종목코드"]]
    first = trs.page("opt90003", 매매상위구분=sort, 금액수량구분="1", 시장구분=KOSPI)
    assert len(first) == 15


def test_programs_of_an_issue_by_kind(trs: MarketTrs) -> None:
    one = trs.page("opt10010", 종목코드=CODE)[0]
    day = trs.page("opt90013", **DAYS)[0]
    for side in ("매도", "매수", "순매수"):
        for unit in ("수량", "금액"):
            whole = int(one[f"전체차익위탁{side}{unit}"])
            assert whole == sum(int(one[f"{kind}위탁{side}{unit}"]) for kind in ("차익", "비차익"))
            assert whole == plain(day[f"프로그램{side}{unit}"])
    both = trs.page("optkwpro", 종목코드=f"{CODE};000660")
    assert [row["합계순매수"] for row in both] == [
        trs.page("opt10010", 종목코드=code)[0]["전체차익위탁순매수금액"] for code in (CODE, "000660")
    ]


def test_an_etf_is_not_traded_by_programs(trs: MarketTrs) -> None:
    etf = next(code for code, issue in trs.market.issues().items() if issue.kind == "etf")
    row = trs.page("opt90013", **DAYS | {"종목코드": etf})[0]
    assert {row[name] for name in row if name.startswith("프로그램")} == {"0"}
    codes = {row["종목코드"] for row in listed(trs, KOSPI)[1]}
    assert CODE in codes
    assert etf not in codes


WRONG = [
    ("opt90003", {"매매상위구분": "3", "금액수량구분": "1", "시장구분": KOSPI}),
    ("opt90003", {"매매상위구분": "1", "금액수량구분": "1", "시장구분": "001"}),
    ("opt90004", {"시장구분": ""}),
    ("opt90005", TREND | {"시간구분": "3"}),
    ("opt90005", TREND | {"금액수량구분": ""}),
    ("opt90007", {"금액수량구분": "1", "시장구분": KOSPI, "날짜": ""}),
    ("opt90008", {"금액수량구분": "1", "종목코드": "999999"}),
    ("opt90013", DAYS | {"날짜": "20221301"}),
    ("opt10010", {"종목코드": "001"}),
]


@pytest.mark.parametrize(("tr", "inputs"), WRONG)
def test_wrong_inputs_are_rejected(trs: MarketTrs, tr: str, inputs: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        trs.page(tr, **inputs)

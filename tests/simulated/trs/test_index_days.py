"""Indices by day, their issues, who bought them, and themes: in agreement with charts, watch list and investors."""

from __future__ import annotations

import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.themes import themes
from tests.support.market_trs import OVER, RUNNING, MarketTrs, plain, size
from tests.support.simulated_broker import small_market
from tests.support.tr_handlers import ask, calendar, single

KOSPI, KOSDAQ, KOSPI200 = "0", "1", "2"
NETS = {
    "증권순매수": "금융투자",
    "보험순매수": "보험",
    "투신순매수": "투신",
    "은행순매수": "은행",
    "종신금순매수": "기타금융",
    "기금순매수": "연기금등",
    "국가순매수": "국가",
    "사모펀드순매수": "사모펀드",
    "기타법인순매수": "기타법인",
    "개인순매수": "개인투자자",
    "외국인순매수": "외국인투자자",
    "기관계순매수": "기관계",
}


def hundredths(text: str) -> int:
    return round(abs(float(text)) * 100)


@pytest.mark.parametrize(
    ("group", "code"), [(KOSPI, "001"), (KOSDAQ, "101"), (KOSPI200, "201"), (KOSPI, "013")]
)
def test_days_of_an_index_are_those_of_its_chart(trs: MarketTrs, group: str, code: str) -> None:
    rows = trs.rows("opt20009", 100, 시장구분=group, 업종코드=code)[:100]
    chart = trs.page("opt20006", 업종코드=code, 기준일자="")[:101]
    for row, bar, before in zip(rows, chart, chart[1:], strict=False):
        assert row["일자n"] == bar["일자"]
        assert hundredths(row["현재가n"]) == int(bar["현재가"])
        assert round(float(row["전일대비n"]) * 100) == int(bar["현재가"]) - int(before["현재가"])
        assert row["누적거래량n"] == bar["거래량"]
    assert len(trs.page("opt20009", 시장구분=group, 업종코드=code)) == 20


def test_the_state_of_an_index_is_that_of_opt20001(trs: MarketTrs) -> None:
    asked = {"시장구분": KOSPI, "업종코드": "001"}
    states = [single(tr, ask(trs.handlers, tr, trs.now, **asked)[0]) for tr in ("opt20001", "opt20009")]
    assert states[0] == states[1]
    assert trs.page("opt20009", **asked)[0]["현재가n"] == states[0]["현재가"]


def test_the_issues_of_an_index(trs: MarketTrs) -> None:
    issues = trs.market.issues()
    rows = trs.rows("opt20002", 시장구분=KOSPI, 업종코드="001")
    priced = {issue.code for issue in trs.survey.facts(trs.moment).issues}
    assert {row["종목코드"] for row in rows} == {code for code in priced if issues[code].market == "KOSPI"}
    listed = trs.quoted([row["종목코드"] for row in rows[:300]])
    for row in rows[:300]:
        if row["현재거래량"] == "0":
            continue  # has not traded today, and the watch list tells of the session before
        there = listed[row["종목코드"]]
        same = (
            "종목명",
            "현재가",
            "전일대비기호",
            "전일대비",
            "매도호가",
            "매수호가",
            "시가",
            "고가",
            "저가",
        )
        assert [row[name] for name in same] == [there[name] for name in same]
        assert (row["등락률"], row["현재거래량"]) == (there["등락율"], there["거래량"])
    state = single("opt20001", ask(trs.handlers, "opt20001", trs.now, 시장구분=KOSPI, 업종코드="001")[0])
    assert sum(row["현재가"].startswith("+") for row in rows) == int(state["상승"])
    assert sum(row["현재가"].startswith("-") for row in rows) == int(state["하락"])


def listed_members(trs: MarketTrs, group: str, code: str) -> list[str]:
    return [row["종목코드"] for row in trs.rows("opt20002", 시장구분=group, 업종코드=code)]


@pytest.mark.parametrize(("group", "code", "count"), [(KOSPI200, "201", 200), (KOSDAQ, "150", 150)])
def test_an_index_of_a_fixed_number_has_the_largest_issues_of_its_market(
    trs: MarketTrs, group: str, code: str, count: int
) -> None:
    issues, prices = trs.market.issues(), trs.market.anchor_prices()
    members = listed_members(trs, group, code)
    # The basket is that of the whole calendar: some of it is not listed yet.
    assert count * 0.9 < len(set(members)) == len(members) <= count

    def cap(code: str) -> int:
        return issues[code].shares * prices[code]

    market, smallest = issues[members[0]].market, min(map(cap, members))
    assert set(members) == {
        issue.code
        for issue in trs.survey.facts(trs.moment).issues
        if issue.market == market
        and issue.kind == "stock"
        and issue.code.endswith("0")
        and cap(issue.code) >= smallest
    }


def test_a_fixed_index_moves_as_its_constituents_together() -> None:
    trs = MarketTrs(SyntheticMarket(7, calendar), OVER)
    issues = trs.market.issues()
    rows = trs.rows("opt20002", 시장구분=KOSPI200, 업종코드="201")
    cap = sum(issues[row["종목코드"]].shares * size(row["현재가"]) for row in rows)
    gained = sum(issues[row["종목코드"]].shares * int(row["전일대비"]) for row in rows)
    rate = trs.page("opt20009", 시장구분=KOSPI200, 업종코드="201")[0]["등락률n"]
    assert float(rate) == pytest.approx(gained / (cap - gained) * 100, abs=0.02)


@pytest.mark.parametrize(("group", "code"), [(KOSPI, "013"), (KOSDAQ, "120")])
def test_an_industry_has_every_issue_of_its_market_that_is_in_it(
    trs: MarketTrs, group: str, code: str
) -> None:
    members = listed_members(trs, group, code)
    one = trs.market.issues()[members[0]]
    assert set(members) == {
        issue.code
        for issue in trs.survey.facts(trs.moment).issues
        if (issue.market, issue.industry, issue.kind) == (one.market, one.industry, "stock")
    }


@pytest.mark.parametrize("now", [RUNNING, OVER])
def test_a_page_of_an_index_reads_its_own_issues_and_not_the_whole_market(now: str) -> None:
    read: dict[str, set[str]] = {"minutes": set(), "history": set()}

    class Counted(SyntheticMarket):
        def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
            if days is None or days > 2:
                read["history"].add(code)
            return super().daily(code, adjusted, now, days)

        def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
            read["minutes"].add(code)
            return super().minute(code, adjusted, now, days)

    rows = MarketTrs(Counted(7, calendar), now).page("opt20002", 시장구분=KOSPI, 업종코드="001")
    assert len(rows) == 100
    assert not read["history"]
    assert len(read["minutes"]) <= len(rows) + 1  # one more shows that there is another page


@pytest.mark.parametrize("what", ["0", "1"])
def test_who_bought_an_index_is_who_bought_its_issues(trs: MarketTrs, what: str) -> None:
    rows = {
        row["업종코드"]: row
        for row in trs.page("opt10051", 시장구분=KOSDAQ, 금액수량구분=what, 기준일자="20220118")
    }
    asked = {"시장구분": "101", "금액수량구분": "1" if what == "0" else "2", "매매구분": "0", "종목코드": ""}
    issues = trs.rows("opt10066", **asked)
    for field, group in NETS.items():
        summed = sum(plain(row[group]) for row in issues)
        whole = plain(rows["101"][field])
        assert whole == summed if what == "0" else abs(whole * 1000 - summed) <= 500
    for row in rows.values():
        amounts = {name: plain(row[name]) for name in row if name.endswith("순매수")}
        everybody = sum(amounts.values()) - amounts["기관계순매수"]
        within = sum(amounts[name] for name, group in NETS.items() if name in list(NETS)[:8])
        slack = 0 if what == "0" else 10  # each is rounded to 천주 by itself
        assert abs(everybody) <= slack
        assert abs(within - amounts["기관계순매수"]) <= slack


def test_a_day_of_the_indices_is_that_of_their_charts(trs: MarketTrs) -> None:
    rows = trs.page("opt10051", 시장구분=KOSPI, 금액수량구분="0", 기준일자="20220107")
    assert len(rows) > 20
    for row in rows:
        bar = trs.page("opt20006", 업종코드=row["업종코드"], 기준일자="20220107")[0]
        assert bar["일자"] == "20220107"
        assert hundredths(row["현재가"]) == int(bar["현재가"])
    assert trs.page("opt10051", 시장구분=KOSPI, 금액수량구분="0", 기준일자="20220108") == []
    newest = trs.page("opt10051", 시장구분=KOSPI, 금액수량구분="0", 기준일자="")
    assert newest == trs.page("opt10051", 시장구분=KOSPI, 금액수량구분="0", 기준일자="20220118")


THEMES = {"검색구분": "0", "종목코드": "", "날짜구분": "10", "테마명": "", "등락수익구분": "1"}
ORDERS = {"1": ("기간수익률", -1), "2": ("기간수익률", 1), "3": ("등락율", -1), "4": ("등락율", 1)}


@pytest.mark.parametrize("order", ORDERS)
def test_themes_are_sorted(trs: MarketTrs, order: str) -> None:
    field, sense = ORDERS[order]
    values = [sense * float(row[field]) for row in trs.rows("opt90001", **{**THEMES, "등락수익구분": order})]
    assert len(values) > 20
    assert values == sorted(values)


def test_a_theme_is_the_mean_of_its_issues(trs: MarketTrs) -> None:
    priced = {issue.code for issue in trs.survey.facts(trs.moment).issues}
    known = {code: [each for each in members if each in priced] for code, _name, members in themes()}
    for theme in trs.rows("opt90001", **THEMES):
        code = theme["종목코드"]
        answer, rows = ask(trs.handlers, "opt90002", trs.now, 날짜구분="10", 종목코드=code)
        state = single("opt90002", answer)
        assert [row["종목코드"] for row in rows] == known[code]
        assert (state["등락률"], state["기간수익률"]) == (theme["등락율"], theme["기간수익률"])
        assert int(theme["종목수"]) == len(rows)
        rates = [float(row["등락율"]) for row in rows]
        assert float(theme["등락율"]) == pytest.approx(sum(rates) / len(rates), abs=0.011)
        gains = [float(row["기간수익률n"]) for row in rows]
        assert float(theme["기간수익률"]) == pytest.approx(sum(gains) / len(gains), abs=0.011)
        rose = sum(row["현재가"].startswith("+") for row in rows)
        fell = sum(row["현재가"].startswith("-") for row in rows)
        assert (int(theme["상승종목수"]), int(theme["하락종목수"])) == (rose, fell)
        best = [row["종목명"] for row in sorted(rows, key=lambda row: -float(row["등락율"]))]
        assert theme["주요종목"] == ", ".join(best[:2])


def test_an_issue_of_a_theme_is_that_of_the_watch_list(trs: MarketTrs) -> None:
    rows = trs.page("opt90002", 날짜구분="5", 종목코드="100")
    listed = trs.quoted([row["종목코드"] for row in rows])
    same = {"등락기호": "전일대비기호", "누적거래량": "거래량"} | {
        name: name for name in ("종목명", "현재가", "전일대비", "등락율", "매도호가", "매수호가")
    }
    for row in rows:
        for name, other in same.items():
            assert row[name] == listed[row["종목코드"]][other], name
        chart = trs.page("opt10081", 종목코드=row["종목코드"], 기준일자="", 수정주가구분="1")
        gain = (size(row["현재가"]) / int(chart[5]["현재가"]) - 1) * 100
        assert float(row["기간수익률n"]) == pytest.approx(gain, abs=0.006)


def test_themes_are_searched_for(trs: MarketTrs) -> None:
    every = trs.rows("opt90001", **THEMES)
    name = every[3]["테마명"]
    named = trs.rows("opt90001", **{**THEMES, "검색구분": "1", "테마명": name[:3]})
    assert named == [row for row in every if name[:3] in row["테마명"]]
    member = trs.page("opt90002", 날짜구분="10", 종목코드=every[0]["종목코드"])[0]["종목코드"]
    with_it = {
        row["종목코드"] for row in trs.rows("opt90001", **{**THEMES, "검색구분": "2", "종목코드": member})
    }
    assert with_it == {code for code, _name, members in themes() if member in members}
    assert trs.rows("opt90001", **{**THEMES, "검색구분": "1", "테마명": "없는 이름"}) == []


def test_a_market_without_the_issues_of_a_theme_has_not_the_theme() -> None:
    trs = MarketTrs(small_market(), OVER)
    answer, rows = ask(trs.handlers, "opt90002", OVER, 날짜구분="10", 종목코드="100")
    assert (rows, answer.message) == ([], "[571578] 모의투자 해당조회내역이 없습니다")


WRONG = [
    ("opt20009", {"시장구분": KOSPI, "업종코드": "999"}),
    ("opt20009", {"시장구분": "5", "업종코드": "001"}),
    ("opt20002", {"시장구분": "x", "업종코드": "001"}),
    ("opt10051", {"시장구분": "001", "금액수량구분": "0", "기준일자": ""}),
    ("opt10051", {"시장구분": KOSPI, "금액수량구분": "2", "기준일자": ""}),
    ("opt10051", {"시장구분": KOSPI, "금액수량구분": "0", "기준일자": "20221301"}),
    ("opt90001", {**THEMES, "검색구분": "3"}),
    ("opt90001", {**THEMES, "등락수익구분": "0"}),
    ("opt90001", {**THEMES, "날짜구분": "100"}),
    ("opt90001", {**THEMES, "검색구분": "2", "종목코드": "999999"}),
    ("opt90002", {"날짜구분": "10", "종목코드": "99"}),
    ("opt90002", {"날짜구분": "", "종목코드": "100"}),
]


@pytest.mark.parametrize(("tr", "inputs"), WRONG)
def test_wrong_inputs_are_rejected(trs: MarketTrs, tr: str, inputs: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        trs.page(tr, **inputs)

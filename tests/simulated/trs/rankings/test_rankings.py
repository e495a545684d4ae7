"""Rankings opt10016 to opt10033: sorted as they say, filtered as they say, and in agreement with single issues."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pytest

from kernel_server import reference
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.snapshot.market_moments import MarketMoments, best_quotes
from tests.support.few_issues import whole_market
from tests.support.market_trs import OVER, RUNNING, SEED, MarketTrs, plain, size
from tests.support.simulated_broker import SimulatedBroker, moment, number, weekdays
from tests.support.tr_handlers import ask, calendar, market_of, single, stock

ALL = {"시장구분": "000", "종목조건": "0", "신용조건": "0"}
ASKED: dict[str, dict[str, str]] = {
    "opt10016": {**ALL, "신고저구분": "1", "고저종구분": "1", "거래량구분": "00000", "상하한포함": "1", "기간": "20"},
    "opt10017": {**ALL, "상하한구분": "2", "정렬구분": "3", "거래량구분": "00000", "매매금구분": "0"},
    "opt10018": {**ALL, "고저구분": "1", "근접율": "05", "거래량구분": "00000"},
    "opt10019": {
        **ALL, "등락구분": "1", "시간구분": "2", "시간": "3", "거래량구분": "0000", "가격조건": "0", "상하한포함": "1",
    },
    "opt10020": {**ALL, "정렬구분": "1", "거래량구분": "0000"},
    "opt10021": {
        "시장구분": "000",
        "매매구분": "1",
        "정렬구분": "1",
        "시간구분": "5",
        "거래량구분": "1",
        "종목조건": "0",
    },
    "opt10022": {"시장구분": "000", "비율구분": "1", "시간구분": "5", "거래량구분": "5", "종목조건": "0"},
    "opt10023": {
        "시장구분": "000",
        "정렬구분": "1",
        "시간구분": "2",
        "거래량구분": "5",
        "시간": "",
        "종목조건": "0",
        "가격구분": "0",
    },
    "opt10024": {"시장구분": "000", "주기구분": "5", "거래량구분": "5"},
    "opt10025": {"시장구분": "000", "매물집중비율": "30", "현재가진입": "1", "매물대수": "10", "주기구분": "50"},
    "opt10026": {"시장구분": "0", "PER구분": "3"},
    "opt10028": {**ALL, "정렬구분": "1", "거래량조건": "0000", "상하한포함": "1", "거래대금조건": "0", "등락조건": "1"},
    "opt10029": {**ALL, "정렬구분": "1", "거래량조건": "0", "가격조건": "0"},
    "opt10031": {"시장구분": "000", "조회구분": "1", "순위시작": "0", "순위끝": "99"},
    "opt10033": {**ALL, "거래량구분": "0", "상하한포함": "1"},
}  # fmt: skip
NOTHING = {RUNNING: (), OVER: ("opt10021", "opt10022")}  # nothing changes within minutes once it is over


@pytest.mark.parametrize("tr", ASKED)
def test_a_row_says_what_the_watch_list_says(trs: MarketTrs, tr: str) -> None:
    assert set(ASKED[tr]) == {given.name for given in reference.tr(tr).inputs}
    rows = trs.page(tr, **ASKED[tr])[:60]
    assert bool(rows) == (tr not in NOTHING[trs.now])
    listed = trs.quoted([row["종목코드"] for row in rows]) if rows else {}
    same = {
        **{
            name: name
            for name in ("종목명", "현재가", "기준가", "전일대비", "전일대비기호", "매도호가", "매수호가")
        },
        "거래량": "거래량",
        "현재거래량": "거래량",
        "시가": "시가",
        "당일고가": "고가",
        "당일저가": "저가",
        "총매도잔량": "총매도잔량",
        "총매수잔량": "총매수잔량",
        "등락률": "등락율",
        "체결강도": "체결강도",
        "예상체결가": "예상체결가",
        "예상체결량": "예상체결량",
        "전일거래량대비율": "전일거래량대비",
    }
    own = {"opt10019": ("기준가",), "opt10029": ("전일대비", "전일대비기호", "등락률")}.get(tr, ())
    for row in rows:
        there = listed[row["종목코드"]]
        for name, other in same.items():
            if name in row and name not in own:
                assert row[name] == there[other], name


def descending(rows: list[dict[str, str]], key: Callable[[dict[str, str]], float]) -> bool:
    return all(key(one) >= key(two) for one, two in itertools.pairwise(rows))


SORTED: list[tuple[str, dict[str, str], Callable[[dict[str, str]], float]]] = [
    ("opt10016", {}, lambda row: float(row["등락률"])),
    ("opt10016", {"신고저구분": "2"}, lambda row: -float(row["등락률"])),
    ("opt10017", {}, lambda row: float(row["등락률"])),
    ("opt10019", {}, lambda row: float(row["급등률"])),
    ("opt10019", {"등락구분": "2"}, lambda row: -float(row["급등률"])),
    ("opt10020", {}, lambda row: int(row["순매수잔량"])),
    ("opt10020", {"정렬구분": "2"}, lambda row: -int(row["순매수잔량"])),
    ("opt10020", {"정렬구분": "3"}, lambda row: float(row["매수비율"])),
    ("opt10021", {}, lambda row: int(row["급증수량"])),
    ("opt10021", {"정렬구분": "2"}, lambda row: float(row["급증률"])),
    ("opt10022", {}, lambda row: float(row["급증률"])),
    ("opt10023", {}, lambda row: int(row["급증량"])),
    ("opt10023", {"정렬구분": "2"}, lambda row: float(row["급증률"])),
    ("opt10023", {"정렬구분": "4"}, lambda row: -float(row["급증률"])),
    ("opt10024", {}, lambda row: int(row["현재거래량"])),
    ("opt10025", {}, lambda row: float(row["매물비"])),
    ("opt10026", {}, lambda row: -float(row["PER"])),
    ("opt10026", {"PER구분": "6"}, lambda row: float(row["PER"])),
    ("opt10028", {}, lambda row: float(row["시가대비"])),
    ("opt10028", {"등락조건": "2", "정렬구분": "2"}, lambda row: -float(row["시가대비"])),
    ("opt10029", {}, lambda row: float(row["등락률"])),
    ("opt10029", {"정렬구분": "6"}, lambda row: int(row["예상체결량"])),
    ("opt10033", {}, lambda row: float(row["신용비율"])),
]


@pytest.mark.parametrize(("tr", "inputs", "key"), SORTED)
def test_pages_are_sorted_and_tell_each_issue_once(
    trs: MarketTrs, tr: str, inputs: dict[str, str], key: Callable[[dict[str, str]], float]
) -> None:
    rows = trs.rows(tr, 500, **{**ASKED[tr], **inputs})
    assert descending(rows, key)
    assert len({row["종목코드"] for row in rows}) == len(rows)
    assert bool(rows) == (tr not in NOTHING[trs.now])


@pytest.mark.parametrize("tr", ASKED)
def test_the_two_markets_make_up_the_whole(trs: MarketTrs, tr: str) -> None:
    if tr == "opt10031":
        return  # which knows a hundred of each
    whole, kospi, kosdaq = (
        {row["종목코드"] for row in trs.rows(tr, **{**ASKED[tr], "시장구분": market})}
        for market in ("000", "001", "101")
    )
    assert kospi | kosdaq == whole
    assert not kospi & kosdaq
    issues = trs.market.issues()
    assert {issues[code].market for code in kospi} <= {"KOSPI"}


@pytest.mark.parametrize("tr", ASKED)
def test_what_an_input_does_not_take_is_a_bad_input(trs: MarketTrs, tr: str) -> None:
    open_ = {"시간", "기간", "근접율", "매물집중비율", "매물대수", "주기구분", "순위시작", "순위끝"}
    for name in ASKED[tr]:
        for wrong in ("x", "-1") if name in open_ or (tr, name) in TIMES else ("x", "77"):
            if name == "시간" and ASKED[tr]["시간구분"] == "2" and tr == "opt10023":
                continue  # is not looked at then
            with pytest.raises(TrRejected):
                trs.page(tr, **{**ASKED[tr], name: wrong})


TIMES = {("opt10021", "시간구분"), ("opt10022", "시간구분")}


@pytest.mark.parametrize("now", ["09:00:07", "11:00:30", "15:25:30", "15:35"])
def test_the_market_at_a_moment_is_that_of_each_issue(now: str) -> None:
    trs = MarketTrs(FewIssues(7, calendar), f"2022-01-18 {now}")
    moments = MarketMoments(trs.survey, trs.exchange, SEED, trs.settings.trade_size)
    found, facts = moments.now(trs.moment), trs.survey.facts(trs.moment)
    states = trs.exchange.states([issue.code for issue in facts.issues])
    assert len(facts) > 40
    for place, issue in enumerate(facts.issues):
        state = states[issue.code]
        assert found.best(place) == best_quotes(state)
        if state.session is not None:
            day = facts.day_summary(place, found.prices, place)
            assert day == state.session


class FewIssues(SyntheticMarket):
    """One in eight of the issues, from those with large prices to those that hardly trade."""

    def issues(self) -> Mapping[str, Issue]:
        return dict(itertools.islice(super().issues().items(), 0, None, 8))


def test_keys_of_many_are_those_of_each() -> None:
    codes, dates = ["005930", "000660", "가나다"], np.array([20220118, 7, 0])
    found = hash_random.keys(hash_random.text_parts(codes), dates, "무엇", 5)
    assert found.tolist() == [
        hash_random.key(code, day, "무엇", 5) for code, day in zip(codes, dates.tolist(), strict=True)
    ]


@pytest.mark.parametrize("closes", ["1", "2"])
@pytest.mark.parametrize("side", ["1", "2"])
def test_a_record_is_one_over_the_period(trs: MarketTrs, closes: str, side: str) -> None:
    days = 20
    inputs = {**ASKED["opt10016"], "신고저구분": side, "고저종구분": closes, "기간": str(days)}
    hits = {row["종목코드"]: row for row in trs.rows("opt10016", **inputs)}
    facts = trs.survey.facts(trs.moment)
    assert 10 < len(hits) < len(facts) / 2
    for issue in list(facts.issues)[::23]:
        bars = trs.market.daily(issue.code, True, trs.moment, days + 1)
        if str(bars.time[-1]) != "20220118" or len(bars) < days + 1 or not bars.volume[-1]:
            continue
        high, low = (bars.close, bars.close) if closes == "2" else (bars.high, bars.low)
        record = high[-1] > high[:-1].max() if side == "1" else low[-1] < low[:-1].min()
        assert (issue.code in hits) == record
        if record:
            assert (int(hits[issue.code]["고가"]), int(hits[issue.code]["저가"])) == (high.max(), low.min())


def test_a_surge_is_against_the_price_then(trs: MarketTrs) -> None:
    for row in trs.page("opt10019", **ASKED["opt10019"])[:30]:
        days = trs.page("opt10081", 종목코드=row["종목코드"], 기준일자="", 수정주가구분="1")
        assert row["기준가"] == days[3]["현재가"]
        assert int(row["기준대비"]) == size(row["현재가"]) - int(row["기준가"])
    minutes = trs.page("opt10019", **{**ASKED["opt10019"], "시간구분": "1", "시간": "10"})
    assert bool(minutes) == (trs.now == RUNNING)
    for row in minutes[:30]:
        bars = trs.page("opt10080", 종목코드=row["종목코드"], 틱범위="1", 수정주가구분="1")
        then = next(bar for bar in bars if bar["체결시간"] <= "20220118104900")
        assert int(row["기준가"]) == size(then["현재가"])


def test_volumes_are_compared_with_those_before(trs: MarketTrs) -> None:
    for tr, days in (("opt10023", 1), ("opt10024", 5)):
        for row in trs.page(tr, **ASKED[tr])[:20]:
            bars = trs.page("opt10081", 종목코드=row["종목코드"], 기준일자="", 수정주가구분="1")
            assert int(row["이전거래량"]) == max(int(bar["거래량"]) for bar in bars[1 : days + 1])
            assert int(row["현재거래량"]) == int(bars[0]["거래량"]) > int(row["이전거래량"])
    while_ago = trs.page("opt10023", **{**ASKED["opt10023"], "시간구분": "1", "시간": "30"})
    for row in while_ago[:10]:
        assert int(row["현재거래량"]) - int(row["이전거래량"]) == plain(row["급증량"])


@pytest.mark.parametrize(("asked", "field"), [("1", "PBR"), ("3", "PER"), ("6", "ROE")])
def test_ratios_and_credit_are_those_of_opt10001(trs: MarketTrs, asked: str, field: str) -> None:
    rows = trs.page("opt10026", **{**ASKED["opt10026"], "PER구분": asked})[:5]
    credits = trs.page("opt10033", **ASKED["opt10033"])[:5]
    for row in rows + credits:
        answer, _rows = ask(trs.handlers, "opt10001", trs.now, 종목코드=row["종목코드"])
        values = single("opt10001", answer)
        if "PER" in row:
            assert float(row["PER"]) == pytest.approx(float(values[field]), abs=0.051)
        else:
            assert row["신용비율"] == values["신용비율"]


def test_without_fundamentals_there_is_no_ratio() -> None:
    trs = MarketTrs(SyntheticMarket(7, calendar), OVER)
    answer, rows = ask(trs.handlers, "opt10026", OVER, **ASKED["opt10026"])
    assert (rows, answer.message) == ([], "[571578] 모의투자 해당조회내역이 없습니다")


def test_yesterday_s_hundred(trs: MarketTrs) -> None:
    rows = trs.rows("opt10031", **ASKED["opt10031"])
    assert len(rows) == 99
    before = [
        int(trs.page("opt10081", 종목코드=row["종목코드"], 기준일자="", 수정주가구분="1")[1]["거래량"])
        for row in rows[:20]
    ]
    assert before == sorted(before, reverse=True)
    some = trs.rows("opt10031", **{**ASKED["opt10031"], "순위시작": "11", "순위끝": "20"})
    assert some == rows[10:20]


DAYS = weekdays(date(2021, 11, 1), date(2022, 1, 18))


def at_limits() -> MarketTrs:
    """Four issues: at the upper limit for three sessions, at it yesterday, at the lower one today, and never."""
    held = rules(date(2022, 1, 18), "KOSPI")
    rows: dict[str, list[tuple[int, int, int, int, int, int]]] = {}
    plans = {"000100": [0, 1, 1, 1], "000200": [0, 0, 1, 0], "000300": [0, 0, 0, -1], "000400": [0, 0, 0, 0]}
    for code, plan in plans.items():
        close, rows[code] = 10_000, []
        for n, day in enumerate(DAYS):
            step = plan[n - len(DAYS) + 4] if n >= len(DAYS) - 4 else 0
            upper, lower = held.limits(close)
            before, close = (
                close,
                {1: upper, -1: lower, 0: close - 100 if code == "000200" and n > len(DAYS) - 2 else close}[
                    step
                ],
            )
            rows[code].append((number(day), before, max(before, close), min(before, close), close, 1000))
    return MarketTrs(market_of([stock(code) for code in plans], rows, {}), OVER)


@pytest.mark.parametrize(
    ("standing", "codes", "streaks"),
    [
        ("1", ["000100"], ["3"]),
        ("2", ["000100"], ["3"]),
        ("3", ["000400"], ["0"]),
        ("4", ["000300"], ["1"]),
        ("5", ["000200", "000300"], ["0", "1"]),
        ("6", ["000100", "000200"], ["3", "0"]),
        ("7", [], []),
    ],
)
def test_issues_at_their_limits(standing: str, codes: list[str], streaks: list[str]) -> None:
    rows = at_limits().page("opt10017", **{**ASKED["opt10017"], "상하한구분": standing, "정렬구분": "1"})
    assert [row["종목코드"] for row in rows] == codes
    assert [row["횟수"] for row in rows] == streaks


def test_the_band_with_most_of_the_volume() -> None:
    """Ten sessions at 1,000 won, five at 1,050, of which one alone traded as much as all others, and today's."""
    days = [(number(day), 1000, 1000, 1000, 1000, 100) for day in DAYS[-16:-6]]
    days += [(number(day), 1050, 1050, 1050, 1050, 100) for day in DAYS[-6:-2]]
    days += [(number(DAYS[-2]), 1050, 1050, 1050, 1050, 1400), (number(DAYS[-1]), 1050, 1060, 1040, 1049, 10)]
    trs = MarketTrs(market_of([stock("000100")], {"000100": days}, {}), OVER)
    asked = {**ASKED["opt10025"], "매물집중비율": "60", "매물대수": "2"}
    row = trs.page("opt10025", **asked)[0]
    # 51 prices in two bands: 1000 to 1025 and 1026 to 1050
    assert (row["가격대시작"], row["가격대끝"]) == ("1026", "1050")
    assert (row["매물량"], row["매물비"]) == ("1800", "+64.29")
    assert trs.page("opt10025", **{**asked, "매물집중비율": "65"}) == []


def test_other_requests_are_answered_while_the_market_is_read() -> None:
    with whole_market():
        rig = SimulatedBroker(SyntheticMarket(7, calendar), OVER, limited=False).login()  # type: ignore[arg-type]
    assert rig.send("opt10031", **ASKED["opt10031"]) == 0
    turns, sent = 0, False
    while not rig.pages or len(rig.pages) < 2:
        if not rig.work:
            rig.clock.advance(0.2)
            continue
        rig.work.pop(0)()
        turns += 1
        if turns == 5 and not sent:
            sent = True
            assert rig.send("opt10001", screen="0102", 종목코드="005930") == 0
            rig.clock.advance(0.2)
    assert turns > 50
    assert [page.event.arguments[2] for page in rig.pages] == ["opt10001", "opt10031"]
    assert rig.pages[1].count == 99


def test_prices_before_are_those_of_then() -> None:
    trs = MarketTrs(SyntheticMarket(7, calendar), RUNNING)
    then = trs.survey.prices_before(trs.moment, 45 * 60)
    facts = trs.survey.facts(trs.moment)
    for place in range(0, len(facts), 49):
        bars = trs.market.daily(facts.issues[place].code, True, moment(RUNNING) - 45 * 60, 1)
        if bars.time[-1] == facts.dates[place]:
            assert (then.last[place], then.volume[place]) == (bars.close[-1], bars.volume[-1])
        else:
            assert (then.last[place], then.volume[place]) == (facts.base[place], 0)

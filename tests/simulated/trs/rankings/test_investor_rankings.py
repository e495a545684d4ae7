"""Rankings by what investors traded: each amount is the sum of what opt10059 says of the issue's days."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market import investor_groups
from tests.support.market_trs import OVER, MarketTrs, plain, size
from tests.support.tr_handlers import ask

CODE = "005930"
WHOLE = "000"
PERIOD = {"시작일자": "20220103", "종료일자": "20220118"}
ASKED: dict[str, dict[str, str]] = {
    "opt10034": {"시장구분": WHOLE, "매매구분": "2", "기간": "5"},
    "opt10035": {"시장구분": WHOLE, "매매구분": "2", "기준일구분": "0"},
    "opt10036": {"시장구분": WHOLE, "기간": "20"},
    "opt10044": {**PERIOD, "매매구분": "2", "시장구분": WHOLE},
    "opt10058": {**PERIOD, "매매구분": "1", "시장구분": WHOLE, "투자자구분": "3000"},
    "opt10062": {**PERIOD, "시장구분": WHOLE, "매매구분": "1", "정렬조건": "1", "단위구분": "1"},
    "opt10063": {
        "시장구분": WHOLE,
        "금액수량구분": "2",
        "투자자별": "6",
        "외국계전체": "0",
        "동시순매수구분": "0",
    },
    "opt10065": {"매매구분": "1", "시장구분": WHOLE, "기관구분": "9000"},
    "opt10066": {"시장구분": WHOLE, "금액수량구분": "1", "매매구분": "0", "종목코드": ""},
    "opt10131": {
        "기간": "5",
        "시작일자": "",
        "종료일자": "",
        "장구분": WHOLE,
        "순매도수구분": "2",
        "종목업종구분": "0",
        "금액수량구분": "1",
    },
}
NET, BOUGHT, SOLD = "0", "1", "2"
MONEY, SHARES = "1", "2"


@cache
def flows(trs: MarketTrs, code: str, what: str, side: str) -> list[dict[str, str]]:
    """The first page of opt10059; the market stands still, so each is asked for once."""
    inputs = {"종목코드": code, "금액수량구분": what, "매매구분": side, "단위구분": "1", "일자": ""}
    return trs.page("opt10059", **inputs)


@cache
def chart(trs: MarketTrs, code: str) -> list[dict[str, str]]:
    """The first page of opt10081."""
    return trs.page("opt10081", 종목코드=code, 기준일자="", 수정주가구분="1")


def days(trs: MarketTrs, code: str, group: str, what: str = SHARES, side: str = NET) -> list[int]:
    """What a group traded by opt10059, of the newest hundred days, newest first."""
    return [int(row[group]) for row in flows(trs, code, what, side)]


def dates(trs: MarketTrs, code: str) -> list[str]:
    return [row["일자"] for row in chart(trs, code)]


def in_period(trs: MarketTrs, code: str, group: str, what: str = SHARES, side: str = NET) -> int:
    known = zip(dates(trs, code), days(trs, code, group, what, side), strict=False)
    return sum(amount for day, amount in known if PERIOD["시작일자"] <= day <= PERIOD["종료일자"])


def some(trs: MarketTrs, tr: str, **inputs: str) -> list[dict[str, str]]:
    """The first rows of the first page, of issues with a trade today: their days are those of the market."""
    rows = trs.page(tr, **{**ASKED[tr], **inputs})
    assert rows
    today = trs.survey.facts(trs.moment).dates
    codes = [issue.code for issue in trs.survey.facts(trs.moment).issues]
    newest = dict(zip(codes, today, strict=True))
    return [row for row in rows if newest[row["종목코드"]] == 20220118][:8]


@pytest.mark.parametrize("tr", ASKED)
def test_a_row_says_what_the_watch_list_says(trs: MarketTrs, tr: str) -> None:
    rows = trs.page(tr, **ASKED[tr])[:40]
    listed = trs.quoted([row["종목코드"] for row in rows])
    same = {name: name for name in ("종목명", "현재가", "전일대비", "전일대비기호", "매도호가", "매수호가")}
    same |= {"대비기호": "전일대비기호", "거래량": "거래량", "누적거래량": "거래량"}
    for row in rows:
        there = listed[row["종목코드"]]
        for name, other in same.items():
            assert row.get(name, there[other]) == there[other], name
        for name in ("등락율", "등락률"):
            assert row.get(name, there["등락율"]) == there["등락율"]


@pytest.mark.parametrize(("asked", "past"), [("0", slice(0, 1)), ("1", slice(1, 2)), ("5", slice(0, 5))])
def test_what_foreigners_traded_over_a_period(trs: MarketTrs, asked: str, past: slice) -> None:
    for side, sign in (("1", -1), ("2", 1)):
        rows = some(trs, "opt10034", 기간=asked, 매매구분=side)
        assert all(plain(row["순매수량"]) * sign > 0 for row in rows)
        for row in rows:
            assert plain(row["순매수량"]) == sum(days(trs, row["종목코드"], investor_groups.FOREIGNERS)[past])
    for row in rows:
        holding = trs.page("opt10008", 종목코드=row["종목코드"])[0]
        assert row["취득가능주식수"] == holding["취득가능주식수"]


@pytest.mark.parametrize(("asked", "first"), [("0", 0), ("1", 1)])
def test_three_days_running(trs: MarketTrs, asked: str, first: int) -> None:
    for side, sign in (("1", -1), ("2", 1)):
        for row in some(trs, "opt10035", 기준일구분=asked, 매매구분=side):
            three = [plain(row[f"D-{day}"]) for day in (1, 2, 3)]
            known = days(trs, row["종목코드"], investor_groups.FOREIGNERS)[first : first + 3]
            assert three == known
            assert all(amount * sign > 0 for amount in three)
            assert plain(row["합계"]) == sum(three)


def test_the_limit_was_used_up_by_what_was_bought(trs: MarketTrs) -> None:
    issues = trs.market.issues()
    found = some(trs, "opt10036")
    # Of a fund nothing is known of its owners.
    shares = [row for row in found if issues[row["종목코드"]].kind not in ("etf", "etn")]
    assert len(shares) >= 4
    assert all(row["한도소진율"] == "" for row in found if row not in shares)
    for row in shares:
        code = row["종목코드"]
        if issues[code].kind in ("etf", "etn"):  # which have no limit
            assert (row["한도소진율"], row["기준한도소진율"]) == ("", "")
            continue
        bought = sum(days(trs, code, investor_groups.FOREIGNERS)[:20])
        now, before = float(row["한도소진율"]), float(row["기준한도소진율"])
        assert float(row["소진율증가"]) == pytest.approx(bought / issues[code].shares * 100, abs=0.006)
        assert now - before == pytest.approx(float(row["소진율증가"]), abs=0.011)
        holding = trs.page("opt10008", 종목코드=code)[0]
        assert (row["보유주식수"], row["한도소진율"]) == (holding["보유주식수"], holding["한도소진률"])


GROUPS = [
    ("opt10044", {}, "기관계"),
    ("opt10058", {"투자자구분": "8000"}, "개인투자자"),
    ("opt10058", {"투자자구분": "9999", "매매구분": "2"}, "기관계"),
    ("opt10058", {"투자자구분": "7100"}, "기타법인"),
]


@pytest.mark.parametrize(("tr", "inputs", "group"), GROUPS)
def test_a_group_over_a_period(trs: MarketTrs, tr: str, inputs: dict[str, str], group: str) -> None:
    volumes = {}
    for row in some(trs, tr, **inputs):
        code = row["종목코드"]
        shares, money = row.get("순매수수량") or row["순매도수량"], row.get("순매수금액") or row["순매도금액"]
        assert plain(shares) == in_period(trs, code, group)
        assert plain(money) == in_period(trs, code, group, MONEY)
        side = BOUGHT if {**ASKED[tr], **inputs}["매매구분"] == "2" else SOLD
        paid, got = (abs(in_period(trs, code, group, what, side)) for what in (MONEY, SHARES))
        assert int(row["추정평균가"]) == pytest.approx(paid * 1_000_000 / got, abs=0.51)
        difference = size(row["현재가"]) - int(row["추정평균가"])
        assert plain(row["평균가대비"]) == difference
        assert float(row["대비율"]) == pytest.approx(difference / int(row["추정평균가"]) * 100, abs=0.006)
        if "기간거래량" in row:
            bars = chart(trs, code)
            volumes[code] = sum(int(bar["거래량"]) for bar in bars if bar["일자"] >= PERIOD["시작일자"])
            assert int(row["기간거래량"]) == volumes[code]
    assert bool(volumes) == (tr == "opt10058")


@pytest.mark.parametrize("side", ["1", "2"])
def test_institutions_and_foreigners_on_one_side(trs: MarketTrs, side: str) -> None:
    rows = some(trs, "opt10062", 매매구분=side)
    asked = {**ASKED["opt10062"], "매매구분": side, "단위구분": "1000"}
    thousands = {row["종목코드"]: row for row in trs.page("opt10062", **asked)}
    for row in rows:
        amounts = {"기관": 0, "외인": 0}
        for name, group in (("기관", "기관계"), ("외인", "외국인투자자")):
            amounts[name] = plain(row[f"{name}순매매수량"])
            assert amounts[name] == in_period(trs, row["종목코드"], group)
            assert plain(row[f"{name}순매매금액"]) == in_period(trs, row["종목코드"], group, MONEY)
            assert (amounts[name] > 0) == (side == "1")
        assert plain(row["순매매수량"]) == sum(amounts.values())
        other = plain(thousands[row["종목코드"]]["순매매수량"])
        assert abs(other * 1000 - plain(row["순매매수량"])) <= 500


@pytest.mark.parametrize(("code", "group"), [("6", "외국인투자자"), ("7", "기관계"), ("3", "연기금등")])
def test_today_by_one_group(trs: MarketTrs, code: str, group: str) -> None:
    for row in some(trs, "opt10063", 투자자별=code):
        for unit, what in (("수량", SHARES), ("금액", MONEY)):
            found = [plain(row[f"{name}{unit}"]) for name in ("순매수", "매수", "매도")]
            known = [days(trs, row["종목코드"], group, what, side)[0] for side in (NET, BOUGHT, SOLD)]
            assert found == known


def test_issues_that_institutions_and_foreigners_both_buy(trs: MarketTrs) -> None:
    for row in some(trs, "opt10063", 동시순매수구분="1"):
        for group in ("외국인투자자", "기관계"):
            assert days(trs, row["종목코드"], group)[0] > 0


def test_opt10065_is_opt10063_in_shares(trs: MarketTrs) -> None:
    there = {row["종목코드"]: row for row in trs.rows("opt10063", **ASKED["opt10063"])}
    for side in ("1", "2"):
        for row in trs.page("opt10065", **{**ASKED["opt10065"], "매매구분": side}):
            other = there[row["종목코드"]]
            assert plain(row["매도량"]) == plain(other["매도수량"]) <= 0
            assert plain(row["매수량"]) == plain(other["매수수량"])
            assert plain(row["순매도"]) == plain(other["순매수수량"])


@pytest.mark.parametrize("what", [MONEY, SHARES])
@pytest.mark.parametrize("side", [NET, BOUGHT, SOLD])
def test_today_by_every_group(trs: MarketTrs, what: str, side: str) -> None:
    rows = some(trs, "opt10066", 금액수량구분=what, 매매구분=side)[:3]
    for row in rows:
        for group in investor_groups.names():
            if group in row:
                assert plain(row[group]) == days(trs, row["종목코드"], group, what, side)[0]
    alone = trs.page("opt10066", **{**ASKED["opt10066"], "종목코드": CODE})
    assert [row["종목코드"] for row in alone] == [CODE]


@pytest.mark.parametrize("what", [MONEY, SHARES])
def test_the_last_count_of_a_day_is_the_day_s(trs: MarketTrs, what: str) -> None:
    asked = {"시장구분": WHOLE, "금액수량구분": what, "매매구분": NET, "종목코드": CODE}
    rows = trs.page("opt10064", **asked)
    times = [row["시간"] for row in rows]
    assert times == sorted(times, reverse=True)
    if trs.now == OVER:
        assert times[0] == "153000"
        for group, amount in rows[0].items():
            assert group == "시간" or plain(amount) == days(trs, CODE, group, what)[0]
    else:
        assert times == ["100000", "093000"]
    bought = trs.page("opt10064", **{**asked, "매매구분": BOUGHT})
    traded = [plain(row["외국인투자자"]) + plain(row["기관계"]) for row in bought]
    assert traded == sorted(traded, reverse=True)


def streak(amounts: Sequence[int]) -> int:
    """How many of them, newest first, come before the first without a purchase."""
    return len(list(itertools.takewhile(lambda amount: amount > 0, amounts)))


@pytest.mark.parametrize("span", ["1", "3", "20"])
def test_days_running_are_counted(trs: MarketTrs, span: str) -> None:
    groups = {"기관계": ("기관", "순매매금액", "기관계"), "외국인투자자": ("외국인", "순매매액", "외국인")}
    for row in some(trs, "opt10131", 기간=span):
        whole = 0
        for group, (name, money_name, short) in groups.items():
            shares = days(trs, row["종목코드"], group)[: int(span)]
            money = days(trs, row["종목코드"], group, MONEY)[: int(span)]
            length = streak(shares)
            whole += length
            assert int(row[f"{name}순매매량"]) == sum(shares)
            assert int(row[f"{name}{money_name}"]) == sum(money)
            assert int(row[f"{short}연속순매수일수"]) == length
            assert int(row[f"{short}연속순매수량"]) == sum(shares[:length])
            assert int(row[f"{short}연속순매수금액"]) == sum(money[:length])
        assert int(row["합계연속순매수일수"]) == whole
        closes = chart(trs, row["종목코드"])
        last, start = (int(closes[at]["현재가"]) for at in (0, int(span)))
        assert float(row["기간중주가등락률"]) == pytest.approx((last / start - 1) * 100, abs=0.006)


def test_a_sum_of_opt10059_is_opt10061(trs: MarketTrs) -> None:
    asked = {"종목코드": CODE, **PERIOD, "금액수량구분": SHARES, "매매구분": NET, "단위구분": "1"}
    row = trs.page("opt10061", **asked)[0]
    for group, amount in row.items():
        assert plain(amount) == in_period(trs, CODE, group)


SORTED: list[tuple[str, dict[str, str], Callable[[dict[str, str]], float]]] = [
    ("opt10034", {"매매구분": "1"}, lambda row: -plain(row["순매수량"])),
    ("opt10034", {"매매구분": "2"}, lambda row: plain(row["순매수량"])),
    ("opt10034", {"매매구분": "3"}, lambda row: size(row["순매수량"].replace("--", "-"))),
    ("opt10035", {}, lambda row: plain(row["합계"])),
    ("opt10036", {}, lambda row: float(row["소진율증가"])),
    ("opt10044", {"매매구분": "1"}, lambda row: -plain(row["순매수수량"])),
    ("opt10058", {"매매구분": "2"}, lambda row: plain(row["순매도수량"])),
    ("opt10062", {}, lambda row: plain(row["순매매수량"])),
    ("opt10062", {"정렬조건": "2", "매매구분": "2"}, lambda row: -plain(row["순매매금액"])),
    ("opt10063", {}, lambda row: plain(row["순매수수량"])),
    ("opt10063", {"금액수량구분": "1"}, lambda row: plain(row["순매수금액"])),
    ("opt10065", {"매매구분": "2"}, lambda row: -plain(row["순매도"])),
    ("opt10131", {}, lambda row: int(row["순매매량"])),
    ("opt10131", {"금액수량구분": "0"}, lambda row: int(row["순매매액"])),
]


@pytest.mark.parametrize(("tr", "inputs", "key"), SORTED)
def test_pages_are_sorted_and_tell_each_issue_once(
    trs: MarketTrs, tr: str, inputs: dict[str, str], key: Callable[[dict[str, str]], float]
) -> None:
    rows = trs.rows(tr, 150, **{**ASKED[tr], **inputs})
    values = [key(row) for row in rows]
    assert len(rows) > 20
    assert values == sorted(values, reverse=True)
    assert len({row["종목코드"] for row in rows}) == len(rows)
    assert [row["순위"] for row in rows if "순위" in row] in ([], [str(at) for at in range(1, len(rows) + 1)])


@pytest.mark.parametrize("tr", ["opt10044", "opt10065", "opt10131"])
def test_the_two_markets_make_up_the_whole(trs: MarketTrs, tr: str) -> None:
    name = "장구분" if tr == "opt10131" else "시장구분"
    whole, kospi, kosdaq = (
        {row["종목코드"] for row in trs.rows(tr, **{**ASKED[tr], name: market})}
        for market in (WHOLE, "001", "101")
    )
    assert kospi | kosdaq == whole
    assert kospi
    assert not kospi & kosdaq


@pytest.mark.parametrize("tr", ASKED)
def test_what_an_input_does_not_take_is_rejected(trs: MarketTrs, tr: str) -> None:
    for name in ASKED[tr]:
        if name == "외국계전체" or (tr == "opt10131" and name in PERIOD):
            continue  # not looked at: foreigners are one group; days are, where 기간 is 0
        with pytest.raises(TrRejected):
            trs.page(tr, **{**ASKED[tr], name: "x"})


def test_everything_bought_was_sold(trs: MarketTrs) -> None:
    rows = trs.rows("opt10066", **{**ASKED["opt10066"], "금액수량구분": SHARES})
    parts = [name for name, _share, _group in investor_groups.groups() if name in rows[0]]
    known = np.array([[plain(row[name]) for name in parts] for row in rows])
    inside = np.array([plain(row["기관계"]) for row in rows])
    institutions = [name for name, _share, group in investor_groups.groups() if group]
    assert (known[:, [parts.index(name) for name in institutions]].sum(axis=1) == inside).all()
    # 내외국인 are not among the columns of opt10066.
    left = -known.sum(axis=1)
    for row, amount in list(zip(rows, left, strict=True))[::400]:
        assert days(trs, row["종목코드"], "내외국인")[0] == amount


def test_a_period_without_sessions_has_no_rows(trs: MarketTrs) -> None:
    weekend = {"시작일자": "20220115", "종료일자": "20220116"}
    answer, rows = ask(trs.handlers, "opt10044", trs.now, **{**ASKED["opt10044"], **weekend})
    assert (rows, answer.message) == ([], "[571578] 모의투자 해당조회내역이 없습니다")


@pytest.mark.parametrize("measure", ["1", "2"])
@pytest.mark.parametrize("day", ["", "20220110"])
def test_foreigners_and_institutions_side_by_side(trs: MarketTrs, measure: str, day: str) -> None:
    asked = {"시장구분": "001", "금액수량구분": measure, "조회일자구분": "1" if day else "0", "날짜": day}
    rows = trs.rows("opt90009", 100, **asked)
    assert len(trs.page("opt90009", **asked)) == 25
    field, unit = ("금액", 10) if measure == "1" else ("수량", 1000)
    for name, group in (("외인", "외국인투자자"), ("기관", "기관계")):
        for side, sign in (("순매도", 1), ("순매수", -1)):
            amounts = [int(row[f"{name}{side}{field}"]) for row in rows[:50]]
            assert amounts == sorted(amounts, key=lambda amount: sign * amount)
            assert all(sign * amount <= 0 for amount in amounts)
        code = rows[0][f"{name}순매수종목코드"]
        flow = trs.page(
            "opt10059", 종목코드=code, 일자=day, 금액수량구분=measure, 매매구분="0", 단위구분="1"
        )[0]
        assert abs(int(rows[0][f"{name}순매수{field}"]) * unit - int(flow[group])) <= unit / 2

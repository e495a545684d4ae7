"""Indices, investor flows, rankings: identities that hold whatever the market is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kernel_server.clock import SteppedClock
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.exchange.engine import SimulatedExchange
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import IndexWeights
from kernel_server.simulated.snapshot.market_moments import MarketMoments
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.index_charts import IndexCharts
from kernel_server.simulated.trs.index_quotes import IndexQuotes
from kernel_server.simulated.trs.investors import InvestorLists
from kernel_server.simulated.trs.rankings.engine import RankingEngine
from tests.support.market_trs import SEED, SilentWatcher
from tests.support.simulated_broker import HandMarket, Row, bars, moment, number, weekdays
from tests.support.synthetic_day import SEVERAL, SyntheticDay
from tests.support.tr_handlers import ask, calendar, market_of, single, stock

DAYS = weekdays(date(2021, 1, 4), date(2022, 1, 18))
DATES = np.array([number(day) for day in weekdays(date(2021, 1, 1), date(2022, 12, 31))])
RUNNING, OVER = "2022-01-18 11:00:30", "2022-01-18 18:00"
GROUPS = ("개인투자자", "외국인투자자", "기관계", "기타법인", "내외국인")
INSTITUTIONS = ("금융투자", "보험", "투신", "기타금융", "은행", "연기금등", "사모펀드", "국가")


def moving(seed: int, base: int) -> list[Row]:
    """Days that go up and down by their own number; never by 30 percent."""
    rows: list[Row] = []
    close = base
    for n, day in enumerate(DAYS):
        opened = close
        close = base + (n * (seed * 37 + 11) % 29 - 14) * base // 200
        high, low = max(opened, close) + base // 100, min(opened, close) - base // 100
        rows.append((number(day), opened, high, low, close, 10_000 + (n * seed * 7919) % 5000))
    return rows


def world() -> HandMarket:
    issues = [stock(f"{n:04d}00"[:6], 1_000_000 * n, "KOSPI" if n % 2 else "KOSDAQ") for n in range(1, 9)]
    market = market_of(issues, {issue.code: moving(n, 1000 * n) for n, issue in enumerate(issues, 1)}, {})
    today = 20220118
    for issue in issues:
        row = market.days[issue.code]
        open_, high, low, close = (int(column[-1]) for column in (row.open, row.high, row.low, row.close))
        minutes = [
            (today * 1_000_000 + at, price, price, price, price, 100)
            for at, price in ((90_000, open_), (93_000, high), (100_000, low), (140_000, close))
        ]
        market.minutes = {**market.minutes, issue.code: bars(minutes)}  # type: ignore[misc]
    return market


def handlers(market: HandMarket | SyntheticMarket, **settings: object) -> dict[str, object]:
    chosen = BrokerSettings(**settings)  # type: ignore[arg-type]
    survey, indices = MarketScanner(market, chosen, calendar), IndexValues(market, calendar)
    exchange = SimulatedExchange(
        market, SteppedClock(moment(RUNNING)), calendar, lambda work: None, SEED, SilentWatcher()
    )
    return {
        **IndexQuotes(indices, survey).handlers(),
        **IndexCharts(indices, chosen).handlers(),
        **RankingEngine(survey, MarketMoments(survey, exchange, SEED)).handlers(),
        **InvestorLists(market, chosen).handlers(),
    }


def pages(held: dict[str, object], tr: str, now: str, **inputs: str) -> list[dict[str, str]]:
    """The rows of all pages, newest first."""
    answer, rows = ask(held, tr, now, **inputs)  # type: ignore[arg-type]
    while answer.after is not None:
        answer, more = ask(held, tr, now, answer.after, **inputs)  # type: ignore[arg-type]
        rows += more
    return rows


def whole(rows: list[dict[str, str]], name: str) -> Iterator[int]:
    return (int(row[name]) for row in rows)


@pytest.mark.parametrize("now", [RUNNING, OVER])
@pytest.mark.parametrize("tr", ["opt20005", "opt20004"])
@pytest.mark.parametrize("interval", ["1", "3", "30"])
def test_an_index_day_is_made_of_its_minutes_and_ticks(now: str, tr: str, interval: str) -> None:
    held = handlers(world(), minute_days=20)
    days = {row["일자"]: row for row in pages(held, "opt20006", now, 업종코드="001")}
    parts: dict[str, list[dict[str, str]]] = {}
    for row in pages(held, tr, now, 업종코드="001", 틱범위=interval):
        parts.setdefault(row["체결시간"][:8], []).append(row)
    assert len(parts) == (20 if tr == "opt20005" else 5)
    for day, rows in parts.items():
        made = days[day]
        assert rows[-1]["시가"] == made["시가"]
        assert rows[0]["현재가"] == made["현재가"]
        assert max(whole(rows, "고가")) == int(made["고가"])
        assert min(whole(rows, "저가")) == int(made["저가"])
        assert rows == sorted(rows, key=lambda row: row["체결시간"], reverse=True)
    newest = max(parts)
    assert newest == "20220118"
    assert max(row["체결시간"] for row in parts[newest]) <= "20220118" + (
        "110000" if now == RUNNING else "153000"
    )


def test_a_week_is_made_of_its_days() -> None:
    held = handlers(world())
    days = pages(held, "opt20006", OVER, 업종코드="101")[::-1]
    weeks = pages(held, "opt20007", OVER, 업종코드="101")[::-1]
    second = [row for row in days if "20210111" <= row["일자"] <= "20210115"]
    found = next(row for row in weeks if row["일자"] == "20210111")
    assert (found["시가"], found["현재가"]) == (second[0]["시가"], second[-1]["현재가"])
    assert int(found["고가"]) == max(whole(second, "고가"))
    assert (len(days), len(weeks)) == (len(DAYS), len({day.isocalendar()[:2] for day in DAYS}))
    for tr, count in (("opt20008", 13), ("opt20019", 2)):
        assert len(pages(held, tr, OVER, 업종코드="101")) == count
    until = pages(held, "opt20006", OVER, 업종코드="101", 기준일자="20210131")
    assert until[0]["일자"] == "20210129"


def test_an_index_follows_the_market_value_of_its_members() -> None:
    market = world()
    bars_ = IndexValues(market, calendar).daily("001", calendar().closes[-1])
    members = [issue for issue in market.listing if issue.market == "KOSPI"]
    worth = sum(issue.shares * market.days[issue.code].close for issue in members)
    expected = bars_.close[0] * worth / worth[0]
    assert np.abs(bars_.close - expected).max() <= 2
    assert (bars_.high >= np.maximum(bars_.open, bars_.close)).all()
    assert (bars_.low <= np.minimum(bars_.open, bars_.close)).all()


def test_an_index_laid_out_in_parts_is_the_same() -> None:
    market, now = world(), calendar().closes[-1]
    at_once, in_parts = (IndexWeights(market, lambda: now, lambda: DATES) for _ in range(2))
    parts = 0
    while not in_parts.advance(1, ["001"]):
        parts += 1
    assert parts > len(market.listing)
    assert in_parts.advance(1, ["001", "unknown"])
    one, other = (layout.series("001") for layout in (at_once, in_parts))
    for name in Bars.__dataclass_fields__:
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    assert in_parts.indices().keys() == at_once.indices().keys()
    assert not in_parts.advance(1, group="1")
    assert in_parts.advance(10_000, group="1")
    assert in_parts.advance(1, ["101"])


class Spoilt(HandMarket):
    """A file of its first issue cannot be used while ``bad`` is set."""

    bad = False

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        if self.bad and code == self.listing[0].code:
            raise BadMarketData(Path(f"{code}.csv"), 3, "expected a number")
        return super().daily(code, adjusted, now, days)


@pytest.mark.parametrize("listed_first", [True, False])
def test_a_bad_file_spoils_an_index_as_long_as_it_is_bad(listed_first: bool) -> None:
    good, now = world(), calendar().closes[-1]
    market = Spoilt(good.listing, good.days, good.adjusted_days, good.minutes)
    layout = IndexWeights(market, lambda: now, lambda: DATES)
    if listed_first:
        assert layout.advance(10_000)
    market.bad = True
    for ask_for in (lambda: layout.advance(10_000, ["001"]), lambda: layout.series("001")):
        with pytest.raises(BadMarketData):
            ask_for()
    market.bad = False
    expected = IndexWeights(good, lambda: now, lambda: DATES).series("001")
    assert layout.series("001").close.tolist() == expected.close.tolist()


@pytest.mark.parametrize(
    ("tr", "inputs"),
    [
        ("opt20001", {"시장구분": "0", "업종코드": "001"}),
        ("opt20003", {"업종코드": "001"}),
        ("opt20006", {"업종코드": "101", "기준일자": ""}),
    ],
)
def test_who_looks_at_the_whole_market_lets_others_have_their_turn(tr: str, inputs: dict[str, str]) -> None:
    rig = SyntheticDay("10:30", issues=SEVERAL).begin()

    def pieces() -> int:
        """How many pieces of work the answer takes."""
        assert rig.send(tr, **inputs) == 0
        answered, done = len(rig.pages), 0
        rig.clock.advance(0.2)
        while len(rig.pages) == answered:
            rig.work.pop(0)()
            done += 1
        return done

    assert pieces() > 20
    rig.settle(1)
    assert pieces() == 1  # what has been read once stays
    assert rig.pages[1].rows == rig.pages[0].rows


def test_several_indices_begin_together_and_one_joins_them() -> None:
    rig = SyntheticDay("10:30", issues=SEVERAL).begin()
    rig.register("001;101;201", "10")
    rig.settle(30)
    rig.call("SetRealReg", "0102", "005", "10", "0")
    rig.settle(60)
    heard = [each.key for each in rig.of("업종지수")]
    assert set(heard) == {"001", "101", "201", "005"}
    assert heard.count("001") > heard.count("005") > 0


def test_what_was_seen_of_an_index_stays() -> None:
    market = world()
    first = IndexValues(market, calendar)
    early = first.minute("001", calendar().closes[-200], 3)
    first.daily("001", calendar().opens[calendar().last_started(calendar().closes[-200])] + 3600.0)
    again = IndexValues(market, calendar).minute("001", calendar().closes[-200], 3)
    days = first.daily("001", calendar().closes[-200])
    later = first.daily("001", calendar().closes[-1])
    for name in ("time", "open", "high", "low", "close", "volume", "value"):
        assert (getattr(early, name) == getattr(again, name)).all()
        assert (getattr(days, name) == getattr(later, name)[: len(days)]).all()


def test_the_close_of_a_session_may_be_marked() -> None:
    held = handlers(world(), index_close="888888", minute_days=3)
    over = [row["체결시간"] for row in pages(held, "opt20005", OVER, 업종코드="001", 틱범위="1")]
    running = [row["체결시간"] for row in pages(held, "opt20005", RUNNING, 업종코드="001", 틱범위="1")]
    assert [time[:8] for time in over if time.endswith("888888")] == ["20220118", "20220117", "20220114"]
    assert [time[:8] for time in running if time.endswith("888888")] == ["20220117", "20220114"]


def test_the_state_of_an_index() -> None:
    held = handlers(world())
    answer, rows = ask(held, "opt20001", RUNNING, 시장구분="0", 업종코드="001")  # type: ignore[arg-type]
    state = single("opt20001", answer)
    day, before = pages(held, "opt20006", RUNNING, 업종코드="001")[:2]
    assert state["현재가"].lstrip("+-").replace(".", "") == day["현재가"]
    change = int(day["현재가"]) - int(before["현재가"])
    assert float(state["전일대비"]) == change / 100
    assert state["현재가"][0] in "+-"
    assert (state["현재가"][0] == "+") == (change > 0)
    assert rows[0]["현재가n"] == state["현재가"]
    assert rows[0]["시간n"] == "105900"
    assert int(state["상승"]) + int(state["보합"]) + int(state["하락"]) == 4
    assert len(pages(held, "opt20001", RUNNING, 시장구분="0", 업종코드="001")) == 120
    listed = pages(held, "opt20003", RUNNING, 업종코드="001")
    assert listed[0]["현재가"] == state["현재가"]
    assert [row["종목코드"] for row in listed] == ["001", "008", "027"]
    for code in ("999", "", "005930"):
        with pytest.raises(TrRejected):
            ask(held, "opt20001", RUNNING, 시장구분="0", 업종코드=code)  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["1", "2"])
@pytest.mark.parametrize("unit", ["1", "1000"])
def test_purchases_equal_sales(what: str, unit: str) -> None:
    held = handlers(world())

    def flows(side: str, tr: str = "opt10059") -> list[dict[str, str]]:
        asked = {"종목코드": "000500", "금액수량구분": what, "매매구분": side, "단위구분": unit}
        return pages(held, tr, OVER, 일자="20220118", **asked)

    net, bought, sold = (flows(side) for side in "012")
    assert len(net) == len(DAYS)
    for one, buys, sells in zip(net, bought, sold, strict=True):
        assert sum(int(one[name]) for name in GROUPS) == 0
        assert sum(int(one[name]) for name in INSTITUTIONS) == int(one["기관계"])
        for name in (*GROUPS, *INSTITUTIONS):
            assert int(one[name]) == int(buys[name]) + int(sells[name])
        total = int(one["누적거래대금"]) if what == "1" else int(one["누적거래량"])
        total = (total + 500) // 1000 if (what, unit) == ("2", "1000") else total
        assert sum(int(buys[name]) for name in GROUPS) == total == -sum(int(sells[name]) for name in GROUPS)
    assert any(int(row["외국인투자자"]) for row in net)
    chart = flows("0", "opt10060")
    assert [row["외국인투자자"] for row in chart] == [row["외국인투자자"] for row in net]
    assert [row["일자"] for row in chart] == [str(number(day)) for day in DAYS[::-1]]


def test_flows_end_on_the_day_asked_for() -> None:
    held = handlers(world(), flow_signs="plain")
    asked = {"종목코드": "000500", "금액수량구분": "2", "매매구분": "2", "단위구분": "1"}
    rows = pages(held, "opt10059", OVER, 일자="20210630", **asked)
    assert (rows[0]["일자"], rows[-1]["일자"]) == ("20210630", "20210104")
    assert min(int(row["개인투자자"]) for row in rows) >= 0
    for wrong in ({"매매구분": "3"}, {"금액수량구분": ""}, {"단위구분": "5"}, {"종목코드": "999999"}):
        with pytest.raises(TrRejected):
            ask(held, "opt10059", OVER, 일자="20210630", **{**asked, **wrong})  # type: ignore[arg-type]


MOVERS = {
    "시장구분": "000",
    "정렬구분": "1",
    "거래량조건": "00000",
    "종목조건": "0",
    "신용조건": "0",
    "상하한포함": "1",
    "가격조건": "0",
    "거래대금조건": "0",
}


@pytest.fixture(scope="module")
def synthetic() -> dict[str, object]:
    return handlers(SyntheticMarket(7, calendar))


def test_rankings_of_a_whole_market(synthetic: dict[str, object]) -> None:
    up = pages(synthetic, "opt10027", OVER, **MOVERS)
    down = pages(synthetic, "opt10027", OVER, **{**MOVERS, "정렬구분": "3"})
    flat = pages(synthetic, "opt10027", OVER, **{**MOVERS, "정렬구분": "5"})
    valued = pages(synthetic, "opt10032", OVER, 시장구분="000", 관리종목포함="0")
    rates = [float(row["등락률"]) for row in up]
    assert rates == sorted(rates, reverse=True)
    assert min(rates) >= 0
    falls = [float(row["등락률"]) for row in down]
    assert falls == sorted(falls)
    every = {row["종목코드"] for row in up + down + flat}
    assert len(every) == len(up) + len(down) + len(flat)
    assert {row["종목코드"] for row in valued} <= every
    assert [int(row["현재순위"]) for row in valued] == list(range(1, len(valued) + 1))
    values = list(whole(valued, "거래대금"))
    assert values == sorted(values, reverse=True)
    before = list(whole(valued, "전일순위"))
    assert len(set(before)) == len(before)


def test_filters_leave_out_what_they_say(synthetic: dict[str, object]) -> None:
    every = pages(synthetic, "opt10027", OVER, **MOVERS)
    kosdaq = pages(synthetic, "opt10027", OVER, **{**MOVERS, "시장구분": "101"})
    kospi = pages(synthetic, "opt10027", OVER, **{**MOVERS, "시장구분": "001"})
    assert len(kosdaq) + len(kospi) == len(every)
    cheap = pages(synthetic, "opt10027", OVER, **{**MOVERS, "가격조건": "1"})
    assert cheap == [row for row in every if abs(int(row["현재가"])) < 1000]
    busy = pages(synthetic, "opt10027", OVER, **{**MOVERS, "거래량조건": "00100"})
    assert busy == [row for row in every if int(row["현재거래량"]) >= 100_000]
    common = pages(synthetic, "opt10027", OVER, **{**MOVERS, "종목조건": "3"})
    assert {row["종목코드"] for row in every} - {row["종목코드"] for row in common} == {
        row["종목코드"] for row in every if not row["종목코드"].endswith("0") and row["종목명"].endswith("우")
    }
    for name in MOVERS:
        for wrong in ("77", "x"):
            with pytest.raises(TrRejected):
                ask(synthetic, "opt10027", OVER, **{**MOVERS, name: wrong})  # type: ignore[arg-type]


def test_the_survey_says_what_the_market_says_at_any_time() -> None:
    market = SyntheticMarket(7, calendar)
    survey = MarketScanner(market, BrokerSettings(), calendar)
    now = calendar().opens[-200] + 3600.0 * 2
    facts = survey.facts(now)
    places = np.arange(0, len(facts), 211)
    for later in (now - 7190.0, now, now + 3600.0, now + 5 * 3600.0):
        prices = survey.prices(later, places)
        followed = survey.read_session(later, places, len(places)) and survey.prices(later, places)
        for at, place in enumerate(places.tolist()):
            code = facts.issues[place].code
            day = market.daily(code, True, later, 2)
            assert facts.base[place] == (
                day.close[-2] if day.time[-1] == facts.dates[place] else day.close[-1]
            )
            if day.time[-1] == facts.dates[place]:
                for name, column in (
                    ("last", "close"),
                    ("high", "high"),
                    ("volume", "volume"),
                    ("value", "value"),
                ):
                    assert (
                        getattr(prices, name)[at] == getattr(day, column)[-1] == getattr(followed, name)[at]
                    )
            else:
                assert (prices.volume[at], prices.last[at]) == (0, facts.base[place])


def test_reading_in_parts_comes_to_the_same() -> None:
    market = world()
    whole_, parts = (MarketScanner(market, BrokerSettings(), calendar) for _ in range(2))
    now = calendar().opens[-250] + 7200.0
    steps = 0
    while not parts.prepare(now, 3):
        steps += 1
    assert steps >= 2
    assert (whole_.prices(now).last == parts.prices(now).last).all()
    assert whole_.facts(now).issues == parts.facts(now).issues

"""Conditions: loading, searching, limits, and what changes live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

import pytest

from kernel_server.reference.sessions import load
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.statistics.fundamentals import fundamentals
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.request_limits import RequestLimits
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.filters import MarketFilter, saved_conditions
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.conditions import Conditions
from tests.support.simulated_broker import Row, moment, number, weekdays
from tests.support.tr_handlers import Line, calendar, market_of, stock

DAYS = weekdays(date(2021, 3, 1), date(2022, 1, 18))
TODAY = 20220118
RISING, FAILING, LARGE = (
    (5, "장중 급등주"),
    (6, "대형주 급락"),
    (7, "전체 대형주"),
)


def days_of(base: int, last: int) -> list[Row]:
    rows: list[Row] = [(number(day), base, base, base, base, 100_000) for day in DAYS]
    rows[-1] = (TODAY, base, max(base, last), min(base, last), last, 100_000)
    return rows


def minutes_of(*path: tuple[str, int]) -> list[Row]:
    return [(int(f"{TODAY}{at}00"), price, price, price, price, 50_000) for at, price in path]


class Desk:
    """Conditions over a market of a few shares: 000010 rises from the second minute on and falls back."""

    def __init__(self, start: str = "2022-01-18 08:50", large: int = 3, **settings: object) -> None:
        issues: list[Issue] = [stock("000010"), stock("000020")]
        issues += [stock(f"{n:05d}0", shares=200_000_000) for n in range(100, 100 + large)]
        days = {issue.code: days_of(10_000, 10_000) for issue in issues}
        minutes = {issue.code: minutes_of(("0900", 10_000)) for issue in issues}
        minutes["000010"] = minutes_of(("0900", 10_000), ("0901", 10_900), ("0905", 10_200), ("0908", 11_000))
        days["000010"] = days_of(10_000, 11_000)
        self.line = Line(start)
        self.settings = BrokerSettings(**settings)  # type: ignore[arg-type]
        self.market = market_of(issues, days, minutes)
        self.survey = MarketScanner(self.market, self.settings, calendar)
        self.limits = RequestLimits(self.settings)
        self.conditions = Conditions(self.line, self.settings, self.limits, self.survey)

    def loaded(self) -> Desk:
        assert self.conditions.GetConditionLoad() == 1
        self.line.settle()
        self.line.events.clear()
        return self

    def send(self, screen: str, condition: tuple[int, str], search: int = 0) -> int:
        return self.conditions.SendCondition(screen, condition[1], condition[0], search)


def test_loading_tells_the_names() -> None:
    desk = Desk()
    assert desk.conditions.GetConditionNameList() == ""
    assert desk.conditions.GetConditionLoad() == 1
    assert desk.line.events == []
    desk.line.settle()
    assert [event[:2] for event in desk.line.events] == [("OnReceiveConditionVer", 1)]
    names = desk.conditions.GetConditionNameList()
    assert names.startswith("0^대형 저평가 우량주;1^중소형 저평가주;")
    assert re.fullmatch(r"(\d+\^[^;^]+;)+", names)
    assert [int(item.split("^")[0]) for item in names.rstrip(";").split(";")] == list(
        range(len(saved_conditions()))
    )


def test_an_answer_has_the_recorded_shape() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    assert desk.send("8686", RISING) == 1
    assert desk.line.events == []
    desk.line.settle()
    assert desk.line.events == [("OnReceiveTrCondition", "8686", "000010;", "장중 급등주", 5, 0)]
    assert desk.send("8686", FAILING) == 1
    desk.line.settle()
    assert desk.line.take("OnReceiveTrCondition")[-1] == ("8686", "", "대형주 급락", 6, 0)


def test_prices_come_with_the_codes_of_a_single_search() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    assert desk.conditions.search_flag("AddPrice") == ""
    desk.send("0001", RISING)
    desk.line.settle(61)
    desk.send("0001", RISING, 1)
    desk.line.settle(61)
    desk.conditions.search_flag("DelPrice")
    desk.send("0001", RISING)
    desk.line.settle()
    lists = [event[1] for event in desk.line.take("OnReceiveTrCondition")]
    assert lists == ["000010^11000;", "000010;", "000010;"]


def test_what_enters_and_leaves_is_told_when_it_does() -> None:
    desk = Desk("2022-01-18 08:59").loaded()
    desk.send("0001", RISING, 1)
    desk.line.settle(2)
    assert desk.line.take("OnReceiveTrCondition") == [("0001", "", "장중 급등주", 5, 0)]
    told = []
    for _ in range(12):
        desk.line.settle(60)
        told += [
            (f"{desk.line.now() % 3600 // 60:.0f}", *event)
            for event in desk.line.take("OnReceiveRealCondition")
        ]
    entered = ("000010", "I", "장중 급등주", "5")
    left = ("000010", "D", "장중 급등주", "5")
    assert [event[1:] for event in told] == [entered, left, entered]
    # A minute counts once it is over.
    assert [int(event[0]) for event in told] == [2, 6, 9]
    assert desk.line.take("OnReceiveMsg") == []


def test_no_event_after_a_stop_or_a_cut() -> None:
    for stop in (
        lambda desk: desk.conditions.SendConditionStop("0001", RISING[1], RISING[0]),
        lambda desk: (desk.line.cut(), desk.conditions.clear()),
    ):
        desk = Desk("2022-01-18 08:59").loaded()
        desk.send("0001", RISING, 1)
        desk.line.settle(2)
        assert desk.conditions.live() == {"0001": "장중 급등주"}
        stop(desk)
        desk.line.settle(1200)
        assert desk.line.take("OnReceiveRealCondition") == []
        assert desk.conditions.live() == {}


def test_a_stop_has_to_name_what_runs_there() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    desk.send("0001", RISING, 1)
    desk.line.settle()
    desk.conditions.SendConditionStop("0002", RISING[1], RISING[0])
    desk.conditions.SendConditionStop("0001", FAILING[1], FAILING[0])
    assert desk.conditions.live() == {"0001": "장중 급등주"}


def test_another_condition_on_the_screen_stops_the_earlier() -> None:
    desk = Desk("2022-01-18 08:59").loaded()
    desk.send("0001", RISING, 1)
    desk.line.settle()
    desk.send("0001", FAILING, 1)
    desk.line.settle(1200)
    assert desk.conditions.live() == {"0001": "대형주 급락"}
    assert desk.line.take("OnReceiveRealCondition") == []


def test_a_single_search_on_the_screen_stops_the_earlier_too() -> None:
    desk = Desk("2022-01-18 08:59").loaded()
    desk.send("0001", RISING, 1)
    desk.line.settle()
    desk.send("0001", FAILING)
    desk.line.settle(1200)
    assert desk.conditions.live() == {}
    assert desk.line.take("OnReceiveRealCondition") == []


def test_once_a_minute() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    assert desk.send("0001", RISING) == 1
    desk.line.settle(30)
    assert (desk.send("0002", RISING), desk.send("0002", FAILING)) == (0, 1)
    desk.line.settle(1)
    assert [event[3] for event in desk.line.take("OnReceiveMsg")] == [
        "같은 조건식은 1분에 한 번만 조회할 수 있습니다 (-13)"
    ]
    desk.line.settle(30)
    assert desk.send("0002", RISING) == 1


def test_ten_live_conditions_and_no_more() -> None:
    desk = Desk("2022-01-18 10:00", requests_a_second=100).loaded()
    known = [(condition.index, condition.name) for condition in saved_conditions()][:5]
    for group in range(2):
        for at, condition in enumerate(known):
            assert desk.send(f"1{group}0{at}", condition, 1) == 1
        desk.line.settle(61)
    assert len(desk.conditions.live()) == 10
    assert desk.send("2000", known[0], 1) == 0
    # Searching once, or in the place of one that is live, is another matter.
    assert desk.send("2000", known[0], 0) == 1
    assert desk.send("1001", known[1], 1) == 1


def test_more_than_a_hundred_codes_are_not_watched() -> None:
    for large, live in ((100, {"0001": "전체 대형주"}), (101, {})):
        desk = Desk("2022-01-18 10:00", large=large).loaded()
        assert desk.send("0001", LARGE, 1) == 1
        desk.line.settle()
        (event,) = desk.line.take("OnReceiveTrCondition")
        assert str(event[1]).count(";") == large
        assert desk.conditions.live() == live
        assert len(desk.line.take("OnReceiveMsg")) == (not live)


@pytest.mark.parametrize(
    ("name", "index", "search", "screen", "code"),
    [
        ("장중 급등주", 99, 0, "0001", -11),
        ("장중 급등주", 6, 0, "0001", -12),
        ("장중 급등주", 5, 3, "0001", -105),
        ("장중 급등주", 5, 0, "0000", -105),
    ],
)
def test_failures(name: str, index: int, search: int, screen: str, code: int) -> None:
    for settings, expected in (({}, 0), ({"condition_failure": "code"}, code)):
        desk = Desk("2022-01-18 10:00", **settings).loaded()
        assert desk.conditions.SendCondition(screen, name, index, search) == expected
        desk.line.settle()
        (told,) = desk.line.take("OnReceiveMsg")
        assert str(told[3]).endswith(f"({code})")
        assert desk.line.events == []


def test_before_loading_nothing_is_searched() -> None:
    desk = Desk("2022-01-18 10:00")
    assert desk.send("0001", RISING) == 0
    desk.line.settle()
    assert desk.line.take("OnReceiveTrCondition") == []


def test_a_search_counts_as_a_request() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    for _ in range(5):
        assert desk.limits.take(desk.line.now()) == 0
    assert desk.send("0001", RISING) == -200
    desk.line.settle()
    assert desk.send("0001", RISING) == 1


def test_fundamentals_are_those_of_the_quotes() -> None:
    desk = Desk("2022-01-18 10:00", large=40, fundamentals_seed=7)
    now = desk.line.now()
    facts = desk.survey.facts(now)
    bars = desk.market.daily("001000", True, now)
    place = [issue.code for issue in facts.issues].index("001000")
    said = fundamentals(facts.issues[place], 7, bars)
    for name in ("PER", "PBR", "ROE"):
        assert facts.columns[name][place] == pytest.approx(float(said[name]), abs=0.06)
    assert facts.columns["cap"][place] == 20_000
    (value,) = (condition for condition in saved_conditions() if condition.index == 0)
    found = MarketFilter(desk.survey).screen(value, now)
    for code in (f"{n:05d}0" for n in range(100, 140)):
        said = fundamentals(facts.issues[[issue.code for issue in facts.issues].index(code)], 7, bars)
        fits = 0 <= float(said["PER"]) <= 10 and float(said["PBR"]) <= 1.5 and float(said["ROE"]) >= 10
        assert (code in found) == fits
    assert 0 < len(found) < 40


class PartOfTheMarket(SyntheticMarket):
    """Every fourth issue of the synthetic market; ``asked`` lists the codes whose minutes were read."""

    def __init__(self, minutes_fit_days: bool) -> None:
        super().__init__(3)
        self.minutes_fit_days = minutes_fit_days  # type: ignore[misc]
        self.asked: list[str] = []

    def issues(self) -> Mapping[str, Issue]:
        return dict(list(super().issues().items())[::4])

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        self.asked.append(code)
        return super().minute(code, adjusted, now, days)


class TestWhatASearchReads:
    """Reading the minutes of all issues took seconds, for the first search of a session."""

    SETTINGS = BrokerSettings(fundamentals_seed=3)
    MOMENTS = ("2026-11-18 09:00:20", "2026-11-18 10:30", "2026-11-18 15:25", "2026-11-18 19:00")

    def test_is_the_minutes_of_those_that_may_fulfil_it_and_it_finds_the_same(self) -> None:
        markets = quick, complete = PartOfTheMarket(True), PartOfTheMarket(False)
        filters = [MarketFilter(MarketScanner(market, self.SETTINGS, load)) for market in markets]
        found = 0
        for now in map(moment, self.MOMENTS):
            for condition in saved_conditions():
                for screening in filters:
                    while not screening.prepare(condition, now, 50, with_price=True):
                        pass
                prices, expected = (screening.prices(condition, now) for screening in filters)
                assert prices == expected
                assert filters[0].screen(condition, now) == list(prices)
                found += len(prices)
        assert found > 20
        assert len(complete.asked) > 100
        assert len(quick.asked) < len(complete.asked) * 0.75

    def test_is_no_minute_where_no_rule_is_live(self) -> None:
        market = PartOfTheMarket(True)
        screening = MarketFilter(MarketScanner(market, self.SETTINGS, load))
        now = moment("2026-11-18 10:30")
        (large,) = (condition for condition in saved_conditions() if condition.index == 7)
        while not screening.prepare(large, now, 50):
            pass
        assert len(screening.screen(large, now)) > 20
        assert market.asked == []


def test_a_market_without_fundamentals_has_no_bargains() -> None:
    desk = Desk("2022-01-18 10:00").loaded()
    desk.send("0001", (0, "대형 저평가 우량주"))
    desk.line.settle()
    assert desk.line.take("OnReceiveTrCondition") == [("0001", "", "대형 저평가 우량주", 0, 0)]

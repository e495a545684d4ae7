"""One market: whatever two TRs, or a TR and a real-time type, say of the same thing at a moment is the same.

``SOURCES`` says which field of each source is which thing. All requests of a look are sent at one moment, so that they
are answered at one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.generated_once import share_nextrade_days
from tests.support.simulated_broker import moment
from tests.support.synthetic_day import ACCOUNT, BUY, DAY, MARKET, SyntheticDay

WATCHED, UNWATCHED = "005930", "000660"
NEXTRADE_DAY = "2026-11-25"
ISSUES = 12
_LATENCY = 0.13

_PRICES = {"현재가": "현재가", "시가": "시가", "고가": "고가", "저가": "저가", "거래량": "거래량"}
_CHANGE = {"전일대비": "전일대비", "등락율": "등락율"}
_LIMITS = {"상한가": "상한가", "하한가": "하한가"}


class Source(NamedTuple):
    """A TR: its inputs, in which ``CODE`` stands for the code, and its fields by thing; from the first row or alone."""

    tr: str
    inputs: Mapping[str, str]
    fields: Mapping[str, str]
    single: bool = False


SOURCES = (
    Source(
        "opt10001",
        {"종목코드": "CODE"},
        {
            **_PRICES,
            **_CHANGE,
            **_LIMITS,
            "기준가": "기준가",
            "예상체결가 in auctions": "예상체결가",
            "예상체결량 in auctions": "예상체결수량",
        },
        single=True,
    ),
    Source(
        "opt10004",
        {"종목코드": "CODE"},
        {
            "매도호가": "매도최우선호가",
            "매수호가": "매수최우선호가",
            "매도잔량": "매도최우선잔량",
            "매수잔량": "매수최우선잔량",
            "매도호가5": "매도5차선호가",
            "매수호가5": "매수5차선호가",
            "총매도잔량": "총매도잔량",
            "총매수잔량": "총매수잔량",
        },
    ),
    Source(
        "opt10007",
        {"종목코드": "CODE"},
        {
            **_PRICES,
            **_LIMITS,
            "거래대금": "거래대금",
            "등락율": "등락률",
            "기준가": "전일종가",
            "예상체결가 in auctions": "예상체결가",
            "예상체결량 in auctions": "예상체결량",
            "매도호가": "매도1호가",
            "매수호가": "매수1호가",
            "매도잔량": "매도1호가잔량",
            "매수잔량": "매수1호가잔량",
            "매도호가5": "매도5호가",
            "매수호가5": "매수5호가",
            "총매도잔량": "총매도잔량",
            "총매수잔량": "총매수잔량",
        },
    ),
    Source(
        "opt10003",
        {"종목코드": "CODE"},
        {
            "현재가": "현재가",
            "전일대비": "전일대비",
            "등락율": "대비율",
            "거래량": "누적거래량",
            "체결강도": "체결강도",
        },
    ),
    Source(
        "opt10046",
        {"종목코드": "CODE", "틱구분": "1", "체결강도구분": "1"},
        {
            "현재가": "현재가",
            "전일대비": "전일대비",
            "등락율": "등락율",
            "거래량": "누적거래량",
            "거래대금": "누적거래대금",
            "체결강도": "체결강도",
        },
    ),
    Source("opt10005", {"종목코드": "CODE"}, {"체결강도 of bars": "체결강도"}),
)
_RANKING = Source(
    "opt10030",
    {
        "시장구분": "000",
        "정렬구분": "1",
        **dict.fromkeys(
            ("관리종목포함", "신용구분", "거래량구분", "가격구분", "거래대금구분", "장운영구분"), "0"
        ),
    },
    {
        "현재가": "현재가",
        "전일대비": "전일대비",
        "등락율": "등락률",
        "거래량": "거래량",
        "거래대금": "거래금액",
    },
)
_HOLDINGS = Source(
    "opw00018",
    {"계좌번호": ACCOUNT, "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "2"},
    {"현재가": "현재가", "기준가": "전일종가"},
)
_EXPECTED = {"예상체결가": "예상체결가", "예상체결량": "예상체결량"}
_EXPECTED_RANKING = Source(
    "opt10029",
    {
        "시장구분": "000",
        "정렬구분": "1",
        **dict.fromkeys(("거래량조건", "종목조건", "신용조건", "가격조건"), "0"),
    },
    _EXPECTED,
)
_CHANGE_RANKING = Source(
    "opt10027",
    {
        "시장구분": "000",
        "정렬구분": "1",
        **dict.fromkeys(
            ("거래량조건", "종목조건", "신용조건", "상하한포함", "가격조건", "거래대금조건"), "0"
        ),
    },
    {
        "현재가": "현재가",
        "전일대비": "전일대비",
        "등락율": "등락률",
        "거래량": "현재거래량",
        "체결강도": "체결강도",
    },
)
_RANKINGS = (_RANKING, _EXPECTED_RANKING, _CHANGE_RANKING)
_WATCH_LIST = {
    **_EXPECTED,
    "체결강도": "체결강도",
    "거래대금": "거래대금",
    **_PRICES,
    **_CHANGE,
    **_LIMITS,
    "기준가": "기준가",
    "매도호가": "매도호가",
    "매수호가": "매수호가",
    "매도잔량": "우선매도잔량",
    "매수잔량": "우선매수잔량",
    "매도호가5": "매도5차호가",
    "매수호가5": "매수5차호가",
    "총매도잔량": "총매도잔량",
    "총매수잔량": "총매수잔량",
}
_REAL_TIME = {
    "주식체결": {
        "현재가": 10,
        "전일대비": 11,
        "등락율": 12,
        "거래량": 13,
        "거래대금": 14,
        "체결강도": 228,
        "시가": 16,
        "고가": 17,
        "저가": 18,
    },
    "주식우선호가": {"매도호가": 27, "매수호가": 28},
    "주식호가잔량": {
        "매도호가": 41,
        "매수호가": 51,
        "매도잔량": 61,
        "매수잔량": 71,
        "매도호가5": 45,
        "매수호가5": 55,
        "총매도잔량": 121,
        "총매수잔량": 125,
        "예상체결가": 23,
        "예상체결량": 24,
        "예상체결가 in auctions": 291,
        "예상체결량 in auctions": 292,
    },
    "주식예상체결": {"예상체결가": 10, "예상체결량": 15},
}

_WITH_CLOSING_PRICE = {"opt10003", "opt10007", "opt10046", "주식체결"}
"""Sources of which 거래량 and 거래대금 have 시간외종가, which stands in no bar."""


@pytest.fixture(scope="module", autouse=True)
def _past_days_at_nextrade_are_made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_nextrade_days(patch)
        yield


Said = dict[str, dict[str, float]]
"""By thing and source, without the signs that are colours."""


def look(rig: SyntheticDay, code: str) -> Said:
    """What all sources say of an issue at one moment."""
    said: Said = {}

    def add(source: str, values: Mapping[str, str], fields: Mapping[str, str]) -> None:
        for thing, name in fields.items():
            text = values[name]
            if text:
                said.setdefault(thing, {})[source] = abs(float(text))

    first = len(rig.pages)
    for source in (*SOURCES, *_RANKINGS, _HOLDINGS):
        inputs = {name: code if value == "CODE" else value for name, value in source.inputs.items()}
        assert rig.send(source.tr, **inputs) == 0
    assert rig.call("CommKwRqData", code, 0, 1, 0, "관심", "0102") == 0
    rig.settle(_LATENCY)
    pages = rig.pages[first:]
    found = {str(page.event.arguments[2]).lower(): page for page in pages}
    assert len(found) == len(pages) == len(SOURCES) + 5
    for source in SOURCES:
        page = found[source.tr]
        if source.single or page.rows:
            add(source.tr, page.single if source.single else page.row(0), source.fields)
    add("OPTKWFID", found["optkwfid"].row(0), _WATCH_LIST)
    hour = 8 if "_" in code else 9  # other exchanges open at 08:00
    opened = (rig.clock.now() + 9 * 3600) % 86_400 >= hour * 3600
    if not opened:  # until then the prices of quotes and rankings are those of the day before
        for thing in (*_PRICES, *_CHANGE, *_LIMITS, "기준가", "거래대금", "체결강도"):
            for quotes in ("opt10001", "OPTKWFID"):
                said[thing].pop(quotes, None)
        if not said["예상체결량"]["OPTKWFID"]:  # nothing is expected yet
            del said["예상체결가"]["OPTKWFID"], said["예상체결량"]["OPTKWFID"]
    after_market = opened and rig.clock.now() > moment(f"{NEXTRADE_DAY} 16:00")
    for source, name in (*((each, "종목코드") for each in _RANKINGS), (_HOLDINGS, "종목번호")):
        page = found[source.tr]
        for place in range(len(page.rows)):
            row = page.row(place)
            if source is not _HOLDINGS and after_market:  # rankings show the regular session
                continue
            if row[name].strip().endswith(code) and (opened or source is _HOLDINGS):
                add(source.tr, row, source.fields)
    for kind, fids in _REAL_TIME.items():
        events = rig.of(kind, code)
        if events:
            values = {str(fid): text for fid, text in events[-1].values.items()}
            add(kind, values, {thing: str(fid) for thing, fid in fids.items()})
    return said


def broker(start: str, seed: int = 3, issues: int = ISSUES) -> SyntheticDay:
    """A broker that has read the market, so that it answers a ranking at once."""
    rig = SyntheticDay(start, seed, issues, limited=False).begin()
    for source in _RANKINGS:
        rig.page(source.tr, **source.inputs)
    return rig


def disagreements(said: Said, time: str = "", code: str = "") -> dict[str, dict[str, float]]:
    """The things of which sources differ at a time of day; from 15:40 on without what 시간외종가 adds to some."""
    found = dict(said)
    if time >= "15:40" and not code.endswith("_NX"):
        for thing in ("거래량", "거래대금"):
            values = found.pop(thing, {})
            for name, having in ((f"{thing} of the tape", True), (f"{thing} of bars", False)):
                found[name] = {
                    source: value
                    for source, value in values.items()
                    if (source in _WITH_CLOSING_PRICE) is having
                }
    return {thing: values for thing, values in found.items() if len(set(values.values())) > 1}


@pytest.mark.parametrize(
    "time", ["08:50:20", "09:00:05", "11:23:17", "14:30:00", "15:25:30", "15:30:30", "20:00"]
)
def test_all_sources_say_the_same_of_an_issue(time: str) -> None:
    rig = broker(time)
    rig.register(WATCHED)
    rig.settle(30)
    for code in (WATCHED, UNWATCHED):
        said = look(rig, code)
        assert {"OPTKWFID", "opt10004", "opt10007"} <= set(said["매도호가"]) | set(said["매수호가"])
        assert ("opt10030" in said["현재가"]) == (time > "09")
        assert disagreements(said, time, code) == {}


@pytest.mark.parametrize("time", ["08:50:20", "11:23:17", "15:25:30", "15:31"])
def test_what_an_auction_would_trade_is_said_while_it_goes_on_and_what_it_traded_afterwards(
    time: str,
) -> None:
    rig = broker(time)
    rig.register(WATCHED)
    rig.settle(30)
    going_on = time in ("08:50:20", "15:25:30")
    for code in (WATCHED, UNWATCHED):
        said = look(rig, code)
        known = {source for source, shares in said["예상체결량"].items() if shares}
        now = {source for source, shares in said["예상체결량 in auctions"].items() if shares}
        assert {"OPTKWFID"} | ({"opt10029"} if time > "09" else set()) <= known
        assert ({"opt10001", "opt10007"} <= now) == going_on
        assert ("주식예상체결" in known) == (going_on and code == WATCHED)
        if time == "11:23:17":
            assert said["예상체결가"]["OPTKWFID"] == said["시가"]["OPTKWFID"]
        if time == "15:31":
            assert said["예상체결가"]["OPTKWFID"] == said["현재가"]["OPTKWFID"]


@pytest.mark.parametrize(
    "time", ["08:20:13", "08:55", "09:00:40", "11:23:17", "15:25", "15:45", "17:03:11", "20:30"]
)
def test_all_sources_say_the_same_of_an_issue_at_nextrade(time: str) -> None:
    rig = broker(f"{NEXTRADE_DAY} {time}")
    rig.register(f"{WATCHED}_NX;{WATCHED}_AL")
    rig.settle(30)
    for code in (f"{WATCHED}_NX", f"{WATCHED}_AL", f"{UNWATCHED}_NX", f"{UNWATCHED}_AL"):
        said = look(rig, code)
        assert {"opt10001", "opt10007", "OPTKWFID"} <= set(said["현재가"])
        assert {"opt10004", "opt10007", "OPTKWFID"} <= set(said["매도잔량"])
        assert disagreements(said, time, code) == {}, code
    trades = [each for each in rig.of("주식체결") if each.key == f"{WATCHED}_NX"]
    assert trades or time[:5] not in ("09:00", "11:23", "15:45")
    assert not trades or time[:5] not in ("08:55", "15:25", "20:30")


@pytest.mark.parametrize("time", ["15:55", "16:00:30", "17:03:11", "19:59:40"])
def test_all_sources_say_the_same_in_the_after_market(time: str) -> None:
    rig = broker(f"{NEXTRADE_DAY} {time}")
    rig.register(WATCHED)
    rig.settle(30)
    for code in (WATCHED, UNWATCHED):
        said = look(rig, code)
        assert {"opt10001", "opt10003", "opt10007", "OPTKWFID"} <= set(said["현재가"])
        assert disagreements(said, time, code) == {}, code


@pytest.mark.parametrize("venue", ["", "_NX", "_AL"])
@pytest.mark.parametrize("time", ["16:22:40", "16:24:50"])
def test_all_sources_say_the_same_during_a_vi_of_the_evening_and_after_it(time: str, venue: str) -> None:
    rig = broker(f"{NEXTRADE_DAY} {time}", issues=200)
    for code in ("010130" + venue, "010130"):  # not watched, then watched
        said = look(rig, code)
        assert disagreements(said, time, code) == {}, code
        rig.register(code)
        rig.settle(12)
        said = look(rig, code)
        assert disagreements(said, time, code) == {}, code


def test_own_orders_are_in_every_book_and_in_no_price() -> None:
    rig = broker("10:00")
    for code in (WATCHED, UNWATCHED):
        before = look(rig, code)
        rig.order(BUY, 10, quote=MARKET, code=code)
        bid = int(before["매수호가"]["opt10004"])
        rig.order(BUY, 7, bid, code=code)
        assert disagreements(look(rig, code)) == {}
        rig.settle(90)
        after = look(rig, code)
        assert "opw00018" in after["현재가"]
        assert disagreements(after) == {}


@pytest.mark.long
@settings(max_examples=examples(40), deadline=None)
@given(
    st.integers(8 * 3600, 20 * 3600),
    st.integers(1, 50),
    st.sampled_from([WATCHED, UNWATCHED, "035720"]),
    st.sampled_from(["", "_NX", "_AL"]),
    st.sampled_from([DAY, NEXTRADE_DAY]),
)
def test_all_sources_say_the_same_at_any_moment_of_any_day(
    second: int, seed: int, issue: str, venue: str, day: str
) -> None:
    venue = "" if day == DAY else venue  # which is before Nextrade began
    second = max(second, 8 * 3600 + (0 if venue else 1800))
    at = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    rig = SyntheticDay(f"{day} {at}", seed, ISSUES, limited=False).begin()
    rig.register(WATCHED + venue)
    rig.settle(7)
    said = look(rig, issue + venue)
    assert (
        disagreements(said, f"{(second + 7) // 60 // 60:02}:{(second + 7) // 60 % 60:02}", issue + venue)
        == {}
    )

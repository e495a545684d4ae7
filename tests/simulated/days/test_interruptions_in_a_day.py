"""Volatility interruptions as programs receive them: VI발동/해제, opt10054, and an order sent while one lasts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kernel_server import reference
from kernel_server.simulated.exchange.interface import ExpectedPrice, Interruption, Level
from kernel_server.simulated.realtime.registry import ALL_INTERRUPTIONS
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.trs.vi_list import ViList
from tests.simulated.realtime.test_publisher import Desk
from tests.support.simulated_broker import FUND, GRT, SAMSUNG, Page, moment
from tests.support.synthetic_day import BUY, LIMIT, MARKET, MODIFY_BUY, Live, SyntheticDay
from tests.support.tr_handlers import ask, calendar

HALT = "VI발동/해제"
CODE = "035760"  # rises by a tenth at 09:26:08 of the rig's day; trading goes on at 09:28:19
KNOWN = 220  # issues: enough of a market for most of what follows
EVERYTHING = {
    "시장구분": "000",
    "장전구분": "0",
    "종목코드": "",
    "발동구분": "0",
    "제외종목": "000000000",
    "거래량구분": "0",
    "거래대금구분": "0",
    "발동방향": "0",
}


def listed(rig: SyntheticDay, screen: str = "0901", **inputs: str) -> Page:
    rig.settle(1)
    return rig.page("opt10054", screen=screen, **{**EVERYTHING, **inputs})


@pytest.fixture(scope="module")
def morning() -> SyntheticDay:
    """The first VI of an issue, watched from before it to after it."""
    rig = SyntheticDay("09:20").begin()
    rig.register(CODE, "10;15;27;41;1225")
    rig.until("09:31")
    return rig


def halts(rig: SyntheticDay, code: str = CODE) -> list[Live]:
    return rig.of(HALT, code)


def test_it_is_told_when_it_begins_and_when_it_ends(morning: SyntheticDay) -> None:
    on, off = halts(morning)
    assert {fid: on.values[fid] for fid in (9001, 302, 9068, 9008, 9075, 9069)} == {
        9001: CODE,
        302: "CJ ENM",
        9068: "1",
        9008: "101",
        9075: "1",
        9069: "1",
    }
    static, price = on.number(1236), on.number(1221)
    assert (static, price) == (11_650, 12_850)  # 12,815 is no price that can be quoted
    assert (on.values[1225], on.values[1279]) == ("정적", "+정적")
    assert on.values[1238] == on.values[1489] == f"+{100 * (price - static) / static:.2f}"
    assert (on.values[1224], on.values[1490], on.values[1237], on.values[1239]) == (
        "000000",
        "1",
        "0",
        "0.00",
    )
    changed = {fid for fid in on.values if on.values[fid] != off.values[fid]}
    assert changed == {13, 14, 9068, 1224}
    assert (off.values[9068], off.values[1223]) == ("2", on.values[1223])


def test_nothing_trades_between_and_the_auctions_trade_comes_before_the_end_is_told(
    morning: SyntheticDay,
) -> None:
    on, off = (morning.live.index(each) for each in halts(morning))
    between = [each for each in morning.live[on + 1 : off] if each.key == CODE]
    seen = [each for each in between if each.kind == "주식체결"]
    assert [each.values[20] for each in seen] == [morning.live[off].values[1224]]
    (auction,) = seen
    assert auction.values[15][0] == " "
    assert [auction.values[fid] for fid in (1315, 1316, 1314)] == [" 0"] * 3
    assert auction.values[290] == "2"
    assert auction.number(13) == morning.live[off].number(13)
    assert {each.kind for each in between} == {"주식체결", "주식예상체결", "주식우선호가", "주식호가잔량"}
    expected = [each for each in between if each.kind == "주식예상체결"]
    assert len(expected) > 20
    assert (expected[-1].values[10], expected[-1].number(15)) == (auction.values[10], auction.number(15))


def test_the_book_shows_the_expected_price_while_it_lasts(morning: SyntheticDay) -> None:
    on, off = (morning.live.index(each) for each in halts(morning))
    newest: Live | None = None
    shown = []
    for place, each in enumerate(morning.live):
        if each.key == CODE and each.kind == "주식예상체결":
            newest = each
        elif each.key == CODE and each.kind == "주식호가잔량" and each.number(291):
            assert newest is not None
            assert each.values[291] == each.values[23] == newest.values[10]
            assert each.number(24) == newest.number(15)
            shown.append(place)
    assert len(shown) > 20
    assert on < shown[0] <= shown[-1] < off


def test_no_event_comes_of_an_issue_that_is_not_registered(morning: SyntheticDay) -> None:
    assert {each.key for each in morning.of(HALT)} == {CODE}


# An order of a program


def test_an_order_sent_during_an_interruption_is_filled_at_the_single_price() -> None:
    rig = SyntheticDay("09:20").begin()
    rig.register(CODE, "10;15;1225")
    rig.until("09:27")
    assert [each.values[9068] for each in halts(rig)] == ["1"]
    story = rig.order(BUY, 3, quote=MARKET, code=CODE)
    assert story[-1] == "접수"
    rig.until("09:28")
    assert "체결" not in rig.story
    rig.until("09:29")
    assert rig.story[-2:] == ["체결", "잔고"]
    fills = [told for told in rig.told if told.values.get(913) == "체결"]
    (auction,) = {
        (each.number(10), each.values[20])
        for each in rig.of("주식체결", CODE)
        if each.values[15][0] == " " and each.values[20] > "092600"
    }
    assert sum(told.number(915) for told in fills) == 3
    assert {(told.number(914), told.values[908]) for told in fills} == {auction}


def test_a_resting_order_may_be_modified_during_an_interruption() -> None:
    rig = SyntheticDay("09:20").begin()
    rig.register(CODE, "10;15;27;1225")
    rig.until("09:24")
    bid = rig.of("주식우선호가", CODE)[-1].number(28)
    number = next(text for text in rig.order(BUY, 3, bid - 2_000, LIMIT, code=CODE) if text.isdecimal())
    rig.until("09:27")
    story = rig.order(MODIFY_BUY, 3, 13_500, LIMIT, original=number, code=CODE)
    assert "확인" in story
    assert "체결" not in story
    rig.until("09:29")
    assert "체결" in rig.story


# opt10054


@pytest.fixture(scope="module")
def everybody() -> SyntheticDay:
    """A program that asked for the VIs of the whole market's day so far, and went on listening."""
    rig = SyntheticDay("09:50").begin()
    listed(rig)
    rig.until("11:30")
    return rig


def test_the_list_has_what_has_been_so_far_newest_first(everybody: SyntheticDay) -> None:
    page = everybody.pages[0]
    times = page.column("매매체결처리시각")
    assert times == sorted(times, reverse=True)
    assert len(times) > 1
    assert times[0] < "095002"
    row = next(page.row(n) for n in range(len(page.rows)) if page.row(n)["종목코드"] == CODE)
    assert row["매매체결처리시각"] == "092608"
    assert row["VI해제시각"] == "092819"
    assert (row["종목명"], row["VI적용구분"], row["VI발동횟수"]) == ("CJ ENM", "정적", "1")


def test_asking_registers_every_issue_for_its_interruptions_and_nothing_else(everybody: SyntheticDay) -> None:
    assert {each.kind for each in everybody.live} <= {HALT, "장시작시간"}
    told = everybody.of(HALT)
    assert len({each.key for each in told}) > 3
    assert all(each.values[1223] > "095000" or each.values[9068] == "2" for each in told)
    assert CODE in {each.key for each in told}


def test_what_was_told_is_what_the_list_then_has(everybody: SyntheticDay) -> None:
    page = listed(everybody, "0902")
    rows = [page.row(n) for n in range(len(page.rows))]
    since = [row for row in rows if row["매매체결처리시각"] > "095002"]
    on = [each for each in everybody.of(HALT) if each.values[9068] == "1"]
    assert [(each.key, each.values[1223], each.values[1221]) for each in reversed(on)] == [
        (row["종목코드"], row["매매체결처리시각"], row["발동가격"]) for row in since
    ]
    over = {
        (each.key, each.values[1223]): each.values[1224]
        for each in everybody.of(HALT)
        if each.values[9068] == "2"
    }
    assert [row["VI해제시각"] for row in since] == [
        over.get((row["종목코드"], row["매매체결처리시각"]), "000000") for row in since
    ]


def test_of_an_issue_that_is_watched_too_it_comes_once_and_in_order_with_its_trades() -> None:
    rig = SyntheticDay("09:25", issues=KNOWN).begin()
    listed(rig)
    rig.register(CODE, "10;15")  # no FID of VI발동/해제
    rig.until("09:29")
    assert [each.values[9068] for each in halts(rig)] == ["1", "2"]
    places = [n for n, each in enumerate(rig.live) if each.key == CODE and each.kind == HALT]
    between = [
        each.kind for each in rig.live[places[0] : places[1]] if each.key == CODE and each.kind == "주식체결"
    ]
    assert between == ["주식체결"]


def test_a_removed_screen_tells_of_nothing_more() -> None:
    rig = SyntheticDay("09:20", issues=KNOWN).begin()
    listed(rig)
    rig.until("09:27")
    assert [each.values[9068] for each in halts(rig)] == ["1"]
    rig.call("SetRealRemove", "0901", "ALL")
    rig.until("10:00")
    assert [each.values[9068] for each in halts(rig)] == ["1"]


def test_a_cut_ends_it_and_another_tr_on_the_screen_takes_its_place() -> None:
    rig = SyntheticDay("09:20", issues=KNOWN).begin()
    listed(rig)
    rig.control.lose_connection()
    rig.login()
    listed(rig)
    rig.page("opt10001", screen="0901", 종목코드="005930")
    rig.until("09:40")
    assert halts(rig) == []


def test_the_next_day_is_listened_to_as_well() -> None:
    rig = SyntheticDay("15:00", issues=2 * KNOWN).begin()
    listed(rig)
    rig.settle(18 * 3600)  # to nine the next morning
    rig.live.clear()
    rig.settle(5 * 3600)
    told = [each for each in rig.of(HALT) if each.values[9068] == "1"]
    rows = listed(rig).column("종목코드")
    assert rows
    assert rows == [each.key for each in reversed(told)]


def test_the_same_seed_tells_the_same() -> None:
    def told() -> list[str]:
        rig = SyntheticDay("09:20", issues=KNOWN).begin()
        listed(rig)
        rig.until("09:40")
        return [each.data for each in rig.of(HALT)]

    first = told()
    assert first
    assert first == told()


# What the inputs leave in


class Asked:
    """opt10054 over an exchange of three VIs, at noon."""

    def __init__(self) -> None:
        self.desk = Desk()
        tapes = self.desk.exchange.tapes
        for code, volume in ((SAMSUNG.code, 100), (GRT.code, 2_000), (FUND.code, 30_000)):
            tapes[code].volume, tapes[code].value, tapes[code].open = volume, volume * 10_000, 10_000
        at = {
            n: moment(f"2022-01-18 {clock}") for n, clock in enumerate(("09:10", "10:00", "11:59", "12:30"))
        }
        self.desk.exchange.halts = [
            Interruption(SAMSUNG.code, at[0], 11_000, 10_000, released=at[0] + 130),
            Interruption(GRT.code, at[1], 9_000, 10_000, released=at[1] + 130),
            Interruption(FUND.code, at[2], 11_000, 10_000, 10_500, released=at[2] + 130),
            Interruption(SAMSUNG.code, at[3], 12_100, 11_000, released=at[3] + 130, number=2),
        ]
        issues = {issue.code: issue for issue in (SAMSUNG, GRT, FUND)}
        self.handlers = ViList(issues, self.desk.exchange, BrokerSettings(), calendar).handlers()

    def rows(self, **inputs: str) -> list[dict[str, str]]:
        return ask(self.handlers, "opt10054", "2022-01-18 12:00", **inputs)[1]


def test_a_row_has_the_values_of_the_event() -> None:
    fund, grt, samsung = Asked().rows()
    assert fund == {
        "종목코드": "069500",
        "종목명": "KODEX 200",
        "누적거래량": "30000",
        "발동가격": "11000",
        "동적괴리율": "+4.76",
        "매매체결처리시각": "115900",
        "VI해제시각": "000000",
        "VI적용구분": "동적+정적",
        "동적기준가격": "10500",
        "정적기준가격": "10000",
        "정적괴리율": "+10.00",
        "시가대비등락률": "+10.00",
        "VI발동횟수": "1",
    }
    assert (grt["종목코드"], grt["VI해제시각"], grt["정적괴리율"]) == ("900290", "100210", "-10.00")
    assert samsung["종목코드"] == "005930"


@pytest.mark.parametrize(
    ("inputs", "left"),
    [
        ({"시장구분": "001"}, ["069500", "005930"]),
        ({"시장구분": "101"}, ["900290"]),
        ({"장전구분": "1"}, ["069500", "900290", "005930"]),
        ({"장전구분": "2"}, []),
        ({"종목코드": "900290"}, ["900290"]),
        ({"종목코드": "000"}, ["069500", "900290", "005930"]),
        ({"발동구분": "1"}, ["900290", "005930"]),
        ({"발동구분": "2"}, []),
        ({"발동구분": "3"}, ["069500"]),
        ({"발동방향": "1"}, ["069500", "005930"]),
        ({"발동방향": "2"}, ["900290"]),
        ({"제외종목": "000000010"}, ["900290", "005930"]),
        ({"제외종목": "111111101"}, ["069500", "900290", "005930"]),
        ({"거래량구분": "1", "최소거래량": "2000"}, ["069500", "900290"]),
        ({"거래량구분": "1", "최소거래량": "200", "최대거래량": "2000"}, ["900290"]),
        ({"거래량구분": "0", "최소거래량": "2000"}, ["069500", "900290", "005930"]),
        ({"거래대금구분": "1", "최소거래대금": "20", "최대거래대금": "0"}, ["069500", "900290"]),
        ({"거래대금구분": "1", "최대거래대금": "20"}, ["900290", "005930"]),
    ],
)
def test_inputs_leave_issues_out(inputs: Mapping[str, str], left: list[str]) -> None:
    assert [row["종목코드"] for row in Asked().rows(**inputs)] == left


def test_every_issue_is_registered_under_any_filter() -> None:
    answer, rows = ask(Asked().handlers, "opt10054", "2022-01-18 12:00", 장전구분="2")
    assert (rows, answer.codes) == ([], (ALL_INTERRUPTIONS,))
    assert answer.message == "[571578] 모의투자 해당조회내역이 없습니다"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"시장구분": "2"}, "전문작성 입력값 오류 (-202)"),
        ({"발동구분": "4"}, "전문작성 입력값 오류 (-202)"),
        ({"제외종목": "002"}, "전문작성 입력값 오류 (-202)"),
        ({"제외종목": "0000000000"}, "전문작성 입력값 오류 (-202)"),
        ({"거래량구분": "2"}, "전문작성 입력값 오류 (-202)"),
        ({"종목코드": "123456"}, "[00Z211] 종목코드 오류"),
    ],
)
def test_inputs_that_cannot_be(inputs: Mapping[str, str], message: str) -> None:
    rig = SyntheticDay("10:00", issues=KNOWN).begin()
    assert listed(rig, **inputs).rows == []
    assert rig.messages() == [message]


def test_pages_do_not_shift_by_what_comes_between_them() -> None:
    desk = Desk()
    start = moment("2022-01-18 09:00")
    desk.exchange.halts = [
        Interruption("005930", start + 60 * n, 11_000, 10_000, released=start + 60 * n + 1, number=n)
        for n in range(1, 251)
    ]
    handlers = ViList({SAMSUNG.code: SAMSUNG}, desk.exchange, BrokerSettings(), calendar).handlers()
    numbers: list[str] = []
    after: int | None = None
    for clock in ("12:10", "12:20"):
        answer, rows = ask(handlers, "opt10054", f"2022-01-18 {clock}", after)
        numbers += [row["VI발동횟수"] for row in rows]
        after = answer.after
    assert after is None
    assert numbers == [str(n) for n in range(190, 0, -1)]  # those up to 12:10, a hundred a page


# The feed alone


def book_of(desk: Desk, volume: int) -> str:
    """FID 291 of 주식호가잔량, after so many shares have come to wait."""
    desk.exchange.asks = [Level(10_010, volume)]
    desk.publisher.on_quote("005930", desk.now())
    return desk.events[-1][2].split("\t")[reference.realtype("주식호가잔량").fids.index(291)]


def test_quotes_hold_the_expected_price_until_the_trade() -> None:
    desk = Desk()
    desk.register("005930", "41")
    assert book_of(desk, 1) == "-0"
    desk.publisher.on_interruption(Interruption("005930", desk.now(), 11_000, static=10_000))
    desk.publisher.on_expected_price(
        "005930", desk.now(), ExpectedPrice(11_050, 30), desk.exchange.tape("005930")
    )
    assert book_of(desk, 2) == "+11050"
    desk.trade("005930", 11_050, 30)
    assert book_of(desk, 3) == "-0"


def test_who_registers_in_the_middle_of_it_sees_the_expected_price_as_well() -> None:
    desk = Desk()
    desk.register("005930", "41")
    desk.publisher.on_expected_price(
        "005930", desk.now(), ExpectedPrice(11_050, 30), desk.exchange.tape("005930")
    )
    assert book_of(desk, 1) == "+11050"

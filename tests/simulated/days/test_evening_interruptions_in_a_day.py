"""VIs of the after-market and of Nextrade as programs receive them, and orders sent while one lasts."""

from __future__ import annotations

import pytest

from tests.simulated.days.test_interruptions_in_a_day import EVERYTHING
from tests.support.simulated_broker import Page
from tests.support.synthetic_day import BUY, SELL, Live, SyntheticDay

DAY = "2026-11-25"
CODE, NX, AL = "010130", "010130_NX", "010130_AL"
"""Falls by a tenth of its close at 16:21:59, and again at 16:26:55; at Nextrade at 16:22:16 and 16:26:46."""
OTHER = "030200"  # rises by a tenth at 16:33:29
ISSUES = 200
VI, TRADE, EXPECTED, BOOK = "VI발동/해제", "주식체결", "주식예상체결", "주식호가잔량"
DONE = "[100000] 모의투자 매수주문완료"
IOC = "10"
ALL = ("00", "03", "06", "07", "10", "16", "20", "26")


def rig_at(start: str, codes: str = f"{CODE};{NX};{AL}", **settings: object) -> SyntheticDay:
    given = {"deposit": 10**11, "order_size_checks": False, "quote_types": ALL, "nextrade_orders": "traded"}
    rig = SyntheticDay(f"{DAY} {start}", 3, ISSUES, limited=False, **{**given, **settings}).begin()
    if codes:
        rig.register(codes, "10;15;27;41;215;1225")
    return rig


@pytest.fixture(scope="module")
def evening() -> SyntheticDay:
    rig = rig_at("16:19")
    rig.until("16:31")
    return rig


def told(rig: SyntheticDay, code: str) -> list[Live]:
    return rig.of(VI, code)


def between(rig: SyntheticDay, code: str, kind: str, on: Live, off: Live) -> list[Live]:
    first, last = (next(n for n, each in enumerate(rig.live) if each is event) for event in (on, off))
    return [each for each in rig.live[first:last] if each.key == code and each.kind == kind]


@pytest.mark.parametrize(
    ("code", "times"),
    [
        (CODE, ["162159", "162401", "162655", "162912"]),
        (NX, ["162216", "162443", "162646", "162911"]),
        (AL, ["162159", "162216", "162401", "162443", "162646", "162655", "162911", "162912"]),
    ],
)
def test_each_is_told_under_the_code_of_its_exchange(
    evening: SyntheticDay, code: str, times: list[str]
) -> None:
    found = told(evening, code)
    at = [each.values[1224 if each.values[9068] == "2" else 1223] for each in found]
    assert at == times
    assert {each.values[9001] for each in found} == {code}
    assert {(each.values[1225], each.values[9069], each.values[302]) for each in found} == {
        ("정적", "2", "고려아연")
    }


@pytest.mark.parametrize("code", [CODE, NX])
def test_trading_stops_and_an_auction_with_its_indicative_prices_ends_it(
    evening: SyntheticDay, code: str
) -> None:
    on, off, again, _end = told(evening, code)
    (auction,) = between(
        evening, code, TRADE, on, off
    )  # that of the auction, which comes before the event of its end
    expected = between(evening, code, EXPECTED, on, off)
    assert len(expected) >= 24
    assert expected[-1].number(10) == auction.number(10) <= on.number(1221)
    books = between(evening, code, BOOK, on, off)
    assert {each.number(291) > 0 for each in books[1:-1]} == {True}
    assert again.number(1236) == auction.number(10)
    assert [each.values[1490] for each in (on, off, again)] == ["1", "1", "2"]
    assert abs(on.number(1221) / on.number(1236) - 0.9) < 0.001


def test_the_first_is_a_tenth_from_the_close(evening: SyntheticDay) -> None:
    closed = rig_at("15:35", "").page("opt10001", 종목코드=CODE).single
    assert evening.of(VI, CODE)[0].number(1236) == abs(int(closed["현재가"]))
    assert evening.of(VI, NX)[0].number(1236) == abs(int(closed["현재가"]))


@pytest.mark.parametrize("code", [CODE, NX, AL])
def test_every_trade_is_counted_once_and_prices_stay_within_high_and_low(
    evening: SyntheticDay, code: str
) -> None:
    events = evening.of(TRADE, code)
    total = events[0].number(13) - events[0].number(15)
    for each in events:
        total += each.number(15)
        assert each.number(13) == total
        assert each.number(18) <= each.number(10) <= each.number(17)


def listed(rig: SyntheticDay, **inputs: str) -> Page:
    rig.settle(1)
    return rig.page("opt10054", screen="0901", **{**EVERYTHING, **inputs})


def test_the_list_has_those_of_the_evening_beside_those_of_the_day(evening: SyntheticDay) -> None:
    day, after, every = (
        listed(evening, 장전구분=part).column("매매체결처리시각") for part in ("1", "2", "0")
    )
    assert day
    assert max(day) < "153000"
    assert min(after) > "160000"
    assert every == [*after, *day]
    rows = listed(evening, 장전구분="2", 종목코드=CODE)
    assert rows.column("매매체결처리시각") == ["162655", "162159"]
    assert rows.column("VI해제시각") == ["162912", "162401"]
    assert [rows.row(n)["누적거래량"] for n in range(2)] == [evening.of(TRADE, CODE)[-1].values[13]] * 2


def test_the_list_has_those_of_another_exchange_by_code(evening: SyntheticDay) -> None:
    assert listed(evening, 종목코드=NX).column("매매체결처리시각") == ["162646", "162216"]
    assert listed(evening, 종목코드=AL).column("VI해제시각") == ["162912", "162911", "162443", "162401"]
    assert set(listed(evening).column("종목코드")) & {NX, AL} == set()


def test_those_of_issues_that_are_not_registered_come_after_the_list_was_asked_for() -> None:
    rig = rig_at("16:20", "")
    listed(rig)
    rig.until("16:37")
    assert [each.values[9068] for each in told(rig, CODE)] == ["1", "2", "1", "2"]
    assert [each.values[1223] for each in told(rig, OTHER)] == ["163329", "163329"]
    assert not told(rig, NX)


@pytest.mark.parametrize("code", [CODE, NX])
def test_orders_are_collected_for_the_auction(code: str) -> None:
    rig = rig_at("16:21", code)
    rig.until("16:23")
    (on,) = told(rig, code)
    assert rig.order(BUY, 3, on.number(1236), code=code, wait=1)[0] == DONE  # far above the price
    assert [each.values[913] for each in rig.told] == ["접수"]
    best = rig.order(BUY, 1, on.number(1221), IOC, code=code, wait=1)
    assert best[0] == "모의투자에서 지원하지 않는 매매구분입니다"
    rig.until("16:25")
    fill = [each for each in rig.told if each.kind == "0" and each.values[913] == "체결"][-1]
    auction = between(rig, code, TRADE, on, told(rig, code)[-1])[-1]
    assert fill.number(910) == auction.number(10)
    assert fill.values[902] == "0"
    assert rig.order(SELL, 3, 0, "06", code=code, wait=1)[0] == "[100000] 모의투자 매도주문완료"


def test_own_orders_in_the_auction_are_in_no_public_trade() -> None:
    def trades(order: bool) -> list[str]:
        rig = rig_at("16:21")
        rig.until("16:23")
        if order:
            rig.order(BUY, 3, told(rig, CODE)[0].number(1236), code=CODE, wait=1)
            rig.order(BUY, 3, told(rig, CODE)[0].number(1236), code=NX, wait=1)
        rig.until("16:25")
        return [each.data for each in rig.live if each.kind == TRADE]

    assert trades(order=True) == trades(order=False)


def test_the_same_seed_tells_the_same() -> None:
    def everything() -> list[str]:
        rig = rig_at("16:21")
        rig.until("16:25")
        return list(map(repr, rig.events))

    first = everything()
    assert len(first) > 100
    assert first == everything()

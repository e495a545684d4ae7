"""Orders for Nextrade and for both exchanges: refused, or traded if a setting says so."""

from __future__ import annotations

import pytest

from tests.support.synthetic_day import BUY, CANCEL_BUY, MARKET, SELL, SyntheticDay

DAY = "2026-11-25"
NX, AL, OWN = "005930_NX", "005930_AL", "005930"
DONE = "[100000] 모의투자 매수주문완료"
REFUSED = "[RC9000] 모의투자에서 주문할 수 없는 거래소입니다"


def rig_at(start: str, **settings: object) -> SyntheticDay:
    given = {"limited": False, "deposit": 10**10, "nextrade_orders": "traded", **settings}
    return SyntheticDay(f"{DAY} {start}", 3, 12, **given).begin()


def best(rig: SyntheticDay, code: str) -> tuple[int, int]:
    row = rig.page("opt10004", 종목코드=code).row(0)
    return abs(int(row["매도최우선호가"])), abs(int(row["매수최우선호가"]))


def states(rig: SyntheticDay) -> list[str]:
    return [told.values[913] for told in rig.told if told.kind == "0"]


@pytest.mark.parametrize("code", [NX, AL])
def test_they_are_refused_unless_a_setting_says_otherwise(code: str) -> None:
    rig = rig_at("11:00", nextrade_orders="refused")
    ask, _bid = best(rig, NX)
    assert rig.order(BUY, 1, ask, code=code)[0] == REFUSED
    assert not rig.told


def test_a_purchase_at_nextrade_is_a_holding_of_the_issue() -> None:
    rig = rig_at("08:20")
    ask, _bid = best(rig, NX)
    assert rig.order(BUY, 10, ask + 1000, code=NX)[0] == DONE
    assert states(rig)[-1] == "체결"
    order = next(told for told in rig.told if told.kind == "0")
    assert order.values[9001] == "A005930"
    holding = [told for told in rig.told if told.kind == "1"][-1]
    assert holding.number(930) == 10
    rig.settle(60)
    sold = rig.order(SELL, 4, best(rig, NX)[1] - 1000, code=NX)
    assert sold[0] == "[100000] 모의투자 매도주문완료"
    assert [told for told in rig.told if told.kind == "1"][-1].number(930) == 6


def test_own_shares_are_in_the_book_of_nextrade_and_of_both_alone() -> None:
    rig = rig_at("11:00", deposit=10**12, order_size_checks=False)
    low, quantity = best(rig, NX)[1] - 200, 5_000_000
    story = rig.order(BUY, quantity, low, code=NX)
    number = next(text for text in story if len(text) == 7 and text.isdecimal())
    before = len(rig.pages)
    for screen, code in enumerate((NX, AL, OWN), 1000):
        assert rig.send("opt10004", screen=str(screen), 종목코드=code) == 0
    rig.settle(0.13)
    for code, page in zip((NX, AL, OWN), rig.pages[before:], strict=True):
        total = int(page.row(0)["총매수잔량"])
        assert (total > quantity) == (code != OWN), code
    assert (
        rig.order(CANCEL_BUY, 1, code=OWN, original=number)[0] == "[RC4061] 모의투자 주문번호를 확인하세요."
    )
    assert rig.order(CANCEL_BUY, quantity, code=NX, original=number)[0] == "[100000] 모의투자 취소주문완료"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("08:52", "[00Z217] 모의투자 장시작전입니다"),
        ("15:25", "[00Z218] 모의투자 장종료 상태입니다"),
        ("20:10", "[00Z218] 모의투자 장종료 상태입니다"),
    ],
)
def test_none_is_taken_in_the_breaks(start: str, message: str) -> None:
    rig = rig_at(start)
    assert rig.order(BUY, 1, best(rig, NX)[1], code=NX)[0] == message


def test_there_are_no_market_orders() -> None:
    rig = rig_at("11:00")
    assert rig.order(BUY, 1, 0, MARKET, code=NX)[0] == "[521790] 해당 호가유형은 주문 불가능한 시간입니다."


def test_an_order_rests_through_the_breaks_and_ends_with_the_day() -> None:
    rig = rig_at("08:40")
    _ask, bid = best(rig, NX)
    low = bid * 8 // 10 // 1000 * 1000
    rig.order(BUY, 3, low, code=NX)
    rig.register(NX)
    for clock, left in (("09:05", 1), ("15:50", 1), ("20:01", 0)):
        rig.until(clock)
        page = rig.account("opt10075", 계좌번호="8000000011", 전체종목구분="0", 매매구분="0", 체결구분="1")
        assert len(page.rows) == left, clock


def test_an_order_for_both_goes_where_the_price_is_better() -> None:
    rig = rig_at("11:00")
    found = set()
    for _ in range(30):
        rig.settle(20)
        here, there = best(rig, OWN)[0], best(rig, NX)[0]
        rig.order(BUY, 1, max(here, there) + 2000, code=AL)
        fill = [told for told in rig.told if told.kind == "0" and told.values[913] == "체결"][-1]
        found.add(fill.number(910) <= max(here, there))
    assert found == {True}


def test_both_before_the_exchange_opens_is_nextrade() -> None:
    rig = rig_at("08:20")
    assert rig.order(BUY, 5, best(rig, NX)[0] + 1000, code=AL)[0] == DONE
    assert states(rig)[-1] == "체결"


def test_an_account_file_has_the_exchange_of_an_order() -> None:
    rig = rig_at("11:00")
    rig.order(BUY, 3, best(rig, NX)[1] * 8 // 10 // 1000 * 1000, code=NX)
    state = rig.control._brokerage.snapshot()
    again = rig_at("11:00")
    again.control._brokerage.restore(state)
    page = again.account("opt10075", 계좌번호="8000000011", 전체종목구분="0", 매매구분="0", 체결구분="1")
    assert len(page.rows) == 1
    assert [order["venue"] for order in again.control._brokerage.snapshot()["orders"]] == ["_NX"]

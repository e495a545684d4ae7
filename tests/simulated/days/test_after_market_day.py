"""A session with an after-market, from before its close to the next morning, as the facts of 2026-09-14 on have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_server.simulated.market.phases import Phase
from tests.support.replayed_day import ReplayedDay
from tests.support.synthetic_day import ACCOUNT, BUY, CANCEL_BUY, MARKET, MODIFY_BUY, SELL, Live, Told

DAY, NEXT, NUMBER = "2026-11-12", "2026-11-13", "20261112"
CODE, OTHER, FUND, KONEX = "005930", "000660", "069500", "112190"
ALL = ("00", "03", "06", "07", "10", "16", "20", "26", "61", "62", "81")
BEST, FIRST, IOC, BEST_IOC, FOK, BEST_FOK = "06", "07", "10", "16", "20", "26"
NO_SUCH_HOUR = "[521790] 해당 호가유형은 주문 불가능한 시간입니다."
OVER = "[00Z218] 모의투자 장종료 상태입니다"
LIMITS = "[RC4027] 모의투자 상/하한가 오류입니다."
NO_AFTER_MARKET = "[RC4058] 모의투자 장종료"
DONE = "[100000] 모의투자 매수주문완료"


def rig_at(start: str, day: str = DAY, **settings: object) -> ReplayedDay:
    given = {"deposit": 10**11, "order_size_checks": False, "quote_types": ALL, **settings}
    rig = ReplayedDay(None, start, day, **given)
    rig.register(f"{CODE};{FUND}", "10;15;27;41;131;10010;10041;215")
    return rig


def number(story: list[str]) -> str:
    return next(text for text in story if len(text) == 7 and text.isdecimal())


def last(rig: ReplayedDay, order: str) -> Told:
    return [told for told in rig.told if told.kind == "0" and told.values[9203] == order][-1]


def tick(rig: ReplayedDay) -> int:
    asks = rig.of("주식호가잔량", CODE)[-1]
    return asks.number(42) - asks.number(41)


def best(rig: ReplayedDay) -> tuple[int, int]:
    """Best ask and bid, as the order book says now."""
    row = rig.page("opt10004", 종목코드=CODE).row(0)
    return abs(int(row["매도최우선호가"])), abs(int(row["매수최우선호가"]))


@pytest.fixture(scope="module")
def day() -> tuple[ReplayedDay, dict[str, str], dict[str, list[str]], int]:
    """The day, the number of each order, what became of orders that were refused, and the close."""
    rig = rig_at("15:15")
    orders: dict[str, str] = {}
    refused: dict[str, list[str]] = {}
    base = int(rig.text("GetMasterLastPrice", CODE))
    orders["regular"] = number(rig.order(BUY, 3, base * 8 // 10 // 500 * 500))
    rig.until("15:45")
    refused["between"] = rig.order(BUY, 1, base)
    rig.until("16:10")
    close = rig.of("주식시세", CODE)[-1].number(10)
    refused["market"] = rig.order(BUY, 1, quote=MARKET)
    refused["market IOC"] = rig.order(BUY, 1, quote="13")
    refused["single price"] = rig.order(BUY, 1, close, quote="62")
    refused["closing price"] = rig.order(BUY, 1, quote="81")
    rig.settle(2)
    refused["fund"] = rig.order(BUY, 1, int(rig.text("GetMasterLastPrice", FUND)), code=FUND)
    refused["above"] = rig.order(BUY, 1, base * 131 // 100 // 1000 * 1000)
    refused["below"] = rig.order(BUY, 1, base * 69 // 100 // 1000 * 1000)
    rig.settle(2)
    ask, bid = best(rig)
    orders["limit"] = number(rig.order(BUY, 10, ask + 10 * tick(rig)))
    orders["seller"] = number(rig.order(SELL, 4, bid - 10 * tick(rig)))
    rig.settle(2)
    orders["best"] = number(rig.order(BUY, 2, quote=BEST))
    orders["first"] = number(rig.order(BUY, 2, quote=FIRST))
    rig.settle(2)
    ask, bid = best(rig)
    orders["IOC"] = number(rig.order(BUY, 2, bid - 20 * tick(rig), quote=IOC))
    orders["FOK"] = number(rig.order(BUY, 2, bid - 20 * tick(rig), quote=FOK))
    rig.settle(2)
    orders["best IOC"] = number(rig.order(BUY, 2, quote=BEST_IOC))
    orders["best FOK"] = number(rig.order(BUY, 2, quote=BEST_FOK))
    rig.settle(2)
    far = close * 85 // 100 // 500 * 500
    orders["far"] = number(rig.order(BUY, 7, far))
    orders["taken back"] = number(rig.order(BUY, 5, far))
    rig.settle(2)
    rig.order(CANCEL_BUY, 5, original=orders["taken back"])
    orders["moved"] = number(rig.order(MODIFY_BUY, 7, far - 500, original=orders["far"]))
    rig.until("20:10")
    return rig, orders, refused, close


Day = tuple[ReplayedDay, dict[str, str], dict[str, list[str]], int]


def state(rig: ReplayedDay, order: str) -> tuple[str, str]:
    """주문상태 and 미체결수량 of an order's newest event."""
    told = last(rig, order)
    return told.values[913], told.values[902]


def test_orders_trade_continuously_with_every_order_type_but_market(day: Day) -> None:
    rig, orders, _refused, _close = day
    for name in ("limit", "seller", "best", "best IOC", "best FOK"):
        assert state(rig, orders[name]) == ("체결", "0"), name
        assert "161000" <= last(rig, orders[name]).values[908] < "163000", name
    for name in ("IOC", "FOK"):
        assert state(rig, orders[name])[1] == "0"
        assert last(rig, orders[name]).values[911] in ("", "0")
    assert last(rig, orders["taken back"]).values[902] == "0"
    assert last(rig, orders["moved"]).values[902] == "7"


def test_what_cannot_be_ordered_is_refused_as_recorded(day: Day) -> None:
    _rig, _orders, refused, _close = day
    assert {name: story[0] for name, story in refused.items()} == {
        "between": OVER,
        "market": NO_SUCH_HOUR,
        "market IOC": "모의투자에서 지원하지 않는 매매구분입니다",
        "single price": OVER,
        "closing price": OVER,
        "fund": OVER,
        "above": LIMITS,
        "below": LIMITS,
    }
    assert all(story[1:] == [""] for story in refused.values())


def test_nothing_is_carried_over_in_either_direction(day: Day) -> None:
    rig, orders, _refused, _close = day
    assert last(rig, orders["regular"]).values[902] == "3"
    assert rig.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").rows == []
    single = rig.account("opw00001").single
    assert int(single["주식증거금현금"]) == 0


def test_trades_and_quotes_come_under_the_usual_types_from_16_00_to_20_00(day: Day) -> None:
    rig, _orders, _refused, close = day
    trades = [each for each in rig.of("주식체결", CODE) if each.values[20] >= "160000"]
    books = [each for each in rig.of("주식호가잔량", CODE) if each.values[21] >= "160000"]
    assert len(trades) > 500
    assert len(books) > 500
    for seen in (trades, books):
        fid = 20 if seen is trades else 21
        assert seen[0].values[fid] < "160100"
        assert "195800" < seen[-1].values[fid] <= "200000"  # the book as it is at the end
    assert {each.values[290] for each in trades} == {"3"}
    assert {each.values[215] for each in books} == {"U"}
    assert {each.values[15][0] for each in trades} == {"+", "-"}
    assert all(abs(each.number(10) / close - 1) < 0.1 for each in trades)
    assert not [each for each in rig.live if each.kind.startswith("ECN")]
    notices = [each.values[215] for each in rig.of("장시작시간") if each.values[20] >= "160000"]
    assert notices == ["b", "U", "8", "V", "9"]


def test_volume_goes_on_where_the_day_left_it(day: Day) -> None:
    rig, _orders, _refused, _close = day
    trades = rig.of("주식체결", CODE)
    total = trades[0].number(13) - trades[0].number(15)
    for each in trades:
        total += each.number(15)
        assert each.number(13) == total


def test_value_goes_on_by_what_each_trade_is_worth(day: Day) -> None:
    rig, _orders, _refused, _close = day
    trades = [each for each in rig.of("주식체결", CODE) if each.values[20] >= "160000"]
    first, last = trades[0], trades[-1]
    worth = sum(each.number(10) * each.number(15) for each in trades[1:])
    assert last.number(14) - first.number(14) == pytest.approx(
        worth / 1_000_000, abs=1
    )  # FID 14 is in millions


def test_a_fund_has_no_evening(day: Day) -> None:
    rig, _orders, _refused, _close = day
    assert max(each.values[20] for each in rig.of("주식체결", FUND)) < "160000"


def test_the_book_is_never_crossed(day: Day) -> None:
    rig, _orders, _refused, _close = day
    for each in rig.of("주식호가잔량", CODE):
        ask, bid = each.number(41), each.number(51)
        assert not ask or not bid or bid < ask or each.values[21] < "160000"


def bars(rig: ReplayedDay, code: str = CODE) -> dict[str, str]:
    return rig.page("opt10081", 종목코드=code, 기준일자=NUMBER, 수정주가구분="0").row(0)


def test_the_daily_bar_is_provisional_in_the_evening_and_settles_in_the_morning() -> None:
    rig = rig_at("15:59")
    closed = bars(rig)
    rig.until("20:05")
    evening, quotes = bars(rig), rig.watch([CODE]).row(0)
    trades = [each for each in rig.of("주식체결", CODE) if each.values[20] >= "160000"]
    worth = sum(each.number(10) * each.number(15) for each in trades)
    assert int(evening["거래대금"]) - int(closed["거래대금"]) == pytest.approx(worth / 1_000_000, abs=1)
    assert evening["거래대금"] == quotes["거래대금"]
    assert int(evening["현재가"]) == trades[-1].number(10) == abs(int(quotes["현재가"]))
    assert int(evening["현재가"]) != int(closed["현재가"])
    assert evening["거래량"] == quotes["거래량"]
    assert 0.02 < int(evening["거래량"]) / int(closed["거래량"]) - 1 < 0.11
    rig.settle(8 * 3600)
    assert bars(rig)["현재가"] == evening["현재가"]
    rig.settle(3600)  # 05:05
    settled = bars(rig)
    assert [settled[name] for name in ("시가", "고가", "저가", "현재가")] == [
        closed[name] for name in ("시가", "고가", "저가", "현재가")
    ]
    assert (settled["거래량"], settled["거래대금"]) == (evening["거래량"], evening["거래대금"])
    assert abs(int(rig.page("opt10003", 종목코드=CODE).row(0)["현재가"])) == int(evening["현재가"])
    rig.settle(4 * 3600 + 600)  # the next session is on: its 기준가 is the regular close
    assert int(rig.text("GetMasterLastPrice", CODE)) == int(closed["현재가"])


def test_charts_of_minutes_and_ticks_show_the_evening_if_a_setting_says_so() -> None:
    found = {}
    for shown in (False, True):
        rig = rig_at("20:05", evening_minutes=shown, evening_ticks=shown)
        found[shown] = [
            rig.page(tr, 종목코드=CODE, 틱범위="1", 수정주가구분="1").column("체결시간")
            for tr in ("opt10080", "opt10079")
        ]
    assert {times[0] for times in found[False]} == {NUMBER + "153000"}
    minutes, ticks = found[True]
    assert minutes[0] == NUMBER + "195900"
    assert NUMBER + "195900" <= ticks[0] < NUMBER + "200000"
    assert minutes[minutes.index(NUMBER + "153000") - 1] == NUMBER + "160000"


def test_the_mock_server_may_have_none_as_it_had_on_2026_09_15() -> None:
    rig = rig_at("16:30", after_market_orders=False)
    assert rig.order(BUY, 1, 100_000) == [NO_AFTER_MARKET, ""]
    assert rig.order(BUY, 1, quote=MARKET) == [NO_AFTER_MARKET, ""]


def test_as_the_mock_server_is_it_takes_limit_orders_alone() -> None:
    rig = rig_at("16:30", quote_types=("00", "03"))
    ask, _bid = best(rig)
    assert rig.order(BUY, 1, ask, wait=1)[0] == DONE
    assert rig.order(BUY, 1, quote=MARKET)[0] == NO_SUCH_HOUR


def test_an_order_of_the_day_does_not_come_back_after_a_restart_in_the_evening(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    rig = rig_at("15:10", account_file=file)
    far = int(rig.text("GetMasterLastPrice", CODE)) * 8 // 10 // 500 * 500
    rig.order(BUY, 3, far)
    rig.settle(2)
    rig.control.close()
    later = rig_at("16:30", account_file=file)
    later.order(BUY, 2, far)
    later.settle(2)
    assert later.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").column("주문수량") == ["2"]
    later.control.close()
    again = rig_at("17:00", account_file=file)
    assert again.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").column("주문수량") == ["2"]


@pytest.mark.parametrize(
    ("day", "orders_at"), [("2026-09-11", None), ("2026-09-14", "16:01"), ("2026-11-19", "17:01")]
)
def test_it_begins_on_2026_09_14_and_an_hour_later_on_a_late_day(day: str, orders_at: str | None) -> None:
    rig = rig_at("16:45" if day == "2026-11-19" else "16:01", day)
    ask, _bid = best(rig)
    accepted = rig.order(BUY, 1, ask)[0] == DONE
    assert accepted == (orders_at == "16:01")
    if orders_at == "17:01":
        rig.until("17:01")
        assert rig.order(BUY, 1, best(rig)[0])[0] == DONE
        rig.until("20:01")
        assert rig.order(BUY, 1, ask)[0] == OVER
    assert (rig.control._exchange.phase() is Phase.SINGLE_PRICE) == (orders_at is None)


def events(seed_day: str) -> list[str]:
    rig = rig_at("15:55", seed_day)
    rig.until("16:05")
    rig.order(BUY, 3, best(rig)[0])
    rig.until("16:20")
    return list(map(repr, rig.events))


def test_the_same_seed_gives_the_same_evening_to_the_byte() -> None:
    first = events(DAY)
    assert len(first) > 100
    assert first == events(DAY)
    assert first != events(NEXT)


def test_it_does_not_matter_when_a_subscription_begins() -> None:
    def trades(start: str) -> list[tuple[str, str, str]]:
        rig = rig_at(start)
        rig.until("17:10")
        found: list[Live] = [each for each in rig.of("주식체결", CODE) if each.values[20] >= "170000"]
        return [(each.values[20], each.values[10], each.values[13]) for each in found]

    early = trades("15:50")
    assert len(early) > 20
    assert early == trades("16:40")


def test_account_values_follow_the_evening() -> None:
    rig = rig_at("16:30")
    rig.order(BUY, 10, best(rig)[0] + 1000)
    rig.until("17:30")
    rows = rig.account("opw00018", 계좌번호=ACCOUNT, 조회구분="1").row(0)
    quotes = rig.watch([CODE]).row(0)
    assert int(rows["현재가"]) == abs(int(rig.page("opt10003", 종목코드=CODE).row(0)["현재가"]))
    assert abs(int(rows["현재가"]) / abs(int(quotes["현재가"])) - 1) < 0.02

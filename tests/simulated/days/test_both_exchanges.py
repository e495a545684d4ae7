"""Issues at the Korea Exchange, at Nextrade and at both together through a day, as a program sees their events."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from tests.support.synthetic_day import Live, SyntheticDay

DAY = "2026-11-25"
CODE, NX, AL = "005930", "005930_NX", "005930_AL"
LATE_DAY = "2026-11-19"


def rig_at(start: str, codes: str = f"{CODE};{NX};{AL}", seed: int = 3) -> SyntheticDay:
    rig = SyntheticDay(f"{DAY} {start}", seed, 12, limited=False).begin()
    rig.register(codes)
    return rig


def traded(rig: SyntheticDay, code: str) -> list[tuple[str, int, str]]:
    """Time, price and signed volume of each trade."""
    return [(each.values[20], each.number(10), each.values[15]) for each in rig.of("주식체결", code)]


def rises(events: list[Live]) -> list[int]:
    """What 누적거래량 has grown by with each trade but the first."""
    totals = [each.number(13) for each in events]
    return [later - before for before, later in itertools.pairwise(totals)]


@pytest.fixture(scope="module")
def morning() -> SyntheticDay:
    rig = rig_at("08:44")
    rig.until("09:04")
    return rig


def test_both_together_have_the_trades_of_each(morning: SyntheticDay) -> None:
    trades = {code: traded(morning, code) for code in (CODE, NX, AL)}
    assert min(map(len, trades.values())) > 5
    assert Counter(trades[AL]) == Counter(trades[CODE]) + Counter(trades[NX])
    assert [time for time, *_ in trades[AL]] == sorted(time for time, *_ in trades[AL])


@pytest.mark.parametrize("code", [CODE, NX, AL])
def test_every_trade_is_counted_once(morning: SyntheticDay, code: str) -> None:
    events = morning.of("주식체결", code)
    assert rises(events) == [each.number(15) for each in events[1:]]


def test_nextrade_trades_by_its_own_hours(morning: SyntheticDay) -> None:
    times = [time for time, *_ in traded(morning, NX)]
    assert min(times) < "085000"
    assert not [time for time in times if "085000" <= time < "090030"]
    assert max(times) > "090030"
    states = {each.values[290] for each in morning.of("주식체결", NX)}
    assert states == {"P", "2"}
    assert {each.values[290] for each in morning.of("주식체결", CODE)} == {"2"}
    assert {each.values[215] for each in morning.of("주식호가잔량", NX)} <= {"P", "Q", "R"}


def test_quotes_of_nextrade_stand_in_its_breaks(morning: SyntheticDay) -> None:
    times = {each.values[21] for each in morning.of("주식호가잔량", NX)}
    assert not [time for time in times if "085001" <= time < "090030"]
    assert morning.of("주식예상체결", CODE)
    assert not morning.of("주식예상체결", NX)


def test_a_book_of_both_is_never_crossed(morning: SyntheticDay) -> None:
    books = morning.of("주식호가잔량", AL)
    assert len(books) > 50
    for book in books:
        if book.number(41) and book.number(51):
            assert book.number(41) > book.number(51)


def test_a_book_of_both_has_the_shares_of_both() -> None:
    rig = rig_at("11:10")
    rig.settle(20)
    for screen, code in enumerate((CODE, NX, AL), 1000):
        assert rig.send("opt10004", screen=str(screen), 종목코드=code) == 0
    rig.settle(0.13)
    pages = dict(zip((CODE, NX, AL), (page.row(0) for page in rig.pages), strict=True))

    def side(code: str, name: str) -> dict[int, int]:
        row = pages[code]
        names = [f"{name}최우선", *(f"{name}{rank}차선" for rank in range(2, 5))]
        return {abs(int(row[f"{each}호가"])): int(row[f"{each}잔량"]) for each in names}

    for name in ("매도", "매수"):
        own, other, both = (side(code, name) for code in (CODE, NX, AL))
        assert set(both) <= set(own) | set(other)
        near = [price for price in both if price in own and price in other]
        assert near
        assert all(both[price] == own[price] + other[price] for price in near)


def test_watching_both_together_watches_neither_alone() -> None:
    rig = rig_at("11:10", AL)
    rig.settle(60)
    assert {each.key for each in rig.live if each.kind != "장시작시간"} == {AL}
    assert rig.of("주식체결", AL)
    rig.call("SetRealRemove", "ALL", "ALL")
    count = len(rig.live)
    rig.settle(60)
    assert len(rig.live) == count


@pytest.mark.parametrize("code", [NX, AL])
def test_the_tick_chart_has_the_pre_market(code: str) -> None:
    rig = rig_at("08:25", code)
    rig.settle(30)
    page = rig.page("opt10079", 종목코드=code, 틱범위="1", 수정주가구분="1")
    times = page.column("체결시간")
    assert f"{DAY.replace('-', '')}080000" <= times[-1] < times[0] < f"{DAY.replace('-', '')}082600"
    newest = rig.page("opt10003", 종목코드=code).row(0)
    assert times[0][8:] <= newest["시간"]


def test_the_evening_is_traded_at_both() -> None:
    rig = rig_at("15:39")
    rig.until("16:08")
    for code in (NX, AL):
        events = rig.of("주식체결", code)
        assert rises(events) == [each.number(15) for each in events[1:]]
    alone = [time for time, *_ in traded(rig, NX) if time < "160000"]
    assert alone
    assert min(alone) >= "154000"
    assert {each.values[290] for each in rig.of("주식체결", NX)} == {"U"}
    rig.until("19:59")
    rig.until("20:01")
    for code in (NX, AL):
        (last,) = rig.of("주식시세", code)[-1:]
        assert last.number(10) == traded(rig, code)[-1][1]


def test_the_hours_of_nextrade_are_announced_where_a_setting_says_so() -> None:
    rig = SyntheticDay(f"{DAY} 07:55", 3, 12, limited=False, nextrade_notices=True).begin()
    rig.register("", "215;20;214")
    rig.until("20:01")
    notices = [(each.values[215], each.values[20]) for each in rig.of("장시작시간")]
    there = [each for each in notices if each[0] in "PQRSTUV" and each[1] != "160000"]
    clocks = ("080000", "085000", "090030", "152000", "153000", "154000", "200000")
    assert list(dict.fromkeys(there)) == list(zip("PQRSTUV", clocks, strict=True))


def test_a_new_day_begins_at_eight() -> None:
    rig = SyntheticDay("2026-11-25 19:58", 3, 12, limited=False).begin()
    rig.register(f"{NX};{AL}")
    rig.until("19:59")
    rig.settle(12 * 3600 + 15 * 60)  # to 08:14 of the next day
    for code in (NX, AL):
        first = next(each for each in rig.of("주식체결", code) if each.values[20] < "083000")
        assert first.number(13) == first.number(15)
        page = rig.page("opt10007", 종목코드=code).row(0)
        assert int(page["거래량"]) == rig.of("주식체결", code)[-1].number(13)


def test_an_issue_of_the_exchange_alone_is_the_same_at_both() -> None:
    rig = SyntheticDay("2026-11-25 11:10", 3, 300, limited=False).begin()
    rig.register("069500;069500_AL;069500_NX")
    rig.settle(30)
    for kind in ("주식체결", "주식호가잔량"):
        own = [each.data for each in rig.of(kind, "069500")]
        assert own
        assert own == [each.data for each in rig.of(kind, "069500_AL")]
    assert not [each for each in rig.live if each.key == "069500_NX"]
    assert not rig.page("opt10004", 종목코드="069500_NX").rows


def test_a_late_event_before_the_exchange_begins_counts_no_trade_of_the_day_before() -> None:
    rig = rig_at("08:28", f"{CODE};{AL}")
    for _ in range(
        4
    ):  # a minute at once, so that the exchange is in its new session before events of the old one
        rig.clock.advance(60)
        rig.settle(0)
    events = rig.of("주식체결", AL)
    assert len(events) > 5
    assert rises(events) == [each.number(15) for each in events[1:]]

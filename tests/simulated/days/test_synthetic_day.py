"""A day of the whole control: what is seen of it in real time, and what the TRs say of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from kernel_server import reference
from tests.support.synthetic_day import DAY, Live, SyntheticDay

CODES = ("005930", "035760")  # the last one has three VIs that day
TODAY = DAY.replace("-", "")
ASKS, BIDS = range(41, 51), range(51, 61)
ASKED, BID = range(61, 71), range(71, 81)


@pytest.fixture(scope="module")
def day() -> SyntheticDay:
    """A session watched from its opening auction to its close."""
    rig = SyntheticDay("08:50").begin()
    rig.bases = {code: int(rig.text("GetMasterLastPrice", code)) for code in CODES}
    rig.register(";".join(CODES))
    rig.until("15:35")
    return rig


def trades(day: SyntheticDay, code: str) -> list[Live]:
    found = day.of("주식체결", code)
    assert found
    return found


def test_every_type_of_an_issue_has_been_seen(day: SyntheticDay) -> None:
    kinds = {each.kind for each in day.live}
    assert kinds == {"주식체결", "주식우선호가", "주식호가잔량", "주식예상체결", "주식시세", "장시작시간"}


def test_every_string_has_all_the_fields_of_its_type(day: SyntheticDay) -> None:
    """That each is read as it stands there, the rig sees to within the events."""
    for each in day.live:
        assert each.data.count("\t") + 1 == len(reference.realtype(each.kind).fids)


@pytest.mark.parametrize("code", CODES)
def test_totals_are_the_sums_of_the_trades(day: SyntheticDay, code: str) -> None:
    volume = value = bought = sold = neither = buys = sells = 0
    high, low = 0, 10**9
    seen = trades(day, code)
    opened = seen[0].number(10)
    for each in seen:
        price, size, sign = each.number(10), each.number(15), each.values[15][0]
        volume, value = volume + size, value + price * size
        high, low = max(high, price), min(low, price)
        bought, buys = bought + size * (sign == "+"), buys + (sign == "+")
        sold, sells = sold + size * (sign == "-"), sells + (sign == "-")
        neither += size * (sign == " ")
        assert each.number(13) == volume == bought + sold + neither
        assert each.number(14) == (value + 500_000) // 1_000_000
        assert each.number(620) == (2 * value + volume) // (2 * volume)
        assert [each.number(fid) for fid in (16, 17, 18)] == [opened, high, low]
        assert [each.number(fid) for fid in (1030, 1031, 1071, 1072)] == [sold, bought, sells, buys]
    assert neither  # both auctions have traded
    assert [seen[n].values[15][0] for n in (0, -1)] == [" ", " "]


@pytest.mark.parametrize("code", CODES)
def test_changes_are_against_the_base_price(day: SyntheticDay, code: str) -> None:
    base = day.bases[code]
    seen = trades(day, code) + day.of("주식예상체결", code) + day.of("주식시세", code)
    for each in seen:
        price, change = each.number(10), int(each.values[11])
        assert price - change == base
        assert abs(float(each.values[12]) - 100 * change / base) <= 0.005 + 1e-9
        direction, colour = ("2", "+") if change > 0 else ("5", "-") if change < 0 else ("3", "")
        assert (each.values[25], each.values[10]) == (direction, f"{colour}{price}")


@pytest.mark.parametrize("code", CODES)
def test_times_do_not_run_back(day: SyntheticDay, code: str) -> None:
    for kind, fid in (("주식체결", 20), ("주식호가잔량", 21), ("주식예상체결", 20)):
        times = [each.values[fid] for each in day.of(kind, code)]
        assert times == sorted(times)
    times = [each.values[20] for each in trades(day, code)]
    assert (times[0][:4], times[-1][:4]) == ("0900", "1530")
    assert not [time for time in times if "152000" <= time < "153000"]


def test_the_best_quotes_are_never_crossed(day: SyntheticDay) -> None:
    for kind in ("주식체결", "주식우선호가", "주식시세"):
        for each in day.of(kind):
            ask, bid = each.number(27), each.number(28)
            assert not ask or not bid or bid < ask
    for each in day.of("주식호가잔량"):
        assert not each.number(41) or not each.number(51) or each.number(51) < each.number(41)


def test_the_book_is_in_order_and_its_totals_are_those_of_its_levels(day: SyntheticDay) -> None:
    for each in day.of("주식호가잔량"):
        asks, bids = ([each.number(fid) for fid in side if each.number(fid)] for side in (ASKS, BIDS))
        assert all(better < worse for better, worse in pairwise(asks))
        assert all(better > worse for better, worse in pairwise(bids))
        asked, bid = (sum(each.number(fid) for fid in side) for side in (ASKED, BID))
        assert (each.number(121), each.number(125)) == (asked, bid)
        assert (int(each.values[128]), int(each.values[138])) == (bid - asked, asked - bid)


@pytest.mark.parametrize("code", CODES)
def test_the_book_has_the_best_quotes_that_were_told_before_it(day: SyntheticDay, code: str) -> None:
    best: tuple[str, str] | None = None
    for each in day.live:
        if each.key == code and each.kind == "주식우선호가":
            best = each.values[27], each.values[28]
        elif each.key == code and each.kind == "주식호가잔량":
            assert best == (each.values[41], each.values[51])


@pytest.mark.parametrize("code", CODES)
def test_the_auctions_end_where_they_were_expected_to(day: SyntheticDay, code: str) -> None:
    expected, seen = day.of("주식예상체결", code), trades(day, code)
    for trade, before in ((seen[0], "090000"), (seen[-1], "153000")):
        newest = [each for each in expected if each.values[20] <= before][-1]
        assert (newest.values[10], newest.number(15)) == (trade.values[10], trade.number(15))


# What the TRs say of the same day.


def minutes(seen: list[Live]) -> Iterator[tuple[str, list[int]]]:
    """Open, high, low, close and volume of each minute in which there were trades."""
    parts: dict[str, list[Live]] = {}
    for each in seen:
        parts.setdefault(f"{TODAY}{each.values[20][:4]}00", []).append(each)
    for minute, part in parts.items():
        prices = [each.number(10) for each in part]
        volume = sum(each.number(15) for each in part)
        yield minute, [prices[0], max(prices), min(prices), prices[-1], volume]


BAR = ("시가", "고가", "저가", "현재가", "거래량")


@pytest.mark.parametrize("code", CODES)
def test_the_minutes_that_were_seen_are_those_of_the_chart(day: SyntheticDay, code: str) -> None:
    page = day.page("opt10080", 종목코드=code, 틱범위="1", 수정주가구분="0")
    rows = (page.row(n) for n in range(len(page.rows)))
    drawn = {row["체결시간"]: [abs(int(row[name])) for name in BAR] for row in rows}
    assert dict(minutes(trades(day, code))) == {time: bar for time, bar in drawn.items() if time[:8] == TODAY}


@pytest.mark.parametrize("code", CODES)
def test_the_day_that_was_seen_is_that_of_the_chart(day: SyntheticDay, code: str) -> None:
    row = day.page("opt10081", 종목코드=code, 기준일자=TODAY, 수정주가구분="0").row(0)
    last = trades(day, code)[-1]
    seen = [last.number(fid) for fid in (16, 17, 18, 10, 13)]
    assert [abs(int(row[name])) for name in BAR] == seen
    assert row["일자"] == TODAY
    # The value of a drawn day is no sum of its trades, but close to it.
    assert int(row["거래대금"]) == pytest.approx(last.number(14), rel=0.05)


@pytest.mark.parametrize("code", CODES)
def test_the_ticks_that_were_seen_are_those_of_the_chart(day: SyntheticDay, code: str) -> None:
    pages = day.all_pages("opt10079", 종목코드=code, 틱범위="1", 수정주가구분="0")
    columns = ("체결시간", "현재가", "거래량")
    ticks = [
        tick
        for page in reversed(pages)
        for tick in reversed(list(zip(*map(page.column, columns), strict=True)))
    ]
    assert ticks == [
        (TODAY + each.values[20], each.values[10], str(each.number(15))) for each in trades(day, code)
    ]


@pytest.mark.parametrize("code", CODES)
def test_the_last_trades_are_told_as_they_were_seen(day: SyntheticDay, code: str) -> None:
    seen = trades(day, code)[:-101:-1]
    pages = [day.page("opt10003", 종목코드=code)]
    while len(pages) < 3:
        pages.append(day.page("opt10003", 2, 종목코드=code))
    rows = [page.row(n) for page in pages for n in range(len(page.rows))]
    assert len(rows) == 90
    for row, each in zip(rows, seen, strict=False):
        fields = ("시간", "현재가", "전일대비", "대비율", "체결거래량", "sign", "누적거래량")
        assert [row[name].strip() for name in fields] == [
            each.values[fid].strip() for fid in (20, 10, 11, 12, 15, 25, 13)
        ]
        # Here the strength is bought in percent of sold, as FID 228.
        assert row["체결강도"] == each.values[228]


def test_the_book_is_the_one_that_was_told_last() -> None:
    rig = SyntheticDay("09:30").begin()
    rig.register("005930")
    rig.settle(60)
    row = rig.page("opt10004", screen="0202", 종목코드="005930").row(0)
    at = next(n for n, event in enumerate(rig.events) if event.name == "OnReceiveTrData")
    heard = [event for event in rig.events[:at] if event.arguments[1] == "주식호가잔량"]
    last = next(each for each in rig.live if each.data == heard[-1].arguments[2])
    names = {
        "매도최우선호가": 41, "매도최우선잔량": 61, "매수최우선호가": 51, "매수최우선잔량": 71,
        "매도2차선호가": 42, "매도2차선잔량": 62, "매수6우선호가": 56, "매수6우선잔량": 76,
        "매도10차선호가": 50, "매도10차선잔량": 70, "매수10차선호가": 60, "매수10차선잔량": 80,
        "총매도잔량": 121, "총매수잔량": 125,
    }  # fmt: skip
    assert {name: row[name] for name in names} == {name: last.values[fid] for name, fid in names.items()}


# Connections and repetition.


def test_a_cut_loses_registrations_and_open_continuation() -> None:
    rig = SyntheticDay("10:00").begin()
    rig.register("005930")
    first = rig.page("opt10003", 종목코드="005930")
    assert first.prev_next == "2"
    rig.settle(30)
    assert rig.live
    assert rig.send("opt10081", 종목코드="005930", 수정주가구분="0") == 0
    pages = len(rig.pages)
    rig.control.lose_connection()
    heard = len(rig.live)
    rig.settle(60)
    assert rig.events[-1].name == "OnEventConnect"
    assert (len(rig.live), len(rig.pages)) == (heard, pages)
    rig.login()
    rig.settle(60)
    assert len(rig.live) == heard
    again = rig.page("opt10003", 2, 종목코드="005930")
    assert int(again.row(0)["누적거래량"]) > int(first.row(0)["누적거래량"])  # the newest trade, not the 31st

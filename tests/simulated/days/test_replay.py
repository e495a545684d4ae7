"""A day replayed from given trades, or from given minutes: what was given comes out, clients or not."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.support.recorded_data import RECORDED_DATA, needs_market_data

pytest.importorskip("exchange_calendars")

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated.market.test_recorded_trades import put
from tests.simulated.test_build import calendar_cache
from tests.support.examples import examples
from tests.support.replayed_day import CODE, DAY, NUMBER, ReplayedDay, Tick, bars, whole
from tests.support.synthetic_day import BUY, CANCEL_BUY, LIMIT, MARKET, MODIFY_SELL, SELL

__all__ = ["calendar_cache"]  # a fixture of this module too

DAILY = "date,open,high,low,close,volume\n2026-11-16,70000,70500,69500,70000,1000000\n"
LISTING = "code,name,market,shares,listing_date\n005930,삼성전자,KOSPI,5919637922,1975-06-11\n"


def session(seed: int, count: int = 300, auctions: bool = True) -> list[Tick]:
    """A day's trades about 70,000 won, several of them in one second here and there."""
    random = Random(seed)
    price = 70_000
    found = []
    for second in sorted(random.randint(9 * 3600 + 60, 15 * 3600 + 20 * 60 - 1) for _ in range(count)):
        clock = f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
        for _ in range(random.choice((1, 1, 2, 5))):
            price += random.choice((-100, 0, 0, 100))
            found.append(Tick(clock, price, random.choice((1, 2)), random.choice((1, 3, 17, 900, 25_000))))
    if auctions:
        found.insert(0, Tick("090004", 70_200, 0, 40_000))
        found.append(Tick("153009", price, 0, 60_000))
    return found


def folder_of(where: Path, ticks: Sequence[Tick], **more: str) -> Path:
    files = {"daily__005930": DAILY, "daily_unadjusted__005930": DAILY}
    return put(where, ticks, NUMBER, listing=LISTING, **files, **more)


def play(rig: ReplayedDay, until: str = "15:35") -> ReplayedDay:
    rig.register(CODE, "10;15;27;41")
    rig.until(until)
    return rig


# From trades


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=examples(8), deadline=None)
def test_every_given_trade_is_told_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, calendar_cache: None, seed: int, auctions: bool
) -> None:
    ticks = session(seed, 60, auctions)
    rig = play(ReplayedDay(folder_of(tmp_path_factory.mktemp("day"), ticks), "08:45"))
    assert rig.traded() == ticks


@pytest.fixture(scope="module")
def ticks() -> list[Tick]:
    return session(7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ticks: list[Tick]) -> Path:
    return folder_of(tmp_path_factory.mktemp("given"), ticks)


@pytest.fixture(scope="module")
def played(calendar_cache: None, folder: Path) -> ReplayedDay:
    return play(ReplayedDay(folder, "08:45"))


def test_totals_go_up_with_the_trades(played: ReplayedDay, ticks: list[Tick]) -> None:
    volume = value = 0
    for event, tick in zip(played.of("주식체결"), ticks, strict=True):
        volume, value = volume + tick.volume, value + tick.price * tick.volume
        assert (event.number(13), event.number(14)) == (volume, (value + 500_000) // 1_000_000)


def test_the_day_after_they_are_the_trades_of_the_day_before(folder: Path, ticks: list[Tick]) -> None:
    rig = ReplayedDay(folder, "10:00", "2026-11-18")
    found = []
    for page in rig.all_pages("opt10055", 종목코드=CODE, 당일전일="2"):
        rows = (page.row(n) for n in range(len(page.rows)))
        found += [(row["체결시간"], abs(int(row["체결가"])), abs(int(row["체결량"]))) for row in rows]
    assert found[::-1] == [(tick.time, tick.price, tick.volume) for tick in ticks]


def test_the_book_is_around_every_trade(played: ReplayedDay, ticks: list[Tick]) -> None:
    """Who bought took the best ask, and who sold the best bid; what is left there is beyond that price or at it."""
    for event, tick in zip(played.of("주식체결"), ticks, strict=True):
        ask, bid = event.number(27), event.number(28)
        assert 0 < bid < ask
        if tick.side == 1:
            assert bid < tick.price <= ask
        elif tick.side == 2:
            assert bid <= tick.price < ask
    books = played.of("주식호가잔량")
    assert len(books) > len(ticks)
    for event in books:
        levels = [event.number(fid) for fid in (50, 49, 48, 47, 46, 45, 44, 43, 42, 41, *range(51, 61))]
        assert all(high > low for high, low in pairwise(levels) if low)


def test_the_charts_of_the_running_day_grow_to_the_final_bars(folder: Path, ticks: list[Tick]) -> None:
    rig = ReplayedDay(folder, "08:45")
    rig.register(CODE)
    assert (rig.minutes(), rig.day()[0]) == ([], 20261116)
    for clock in ("09:01", "09:30", "11:11", "15:20", "15:35"):
        rig.until(clock)
        now = clock.replace(":", "")
        over = [tick for tick in ticks if tick.time[:4] < now]
        assert rig.minutes() == bars(over)
        assert rig.day() == [NUMBER, *whole(over)]
    assert rig.minutes() == bars(ticks)
    assert rig.day() == [NUMBER, *whole(ticks)]


def test_the_tick_chart_and_the_last_trades_are_the_given_ones(
    played: ReplayedDay, ticks: list[Tick]
) -> None:
    pages = played.all_pages("opt10079", 종목코드=CODE, 틱범위="1", 수정주가구분="1")
    times = [text for page in pages for text in page.column("체결시간")]
    prices = [abs(int(text)) for page in pages for text in page.column("현재가")]
    volumes = [int(text) for page in pages for text in page.column("거래량")]
    expected = [(f"{NUMBER}{tick.time}", tick.price, tick.volume) for tick in ticks]
    assert list(zip(times, prices, volumes, strict=True)) == expected[::-1]
    pages = played.all_pages("opt10003", 종목코드=CODE)
    rows = [page.row(n) for page in pages for n in range(len(page.rows))]
    signs = {"+": 1, "-": 2, " ": 0}
    assert [
        Tick(row["시간"], abs(int(row["현재가"])), signs[row["체결거래량"][0]], abs(int(row["체결거래량"])))
        for row in rows
    ] == ticks[::-1]
    assert int(rows[0]["누적거래대금"]) == sum(tick.price * tick.volume for tick in ticks)


def test_the_base_price_is_the_given_close_before(played: ReplayedDay) -> None:
    assert int(played.page("opt10001", 종목코드=CODE).single["기준가"]) == 70_000
    (first, *_) = played.of("주식체결")
    assert first.values[11] == f"{first.number(10) - 70_000:+}"


def test_trades_before_the_start_of_the_clock_are_on_the_tape(folder: Path, ticks: list[Tick]) -> None:
    rig = play(ReplayedDay(folder, "11:00"))
    assert rig.traded() == [tick for tick in ticks if tick.time > "110000"]
    assert rig.of("주식체결")[-1].number(13) == sum(tick.volume for tick in ticks)


def trade(rig: ReplayedDay, seed: int) -> None:
    """Orders through the day: taken at once, waiting, modified, cancelled, and in both auctions."""
    random = Random(seed)
    rig.order(BUY, 500, quote=MARKET)
    for hour in ("09:30", "10:10", "11:40", "13:05", "14:00", "15:19"):
        rig.until(hour)
        best = rig.of("주식체결")[-1]
        ask, bid = best.number(27), best.number(28)
        rig.order(BUY, random.randint(1, 200_000), quote=MARKET)
        rig.order(BUY, random.randint(1, 900), bid)
        rig.order(SELL, random.randint(1, 400), ask, LIMIT)
        low = next(text for text in rig.order(BUY, 7, bid - 500) if text.isdecimal())
        rig.order(CANCEL_BUY, 7, original=low)
        high = next(text for text in rig.order(SELL, 50, ask + 300) if text.isdecimal())
        rig.order(MODIFY_SELL, 50, ask + 100, original=high)
    rig.until("15:25")
    rig.order(SELL, 300, quote=MARKET)
    rig.until("15:35")


@pytest.mark.parametrize("seed", [1, 2])
def test_clients_trade_beside_the_given_trades_and_are_in_none_of_them(
    folder: Path, ticks: list[Tick], seed: int
) -> None:
    rig = ReplayedDay(folder, "08:45", deposit=10**12, order_size_checks=False)
    rig.register(CODE, "10;15;27")
    trade(rig, seed)
    filled = [told for told in rig.told if told.kind == "0" and told.values[913] == "체결"]
    assert {told.values[907] for told in filled} == {"1", "2"}
    assert {"090004", "153009"} <= {told.values[908] for told in filled}
    assert rig.traded() == ticks
    assert rig.minutes() == bars(ticks)
    assert rig.day() == [NUMBER, *whole(ticks)]


@pytest.mark.parametrize(("many", "start"), [(1, "17:00"), (30, "17:00"), (3, "09:10")])
def test_the_tick_chart_goes_on_with_the_days_before(
    tmp_path: Path, calendar_cache: None, many: int, start: str
) -> None:
    days = {20261112: session(4, 200), 20261116: session(5, 1200), NUMBER: session(6, 500)}
    for day, held in days.items():
        put(tmp_path, held, day, listing=LISTING)
    rig = ReplayedDay(tmp_path, start)
    pages = rig.all_pages("opt10079", 종목코드=CODE, 틱범위=str(many), 수정주가구분="1")
    assert [page.count for page in pages[:-1]] == [900] * (len(pages) - 1)
    # Each price is coloured against the close of the session before; the first one's own opening stands for that.
    bases = {20261112: 70_200, 20261116: days[20261112][-1].price, NUMBER: days[20261116][-1].price}
    expected = []
    for day, held in days.items():
        until = start.replace(":", "") + "00" if day == NUMBER else "240000"
        traded = [tick for tick in held if tick.time < until]
        for at in range(0, len(traded), many):
            group = traded[at : at + many]
            change = group[-1].price - bases[day]
            colour = "" if not change else "+" if change > 0 else "-"
            expected.append((f"{day}{group[-1].time}", f"{colour}{group[-1].price}", str(whole(group)[4])))
    names = ("체결시간", "현재가", "거래량")
    found = [row for page in pages for row in zip(*map(page.column, names), strict=True)]
    assert found == expected[::-1]


# From minutes


def minute_files(ticks: Sequence[Tick]) -> dict[str, str]:
    """The day as minutes and nothing else; its daily bar is theirs."""
    head = "time,open,high,low,close,volume\n"
    lines = "\n".join(",".join(map(str, row)) for row in bars(ticks))
    day = f"{DAY},{','.join(map(str, whole(ticks)[:5]))}\n"
    return {
        "minute__005930": head + lines,
        "daily__005930": DAILY + day,
        "daily_unadjusted__005930": DAILY + day,
    }


@pytest.mark.parametrize("orders", [False, True])
def test_a_day_of_minutes_alone_comes_out_as_given(
    tmp_path: Path, calendar_cache: None, ticks: list[Tick], orders: bool
) -> None:
    put(tmp_path, [], NUMBER, name="000660_20261117.csv", listing=LISTING, **minute_files(ticks))
    rig = ReplayedDay(tmp_path, "08:45", deposit=10**12, order_size_checks=False)
    rig.register(CODE, "10;15;27")
    if orders:
        trade(rig, 3)
    else:
        rig.until("15:35")
    assert any(told.values[913] == "체결" for told in rig.told if told.kind == "0") == orders
    # The trades were drawn, and are other ones; minute for minute they add up to what was given.
    assert bars(rig.traded()) == bars(ticks) == rig.minutes()
    assert rig.day()[:6] == [NUMBER, *whole(ticks)[:5]]


class TestOfRecordedDays:
    pytestmark = needs_market_data

    @pytest.mark.parametrize(
        ("code", "day", "start", "end"),
        [("005490", "2020-06-04", "09:00", "15:35"), ("000660", "2020-06-01", "09:50", "13:00")],
    )
    def test_the_whole_of_it_comes_out_again(
        self, calendar_cache: None, code: str, day: str, start: str, end: str
    ) -> None:
        """Trade for trade, and minute for minute as the recorded minutes, which cover the same stretch.

        The day is what its trades are: 005490 has no other, and that of 000660 is still running at 13:00.
        """
        number = int(day.replace("-", ""))
        with gzip.open(RECORDED_DATA / "ticks" / f"{code}_{number}.csv.gz", "rt") as lines:
            recorded = [
                Tick(row["time"].zfill(6), int(row["price"]), int(row["side"]), int(row["volume"]))
                for row in csv.DictReader(lines)
            ]
        rig = ReplayedDay(RECORDED_DATA, start, day)
        assert rig.call("SetRealReg", "0101", code, "10;15", "0") == 0
        rig.until(end)
        assert rig.traded(code) == recorded
        names = ("time", "open", "high", "low", "close", "volume")
        with (RECORDED_DATA / "minute" / f"{code}_{number}.csv").open() as lines:
            minutes = [[int(row[name]) for name in names] for row in csv.DictReader(lines)]
        assert rig.minutes(code) == bars(recorded, number) == minutes
        today = rig.page("opt10081", 종목코드=code, 기준일자="", 수정주가구분="1").row(0)
        fields = ("일자", "시가", "고가", "저가", "현재가", "거래량", "거래대금")
        assert [int(today[name]) for name in fields] == [number, *whole(recorded)]
        ticks = rig.page("opt10079", 종목코드=code, 틱범위="1", 수정주가구분="1")
        assert ticks.column("체결시간") == [f"{number}{tick.time}" for tick in recorded[:-901:-1]]

    def test_when_the_day_is_over_its_daily_file_has_the_last_word(self, calendar_cache: None) -> None:
        """The trades of 000660 are a part of the day, and its daily bar is of all of it."""
        with (RECORDED_DATA / "daily" / "000660.csv").open() as lines:
            (given_bar,) = (row for row in csv.DictReader(lines) if row["date"] == "2020-06-01")
        rig = ReplayedDay(RECORDED_DATA, "15:31", "2020-06-01")
        row = rig.page("opt10081", 종목코드="000660", 기준일자="", 수정주가구분="1").row(0)
        names = {"시가": "open", "고가": "high", "저가": "low", "현재가": "close", "거래량": "volume"}
        assert {name: row[name] for name in names} == {name: given_bar[names[name]] for name in names}


def test_after_hours_nothing_is_added_to_what_was_given(tmp_path: Path, calendar_cache: None) -> None:
    given_day = session(3)
    folder = folder_of(tmp_path, given_day)
    rig = ReplayedDay(
        folder, "15:25", deposit=10**10, order_size_checks=False, quote_types=("00", "62", "81")
    )
    rig.register(CODE, "10;131;10010;10041")
    rig.order(BUY, 5, given_day[-1].price + 500, LIMIT)
    rig.until("15:35")
    rig.order(BUY, 3, quote="81")
    rig.until("15:45")
    rig.order(SELL, 2, quote="81")
    rig.until("20:10")
    late = [tick for tick in rig.traded() if tick.time >= "154000"]
    assert late == []
    fills = [told for told in rig.told if told.kind == "0" and told.values[913] == "체결"]
    assert [told.number(915) for told in fills][-2:] == [2, 2]  # the two orders met; no other was there
    assert rig.of("ECN주식체결") == []
    page = rig.page(
        "opt10098", 시장구분="000", 정렬기준="5", 종목조건="0", 거래량조건="0", 신용조건="0", 거래대금="0"
    )
    assert page.rows == []

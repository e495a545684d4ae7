"""Given trades: read as they stand, added up to minutes and days, and refused where they are not right."""

from __future__ import annotations

import csv
import gzip
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.recorded.market import RecordedMarket
from kernel_server.simulated.market.trade_script import Script
from tests.support.examples import examples
from tests.support.market_calendar import LATE, at, weekdays
from tests.support.recorded_data import RECORDED_DATA, needs_market_data

CODE, DAY = "005930", "2026-11-19"
NUMBER = 20261119
LATER = at("2026-11-20", "20:00")
HEADER = "date,time,price,side,volume"

Tick = tuple[str, int, int, int]  # HHMMSS, price, side, volume


def text(ticks: Sequence[Tick], day: int = NUMBER) -> str:
    return "\n".join([HEADER, *(f"{day},{','.join(map(str, tick))}" for tick in ticks)]) + "\n"


def put(folder: Path, ticks: Sequence[Tick] | str, day: int = NUMBER, name: str = "", **more: str) -> Path:
    """The folder, with a file of ticks in it and others."""
    file = folder / "ticks" / (name or f"{CODE}_{day}.csv")
    file.parent.mkdir(exist_ok=True)
    written = ticks if isinstance(ticks, str) else text(ticks, day)
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(written.encode()))
    else:
        file.write_text(written, encoding="utf-8")
    for where, what in more.items():
        other = folder.joinpath(*where.split("__")).with_suffix(".csv")
        other.parent.mkdir(exist_ok=True)
        other.write_text(what, encoding="utf-8")
    return folder


def served(folder: Path) -> RecordedMarket:
    return RecordedMarket(folder, weekdays)


def script_of(folder: Path, day: int = NUMBER) -> Script:
    found = served(folder).script(CODE, day)
    assert found is not None
    return found


def rows(bars: Bars) -> list[tuple[int, ...]]:
    """Time, open, high, low, close, volume and value of each bar."""
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.value)
    return list(zip(*(column.tolist() for column in columns), strict=True))


USUAL: list[Tick] = [
    ("090003", 1000, 0, 50),
    ("090003", 1010, 1, 5),
    ("090059", 990, 2, 7),
    ("090200", 1005, 1, 1),
    ("151959", 1000, 2, 3),
    ("153012", 1020, 0, 40),
]


# Trades


@pytest.mark.parametrize("name", [f"{CODE}_{NUMBER}.csv", f"{CODE}_{NUMBER}.csv.gz"])
def test_columns_count_by_their_names_and_further_ones_are_passed_over(tmp_path: Path, name: str) -> None:
    lines = (
        "code,volume,date,ask,time,price,more,side\n"
        f"{CODE},7,{NUMBER},x,093001,100,,2\n"
        f"{CODE},3,{NUMBER},x,093001,101,,1\n"
        f'"{CODE}",1,{NUMBER},"x,y",093003,101,,0\n'
    )
    script = script_of(put(tmp_path, lines, name=name))
    start = at(DAY, "09:30:01")
    assert script.time.tolist() == [start, start + 0.5, start + 2]
    assert script.price.tolist() == [100, 101, 101]
    assert script.volume.tolist() == [7, 3, 1]
    assert script.side.tolist() == [-1, 1, 0]
    assert (script.opens, script.closes) == (False, False)


def test_what_opens_and_what_closes_the_session_is_an_auction(tmp_path: Path) -> None:
    marked = script_of(put(tmp_path, USUAL))
    assert (marked.opens, marked.closes) == (True, True)
    assert marked.side.tolist() == [0, 1, -1, 1, -1, 0]
    assert marked.time[[0, -1]].tolist() == [at(DAY, "09:00:03"), at(DAY, "15:30:12")]
    # Some feeds give these trades a side all the same.
    sided = [("090003", 1000, 1, 50), *USUAL[1:-1], ("153012", 1020, 2, 40)]
    assert script_of(put(tmp_path, sided)).side.tolist() == marked.side.tolist()


def test_a_day_that_begins_late_has_no_opening_auction(tmp_path: Path) -> None:
    script = script_of(put(tmp_path, USUAL[3:5]))
    assert (script.opens, script.closes, script.side.tolist()) == (False, False, [1, -1])


def test_the_closing_auction_is_one_trade_in_however_many_rows(tmp_path: Path) -> None:
    script = script_of(put(tmp_path, [*USUAL, ("153012", 1020, 0, 2), ("153020", 1020, 0, 3)]))
    assert (len(script), script.volume[-1], script.time[-1]) == (6, 45, at(DAY, "15:30:12"))


def test_what_is_traded_outside_the_session_does_not_count(tmp_path: Path) -> None:
    outside = [("083000", 980, 1, 9), *USUAL, ("154000", 1020, 1, 9), ("161000", 1030, 2, 9)]
    assert script_of(put(tmp_path, outside)).volume.tolist() == [tick[3] for tick in USUAL]


def test_a_late_session_has_its_own_hours(tmp_path: Path) -> None:
    number = int(f"{LATE:%Y%m%d}")
    late = [("100001", 1000, 0, 5), ("153012", 1010, 1, 6), ("163000", 1020, 0, 7)]
    folder = put(tmp_path, late, number)
    script = script_of(folder, number)
    assert (script.opens, script.closes, script.side.tolist()) == (True, True, [0, 1, 0])
    minutes = served(folder).minute(CODE, True, LATER, 5)
    assert [time % 1_000_000 for time in minutes.time.tolist()] == [100000, 153000, 163000]


def test_a_day_without_a_file_has_no_trades(tmp_path: Path) -> None:
    market = served(put(tmp_path, USUAL))
    assert market.script(CODE, NUMBER - 1) is None
    assert market.script("000660", NUMBER) is None


# Bars


def test_minutes_are_made_of_the_trades(tmp_path: Path) -> None:
    assert rows(served(put(tmp_path, USUAL)).minute(CODE, False, LATER, 5)) == [
        (20261119090000, 1000, 1010, 990, 990, 62, 50_000 + 5_050 + 6_930),
        (20261119090200, 1005, 1005, 1005, 1005, 1, 1005),
        (20261119151900, 1000, 1000, 1000, 1000, 3, 3000),
        (20261119153000, 1020, 1020, 1020, 1020, 40, 40_800),
    ]


@pytest.mark.parametrize("adjusted", [True, False])
def test_the_day_is_made_of_the_trades_where_no_daily_file_has_it(tmp_path: Path, adjusted: bool) -> None:
    value = 50_000 + 5_050 + 6_930 + 1005 + 3000 + 40_800
    whole = (NUMBER, 1000, 1020, 990, 1020, 106, value)
    assert rows(served(put(tmp_path, USUAL)).daily(CODE, adjusted, LATER)) == [whole]


def test_while_the_day_runs_it_is_the_minutes_that_are_over(tmp_path: Path) -> None:
    market = served(put(tmp_path, USUAL))
    seen = {}
    for clock in ("09:00:59", "09:01", "15:29:59", "15:30:11", "15:30:12"):
        now = at(DAY, clock)
        days = rows(market.daily(CODE, True, now))
        assert len(market.minute(CODE, True, now, 5)) == 0 or days
        seen[clock] = (len(market.minute(CODE, True, now, 5)), days[-1][1:6] if days else None)
    assert seen == {
        "09:00:59": (0, None),
        "09:01": (1, (1000, 1010, 990, 990, 62)),
        "15:29:59": (3, (1000, 1010, 990, 1000, 66)),
        "15:30:11": (3, (1000, 1010, 990, 1000, 66)),
        "15:30:12": (4, (1000, 1020, 990, 1020, 106)),
    }


def test_a_minute_file_of_the_day_is_what_the_charts_show(tmp_path: Path) -> None:
    minutes = "time,open,high,low,close,volume\n20261118090000,5,5,5,5,5\n20261119090000,7,7,7,7,7\n"
    market = served(put(tmp_path, USUAL, minute__005930=minutes))
    assert market.minute(CODE, True, LATER, 5).close.tolist() == [5, 7]
    # The day goes by as it was traded, in the charts of days as on the exchange.
    assert rows(market.daily(CODE, True, at(DAY, "12:00")))[-1][1:6] == (1000, 1010, 990, 1005, 63)
    assert script_of(tmp_path).volume.sum() == 106


def test_minutes_come_in_order_from_files_and_trades(tmp_path: Path) -> None:
    minutes = "time,open,high,low,close,volume\n20261118090000,5,5,5,5,5\n20261120090000,7,7,7,7,7\n"
    bars = served(put(tmp_path, USUAL[3:4], minute__005930=minutes)).minute(CODE, True, LATER, 5)
    assert bars.close.tolist() == [5, 1005, 7]
    assert (np.diff(bars.time) > 0).all()


def test_a_daily_file_that_has_the_day_says_how_it_ended(tmp_path: Path) -> None:
    daily = f"date,open,high,low,close,volume\n2026-11-18,9,9,9,9,9\n{DAY},990,1030,980,1025,500\n"
    market = served(put(tmp_path, USUAL, daily__005930=daily))
    assert rows(market.daily(CODE, True, LATER))[-1][1:6] == (990, 1030, 980, 1025, 500)
    assert rows(market.daily(CODE, True, at(DAY, "15:00")))[-1][1:6] == (1000, 1010, 990, 1005, 63)


def test_trades_go_into_an_adjusted_history_at_its_end_only(tmp_path: Path) -> None:
    """Earlier, their prices are at a scale that nobody knows."""
    daily = "date,open,high,low,close,volume\n2026-11-18,9,9,9,9,9\n2026-11-20,8,8,8,8,8\n"
    market = served(put(tmp_path, USUAL, daily__005930=daily, daily_unadjusted__005930=daily))
    assert market.daily(CODE, True, LATER).time.tolist() == [20261118, 20261120]
    assert market.daily(CODE, False, LATER).time.tolist() == [20261118, NUMBER, 20261120]
    ended = daily.replace("2026-11-20,8,8,8,8,8\n", "")
    market = served(put(tmp_path, USUAL, daily__005930=ended))
    assert market.daily(CODE, True, LATER).time.tolist() == [20261118, NUMBER]


def test_minutes_and_trades_of_a_day_that_do_not_agree_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trades = [(f"09{minute:02}30", 1000, 1, 5) for minute in range(5)]
    lines = [f"2026111909{minute:02}00,1000,1000,1000,1000,5" for minute in range(5)]
    head = "time,open,high,low,close,volume\n"
    # In its first and last minute the file of trades may have begun late and ended early.
    edges = [lines[0].replace(",5", ",50"), *lines[1:4], lines[4].replace(",5", ",50")]
    with caplog.at_level(logging.WARNING):
        served(put(tmp_path, trades, minute__005930=head + "\n".join(edges))).minute(CODE, True, LATER, 1)
        assert caplog.text == ""
        edges[2] = edges[2].replace(",5", ",6")
        served(put(tmp_path, trades, minute__005930=head + "\n".join(edges))).minute(CODE, True, LATER, 1)
    assert f"{CODE}_{NUMBER}.csv" in caplog.text
    assert "20261119090200, 1 times in 3" in caplog.text


def test_an_issue_with_nothing_but_trades_is_listed(tmp_path: Path) -> None:
    issue = served(put(tmp_path, [("100000", 7, 1, 1)], name="999990_20261119.csv")).issues()["999990"]
    assert (issue.name, f"{issue.listed:%Y%m%d}") == ("999990", "20261119")


def ticks() -> st.SearchStrategy[list[Tick]]:
    """A session's trades in the order of time."""
    moment = st.integers(9 * 3600, 15 * 3600 + 20 * 60 - 1)
    trade = st.tuples(moment, st.integers(1, 10**6), st.sampled_from([0, 1, 2]), st.integers(1, 10**8))
    return st.lists(trade, max_size=40).map(
        lambda found: [
            (f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}", price, side, volume)
            for second, price, side, volume in sorted(found, key=lambda each: each[0])
        ]
    )


@given(ticks())
@settings(max_examples=examples(60), deadline=None)
def test_minutes_and_day_are_the_sums_of_any_trades(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Tick]
) -> None:
    market = served(put(tmp_path_factory.mktemp("ticks"), drawn))
    groups: dict[int, list[Tick]] = {}
    for tick in drawn:
        groups.setdefault(NUMBER * 1_000_000 + int(tick[0][:4]) * 100, []).append(tick)

    def bar(time: int, held: list[Tick]) -> tuple[int, ...]:
        prices = [tick[1] for tick in held]
        value = sum(price * volume for _, price, _, volume in held)
        return (time, prices[0], max(prices), min(prices), prices[-1], sum(tick[3] for tick in held), value)

    assert rows(market.minute(CODE, True, LATER, 1)) == [bar(*each) for each in sorted(groups.items())]
    assert rows(market.daily(CODE, True, LATER)) == ([bar(NUMBER, drawn)] if drawn else [])


def test_numbers_that_are_read_with_care_come_out_as_those_read_quickly(tmp_path: Path) -> None:
    quick = script_of(put(tmp_path, USUAL))
    careful = script_of(put(tmp_path, text(USUAL).replace(",1010,", ',"1010",').replace(",50\n", ",50.0\n")))
    for name in ("time", "price", "volume", "side"):
        assert getattr(quick, name).tolist() == getattr(careful, name).tolist()


# Mistakes

Broken = Callable[[list[str]], None]


def line(place: int, old: str, new: str) -> Broken:
    """A change of one line of ``USUAL``."""

    def change(lines: list[str]) -> None:
        assert old in lines[place - 1]
        lines[place - 1] = lines[place - 1].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (line(1, "side", "sides"), 1, "there is no side"),
        (
            line(2, f"{NUMBER}", "20261118"),
            2,
            "date should be 20261119, as the file's name says, not '20261118'",
        ),
        (line(2, "090003", "9:00"), 2, "time should be a number"),
        (line(2, "090003", "096003"), 2, "time should be HHMMSS, not '096003'"),
        (line(2, ",1000,", ",0,"), 2, "price should be above 0"),
        (line(2, ",0,", ",3,"), 2, "side should be 1"),
        (line(2, ",50", ",-50"), 2, "volume should be a number that is not negative"),
        (line(2, ",50", ",0"), 2, "volume should be above 0"),
    ],
)
def test_a_mistake_in_the_header_or_the_first_row_is_found_at_the_start(
    tmp_path: Path, change: Broken, where: int, expected: str
) -> None:
    lines = text(USUAL).splitlines()
    change(lines)
    folder = put(tmp_path, "\n".join(lines))
    with pytest.raises(BadMarketData, match=expected) as caught:
        served(folder)
    assert (caught.value.file, caught.value.line) == (folder / "ticks" / f"{CODE}_{NUMBER}.csv", where)
    assert f"{CODE}_{NUMBER}.csv, line {where}: " in str(caught.value)


@pytest.mark.parametrize(
    ("change", "where", "expected"),
    [
        (line(4, f"{NUMBER}", "20261120"), 4, "as the file's name says"),
        (line(5, "090200", "090058"), 5, "no earlier than in the row above, not '090058'"),
        (line(5, "090200", "never"), 5, "time should be a number"),
        (line(5, "1005", ""), 5, "price should be a number"),
        (line(6, ",3", ",0"), 6, "volume should be above 0"),
        (line(6, ",3", ",3,4"), 6, "expected 5 cells, found 6"),
        (lambda lines: lines.append(f"{NUMBER},153020,1021,0,1"), 8, "one price from the close on, 1020"),
    ],
)
@pytest.mark.parametrize("blank", [False, True])
def test_a_mistake_further_down_is_found_when_the_trades_are_asked_for(
    tmp_path: Path, change: Broken, where: int, expected: str, blank: bool
) -> None:
    lines = text(USUAL).splitlines()
    change(lines)
    if blank:  # an empty line is passed over, and counts
        lines.insert(2, "")
    market = served(put(tmp_path, "\n".join(lines)))
    for ask in (
        lambda: market.script(CODE, NUMBER),
        lambda: market.minute(CODE, True, LATER, 1),
        lambda: market.daily(CODE, True, LATER),
    ):
        with pytest.raises(BadMarketData, match=expected) as caught:
            ask()
        assert caught.value.line == where + blank


@pytest.mark.parametrize(
    "name",
    ["005930.csv", "20261119.csv", "samsung_20261119.csv", "005930_20261132.csv", "005930_20261119_2.csv"],
)
def test_a_file_has_a_code_and_a_day_in_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadMarketData, match="CODE_YYYYMMDD") as caught:
        served(put(tmp_path, USUAL, name=name))
    assert caught.value.file.name == name


def test_a_day_has_one_file(tmp_path: Path) -> None:
    put(tmp_path, USUAL)
    with pytest.raises(BadMarketData, match="one file of that day"):
        served(put(tmp_path, USUAL, name=f"{CODE}_{NUMBER}.csv.gz"))


def test_what_is_no_gzip_file_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path, USUAL, name=f"{CODE}_{NUMBER}.csv.gz")
    file = folder / "ticks" / f"{CODE}_{NUMBER}.csv.gz"
    whole = file.read_bytes()
    file.write_text(text(USUAL))
    with pytest.raises(BadMarketData, match="expected a whole gzip file") as caught:
        served(folder)
    assert caught.value.file == file
    file.write_bytes(whole[:-9])
    with pytest.raises(BadMarketData, match="expected a whole gzip file"):
        served(folder).script(CODE, NUMBER)


def test_a_file_without_rows_is_a_day_without_trades(tmp_path: Path) -> None:
    market = served(put(tmp_path, []))
    assert len(market.script(CODE, NUMBER) or ()) == 0
    assert len(market.minute(CODE, True, LATER, 1)) == len(market.daily(CODE, True, LATER)) == 0


def test_the_source_changes_with_the_ticks(tmp_path: Path) -> None:
    first = served(put(tmp_path, USUAL)).source
    second = served(put(tmp_path, USUAL, name="000660_20261119.csv.gz")).source
    third = served(put(tmp_path, USUAL[:-1], name="000660_20261119.csv.gz")).source
    assert len({first, second, third}) == 3


def table(*path: str) -> list[dict[str, str]]:
    """The rows of a recorded file."""
    file = RECORDED_DATA.joinpath(*path)
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def recorded() -> RecordedMarket:
    return RecordedMarket(RECORDED_DATA, weekdays)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> RecordedMarket:
    """The same trades and nothing else, by a link, so that no row leaves its place."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "ticks").symlink_to(RECORDED_DATA / "ticks")
    return RecordedMarket(folder, weekdays)


class TestOverRecordedTrades:
    """Of both days only a part was recorded: of 000660 less than three hours, of 005490 all but the edges."""

    pytestmark = needs_market_data

    @pytest.mark.parametrize(
        ("code", "day", "count"), [("005490", 20200604, 20_407), ("000660", 20200601, 14_934)]
    )
    def test_the_minutes_made_of_them_are_the_recorded_minutes(
        self, bare: RecordedMarket, code: str, day: int, count: int
    ) -> None:
        """Every one of them, the first and the last too: the minutes were recorded over the same stretch."""
        assert len(bare.script(code, day) or ()) == count
        names = ("time", "open", "high", "low", "close", "volume")
        minutes = [tuple(int(row[name]) for name in names) for row in table("minute", f"{code}_{day}.csv")]
        assert [row[:6] for row in rows(bare.minute(code, False, LATER, 1))] == minutes

    def test_nothing_is_told_of_days_that_agree(
        self, recorded: RecordedMarket, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            for code in ("005490", "000660"):
                recorded.minute(code, True, LATER, 1)
        assert caplog.text == ""

    def test_a_day_that_no_daily_file_has_is_the_sum_of_its_trades(self, recorded: RecordedMarket) -> None:
        """The recorder's own running total counts more shares, by those of the minutes before its first row."""
        ((time, open_, high, low, close, volume, value),) = rows(recorded.daily("005490", True, LATER))
        trades = table("ticks", "005490_20200604.csv.gz")
        prices = [int(row["price"]) for row in trades]
        shares = [int(row["volume"]) for row in trades]
        assert (time, open_, high, low, close) == (20200604, prices[0], max(prices), min(prices), prices[-1])
        assert value == sum(price * each for price, each in zip(prices, shares, strict=True))
        missed = int(trades[0]["cum_volume"]) - shares[0]
        assert missed > 0
        assert volume == sum(shares) == int(trades[-1]["cum_volume"]) - missed

    def test_a_day_that_a_daily_file_has_stays_as_it_is_there(self, recorded: RecordedMarket) -> None:
        """The daily bar of 000660 is of the whole day, and the trades are of less than three hours of it.

        So they cannot be equal, and differ in the open, the low, the close and the volume, which come from the
        hours without trades here. What must hold is that the bar contains the trades.
        """
        (row,) = (each for each in table("daily", "000660.csv") if each["date"] == "2020-06-01")
        given_bar = tuple(int(row[name]) for name in ("open", "high", "low", "close", "volume"))
        days = {each[0]: each[1:6] for each in rows(recorded.daily("000660", True, LATER))}
        assert days[20200601] == given_bar
        script = recorded.script("000660", 20200601)
        assert script is not None
        price = script.price.tolist()
        made = (price[0], max(price), min(price), price[-1], int(script.volume.sum()))
        assert given_bar[2] <= made[2] <= made[1] <= given_bar[1]
        assert made[4] < given_bar[4]
        # While it ran, the day was its trades up to then.
        assert rows(recorded.daily("000660", True, at("2020-06-01", "13:00")))[-1][1:6] == made

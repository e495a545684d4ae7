"""Given files in the forms that people have: read right, or refused by file and line, with what to do."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.clock import seoul
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.recorded.market import RecordedMarket
from kernel_server.simulated.market.trade_script import Script
from tests.support.examples import examples
from tests.support.market_calendar import LATE, at, weekdays

CODE = "005930"
LATER = at("2026-11-20", "20:00")
DAILY = """\
date,open,high,low,close,volume
2026-11-17,190,200,180,200,1000
2026-11-18,200,210,190,205,2000
"""
MINUTE = """\
time,open,high,low,close,volume
20261119090000,205,206,205,206,10
20261119090100,206,220,206,215,20
20261119153000,210,210,210,210,5
"""
TICKS = """\
date,time,price,side,volume
20261119,090003,205,0,10
20261119,090100,215,1,20
"""
DAY = (20261119, 205, 220, 205, 210, 35)

Put = Callable[..., RecordedMarket]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """The market of those files."""

    def write(files: dict[str, str | bytes], market: bool = True) -> RecordedMarket:
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return RecordedMarket(tmp_path, weekdays)

    return write


def rows(bars: Bars) -> list[tuple[int, ...]]:
    """Time, open, high, low, close and volume of each bar."""
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def everything(market: RecordedMarket) -> None:
    market.daily(CODE, True, LATER)
    market.minute(CODE, True, LATER, 9)
    for day in market._ticks.codes().get(CODE, ()):
        market.script(CODE, day)


def refused(put: Put, files: dict[str, str | bytes], name: str, line: int, says: str) -> BadMarketData:
    with pytest.raises(BadMarketData, match=says) as found:
        everything(put(files))
    assert found.value.file.name == name
    assert found.value.line == line
    assert str(found.value.file) in str(found.value)
    return found.value


# Days that no daily file has


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_day_with_only_minutes_has_a_daily_bar_also_while_it_runs(put: Put, adjusted: bool) -> None:
    market = put({"minute/005930.csv": MINUTE})
    assert rows(market.daily(CODE, adjusted, LATER)) == [DAY]
    seen = {
        clock: [row[1:] for row in rows(market.daily(CODE, adjusted, at("2026-11-19", clock)))]
        for clock in ("09:00:59", "09:01", "12:00", "15:30")
    }
    assert seen == {
        "09:00:59": [],
        "09:01": [(205, 206, 205, 206, 10)],
        "12:00": [(205, 220, 205, 215, 30)],
        "15:30": [DAY[1:]],
    }


EVENING = """\
20261119160000,215,230,215,229,7
20261119195900,200,200,200,200,1
"""


def test_minutes_of_the_after_market_are_served_and_count_in_the_volume_of_a_day_made_of_them(
    put: Put,
) -> None:
    market = put({"minute/005930.csv": MINUTE + EVENING})
    seen = {
        clock: market.minute(CODE, True, at("2026-11-19", clock), 1).time.tolist()[3:]
        for clock in ("15:59", "16:00:59", "16:01", "19:59:59", "20:00")
    }
    assert seen == {
        "15:59": [],
        "16:00:59": [],
        "16:01": [20261119160000],
        "19:59:59": [20261119160000],
        "20:00": [20261119160000, 20261119195900],
    }
    assert rows(market.daily(CODE, True, LATER)) == [(*DAY[:5], DAY[5] + 8)]


def test_minutes_after_the_last_given_day_go_on_with_the_days(put: Put) -> None:
    market = put({"daily/005930.csv": DAILY, "minute/005930.csv": MINUTE})
    assert rows(market.daily(CODE, True, LATER))[-1] == DAY
    assert market.daily(CODE, True, LATER).time.tolist() == [20261117, 20261118, 20261119]
    # Before the newest adjusted day the scale of the minutes is not known.
    later = DAILY.replace("2026-11-18", "2026-11-20")
    market = put(
        {"daily/005930.csv": later, "daily_unadjusted/000660.csv": later, "minute/000660.csv": MINUTE}
    )
    assert market.daily(CODE, True, LATER).time.tolist() == [20261117, 20261120]
    assert market.daily("000660", False, LATER).time.tolist() == [20261117, 20261119, 20261120]


def test_a_bad_file_of_minutes_takes_no_given_day_with_it(put: Put, caplog: pytest.LogCaptureFixture) -> None:
    market = put({"daily/005930.csv": DAILY, "minute/005930.csv": MINUTE.replace(",20\n", ",x\n")})
    assert market.daily(CODE, True, LATER).time.tolist() == [20261117, 20261118]
    assert "005930.csv, line 3: volume should be a number" in caplog.text
    with pytest.raises(BadMarketData, match="line 3"):
        market.minute(CODE, True, LATER, 1)


def test_files_of_minutes_are_not_read_for_days_that_are_given(put: Put) -> None:
    bad = MINUTE.replace("20261119", "20261118").replace(",20\n", ",x\n")
    market = put({"daily/005930.csv": DAILY, "minute/005930.csv": bad})
    assert len(market.daily(CODE, True, LATER)) == 2
    assert market._filed.cache_info().misses == 0


# Names and folders


@pytest.mark.parametrize(
    "name",
    [
        "daily/005930.CSV",
        "Daily/005930.csv",
        "DAILY/005930.csv.gz",
        "daily/005930.Csv.GZ",
    ],
)
def test_capitals_and_packed_files_are_read(put: Put, name: str) -> None:
    text = DAILY.encode()
    market = put({name: gzip.compress(text) if name.lower().endswith("gz") else text})
    assert len(market.daily(CODE, True, LATER)) == 2


def test_minutes_and_a_listing_may_be_packed_too(put: Put) -> None:
    listing = "code,name,market,shares,listing_date\n005930,삼성,KOSPI,6000,1975-06-11\n"
    market = put(
        {
            "minute/005930_202611.csv.gz": gzip.compress(MINUTE.encode()),
            "Listing.csv.gz": gzip.compress(listing.encode()),
        }
    )
    assert len(market.minute(CODE, True, LATER, 1)) == 3
    assert market.issues()[CODE].name == "삼성"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("minute/20200604_247540.csv", "the code first in the name: 247540_20200604.csv"),
        ("ticks/20200604_247540.csv", "the code first in the name: 247540_20200604.csv"),
        ("minute/202006_247540.csv", "of 202006 or of 247540"),
        ("minute/0059301.csv", "a name that begins with a code"),
        ("daily/5930.csv", r"six digits or capitals: 005930\.csv\?"),
        ("daily/A005930.csv", r"005930\.csv\?"),
        ("daily/005930.KS.csv", r"005930\.csv\?"),
        ("daily/0009k0.csv", r"0009K0\.csv\?"),
        ("daily/005930_2026.csv", "a name that is a code"),
        ("ticks/005930_20261122.csv", "closed on 2026-11-22, a Sunday"),
        ("daily/005930.zip", "unpack it"),
        ("daily/all.zip", "unpack it"),
        ("minute/005930.xlsx", "CSV UTF-8"),
        ("minute/005930.parquet", "CSV in UTF-8"),
        ("daily/005930.txt", r"end with \.csv"),
        ("daily/005930", r"end with \.csv"),
        ("005930.csv", "files of issues in daily/"),
        ("listings.csv", "expected the name listing.csv"),
        ("listing.xlsx", "expected the name listing.csv"),
        ("daily.zip", "unpack it"),
    ],
)
def test_a_name_that_would_be_passed_over_or_misread_is_refused(put: Put, name: str, says: str) -> None:
    files: dict[str, str | bytes] = {"daily/000660.csv": DAILY, name: TICKS if "ticks" in name else DAILY}
    refused(put, files, Path(name).name, 0, says)


@pytest.mark.parametrize(
    ("files", "name", "says"),
    [
        (["minutes/005930.csv"], "minutes", "would not be read"),
        (["daily_raw/005930.csv.gz"], "daily_raw", "would not be read"),
        (["daily/2026/005930.csv"], "2026", "directly in daily/"),
        (["Daily/005930.csv", "daily/000270.csv"], "daily", "there is Daily/ too"),
        (["daily/005930.csv", "daily/005930.csv.gz"], "005930.csv.gz", "there is 005930.csv too"),
        (["daily/005930.CSV", "daily/005930.csv"], "005930.csv", "there is 005930.CSV too"),
    ],
)
def test_what_is_there_twice_or_in_another_place_is_refused(
    put: Put, files: list[str], name: str, says: str
) -> None:
    contents: dict[str, str | bytes] = {
        file: gzip.compress(DAILY.encode()) if file.endswith("gz") else DAILY for file in files
    }
    refused(put, {"daily_unadjusted/000660.csv": DAILY, **contents}, name, 0, says)


def test_what_systems_leave_and_other_things_of_ones_own_are_passed_over(put: Put) -> None:
    names = (".DS_Store", "daily/._005930.csv", "daily/README.md", "daily/Thumbs.db", "daily/~$005930.xlsx")
    other = dict.fromkeys(
        (*names, "notes.txt", "ks11.csv", "kiwoom/opt10081_035420.csv", "__MACOSX/a"), b"\0"
    )
    assert list(put({"daily/005930.csv": DAILY, **other}).issues()) == [CODE]


def test_an_archive_in_place_of_the_folder_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "prices.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadMarketData, match="this is a file: unpack an archive"):
        RecordedMarket(tmp_path / "prices.zip")


# What a file is


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (("date,open,high,low,close,volume,메모\n" * 2).encode("cp949"), 1, "CP949.*CSV UTF-8"),
        ((DAILY + "2026-11-19,1,1,1,1,1종").encode("cp949"), 4, "CP949"),
        (DAILY.encode("utf-16"), 1, "UTF-16.*CSV UTF-8"),
        (DAILY.encode("utf-16-le"), 1, "UTF-16"),
        (b"\xff\xff" + DAILY.encode(), 1, "expected text in UTF-8"),
        (b"PK\x03\x04rest", 0, "zip archive or an Excel workbook: unpack it"),
        (gzip.compress(DAILY.encode()), 0, r"let its name end with \.csv\.gz"),
        (b"\xd0\xcf\x11\xe0rest", 0, "Excel workbook"),
        (DAILY.replace(",", ";").encode(), 1, "put commas where ';' is"),
        (DAILY.replace(",", "\t").encode(), 1, "put commas"),
        ("일자,시가,고가,저가,종가,거래량\n".encode(), 1, "call 일자 date, 시가 open, .*거래량 volume"),
        (DAILY.split("\n", 1)[1].encode(), 1, "the first line should be the names"),
        (DAILY.replace("2000", '"2000').encode(), 3, "quotes in pairs"),
        (DAILY.replace("2000", '"20"00').encode(), 3, "quotes in pairs"),
    ],
)
def test_another_encoding_or_kind_of_file_is_named_with_what_to_do(
    put: Put, data: bytes, line: int, says: str
) -> None:
    refused(put, {"daily/005930.csv": data}, "005930.csv", line, says)


def test_a_packed_file_may_be_of_another_encoding_too(put: Put) -> None:
    data = gzip.compress((TICKS + "20261119,090200,2,0,3종\n").encode("cp949"))
    refused(put, {"ticks/005930_20261119.csv.gz": data}, "005930_20261119.csv.gz", 4, "CP949")


def test_text_in_a_packed_file_of_bars_is_refused_when_it_is_asked_for(put: Put) -> None:
    market = put({"daily/005930.csv": DAILY, "minute/005930.csv.gz": MINUTE})
    assert len(market.daily(CODE, True, LATER)) == 2
    with pytest.raises(BadMarketData, match=r"a whole gzip file.*end with \.csv"):
        market.minute(CODE, True, LATER, 1)


def test_capitals_and_a_byte_order_mark_in_the_header_do_not_count(put: Put) -> None:
    header, rest = DAILY.split("\n", 1)
    market = put({"daily/005930.csv": f"\ufeff{header.title()},Adj Close\n" + rest.replace("0\n", "0,1\n")})
    assert len(market.daily(CODE, True, LATER)) == 2


@pytest.mark.parametrize("twice", ["close", "Close", " volume", "value,value"])
def test_a_column_that_is_there_twice_is_refused(put: Put, twice: str) -> None:
    more = twice.count(",") + 1
    text = DAILY.replace("volume\n", f"volume,{twice}\n").replace("000\n", f"000{',1' * more}\n")
    found = refused(put, {"daily/005930.csv": text}, "005930.csv", 1, "is there twice, as column .* and")
    assert found.column == twice.split(",")[0].strip().lower()


@pytest.mark.parametrize("kind", ["daily", "minute", "ticks"])
def test_a_column_of_codes_has_to_agree_with_the_name(put: Put, kind: str) -> None:
    name = f"{kind}/{CODE}{'_20261119' if kind == 'ticks' else ''}.csv"
    header, *lines = {"daily": DAILY, "minute": MINUTE, "ticks": TICKS}[kind].splitlines()
    for same in (CODE, "A005930", "5930", f'"{CODE}"'):
        everything(put({name: "\n".join([f"code,{header}", *(f"{same},{line}" for line in lines)])}))
    other = [f"{CODE},{lines[0]}", f"000660,{lines[1]}"]
    text = "\n".join([f"Code,{header}", *other]) + "\n"
    found = refused(put, {name: text}, Path(name).name, 3, "code should be 005930.*not '000660'")
    assert found.column == "code"


# Numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5923456E+07", 15_923_456), ("2.0e1", 20), ("15923456.0", 15_923_456), ("7E0", 7), ("+12", 12)],
)
def test_numbers_in_other_notations_are_read_where_they_are_exact(put: Put, text: str, number: int) -> None:
    market = put({"daily/005930.csv": DAILY.replace(",2000", f",{text}")})
    assert market.daily(CODE, True, LATER).volume[-1] == number


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.59E+07", "has lost its last digits: show the column as whole numbers"),
        ("2e3", "has lost its last digits"),
        ("1E-05", "should be a number"),
        ("1_000", "should be a number"),
        ('"1,000"', "without signs in between"),
        ("inf", "should be a number"),
        ("1" * 60, "should be a number"),
        (str(10**16), "below 1,000,000,000,000,000"),
        (str(10**15 - 1) + "000", "below"),
    ],
)
def test_a_number_that_is_none_or_has_lost_digits_is_refused(put: Put, text: str, says: str) -> None:
    text = DAILY.replace(",2000", f",{text}")
    assert refused(put, {"daily/005930.csv": text}, "005930.csv", 3, says).column == "volume"


# Days and times


@pytest.mark.parametrize(
    ("date", "says"),
    [
        ("2026-11-15", "closed on 2026-11-15, a Sunday: correct it or remove the row"),
        ("2026-11-14", "a Saturday"),
        ("2026-01-01", "a Thursday: .*KOALAB_HOLIDAYS"),
        ("2026-1-5", "date should be YYYY-MM-DD"),
        ("16/11/2026", "date should be YYYY-MM-DD"),
        ("2026-11-16 00:00:00", "date should be YYYY-MM-DD"),
    ],
)
def test_a_day_without_a_session_is_refused(put: Put, date: str, says: str) -> None:
    text = DAILY.replace("2026-11-17", date)
    assert refused(put, {"daily/005930.csv": text}, "005930.csv", 2, says).column == "date"


def test_until_december_1998_saturdays_are_sessions(put: Put) -> None:
    text = DAILY.replace("2026-11-17", "1998-12-05").replace("2026-11-18", "1998-12-07")
    assert len(put({"daily/005930.csv": text}).daily(CODE, True, LATER)) == 2


@pytest.mark.parametrize(
    ("time", "says"),
    [
        ("20261119000700", "in the session of that day, 09:00 to 15:30 and 16:00 to 20:00 in Seoul"),
        ("20261118200000", "09:00 to 15:30 and 16:00 to 20:00"),
        ("20261118155900", "09:00 to 15:30 and 16:00 to 20:00"),
        ("20260911160000", "09:00 to 15:30 in Seoul"),  # the last session without an after-market
        ("20261119083000", "09:00 to 15:30"),
        ("20261118153100", "09:00 to 15:30"),
        (f"{LATE:%Y%m%d}093000", "10:00 to 16:30 in Seoul"),
        (f"{LATE:%Y%m%d}163100", "10:00 to 16:30 in Seoul"),
        ("20261115090000", "a Sunday"),
        ("20261119090010", "seconds 00"),
        ("2026-11-19 09:00:00+00:00", "time should be YYYYMMDDHHMMSS, in Seoul"),
        ("2026-11-19T00:00:00Z", "time should be YYYYMMDDHHMMSS, in Seoul"),
        ("202611190900", "time should be YYYYMMDDHHMMSS"),
    ],
)
def test_a_minute_outside_a_session_is_refused(put: Put, time: str, says: str) -> None:
    text = MINUTE.replace("20261119090000", time)
    assert refused(put, {"minute/005930.csv": text}, "005930.csv", 2, says).column == "time"


@pytest.mark.parametrize(
    "time", ["2026-11-19 09:00:00", "2026-11-19T09:00:00+09:00", "2026.11.19 090000", "20261119 09:00:00.000"]
)
def test_times_of_seoul_are_read_in_the_forms_that_tools_write(put: Put, time: str) -> None:
    """The second is what koalab writes with --format csv."""
    bars = put({"minute/005930.csv": MINUTE.replace("20261119090000", time)}).minute(CODE, True, LATER, 1)
    assert bars.time.tolist()[0] == 20261119090000


def test_special_hours_are_those_of_their_day(put: Put) -> None:
    day = f"{LATE:%Y%m%d}"
    text = MINUTE.replace("20261119090000", f"{day}100000").replace("20261119090100", f"{day}153000")
    text = text.replace("20261119153000", f"{day}163000")
    assert len(put({"minute/005930.csv": text}).minute(CODE, True, LATER, 1)) == 3


@pytest.mark.parametrize("time", ["000700", "065959", "201000"])
def test_trades_while_no_board_is_open_are_refused(put: Put, time: str) -> None:
    text = f"date,time,price,side,volume\n20261119,{time},205,0,10\n"
    name = "005930_20261119.csv"
    assert refused(put, {f"ticks/{name}": text}, name, 2, "HHMMSS in Seoul, 07:00 to 20:00").column == "time"


@pytest.mark.parametrize("spacing", [2, 3, 5, 10, 30, 60])
def test_bars_of_several_minutes_do_not_pass_for_minutes(put: Put, spacing: int) -> None:
    lines = [
        f"{day}{minute // 60:02}{minute % 60:02}00,10,10,10,10,5"
        for day in (20261118, 20261119)
        for minute in range(540, 920, spacing)
    ]
    header = MINUTE.splitlines()[0]
    text = "\n".join([header, *lines]) + "\n"
    refused(
        put,
        {"minute/005930.csv": text},
        "005930.csv",
        3,
        f"these stand {spacing} apart: give bars of 1 minute",
    )
    one_between = sorted([*lines, "20261118090100,10,10,10,10,5"])
    text = "\n".join([header, *one_between]) + "\n"
    assert len(put({"minute/005930.csv": text}).minute(CODE, True, LATER, 9)) == len(lines) + 1


@pytest.mark.parametrize("step", [5, 21])
def test_weeks_and_months_do_not_pass_for_days(put: Put, step: int) -> None:
    days = weekdays().dates[-1000::step][:12]
    text = "\n".join([DAILY.splitlines()[0], *(f"{day},10,10,10,10,5" for day in days)]) + "\n"
    refused(put, {"daily/005930.csv": text}, "005930.csv", 3, "days apart: give daily bars")


# Minutes that no trades make


@pytest.mark.parametrize(
    ("row", "line", "says"),
    [
        ("20261119153000,210,212,210,211,5", 4, "the closing auction has one price.*at 15:30"),
        (
            "20261119152900,210,212,209,211,3",
            4,
            "volume should be 4 or more, as the prices need that many trades, not 3",
        ),
        ("20261119152900,210,211,210,211,0", 4, "volume should be 2 or more"),
    ],
)
def test_a_minute_to_which_no_trades_add_up_is_refused(put: Put, row: str, line: int, says: str) -> None:
    text = MINUTE.replace("20261119153000,210,210,210,210,5", row)
    refused(put, {"minute/005930.csv": text}, "005930.csv", line, says)


def test_minutes_without_trades_are_left_out_as_the_broker_has_none(put: Put) -> None:
    padded = MINUTE.replace("20261119153000", "20261119090200,215,215,215,215,0\n20261119153000")
    market = put({"minute/005930.csv": padded})
    assert market.minute(CODE, True, LATER, 1).time.tolist() == [
        20261119090000,
        20261119090100,
        20261119153000,
    ]


# Adjusted and raw


def split_files(factor: int) -> dict[str, str | bytes]:
    days = weekdays().dates[-300:-280]
    fair = [1000 + 20 * place for place in range(20)]
    raw = [close * factor if place < 10 else close for place, close in enumerate(fair)]
    header = DAILY.splitlines()[0]
    texts = [
        "\n".join([header, *(f"{day},{c},{c},{c},{c},9" for day, c in zip(days, closes, strict=True))]) + "\n"
        for closes in (fair, raw)
    ]
    return {"daily/005930.csv": texts[0], "daily_unadjusted/005930.csv": texts[1]}


@pytest.mark.parametrize("factor", [50, 5, 3])
def test_adjusted_and_raw_files_that_were_swapped_are_refused(put: Put, factor: int) -> None:
    files = split_files(factor)
    market = put(files)
    assert len(market.daily(CODE, True, at("2028-01-01"))) == 20
    daily, raw = files
    market = put({daily: files[raw], raw: files[daily]})
    for adjusted in (True, False):
        with pytest.raises(BadMarketData, match="are the two swapped") as found:
            market.daily(CODE, adjusted, at("2028-01-01"))
        assert found.value.file.parts[-2:] == ("daily", "005930.csv")
        assert found.value.line == 12  # the tenth day from the header on, the first after the split


@pytest.mark.parametrize("ratio", [1.02, 1.1, 1.4, 0.83])
def test_swapped_files_show_by_the_tick_grid_where_no_price_jumps_much(put: Put, ratio: float) -> None:
    """A bonus issue, a rights issue or a small reverse split: its day is like any other."""
    days = weekdays().dates[-300:-260]
    raw = [6_000 + 30 * place for place in range(40)]
    fair = [round(close / ratio) if place < 30 else close for place, close in enumerate(raw)]
    names = ("daily/005930.csv", "daily_unadjusted/005930.csv")
    header = DAILY.splitlines()[0]
    texts = [
        "\n".join([header, *(f"{day},{c},{c},{c},{c},9" for day, c in zip(days, closes, strict=True))]) + "\n"
        for closes in (fair, raw)
    ]
    assert len(put(dict(zip(names, texts, strict=True))).daily(CODE, True, at("2028-01-01"))) == 40
    market = put(dict(zip(names, reversed(texts), strict=True)))
    for adjusted in (True, False):
        with pytest.raises(BadMarketData, match=r"no multiples of the tick.*are the two swapped") as found:
            market.daily(CODE, adjusted, at("2028-01-01"))
        assert found.value.file.parts[-2:] == ("daily_unadjusted", "005930.csv")


# The listing


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("5930,삼성전자,KOSPI,6000,1975-06-11", "took its zeros: 005930"),
        ("005930,삼성\x1b[2J,KOSPI,6000,1975-06-11", "without control characters"),
        ("005930,,KOSPI,6000,1975-06-11", "name should be text"),
        ("005930,삼성전자,KOSPI,6.0E+03,1975-06-11", "lost its last digits"),
    ],
)
def test_a_listing_that_a_spreadsheet_or_others_spoiled_is_refused(put: Put, row: str, says: str) -> None:
    text = f"code,name,market,shares,listing_date\n{row}\n"
    refused(put, {"listing.csv": text}, "listing.csv", 2, says)


# Any damage: what the file says, or its name and line

TEXTS = {"daily": DAILY, "minute": MINUTE, "ticks": TICKS}
NAMES = {"daily": f"{CODE}.csv", "minute": f"{CODE}.csv", "ticks": f"{CODE}_20261119.csv"}
_CELL = re.compile(r"\d{1,15}")


def plain_reading(data: bytes, kind: str) -> list[tuple[int, ...]] | None:
    """What the file says, in the plain reading of its text; None where a plain reader would object."""
    try:
        table = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    names = [name.strip().lower() for name in table[0]] if table else []
    wanted = TEXTS[kind].splitlines()[0].split(",")
    if sorted(set(names) & set(wanted)) != sorted(name for name in names if name in wanted) or not set(
        wanted
    ) <= set(names):
        return None
    found = []
    for row in table[1:]:
        if not row:
            continue
        if len(row) != len(names):
            return None
        cells = [row[names.index(name)].strip() for name in wanted]
        cells[0] = cells[0].replace("-", "") if kind != "ticks" else cells[0]
        if not all(map(_CELL.fullmatch, cells)):
            return None
        found.append(tuple(map(int, cells)))
    return found


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A change of a file's bytes, rows, columns or encoding."""
    kind = draw(
        st.sampled_from(
            ["bytes", "flip", "cut", "swap", "double", "drop", "cell", "columns", "encoding", "insert"]
        )
    )
    at_, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    junk = draw(st.binary(min_size=1, max_size=4))
    text = draw(
        st.sampled_from(
            [
                "",
                "0",
                "-1",
                "1.59E+07",
                "nan",
                "1e3",
                "x",
                "20261115",
                "20261119083000",
                "=1",
                "1,000",
                '"',
                "\0",
            ]
        )
    )
    codec = draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "cp949", "utf-8-sig", "utf-7"]))
    bit = draw(st.integers(0, 7))

    def change(data: bytes) -> bytes:
        place = min(int(at_ * len(data)), len(data) - 1)
        lines = data.split(b"\n")
        row, row2 = int(at_ * (len(lines) - 1)), int(other * (len(lines) - 1))
        if kind == "bytes":
            return data[:place] + junk + data[place + len(junk) :]
        if kind == "insert":
            return data[:place] + junk + data[place:]
        if kind == "flip":
            return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]
        if kind == "cut":
            return data[:place]
        if kind == "swap":
            lines[row], lines[row2] = lines[row2], lines[row]
        elif kind == "double":
            lines.insert(row2, lines[row])
        elif kind == "drop":
            del lines[row]
        elif kind == "cell":
            cells = lines[row].split(b",")
            cells[int(other * (len(cells) - 1))] = text.encode()
            lines[row] = b",".join(cells)
        elif kind == "columns":
            split = [line.split(b",") for line in lines if line]
            a, b = int(at_ * 5), int(other * 5)
            for cells in split:
                cells[a], cells[b] = cells[b], cells[a]
            lines = [b",".join(cells) for cells in split]
        elif kind == "encoding":
            return ("주" + data.decode() if codec == "cp949" else data.decode()).encode(codec)
        return b"\n".join(lines)

    return change


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@settings(suppress_health_check=list(HealthCheck), max_examples=examples(120, 4000), deadline=None)
@given(kind=st.sampled_from(["daily", "minute", "ticks"]), change=damage())
def test_any_damaged_file_says_what_it_says_or_is_refused_by_its_name_and_line(
    scratch: Path, kind: str, change: Callable[[bytes], bytes]
) -> None:
    data = change(TEXTS[kind].encode())
    for part, text in TEXTS.items():
        (scratch / part).mkdir(exist_ok=True)
        (scratch / part / NAMES[part].replace(CODE, "000660")).write_text(text)
        (scratch / part / NAMES[part]).unlink(missing_ok=True)
    file = scratch / kind / NAMES[kind]
    file.write_bytes(data)
    expected = plain_reading(data, kind)
    found = outcome(scratch, kind)
    if isinstance(found, BadMarketData):
        assert found.file == file
        assert 0 <= found.line <= data.count(b"\n") + data.count(b"\r") + 1
        assert found.line or "expected" in str(found)
    else:
        assert expected is not None, data
        assert found == [kept(kind, row) for row in expected if served(kind, row)], data


def served(kind: str, row: tuple[int, ...]) -> bool:
    """Whether a row is one that is served: the others are passed over, as is documented."""
    if kind == "daily":
        return row[0] >= 19850104  # where the broker's history begins
    if kind == "minute":
        return row[5] > 0
    return 90_000 <= row[1] < 154_000  # the session, and its closing auction


def kept(kind: str, row: tuple[int, ...]) -> tuple[int, ...]:
    """A row as it is compared: the trades of auctions have no side."""
    return (row[1], row[2], row[4]) if kind == "ticks" else row


def outcome(folder: Path, kind: str) -> list[tuple[int, ...]] | BadMarketData:
    """The rows of the file, or its error; of another issue's files nothing but its rows."""
    try:
        market = RecordedMarket(folder, weekdays)
    except BadMarketData as refused:
        return refused
    assert len(market.daily("000660", True, LATER)) == 3
    late = at("2999-01-01")
    try:
        if kind == "ticks":
            return ticks_of(market.script(CODE, 20261119))
        return rows(market.daily(CODE, True, late) if kind == "daily" else market.minute(CODE, True, late, 9))
    except BadMarketData as refused:
        return refused


def ticks_of(script: Script | None) -> list[tuple[int, ...]]:
    """HHMMSS, price and shares of the trades."""
    assert script is not None
    clock = [int(f"{seoul(time):%H%M%S}") for time in script.time.tolist()]
    return list(zip(clock, script.price.tolist(), script.volume.tolist(), strict=True))


def test_the_undamaged_files_are_read_so(tmp_path: Path) -> None:
    for kind, text in TEXTS.items():
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / NAMES[kind]).write_text(text)
        (tmp_path / kind / NAMES[kind].replace(CODE, "000660")).write_text(text)
    for kind, text in TEXTS.items():
        read = plain_reading(text.encode(), kind)
        found = outcome(tmp_path, kind)
        assert read is not None
        assert not isinstance(found, BadMarketData)
        assert found[: len(read)] == [kept(kind, row) for row in read]

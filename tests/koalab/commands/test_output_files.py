"""What ``--output`` writes: the format that its ending says, or an error; and nothing that a program would run."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from click.testing import Result

from koalab.charts import candlestick
from koalab.commands.output.files import chosen_format, write
from koalab.commands.output.rendering import render
from koalab.errors import BadInput
from koalab.picture import save
from koalab.sessions.session import Session
from tests.support.session import Market, start

FORMULA = '=HYPERLINK("http://x","</title><b>&amp;</b>")'
"""A name as the given listing has it; no file of a market can have control characters in one."""

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Given prices of two issues; the name of one is a formula with tags."""
    folder = tmp_path_factory.mktemp("output")
    (folder / "given" / "daily").mkdir(parents=True)
    quoted = FORMULA.replace('"', '""')
    (folder / "given" / "listing.csv").write_text(
        "code,name,market,shares,listing_date\n"
        f'000100,"{quoted}",KOSPI,1000,2020-01-02\n000200,가나다,KOSPI,1000,2020-01-02\n',
        encoding="utf-8",
    )
    for code in ("000100", "000200"):
        (folder / "given" / "daily" / f"{code}.csv").write_text(
            "date,open,high,low,close,volume\n2026-11-18,100,110,90,105,10\n2026-11-19,105,110,90,100,20\n"
        )
    found = start(folder, market_data=folder / "given")
    yield found
    found.close()


def sheet_of(file: Path, name: str | None = None) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(file)
    return list((book[name] if name else book.worksheets[0]).iter_rows(values_only=True))


# -- the format


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("bars.csv", None, "csv"),
        ("bars.CSV", None, "csv"),
        ("bars.xlsx", "xlsx", "xlsx"),
        ("bars.parquet", None, "parquet"),
        ("bars.json", None, "json"),
        ("bars.txt", None, "table"),
        ("bars", "csv", "csv"),
    ],
)
def test_the_ending_of_the_file_says_the_format(name: str, given: str | None, kind: str) -> None:
    assert chosen_format(given, Path(name)) == kind


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("bars.xls", None, "no format has the ending '.xls', but .txt (table), .csv (csv), "),
        ("bars.xls", "csv", "no format has the ending '.xls'"),
        ("bars.csv.gz", None, "no format has the ending '.gz'"),
        ("bars", None, "give --format, or an ending: .txt (table), "),
        ("bars.csv", "json", "--format json and the ending of bars.csv (csv) disagree"),
        ("bars.xlsx", "table", "--format table and the ending of bars.xlsx (xlsx) disagree"),
        (None, "xlsx", "say where it is to go with --output FILE"),
    ],
)
def test_what_says_no_format_or_two_is_refused(name: str | None, given: str | None, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        chosen_format(given, Path(name) if name else None)


def test_a_file_of_no_format_is_refused_before_anything_is_sent(
    run: Run, kw: Session, tmp_path: Path
) -> None:
    before = kw.status()["trs"]
    result = run("daily", "000200", "--output", "bars.xls")
    assert (result.exit_code, result.stdout) == (1, "")
    assert ".xlsx (xlsx)" in result.stderr
    assert kw.status()["trs"] == before
    assert not (tmp_path / "bars.xls").exists()


@pytest.mark.parametrize("words", [("doctor",), ("token", "add", "x"), ("certificates", "keys"), ("serve",)])
def test_commands_that_print_by_themselves_take_no_output(run: Run, words: tuple[str, ...]) -> None:
    result = run("--output", "found.csv", *words)
    assert result.exit_code == 2
    assert "takes no --output" in result.stderr


def test_help_into_a_file_is_no_silent_success(run: Run) -> None:
    result = run("help", "daily", "--output", "help.txt")
    assert result.exit_code == 1
    assert "no result to write into help.txt" in result.stderr


# -- Excel


def test_an_excel_file_has_the_frame_with_dates_and_codes_as_they_are(
    run: Run, kw: Session, tmp_path: Path
) -> None:
    assert run("daily", "000200", "000100", "--output", "bars.xlsx").output == ""
    header, *rows = sheet_of(tmp_path / "bars.xlsx")
    expected = kw.daily(["000200", "000100"]).reset_index()
    assert list(header) == list(expected.columns)
    assert [row[0] for row in rows] == ["000200", "000200", "000100", "000100"]
    assert rows[0][1] == datetime.fromisoformat("2026-11-18")
    assert [list(row[2:]) for row in rows] == expected.iloc[:, 2:].to_numpy().tolist()


def test_times_in_an_excel_file_are_those_of_seoul_without_a_zone(tmp_path: Path) -> None:
    index = pd.DatetimeIndex(["2026-11-19 09:00", "2026-11-19 15:30"], tz="Asia/Seoul", name="time")
    utc = index.tz_convert("UTC")
    write(pd.DataFrame({"close": [100, 101], "quote_time": utc}, index=index), "xlsx", tmp_path / "m.xlsx")
    (_, first, _last) = sheet_of(tmp_path / "m.xlsx")
    assert first == (
        datetime.fromisoformat("2026-11-19T09:00"),
        100,
        datetime.fromisoformat("2026-11-19T09:00"),
    )


def test_a_tr_has_a_sheet_for_its_rows_and_one_for_its_single_block(run: Run, tmp_path: Path) -> None:
    assert run("tr", "opt10081", "종목코드=000200", "수정주가구분=1", "--output", "tr.xlsx").output == ""
    header, *rows = sheet_of(tmp_path / "tr.xlsx", "multi")
    assert len(rows) == 2
    assert rows[0][header.index("현재가")] == 100
    assert sheet_of(tmp_path / "tr.xlsx", "single") == [("종목코드",), ("000200",)]


def test_what_is_missing_is_an_empty_cell_and_big_numbers_keep_their_digits(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "a": pd.array([None, 12_345_678_901_234_567], dtype="Int64"),
            "b": [float("nan"), 1.5],
            "c": ["", "#N/A"],
            "d": pd.to_datetime(["2026-11-19", None]),
            "e": [True, False],
            "f": pd.to_timedelta(["1s", None]),
        }
    )
    write(frame, "xlsx", tmp_path / "a.xlsx")
    _, first, second = sheet_of(tmp_path / "a.xlsx")
    assert first == (None, None, None, datetime.fromisoformat("2026-11-19"), True, "00:00:01")
    assert second == ("12345678901234567", 1.5, "#N/A", None, False, None)


def test_what_does_not_fit_a_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"do not fit a sheet of 1,048,575: write \.csv or \.parquet"):
        write(pd.DataFrame({"a": range(1_048_576)}), "xlsx", tmp_path / "a.xlsx")
    with pytest.raises(BadInput, match="a cell takes 32,767"):
        write(pd.DataFrame({"a": ["가" * 40_000]}), "xlsx", tmp_path / "a.xlsx")
    with pytest.raises(BadInput, match="int is no table"):
        write(7, "xlsx", tmp_path / "a.xlsx")
    assert not (tmp_path / "a.xlsx").exists()


# -- names that are not only names

HOSTILE = [
    "=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", " =1", "＝1+1", "\t=1", "\r=1",
    "\x1b]0;gone\x07", "\x1b[2J", "\x9b2J", "a\nb", "a\u202eb", "\ud800",
]  # fmt: skip
HARMLESS = ["삼성전자", "-", "+5", "-1,234.5", "+3.2%", "-1e5", "<b>굵게</b>", "A-B", "--", "1=1"]


def test_a_csv_file_begins_with_a_byte_order_mark_and_standard_output_does_not(
    run: Run, tmp_path: Path
) -> None:
    printed = run("codes", "--format", "csv").output
    assert run("codes", "--output", "codes.csv").output == ""
    data = (tmp_path / "codes.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfcode,name,")
    assert data.decode("utf-8-sig") == printed


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_or_control_sequence_is_only_text(text: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": pd.Series([text], dtype=object)})
    for kind in ("csv", "table"):
        shown = render(frame, kind)
        assert all(letter.isprintable() or letter == "\n" for letter in shown)
    (row,) = list(csv.reader(io.StringIO(render(frame, "csv"))))[1:]
    assert not row[0].lstrip().startswith(("=", "+", "-", "@", "＝"))
    write(frame, "xlsx", tmp_path / "a.xlsx")
    (_, (cell,)) = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0].iter_rows()
    assert cell.data_type == "s"
    assert cell.value.isprintable()
    assert json.loads(render(frame, "json")) == [{"name": text}]
    assert render(frame, "json").replace("\n", "").isprintable()


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": [text], text: [1]})
    rows = list(csv.reader(io.StringIO(render(frame, "csv"))))
    assert rows == [["name", text], [text, "1"]]
    write(frame, "xlsx", tmp_path / "a.xlsx")
    assert sheet_of(tmp_path / "a.xlsx") == [("name", text), (text, 1)]


def test_a_name_that_is_a_formula_comes_out_as_text_everywhere(run: Run, kw: Session, tmp_path: Path) -> None:
    for name in ("codes.csv", "codes.xlsx", "codes.json", "codes.parquet", "codes.txt"):
        assert run("codes", "--output", name).output == ""
    with (tmp_path / "codes.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["name"] == f"'{FORMULA}"
    header, first, *_ = openpyxl.load_workbook(tmp_path / "codes.xlsx").worksheets[0].iter_rows()
    names = [cell.value for cell in header]
    assert (first[names.index("name")].value, first[names.index("name")].data_type) == (FORMULA, "s")
    assert json.loads((tmp_path / "codes.json").read_text())[0]["name"] == FORMULA
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "codes.parquet"), kw.codes())


def test_tags_in_a_name_are_shown_in_charts_and_notebooks_and_not_followed(
    kw: Session, tmp_path: Path
) -> None:
    title = kw.chart("000100").layout.title.text
    assert "<" not in title
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in title
    assert "&#36;x&#36;" in candlestick(kw.daily("000100"), "$x$").layout.title.text
    assert "<b>" not in kw.codes()._repr_html_()
    assert "<b>" not in kw.plan("daily", "000100")._repr_html_()
    assert save(kw.daily("000100"), tmp_path / "a.png", r"$\nothing{ 1").exists()

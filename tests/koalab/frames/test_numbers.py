"""Every raw form of a value reads as that value, and the fast way reads exactly what the careful way reads."""

from __future__ import annotations

import doctest
import importlib
import math
import re
import warnings
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.errors import KoalabError
from koalab.frames import numbers
from koalab.frames.errors import UnreadableValue
from koalab.frames.numbers import dates, integers, ratios, texts, times

whole = st.integers(-(10**14), 10**14)
decimal = st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False)
blanks = st.sampled_from(["", " ", "     "])


@st.composite
def written(draw: st.DrawFn, value: int) -> str:
    """A whole number in one of the ways in which the broker writes it."""
    form = draw(st.sampled_from(["plain", "signed", "padded", "coloured"]))
    sign, digits = "-" if value < 0 else "", str(abs(value))
    if form == "signed" and value >= 0:
        sign = "+"
    elif form == "padded":
        digits = digits.zfill(draw(st.integers(1, 20)))
    elif form == "coloured":
        sign = draw(st.sampled_from(["-", "+"])) + ("-" if value < 0 else "+")
    return draw(blanks) + sign + digits + draw(blanks)


columns = st.lists(whole.flatmap(lambda value: st.tuples(st.just(value), written(value))), min_size=1)


@given(columns)
def test_whole_numbers_read_as_themselves_however_they_are_written(column):
    values, forms = zip(*column, strict=True)
    found = integers("\n".join(forms), len(forms))
    assert found.dtype == np.int64
    assert found.tolist() == list(values)


@given(columns)
def test_a_colour_is_dropped(column):
    values, forms = zip(*column, strict=True)
    assert integers("\n".join(forms), len(forms), colour=True).tolist() == [abs(value) for value in values]


@given(st.lists(st.one_of(st.none(), decimal), min_size=1))
def test_fractions_and_blanks_make_a_column_of_floats(values):
    text = "\n".join("" if value is None else str(value) for value in values)
    found = numbers.numbers(text, len(values))
    expected = [math.nan if value is None else float(value) for value in values]
    np.testing.assert_array_equal(found, np.array(expected))
    assert not np.signbit(found[found == 0]).any()
    np.testing.assert_array_equal(ratios(text, len(values)), found)


# Lines that numpy's own reader would take for something they are not.
awkward = st.text(alphabet="0123456789+-. e_x٣", max_size=6)


@given(st.lists(awkward, min_size=1, max_size=6), st.integers(1, 6))
def test_the_fast_way_never_differs_from_the_careful_way(lines, rows):
    text = "\n".join(lines)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = numbers._parse_at_once(text, rows)
    if fast is not None:
        careful = np.array([numbers._number(value, row) for row, value in enumerate(texts(text, rows))])
        assert fast.dtype == careful.dtype
        np.testing.assert_array_equal(fast, careful)


# Up to two signs and digits around one point, or nothing.
PLAIN = re.compile(r"([+-]{0,2}([0-9]+\.?[0-9]*|\.[0-9]+))?")


def read(text: str, rows: int) -> np.ndarray | UnreadableValue:
    try:
        return numbers.numbers(text, rows)
    except UnreadableValue as error:
        return error


@given(st.lists(awkward, min_size=1, max_size=6))
def test_what_is_no_number_is_refused_and_nothing_else_is(lines):
    text, rows = "\n".join(lines), len(lines)
    found = read(text, rows)
    if isinstance(found, UnreadableValue):
        assert found.row is not None
        assert lines[found.row].strip() == found.value
        assert not PLAIN.fullmatch(found.value)
        return
    for line, value in zip(lines, found, strict=True):
        plain = line.strip()
        assert PLAIN.fullmatch(plain)
        signs = len(plain) - len(plain.lstrip("+-"))
        assert value == float(plain[max(0, signs - 1) :]) if plain else math.isnan(value)


@pytest.mark.parametrize(
    "value",
    ["abc", "12+5", "1 2", "-", "+", ".", "---5", "1.2.3", "0x10", "1e5", "nan", "inf", "1_000", "١٢", "- 5"],
)
def test_a_value_that_is_no_number_is_named(value):
    with pytest.raises(UnreadableValue, match="row 1") as caught:
        numbers.numbers(f"1\n{value}\n3", 3)
    assert caught.value.value == value
    assert isinstance(caught.value, KoalabError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", ["", "5.0", "  ", ".5"])
def test_whole_numbers_admit_neither_blanks_nor_fractions(value):
    with pytest.raises(UnreadableValue, match="row 1"):
        integers(f"1\n{value}\n3", 3)


def test_numbers_fit_64_bits_or_are_refused():
    largest = 2**63 - 1
    assert integers(f"{largest}\n-{largest}", 2).tolist() == [largest, -largest]
    with pytest.raises(UnreadableValue, match="64 bits"):
        integers(f"1\n{largest + 1}", 2)


def test_raw_forms_of_the_broker():
    assert integers("000000010000000\n-00000000012345", 2).tolist() == [10_000_000, -12_345]
    assert integers(" 138\n 6989\n-60\n+51\n 0", 5).tolist() == [138, 6989, -60, 51, 0]
    assert integers("--77000\n-0\n+0", 3, colour=True).tolist() == [77_000, 0, 0]
    # Of two signs the first is a colour and the second the number's own.
    assert integers("--123\n+-123\n-+123", 3).tolist() == [-123, -123, 123]
    assert not np.signbit(ratios("-0.00\n-0\n0.50", 3)).any()
    assert not np.signbit(ratios("-0.00\n\n-0.", 3)[[0, 2]]).any()
    assert ratios("-87.83\n+135.98\n-0.00\n0.0000", 4).tolist() == [-87.83, 135.98, 0.0, 0.0]


@pytest.mark.parametrize("reader", [texts, integers, numbers.numbers, ratios, dates, times])
def test_a_column_holds_as_many_values_as_there_are_rows(reader):
    for text, rows in [("1\n2", 3), ("1\n2\n3", 2), ("1", 0), ("1\n\n2", 2)]:
        with pytest.raises(UnreadableValue, match=f"{rows} rows"):
            reader(text, rows)


@pytest.mark.parametrize(
    ("reader", "dtype"),
    [
        (integers, "int64"),
        (numbers.numbers, "int64"),
        (ratios, "float64"),
        (dates, "datetime64[us]"),
        (times, "datetime64[us]"),
    ],
)
def test_no_rows_give_an_empty_array_of_the_right_dtype(reader, dtype):
    found = reader("", 0)
    assert (found.dtype, found.size) == (np.dtype(dtype), 0)


def test_columns_of_nothing_but_blanks():
    assert np.isnan(numbers.numbers("\n \n", 3)).all()
    assert np.isnat(dates("\n\n", 3)).all()
    assert np.isnat(times("\n", 2)).all()
    with pytest.raises(UnreadableValue):
        integers("\n\n", 3)


@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)
)
def test_texts_lose_the_blanks_around_them_and_nothing_else(values):
    assert texts("\n".join(values), len(values)) == [value.strip() for value in values]


@given(st.lists(st.one_of(st.none(), st.dates(date(1000, 1, 1))), min_size=1), blanks)
def test_dates_read_as_themselves(days, blank):
    text = "\n".join(blank + ("00000000" if day is None else day.strftime("%Y%m%d")) for day in days)
    found = dates(text, len(days))
    assert found.dtype == np.dtype("datetime64[us]")
    assert found.tolist() == [day and pd.Timestamp(day) for day in days]


@given(st.lists(st.one_of(st.none(), st.datetimes(datetime.fromisoformat("1000-01-01"))), min_size=1), blanks)
def test_times_read_as_themselves(moments, blank):
    moments = [moment and moment.replace(microsecond=0) for moment in moments]
    text = "\n".join(blank + (moment.strftime("%Y%m%d%H%M%S") if moment else "") for moment in moments)
    found = times(text, len(moments))
    assert found.dtype == np.dtype("datetime64[us]")
    assert found.tolist() == moments


@pytest.mark.parametrize(
    "value",
    ["20220230", "20210229", "20221301", "20220100", "00000101", "2022018", "220118", "2022-1-1", "2022011x"],
)
def test_days_that_no_calendar_has_are_refused(value):
    for text, row in [(f"20220118\n{value}", 1), (value, 0)]:
        with pytest.raises(UnreadableValue, match=f"row {row}") as caught:
            dates(text, row + 1)
        assert caught.value.value == value
    with pytest.raises(UnreadableValue):
        times(f"20220118090000\n{value}090000", 2)


@pytest.mark.parametrize(
    "value", ["20220118240000", "20220118096000", "20220118090060", "20220118888888", "20220118"]
)
def test_times_that_no_clock_shows_are_refused(value):
    with pytest.raises(UnreadableValue, match="row 1"):
        times(f"20220118090000\n{value}", 2)


def test_leap_days():
    assert dates("20240229\n20000229", 2).tolist() == [pd.Timestamp(2024, 2, 29), pd.Timestamp(2000, 2, 29)]
    with pytest.raises(UnreadableValue):
        dates("19000229", 1)


@pytest.mark.parametrize("module", ["numbers", "fields", "generic"])
def test_examples_in_the_documentation(module):
    outcome = doctest.testmod(importlib.import_module(f"koalab.frames.{module}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0

"""Every form in which a value is written, for whatever values: it reads back, and it has its sign, width and blanks."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.clock import seoul
from kernel_server.simulated.base import kiwoom_format, market_time
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.trs import field_widths
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width, text
from kernel_server.simulated.realtime import string_parts
from kernel_server.tsv import rows

WIDTHS = Path(field_widths.__file__).with_name("data") / "account_width.tsv"

prices = st.integers(1, 10**7)
shares = st.integers(0, 10**10)
money = st.integers(-(10**14), 10**14)
names = st.text(st.sampled_from("가나다라삼성전자ABC012 &"), max_size=40)


def halves_up(value: Fraction) -> int:
    """Rounded, halves away from zero."""
    whole = int(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


@given(st.integers(0, 10**7), prices)
def test_a_price_reads_back_without_its_colour(value: int, base: int) -> None:
    written_ = kiwoom_format.price(value, base)
    assert int(written_.lstrip("+-")) == value
    assert written_[: -len(str(value))] == ("+" if value > base else "-" if value < base else "")
    colours = string_parts.PriceTexts(base)
    assert colours[value] == colours[value] == written_


@given(money)
def test_a_change_has_a_sign_unless_it_is_none(value: int) -> None:
    assert int(kiwoom_format.signed(value)) == value
    assert kiwoom_format.signed(value).startswith("+") == (value > 0)


@given(st.integers(-(10**7), 10**7), prices)
def test_a_rate_is_percent_with_two_decimals_and_a_real_sign(change: int, base: int) -> None:
    rate = kiwoom_format.rate(change, base)
    hundredths = halves_up(Fraction(change * 10_000, base))
    assert re.fullmatch(r"[+-]\d+\.\d\d|0\.00", rate)
    assert Fraction(rate) * 100 == hundredths
    assert rate.startswith("+") == (hundredths > 0)
    assert kiwoom_format.rate(change, 0) == "0.00"


@given(shares, shares)
def test_a_comparison_is_signed_by_whether_it_is_below_a_hundred(part: int, whole: int) -> None:
    compared = kiwoom_format.percent_of_previous(part, whole)
    assert string_parts.signed_percent_of(part, whole) == compared
    if not whole:
        assert compared == string_parts.percent_of(part, whole) == "0.00"
        return
    assert compared[0] == ("-" if part < whole else "+")
    assert Fraction(compared[1:]) * 100 == halves_up(Fraction(part * 10_000, whole))
    assert string_parts.percent_of(part, whole) == compared[1:]


@given(money)
def test_larger_units_are_rounded_halves_away_from_zero(won: int) -> None:
    for unit, write in (
        (10**6, kiwoom_format.millions),
        (10**8, kiwoom_format.eok),
        (10**3, kiwoom_format.thousands),
    ):
        assert write(won) == halves_up(Fraction(won, unit))


@given(st.lists(st.integers(0, 10**14), max_size=20))
def test_columns_are_written_as_their_values_are(values: list[int]) -> None:
    column = np.array(values, np.int64)
    assert kiwoom_format.plain_numbers(column) == [str(value) for value in values]
    assert kiwoom_format.millions_column(column) == [str(kiwoom_format.millions(value)) for value in values]
    marked = kiwoom_format.adjustment_flags(column % 3)
    assert marked == [str(value % 3) if value % 3 else "" for value in values]
    ratios = kiwoom_format.adjustment_ratios((column % 1000) / 10.0, column % 3)
    assert [bool(ratio) for ratio in ratios] == [value % 3 > 0 for value in values]
    assert all(re.fullmatch(r"\d+\.\d\d|", ratio) for ratio in ratios)


@given(prices, prices, st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_direction_says_limit_rise_or_fall(last: int, base: int, above: int, below: int) -> None:
    upper, lower = base + above, base - below
    expected = 3 if last == base else 2 - (last >= upper) if last > base else 5 - (last <= lower)
    assert kiwoom_format.change_sign(last, base, upper, lower) == str(expected)


@given(names, st.sampled_from(["none", "left", "right"]), st.integers(0, 60))
def test_padding_adds_blanks_on_its_side_and_nothing_else(value: str, side: str, width: int) -> None:
    padded = kiwoom_format.padded(value, side, width)  # type: ignore[arg-type]
    size = len(value.encode("cp949"))
    if not value or side == "none" or size >= width:
        assert padded == value
    else:
        assert len(padded.encode("cp949")) == width
        blanks = " " * (width - size)
        assert padded == (blanks + value if side == "left" else value + blanks)


@given(names, st.integers(1, 50))
def test_a_text_of_an_account_fills_its_bytes_and_is_cut_between_characters(value: str, width: int) -> None:
    filled = text(value, width)
    assert len(filled.encode("cp949")) == width
    assert filled == value or value.startswith(filled.rstrip()) or filled.startswith(value)


@given(st.integers(0), names, st.integers(-(10**9), 10**9), prices)
@pytest.mark.parametrize("tr", sorted({row[0] for row in rows(WIDTHS)}))
def test_every_field_of_an_account_has_its_width(
    tr: str, distance: int, name: str, part: int, whole: int
) -> None:
    forms = {field: (int(width), form) for code, field, width, form in rows(WIDTHS) if code == tr}
    block = reference.tr(tr)
    for fields in (block.single_names, block.multi_names):
        values: dict[str, str | int] = {}
        for place, field in enumerate(fields):
            width, form = forms.get(field) or forms["*"]
            if form == "number":
                # Each field another number: so far from one end of what fits, or from the other.
                least, most = -(10 ** (width - 1) - 1), 10**width - 1
                far = (distance + place) % (most - least + 1)
                values[field] = most - far if place % 2 else least + far
            elif form == "text":
                values[field] = name[place % 7 :]
            else:
                values[field] = percent(part - place, max(whole, 2000))  # a rate that fits
        for field, raw in zip(fields, fixed_width(tr, fields, values), strict=True):
            width, form = forms.get(field) or forms["*"]
            if form == "rate":
                assert re.fullmatch(r"-?\d+\.\d\d", raw)
                continue
            assert len(raw.encode("cp949")) == width
            if form == "number":
                assert int(raw) == values[field]
                assert re.fullmatch(r"-?\d+", raw)  # the sign first, then zeros


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12))
def test_rates_of_the_mock_server_have_a_point_and_no_plus(part: int, whole: int) -> None:
    rate = percent(part, whole)
    assert re.fullmatch(r"-?\d+\.\d\d", rate)
    if whole:
        assert Fraction(rate) * 100 == halves_up(Fraction(part * 10_000, whole))


@given(st.floats(0, 4e9))
def test_a_time_is_that_of_the_clock_in_seoul(time: float) -> None:
    assert market_time.hhmmss(time) == f"{seoul(int(time)):%H%M%S}"


@given(st.integers(0, 86_399))
def test_a_stretch_of_time_reads_back(seconds: int) -> None:
    raw = market_time.duration_text(seconds)
    assert re.fullmatch(r"\d{6}", raw)
    assert int(raw[:2]) * 3600 + int(raw[2:4]) * 60 + int(raw[4:]) == seconds


@given(prices)
def test_what_hangs_on_the_price_is_a_part_of_it(price: int) -> None:
    assert (string_parts.per_price(1497, price), string_parts.per_price(1498, price)) == (
        price * 2 // 5,
        price * 8 // 25,
    )
    assert 0 <= string_parts.per_price(32, price) - price * 26 / 10_000 < 1
    assert abs(string_parts.per_price(732, price) - price * 533 / 100_000) <= 0.5

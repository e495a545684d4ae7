"""How Kiwoom writes numbers: every figure here is one it wrote."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.reference.price_rules import limits
from kernel_server.simulated.base import kiwoom_format


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (77600, 77500, "+77600"),
        (76600, 77500, "-76600"),
        (77500, 77500, "77500"),
        (100500, 77500, "+100500"),
        (54300, 77500, "-54300"),
        (0, 77500, "-0"),
        (1220, 1225, "-1220"),
        (1475, 1465, "+1475"),
    ],
)
def test_a_price_is_coloured_against_the_base(value: int, base: int, text: str) -> None:
    assert kiwoom_format.price(value, base) == text
    assert kiwoom_format.prices(np.array([value]), base) == [text]


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 10**7)), max_size=20))
def test_a_column_of_prices_is_its_prices(pairs: list[tuple[int, int]]) -> None:
    values = np.array([value for value, _ in pairs], np.int64)
    bases = np.array([base for _, base in pairs], np.int64)
    assert kiwoom_format.prices(values, bases) == [kiwoom_format.price(value, base) for value, base in pairs]


@pytest.mark.parametrize(
    ("change", "base", "text"),
    [
        (-500, 77500, "-0.65"),
        (-400, 77500, "-0.52"),
        (0, 1225, "0.00"),
        (-40, 1465, "-2.73"),
        (1, 362, "+0.28"),
        (-30, 1430, "-2.10"),
        (-1850, 20900, "-8.85"),
        (-600, 15950, "-3.76"),
        (-550, 15950, "-3.45"),
        (77000 - 91800, 91800, "-16.12"),
        (77000 - 68300, 68300, "+12.74"),
        (900, 3005, "+29.95"),
    ],
)
def test_recorded_rates(change: int, base: int, text: str) -> None:
    assert kiwoom_format.rate(change, base) == text


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12), st.integers(1, 4))
def test_decimals_are_rounded_half_away_from_zero(value: int, unit: int, places: int) -> None:
    scaled = value * 10**places
    exact = (Decimal(scaled) * 2).copy_abs()
    whole = int((exact + unit) // (2 * unit))
    wanted = Decimal(whole) / 10**places
    assert abs(Decimal(kiwoom_format.decimal(value, unit, places))) == wanted
    assert kiwoom_format.decimal(value, unit, places).startswith("-") == (value < 0 and whole > 0)


def test_decimals_agree_with_the_decimal_module() -> None:
    for value, unit in [(1, 8), (3, 8), (-1, 8), (125, 1000), (135, 1000), (77000, 3841)]:
        wanted = (Decimal(value) / Decimal(unit)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert kiwoom_format.decimal(value, unit) == str(wanted)


@pytest.mark.parametrize(
    ("value", "before", "text"),
    [
        (7715780, 8785122, "-87.83"),
        (7726846, 8785122, "-87.95"),
        (7884712, 8785122, "-89.75"),
        (608869, 678903, "-89.68"),
        (100, 100, "+100.00"),
        (5, 0, "0.00"),
    ],
)
def test_volume_against_the_day_before(value: int, before: int, text: str) -> None:
    assert kiwoom_format.percent_of_previous(value, before) == text


def test_units() -> None:
    assert kiwoom_format.eok(5_969_782_550 * 77_000) == 4_596_733
    assert kiwoom_format.eok(67_375_000 * 1_225) == 825
    assert kiwoom_format.eok(54_000_000 * 1_425) == 770  # 769.5
    assert kiwoom_format.eok(3_000_000 * 5_000) == 150
    assert kiwoom_format.thousands(5_969_782_550) == 5_969_783
    assert kiwoom_format.millions(20_549 * 44_000) == 904
    # 123,651 shares between 1,225 and 1,230 were written as 152: no cut could make that of 151.47 to 152.09
    # unless nearly every share had gone at the day's high, and the last one had not.
    assert kiwoom_format.millions(123_651 * 1_226) == 152
    assert kiwoom_format.decimal(77_000, 3_841) == "20.05"
    assert kiwoom_format.decimal(77_000, 39_406) == "1.95"
    assert kiwoom_format.decimal(4_456_888 * 100, 5_969_783, 1) == "74.7"


def test_changes_and_directions() -> None:
    assert [kiwoom_format.signed(n) for n in (-500, 0, 150)] == ["-500", "0", "+150"]
    upper, lower = limits(77_500, date(2022, 1, 18), "KOSPI")
    signs = [
        kiwoom_format.change_sign(price, 77_500, upper, lower)
        for price in (upper, 77_600, 77_500, lower, 77_000)
    ]
    assert signs == ["1", "2", "3", "4", "5"]


def test_event_columns_are_blank_but_on_event_rows() -> None:
    events = np.array([0, 256, 8], np.int64)
    values = np.array([0.0, -15.08, 0.0])
    assert kiwoom_format.adjustment_flags(events) == ["", "256", "8"]
    assert kiwoom_format.adjustment_ratios(values, events) == ["", "-15.08", "0.00"]
    assert (
        kiwoom_format.adjustment_flags(events[:1])
        == kiwoom_format.adjustment_ratios(values[:1], events[:1])
        == [""]
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_fills_bytes_of_cp949(side: str) -> None:
    padded = kiwoom_format.padded("삼성전자", side, 20)
    assert len(padded.encode("cp949")) == 20
    assert (padded.rstrip() if side == "right" else padded.lstrip()) == "삼성전자"
    assert kiwoom_format.padded("삼성전자", side, 4) == "삼성전자"
    assert kiwoom_format.padded("", side, 20) == ""


def test_no_padding() -> None:
    assert kiwoom_format.padded("77000", "none", 20) == "77000"

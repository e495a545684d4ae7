"""Decoding of live events: of any text an event is right, or left out and reported; never silently wrong."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.clock import KST
from koalab.live.decoding import decoder as decoding
from koalab.live.decoding.decoder import DecodedEvents, decode
from koalab.live.decoding.fields import FACTORS, FLOATS, TEXTS, UNSIGNED, LiveField, live_fields
from koalab.transport.base import TickBatch

TYPES = ("주식체결", "주식우선호가", "업종지수", "장시작시간", "VI발동/해제")
FIRED = datetime(2026, 11, 20, 10, 0, 0, 250_000, tzinfo=KST).timestamp()
ODD = [
    "",
    " ",
    "+",
    "-",
    "--5",
    "+-12",
    "+ 7",
    "1_000",
    "٣",
    "½",
    "nan",
    "inf",
    "1e5",
    "0x10",
    "5.",
    ".5",
    "1.2.3",
]
LARGE = [
    str(2**53 + 1), f"-{2**63 - 1}", str(2**63), "9" * 18, "9" * 40, "1" * 5_000, "9" * 400 + ".5", "12.50",
    "00000000000000000000012",
]  # fmt: skip
CLOCKS = ["100000", "235959", "000000", "888888", "246000", "10000", "1000000", " 100000", "100060", "장마감"]

plain = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.integers(0, 10**6).map(lambda n: f"+{n}"),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str),
)
cell = st.one_of(
    plain,
    plain,
    plain,
    st.sampled_from(ODD),
    st.sampled_from(LARGE),
    st.text("0123456789+-. \x00a_²", max_size=8),
)


@st.composite
def events(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    """A type and the cells of some events, most of them plain."""
    realtype = draw(st.sampled_from(TYPES))
    width = len(reference.realtype(realtype).fids)
    one_cell = draw(st.sampled_from([st.integers(0, 10**6).map(str), plain, cell]))
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        line = [draw(one_cell)] * width
        for place in draw(st.lists(st.integers(0, width - 1), max_size=4)):
            line[place] = draw(st.one_of(cell, st.sampled_from(CLOCKS)))
        lines.append(line[: draw(st.sampled_from([width, width, width, max(1, width - 3)]))])
    return realtype, lines


def decoded(realtype: str, lines: Sequence[Sequence[str]]) -> DecodedEvents:
    zeros = np.zeros(len(lines), np.intp)
    found = decode(
        TickBatch(
            (realtype,),
            zeros,
            ("005930",),
            zeros,
            "\n".join(map("\t".join, lines)),
            np.full(len(lines), FIRED),
        ),
        realtype,
    )
    assert found is not None
    return found


class _Unreadable(Exception):
    pass


def expected(field: LiveField, text: str) -> Any:
    """The value of a cell, as the field's kind says, by exact arithmetic."""
    text = text.strip()
    if field.kind in TEXTS:
        return text
    if field.kind == "side":
        return {"+": 1, "-": -1}.get(text[:1], 0)
    if not text:
        return np.nan if field.kind in FLOATS else 0
    signed = text[1:] if text[:2] in ("--", "-+", "+-", "++") else text
    if signed.strip("+-.0123456789") or not signed.isascii():
        raise _Unreadable
    try:
        number = Decimal(signed)
    except InvalidOperation:
        raise _Unreadable from None
    number = abs(number) if field.kind in UNSIGNED else number
    if field.kind in FLOATS:
        if np.isinf(float(number)) or ("." not in signed and abs(number) > 2**63 - 1):
            raise _Unreadable
        return float(number)
    if number != number.to_integral_value() or ("." in signed and abs(number) > 2**53):
        raise _Unreadable
    if abs(number) * FACTORS.get(field.kind, 1) > 2**63 - 1:
        raise _Unreadable
    return int(number) * FACTORS.get(field.kind, 1)


class TestAnyText:
    @given(events())
    def test_is_right_or_reported(self, given_events: tuple[str, list[list[str]]]) -> None:
        realtype, lines = given_events
        found = decoded(realtype, lines)
        assert len(found) + len(found.unreadable) == len(lines)
        fields = [field for field in live_fields(realtype) if field.kind != "clock"]
        right = []
        for line in lines:
            padded = [*line, *[""] * 200]
            try:
                right.append({field.name: expected(field, padded[field.position]) for field in fields})
            except _Unreadable:
                continue
        assert len(found) == len(right)
        for row, values in enumerate(right):
            for name, value in values.items():
                np.testing.assert_equal(found.columns[name][row], value, f"{realtype} {name}")

    @given(events())
    def test_is_read_the_same_in_a_small_and_in_a_large_batch(
        self, given_events: tuple[str, list[list[str]]]
    ) -> None:
        realtype, lines = given_events
        few = decoded(realtype, lines)
        many = decoded(realtype, lines * (1 + decoding._FEW // len(lines)))
        for name, column in few.columns.items():
            assert many.columns[name].dtype == column.dtype
            np.testing.assert_array_equal(many.columns[name][: len(column)], column, name)

    @pytest.mark.parametrize("copies", [1, 60])
    @pytest.mark.parametrize(
        ("clock", "time"),
        [
            ("095959", "2026-11-20T09:59:59"),
            ("888888", "2026-11-20T10:00:00.250000"),  # the mark of the close, no time of day
            ("246000", "2026-11-20T10:00:00.250000"),
            ("10000", "2026-11-20T10:00:00.250000"),
            ("", "2026-11-20T10:00:00.250000"),
        ],
    )
    def test_what_is_no_time_of_day_gives_the_event_s_own_time(
        self, clock: str, time: str, copies: int
    ) -> None:
        width = len(reference.realtype("주식체결").fids)
        found = decoded("주식체결", [[clock, *["1"] * (width - 1)]] * copies)
        assert set(found.columns["time"].tolist()) == {datetime.fromisoformat(time)}

    def test_clocks_of_other_lengths_are_not_read_into_each_other(self) -> None:
        width = len(reference.realtype("주식체결").fids)
        lines = [
            [clock, *["1"] * (width - 1)]
            for clock in itertools.islice(itertools.cycle(["10000", "1000000"]), 40)
        ]
        found = decoded("주식체결", lines)
        assert set(found.columns["time"].tolist()) == {datetime(2026, 11, 20, 10, 0, 0, 250_000)}  # noqa: DTZ001

    def test_one_bad_event_among_a_thousand_costs_only_itself(self) -> None:
        width = len(reference.realtype("주식체결").fids)
        lines = [["100000", str(n), *["1"] * (width - 2)] for n in range(1_000)]
        lines[617][1] = "12+5"
        found = decoded("주식체결", lines)
        assert found.columns["price"].tolist() == [n for n in range(1_000) if n != 617]
        assert ["12+5" in str(one) for one in found.unreadable] == [True]

"""Taxes on a sale by board and date of the trade."""

from __future__ import annotations

from datetime import date

import pytest

from kernel_server.reference.charges import tax_parts

SALE = 1_000_000


@pytest.mark.parametrize(
    ("day", "board", "parts"),
    [
        (date(2024, 12, 26), "KOSPI", (300, 1500)),
        (date(2024, 12, 27), "KOSPI", (0, 1500)),  # the first trade that is settled in 2025
        (date(2025, 12, 26), "KOSPI", (0, 1500)),
        (date(2025, 12, 29), "KOSPI", (500, 1500)),
        (date(2025, 12, 26), "KOSDAQ", (1500, 0)),
        (date(2026, 11, 30), "KOSDAQ", (2000, 0)),
        (date(2026, 11, 30), "KONEX", (1000, 0)),
        (date(2026, 11, 30), "ETP", (0, 0)),
    ],
)
def test_a_rate_begins_with_the_first_trade_that_is_settled_under_it(
    day: date, board: str, parts: tuple[int, int]
) -> None:
    assert tax_parts(SALE, day, board, 1) == parts

"""Columns of days about program trading: opt90013, and 프로그램 of opt10086.

Amounts are in 백만원, shares single ones. Net purchases have the signs that are recorded: ``--676861``, ``+182002``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.program import part, program_rates
from kernel_server.simulated.trs.daily.columns import Column, DailyColumns


def _traded(days: DailyColumns, money: bool) -> tuple[Ints, Ints]:
    """What programs bought and sold on the days of the page, after the day before them, where there is one."""
    bars = cut(days.bars, max(0, days.start - 1), len(days.bars))
    rates = program_rates([days.issue], epoch_days(bars.time)[None, :])
    totals = investor_groups.millions(bars.value) if money else bars.volume
    return part(totals, rates.bought[0]), part(totals, rates.sold[0])


def _page(days: DailyColumns, column: Ints) -> Ints:
    return column[-len(days.asked) :]


def _side(side: int, money: bool) -> Column:
    return lambda days: kiwoom_format.plain_numbers(_page(days, _traded(days, money)[side]))


def _net(money: bool | None) -> Column:
    """Net purchases; in 백만원 or shares as requested if ``money`` is None."""

    def column(days: DailyColumns) -> list[str]:
        bought, sold = _traded(days, days.money if money is None else money)
        return [kiwoom_format.twice_signed(net) for net in _page(days, bought - sold).tolist()]

    return column


def _net_change(money: bool) -> Column:
    """Change of the net purchases from the day before; on the first day from 0."""

    def column(days: DailyColumns) -> list[str]:
        bought, sold = _traded(days, money)
        changes = np.diff(bought - sold, prepend=0)
        return [kiwoom_format.signed(change) for change in _page(days, changes).tolist()]

    return column


COLUMNS: Mapping[str, Column] = {
    "프로그램": _net(None),
    "프로그램매도금액": _side(1, True),
    "프로그램매수금액": _side(0, True),
    "프로그램순매수금액": _net(True),
    "프로그램순매수금액증감": _net_change(True),
    "프로그램매도수량": _side(1, False),
    "프로그램매수수량": _side(0, False),
    "프로그램순매수수량": _net(False),
    "프로그램순매수수량증감": _net_change(False),
}
"""Columns by field name."""

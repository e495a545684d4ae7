"""Columns of days about credit (opt10013, 신용비 of opt10086) and lending (opt20068).

An issue's newest day is not known yet: blank for credit (a guess), 0 for lending, as recorded. Shares are single ones,
amounts in 백만원 at the day's close, as recorded for lending and guessed for credit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.statistics.balances import BalanceDays, values
from kernel_server.simulated.market.statistics.credit import credit_days, has_credit
from kernel_server.simulated.market.statistics.lending import lending_days
from kernel_server.simulated.trs.daily.columns import Column, DailyColumns

_Text = Callable[[DailyColumns, BalanceDays], list[str]]


def _credit(text: _Text, sold: bool | None = None) -> Column:
    """A column of purchases on credit, or of short sales; None: as requested."""

    def column(days: DailyColumns) -> list[str]:
        if days.seed is None or not has_credit(days.issue):
            return [""] * len(days.asked)
        chosen = days.sold if sold is None else sold
        return _unless_newest(days, text(days, credit_days(days.issue, days.seed, days.bars, chosen)), "")

    return column


def _lending(text: _Text) -> Column:
    def column(days: DailyColumns) -> list[str]:
        return _unless_newest(days, text(days, lending_days(days.issue, days.bars)), "0")

    return column


def _unless_newest(days: DailyColumns, texts: list[str], unknown: str) -> list[str]:
    pairs = zip(days.asked.time.tolist(), texts, strict=True)
    return [unknown if day == days.newest else text for day, text in pairs]


def _shares(which: str) -> _Text:
    def text(days: DailyColumns, found: BalanceDays) -> list[str]:
        column: Ints = getattr(found, which)
        return kiwoom_format.plain_numbers(column[days.start :])

    return text


def _value(days: DailyColumns, found: BalanceDays) -> list[str]:
    return kiwoom_format.plain_numbers(values(found.balance[days.start :], days.asked))


def _change(days: DailyColumns, found: BalanceDays) -> list[str]:
    return [kiwoom_format.signed(int(change)) for change in (found.new - found.repaid)[days.start :]]


def _plain_change(days: DailyColumns, found: BalanceDays) -> list[str]:
    return kiwoom_format.plain_numbers((found.new - found.repaid)[days.start :])


def _new_of_volume(days: DailyColumns, found: BalanceDays) -> list[str]:
    """공여율: newly lent shares in percent of the volume."""
    pairs = zip(found.new[days.start :].tolist(), days.asked.volume.tolist(), strict=True)
    return [kiwoom_format.rate(new, volume) for new, volume in pairs]


def _ratio(days: DailyColumns, found: BalanceDays) -> list[str]:
    """잔고율: the balance in percent of the listed shares."""
    return [
        kiwoom_format.rate(balance, days.issue.shares) for balance in found.balance[days.start :].tolist()
    ]


CREDIT_CHANGE: Column = _credit(_change)
"""대비 of opt10013, which is a price's change in other TRs."""

COLUMNS: Mapping[str, Column] = {
    "신규": _credit(_shares("new")),
    "상환": _credit(_shares("repaid")),
    "잔고": _credit(_shares("balance")),
    "금액": _credit(_value),
    "공여율": _credit(_new_of_volume),
    "잔고율": _credit(_ratio),
    **dict.fromkeys(("신용비", "신용잔고율"), _credit(_ratio, sold=False)),
    "대차거래체결주수": _lending(_shares("new")),
    "대차거래상환주수": _lending(_shares("repaid")),
    "대차거래증감": _lending(_plain_change),
    "잔고주수": _lending(_shares("balance")),
    "잔고금액": _lending(_value),
}
"""Columns by field name."""

"""``Holdings``: an account's positions, what of them can be sold, and whether a report about them was missed.

The broker reports a fill, and right after it the position that it leaves (잔고). Either may be lost, and nothing else
would show that: so a position has to come within seconds of a fill, and to be what the fills make of the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from koalab.orders.record import OrderRecord
from koalab.orders.reports import PositionReport

REPORTED_WITHIN: Final = 5.0
"""Seconds from a fill to the position that it leaves."""


class Holdings:
    """Positions; use it with the account's lock held.

    Attributes:
        by_key: those with shares, by ``PositionReport.key``.
        crossed: a report differs from a list read at about the same time, or from the orders: one of them is old.
    """

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, str, str], PositionReport] = {}
        self.crossed = False
        # By code and whether on credit: shares bought less those sold since the last report …
        self._filled: dict[tuple[str, bool], int] = {}
        self._awaited: dict[tuple[str, bool], float] = {}  # … and when the first of those fills was
        self._bought: Counter[tuple[str, bool]] = Counter()
        self._listed_until = 0.0
        # Shares that reported orders to sell took, by code and 대출일, when its position was reported.
        self._reserved: Counter[tuple[str, str]] = Counter()

    def positions(self, orders: Iterable[OrderRecord]) -> list[PositionReport]:
        """The positions by code; ``sellable`` follows orders to sell that came or ended since the broker's report.

        Of a cancelled order no position is reported, though it gives its shares back.
        """
        offered: Counter[tuple[str, str]] = Counter()
        for one in orders:
            offered[one.offered_of] += one.offered
        return [
            replace(
                position,
                sellable=position.sellable + self._reserved[code, loan_date] - offered[code, loan_date],
            )
            for (code, _, loan_date), position in sorted(self.by_key.items())
        ]

    def on_fill(self, code: str, on_credit: bool, shares: int, at: float) -> None:
        """A fill: shares bought, negative ones sold. The position is changed by its report only."""
        group = code, on_credit
        self._filled[group] = self._filled.get(group, 0) + shares
        self._awaited.setdefault(group, at)
        self._bought[group] += max(shares, 0)

    def awaits(self, code: str, on_credit: bool) -> bool:
        """Whether the position after a fill of that code has not been reported yet."""
        return (code, on_credit) in self._awaited

    def on_report(self, report: PositionReport, orders: Iterable[OrderRecord]) -> str:
        """A position, with cash or of one loan; returns what was missed before it, or a blank."""
        of = report.code, report.loan_date
        reserved = sum(one.reserved for one in orders if one.offered_of == of)
        given_back, self._reserved[of] = self._reserved[of] - reserved, reserved
        known = self.by_key.get(report.key)
        before = known.quantity if known is not None else 0
        group = report.code, bool(report.credit)
        expected = before + self._filled.pop(group, 0)
        since = self._awaited.pop(group, report.at)
        sellable = (known.sellable if known is not None else 0) + self._bought.pop(group, 0) + given_back
        if report.quantity:
            self.by_key[report.key] = report
        else:
            self.by_key.pop(report.key, None)
        if report.quantity == expected:
            if report.sellable != sellable and not report.credit:
                self.crossed = True
            return ""
        if report.credit:  # a fill may change several loans, and each is reported: the rest has to follow
            self._filled[group], self._awaited[group] = expected - report.quantity, since
            return ""
        if report.at <= self._listed_until:
            self.crossed = True
            return ""
        return f"{report.name}: {report.quantity:,} shares do not follow from the fills that were reported"

    def on_reserved(self, at: float, shares: int) -> None:
        """An order to sell took shares of its position, or gave back; a list read at about that time may know it."""
        if shares and at <= self._listed_until:
            self.crossed = True

    def overdue(self, until: float) -> str:
        """What did not come though everything up to ``until`` has; or a blank."""
        late = {code for (code, _), at in self._awaited.items() if at + REPORTED_WITHIN < until}
        if not late:
            return ""
        return f"the position after a fill was not reported: {', '.join(sorted(late))}"

    def on_day_over(self, order: OrderRecord) -> None:
        """An order of a day that is over is forgotten: its fills are in the positions."""
        self._reserved[order.offered_of] -= order.reserved

    def on_list(self, listed: Iterable[PositionReport], until: float, orders: Iterable[OrderRecord]) -> None:
        """The broker's own list, which has everything up to a moment not later than ``until``."""
        self.by_key = {position.key: position for position in listed}
        self._filled.clear()
        self._awaited.clear()
        self._bought.clear()
        self._reserved.clear()
        for one in orders:
            self._reserved[one.offered_of] += one.reserved
        self._listed_until, self.crossed = until, False

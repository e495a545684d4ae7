"""``Holdings``: an account's positions, and whether anything that the broker reports about them was missed.

The broker reports a fill, and right after it the position that it leaves (잔고). Either may be lost, and nothing else
would show that: so a position has to come within seconds of a fill, and to be what the fills make of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from koalab.orders.reports import PositionReport

REPORTED_WITHIN: Final = 5.0
"""Seconds from a fill to the position that it leaves."""


class Holdings:
    """Positions; use it with the account's lock held.

    Attributes:
        by_key: those with shares, by ``PositionReport.key``.
        crossed: a report came that differs from a list read at about the same time: one of the two is old.
    """

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, str, str], PositionReport] = {}
        self.crossed = False
        # By code and whether on credit: shares bought less those sold since the last report …
        self._filled: dict[tuple[str, bool], int] = {}
        self._awaited: dict[tuple[str, bool], float] = {}  # … and when the first of those fills was
        self._listed_until = 0.0

    def on_fill(self, code: str, on_credit: bool, shares: int, at: float) -> None:
        """A fill: shares bought, negative ones sold. The position is changed by its report only."""
        group = code, on_credit
        self._filled[group] = self._filled.get(group, 0) + shares
        self._awaited.setdefault(group, at)

    def awaits(self, code: str, on_credit: bool) -> bool:
        """Whether the position after a fill of that code has not been reported yet."""
        return (code, on_credit) in self._awaited

    def on_report(self, report: PositionReport) -> str:
        """A position; returns what was missed before it, or a blank."""
        known = self.by_key.get(report.key)
        before = known.quantity if known is not None else 0
        group = report.code, bool(report.credit)
        expected = before + self._filled.pop(group, 0)
        since = self._awaited.pop(group, report.at)
        if report.quantity:
            self.by_key[report.key] = report
        else:
            self.by_key.pop(report.key, None)
        if report.quantity == expected:
            return ""
        if report.credit:  # a fill may change several loans, and each is reported: the rest has to follow
            self._filled[group], self._awaited[group] = expected - report.quantity, since
            return ""
        if report.at <= self._listed_until:
            self.crossed = True
            return ""
        return f"{report.name}: {report.quantity:,} shares do not follow from the fills that were reported"

    def on_freed(self, at: float, of_all_loans: bool) -> None:
        """An order to sell gave shares back; a list that was read at about that time may know that already.

        To which loans those of an order that repays several go back only a list shows.
        """
        if of_all_loans or at <= self._listed_until:
            self.crossed = True

    def overdue(self, until: float) -> str:
        """What did not come though everything up to ``until`` has; or a blank."""
        late = {code for (code, _), at in self._awaited.items() if at + REPORTED_WITHIN < until}
        if not late:
            return ""
        return f"the position after a fill was not reported: {', '.join(sorted(late))}"

    def replace(self, listed: Iterable[PositionReport], until: float) -> None:
        """The broker's own list, which has everything up to a moment not later than ``until``."""
        self.by_key = {position.key: position for position in listed}
        self._filled.clear()
        self._awaited.clear()
        self._listed_until, self.crossed = until, False

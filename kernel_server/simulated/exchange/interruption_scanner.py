"""Scan of a whole market for volatility interruptions, of which a few issues in a hundred have one a day.

The daily bar shows whether a price got far enough from its reference to trigger a VI. Only such days are planned,
and to their end, so the results include VIs that lie in the future. So do the minutes of the after-market.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Issue, Market, board
from kernel_server.simulated.market.phases import SessionHours

log = logging.getLogger(__name__)


class InterruptionScanner:
    """The VIs of all issues, one session at a time.

    Args:
        market: the issues and their bars.
        hours: hours of a session, by its index in the calendar.
        interruptions_in: the VIs of a code in a session; raises LookupError if nothing is known of it.
    """

    def __init__(
        self,
        market: Market,
        hours: Callable[[int], SessionHours],
        interruptions_in: Callable[[str, int], list[Interruption]],
    ) -> None:
        self._market = market
        self._hours = hours
        self._interruptions_in = interruptions_in
        self._session: int | None = None
        self._unscanned: Iterator[Issue] = iter(())
        self._found: list[Interruption] = []
        self._done = False

    def interruptions(self, session: int, max_issues: int | None = None) -> list[Interruption] | None:
        """The session's VIs, oldest first; None while issues are left to scan.

        ``max_issues`` bounds the issues that this call scans.
        """
        if session != self._session:
            self._session, self._found, self._done = session, [], session < 0
            self._unscanned = iter(list(self._market.issues().values()))
        scanned = 0
        while not self._done and (max_issues is None or scanned < max_issues):
            scanned += 1
            issue = next(self._unscanned, None)
            if issue is None:
                self._found.sort(key=lambda each: (each.time, each.code))
                self._done = True
            else:
                self._scan(issue, session)
        return list(self._found) if self._done else None

    def _scan(self, issue: Issue, session: int) -> None:
        try:
            if self._may_interrupt(issue, self._hours(session)):
                self._found += self._interruptions_in(issue.code, session)
        except (LookupError, ValueError, OSError):
            # The market has no data of it, or its file is bad.
            log.debug("%s is left out", issue.code, exc_info=True)

    def _may_interrupt(self, issue: Issue, hours: SessionHours) -> bool:
        """Whether the daily bar allows a VI; True without a bar, as there may be minutes."""
        opens = seoul(hours.opens)
        rule = vi_rules.vi_rule(opens.date(), board(issue))
        if rule is None:
            return False
        bars = days.history(self._market, issue.code, hours.closes, 2)
        if not len(bars) or int(bars.time[-1]) != opens.year * 10_000 + opens.month * 100 + opens.day:
            return True
        grid = rules(opens.date(), board(issue))
        opened = int(bars.open[-1])
        up, down = rule.triggers(opened, grid)
        if int(bars.high[-1]) >= up or int(bars.low[-1]) <= down:
            return True
        up, down = rule.triggers(int(bars.close[-2] if len(bars) > 1 else opened), grid)
        return not down < opened < up or self._evening_reaches(
            issue, hours, rule.triggers(int(bars.close[-1]), grid)
        )

    def _evening_reaches(self, issue: Issue, hours: SessionHours, triggers: tuple[int, int]) -> bool:
        """Whether the after-market gets as far as one of the triggers around the close."""
        if hours.after_market_begins >= hours.ends or not self._market.evening_news(issue.code, hours.closes):
            return False
        minutes = self._market.after_market(issue.code, False, hours.ends, 1)
        up, down = triggers
        return len(minutes) > 0 and (int(minutes.high.max()) >= up or int(minutes.low.min()) <= down)

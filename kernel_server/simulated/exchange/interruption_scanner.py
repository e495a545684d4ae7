"""Looks for the volatility interruptions of a whole market, of which on most days a few issues in a hundred have any.

The bar of an issue's day says whether its price went far enough from where it opened. Only those days are planned for
which it did. They are planned to their end: what has not happened yet is not to be told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from kernel_server.clock import seoul
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.tick_size import board, rules

log = logging.getLogger(__name__)


class InterruptionScanner:
    """The VIs of all issues of one session at a time.

    Args:
        market: whose issues they are.
        hours: of a session, by its index in the calendar.
        plan: of a code's day in that session; LookupError where nothing is known of it.
    """

    def __init__(
        self, market: Market, hours: Callable[[int], SessionHours], plan: Callable[[str, int], DayPlan]
    ) -> None:
        self._market = market
        self._hours = hours
        self._plan = plan
        self._session: int | None = None
        self._left: Iterator[Issue] = iter(())
        self._found: list[Interruption] = []
        self._done = False

    def interruptions(self, session: int, most: int | None = None) -> list[Interruption] | None:
        """Those of the session, oldest first, after looking at so many more issues; None while some are left."""
        if session != self._session:
            self._session, self._found, self._done = session, [], session < 0
            self._left = iter(list(self._market.issues().values()))
        looked = 0
        while not self._done and (most is None or looked < most):
            looked += 1
            issue = next(self._left, None)
            if issue is None:
                self._found.sort(key=lambda each: (each.time, each.code))
                self._done = True
            else:
                self._look(issue, session)
        return list(self._found) if self._done else None

    def _look(self, issue: Issue, session: int) -> None:
        try:
            if self._far(issue, self._hours(session)):
                self._found += self._plan(issue.code, session).interruptions
        except (LookupError, ValueError, OSError):
            log.debug(
                "%s is left out", issue.code, exc_info=True
            )  # nothing is known of it, or its file is bad

    def _far(self, issue: Issue, hours: SessionHours) -> bool:
        """Whether the day's bar leaves room for a VI. A day without a bar may have minutes all the same."""
        opens = seoul(hours.opens)
        rule = vi_rules.rule(opens.date(), board(issue))
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
        return not down < opened < up

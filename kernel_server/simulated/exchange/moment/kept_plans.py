"""Plans of issues' days that are kept, and what they say of a moment without making more of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from kernel_server.simulated.exchange.day_plan import DayPlan


class KeptPlans:
    """The plans read last, by code and session.

    Args:
        make: makes the plan of a code in a session, an index in the calendar; what it raises is raised again.
        most: plans kept, at most.

    Attributes:
        asked: how often ``make`` was called.
    """

    def __init__(self, make: Callable[[str, int], DayPlan], most: int) -> None:
        self._make = make
        self._most = most
        self._plans: OrderedDict[tuple[str, int], DayPlan] = OrderedDict()
        self.asked = 0

    def __call__(self, code: str, index: int) -> DayPlan:
        """The plan of a code in a session."""
        key = (code, index)
        plan = self._plans.get(key)
        if plan is None:
            self.asked += 1
            plan = self._plans[key] = self._make(code, index)
            if len(self._plans) > self._most:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(key)
        return plan

    def made_by(self, code: str, index: int, now: float) -> DayPlan | None:
        """The plan, if it is kept and its trades up to ``now`` are made."""
        plan = self._plans.get((code, index))
        return plan if plan is not None and plan.made_by(now) else None

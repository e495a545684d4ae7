"""The trades of the session before the newest, which the exchange itself has put away."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange import day_plan as plans
from kernel_server.simulated.exchange.interface import Tape, Trade
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.trade_script import Recorded


class PreviousSession:
    """That session as it was traded, without what clients' orders added to it.

    Args:
        market: whose bars were traded.
        sessions: the calendar, asked for once, when first needed.
        seed: the exchange's.
        recorded: trades that take the place of drawn ones, as the exchange has them.
        crowd: whether anybody but clients traded outside the session, as there.
    """

    def __init__(
        self,
        market: Market,
        sessions: Callable[[], Sessions],
        seed: int,
        recorded: Recorded | None = None,
        crowd: bool = True,
    ) -> None:
        self._market = market
        self._load = sessions
        self._seed = seed
        self._recorded = recorded
        self._crowd = crowd
        self._whole = lru_cache(16)(self._played)

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    def trades(self, code: str, now: float) -> tuple[Tape, list[Trade]]:
        """The tape at its end, and all trades, 시간외종가 included, oldest first.

        Raises:
            LookupError: the issue is not listed, or nothing is known of that session.
        """
        return self._whole(code, phases.session(self._sessions, now) - 1)

    def _played(self, code: str, index: int) -> tuple[Tape, list[Trade]]:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed, or there was no session before the newest")
        hours = phases.hours(self._sessions, index)
        plan = plans.plan(self._market, hours, issue, self._seed, self._recorded, self._crowd)
        if plan is None:
            raise LookupError(f"nothing is known of {code} on {self._sessions.dates[index]}")
        every = len(plan.script)
        end = plan.hours.ends
        return merged_day.tape(plan, every, end), merged_day.trades(plan, every, end)

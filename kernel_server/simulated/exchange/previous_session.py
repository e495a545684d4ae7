"""Trades of the session before the current one, which the exchange does not keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange.day_plan import plan_day
from kernel_server.simulated.exchange.interface import Tape, TradeLog
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.evening_plan import evening_plan
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.trade_script import ScriptLookup


class PreviousSession:
    """The previous session as planned, without the trades of clients' orders.

    Args:
        market: source of the bars.
        sessions: loads the calendar, on first use.
        seed: the exchange's.
        recorded: recorded trades, as the exchange has them.
        off_hours_flow, trade_size: as in the exchange.
    """

    def __init__(
        self,
        market: Market,
        sessions: Callable[[], Sessions],
        seed: int,
        recorded: ScriptLookup | None = None,
        off_hours_flow: bool = True,
        trade_size: float = 1.0,
    ) -> None:
        self._market = market
        self._load = sessions
        self._seed = seed
        self._recorded = recorded
        self._off_hours_flow = off_hours_flow
        self._trade_size = trade_size
        self._results = lru_cache(16)(self._result)

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    def trades(self, code: str, now: float) -> tuple[Tape, TradeLog]:
        """The final tape, and all trades including 시간외종가, oldest first.

        Raises:
            LookupError: the issue is not listed, or the market has no data of that session.
        """
        return self._results(code, phases.session_index(self._sessions, now) - 1)

    def _result(self, code: str, index: int) -> tuple[Tape, TradeLog]:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed, or there was no session before the newest")
        hours = phases.hours(self._sessions, index)
        plan = plan_day(
            self._market, hours, issue, self._seed, self._recorded, self._off_hours_flow, self._trade_size
        )
        if plan is None:
            raise LookupError(f"nothing is known of {code} on {self._sessions.dates[index]}")
        plan = evening_plan(self._market, plan) or plan
        count, end = len(plan.script), plan.hours.ends
        tape = merged_day.settled(plan, merged_day.tape_at(plan, count, end))
        return tape, merged_day.trades_until(plan, count, end)

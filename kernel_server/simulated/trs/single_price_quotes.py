"""opt10087: 시간외 단일가 of an issue with its quotes, and the volumes resting in its other books.

The fields follow recorded rows of the same TR on the REST feed: changes are from the close of the day despite their
names, an empty level has the price ``-0``, and an issue without trades has the close with 전일대비기호 0. The final
state of an evening is shown until the next one starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Level, QueuedShares, Tape
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.realtime.off_hours_strings import LEVELS, price_fields

_NAME = "시간외단일가_"


class SinglePriceQuotes:
    """Handler of opt10087.

    Args:
        issues: all listed issues by code.
        exchange: supplies the evening sessions.
        sessions: loads the calendar; called once, on first use.
    """

    def __init__(
        self, issues: Mapping[str, Issue], exchange: Exchange, sessions: Callable[[], Sessions]
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._load_sessions = sessions

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load_sessions()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10087": self._single_price}

    def _single_price(self, request: TrRequest, now: float) -> TrAnswer:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        try:
            evening = self._exchange.single_price(issue.code)
            asks, bids = self._exchange.depth(issue.code)
            waiting = self._exchange.closing_price_queue(issue.code)
        except LookupError:  # listed, but without any price
            return TrAnswer(message=message("no_history"), codes=(issue.code,))
        hours = phases.hours(self._sessions, phases.session_index(self._sessions, now))
        # The other books do not change during 시간외 단일가.
        values = {"호가잔량기준시간": f"{seoul(min(now, hours.afternoon_ends)):%H%M%S}"}
        values |= _side("매도", evening.asks, evening.tape.base) | _side(
            "매수", evening.bids, evening.tape.base
        )
        values |= _other_books(asks, bids, waiting) | _state(evening.tape)
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(issue.code,))


def _side(side: str, levels: Sequence[Level], base: int) -> dict[str, str]:
    values = {f"{_NAME}{side}호가총잔량": str(sum(level.volume for level in levels))}
    for place in range(LEVELS):
        level = levels[place] if place < len(levels) else Level(0, 0)
        values[f"{_NAME}{side}호가{place + 1}"] = kiwoom_format.price(level.price, base)
        values[f"{_NAME}{side}호가수량{place + 1}"] = str(level.volume)
        # 0 in every recorded row.
        values[f"{_NAME}{side}호가직전대비{place + 1}"] = "0"
    return values


def _other_books(asks: Sequence[Level], bids: Sequence[Level], waiting: QueuedShares) -> dict[str, str]:
    """Volumes resting in the regular book and in 시간외종가."""
    return {
        "매도호가총잔량": str(sum(level.volume for level in asks)),
        "매도호가총잔량직전대비": "0",
        "매수호가총잔량": str(sum(level.volume for level in bids)),
        "매수호가총잔량직전대비": "0",
        "시간외매도호가총잔량": str(waiting.asks),
        "시간외매도호가총잔량직전대비": kiwoom_format.signed(waiting.asks_change),
        "시간외매수호가총잔량": str(waiting.bids),
        "시간외매수호가총잔량직전대비": kiwoom_format.signed(waiting.bids_change),
    }


def _state(tape: Tape) -> dict[str, str]:
    fields = price_fields(tape)
    return {
        f"{_NAME}현재가": fields["last"],
        f"{_NAME}전일대비기호": fields["direction"] if tape.volume else "0",
        f"{_NAME}전일대비": fields["change"],
        f"{_NAME}등락률": fields["rate"],
        f"{_NAME}누적거래량": fields["total"],
    }

"""opt10004: the ten best asks and bids of an issue.

The TR is declared with many rows and has one, which does not count. Its names are not regular: the best level
is 최우선, and some of the sixth say 우선 where the others say 차선.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from kernel_server.clock import seoul
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Level, QueuedShares, Tape, Trade
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side

LEVELS = 10

_ODD: Mapping[str, str] = {
    "매도1차선호가": "매도최우선호가",
    "매도1차선잔량": "매도최우선잔량",
    "매수1차선호가": "매수최우선호가",
    "매수1차선잔량": "매수최우선잔량",
    "매도6차선잔량": "매도6우선잔량",
    "매수6차선호가": "매수6우선호가",
    "매수6차선잔량": "매수6우선잔량",
}


class BookSnapshot(NamedTuple):
    """How an issue stands: its tape, the newest trade, its quotes, and the moment (Seoul) that they are of."""

    issue: Issue
    tape: Tape
    newest: Trade | None
    asks: list[Level]
    bids: list[Level]
    moment: datetime


def look(
    issues: Mapping[str, Issue], exchange: Exchange, request: TrRequest, now: float
) -> BookSnapshot | TrAnswer:
    """How the issue of a request stands; the answer to give, where it is listed but without any price.

    Raises:
        Rejected: it is not listed.
    """
    issue = issues.get(request.inputs["종목코드"])
    if issue is None:
        raise TrRejected("unknown_code")
    try:
        tape, trades = exchange.tape(issue.code), exchange.trades(issue.code)
        asks, bids = exchange.depth(issue.code)
    except LookupError:
        return TrAnswer(message=message("no_history"), codes=(issue.code,))
    newest = trades[-1] if trades else None
    # While orders are taken, quotes are as of now; afterwards the last trade left them so.
    at = newest.time if newest is not None and exchange.phase() is Phase.CLOSED else now
    return BookSnapshot(issue, tape, newest, asks, bids, seoul(at))


class OrderBooks:
    """The handler of opt10004.

    Args:
        issues: the listing, by code.
        exchange: whose books are shown.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange) -> None:
        self._issues = issues
        self._exchange = exchange

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10004": self._book}

    def _book(self, request: TrRequest, now: float) -> TrAnswer:
        seen = look(self._issues, self._exchange, request, now)
        if isinstance(seen, TrAnswer):
            return seen
        values = {"호가잔량기준시간": f"{seen.moment:%H%M%S}"}
        values |= _side("매도", seen.asks, seen.tape, taken_by(seen.newest, Side.BUY))
        values |= _side("매수", seen.bids, seen.tape, taken_by(seen.newest, Side.SELL))
        values |= _after_hours(self._exchange.closing_price_queue(seen.issue.code))
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(seen.issue.code,))


def _side(side: str, levels: Sequence[Level], tape: Tape, taken: Trade | None) -> dict[str, str]:
    """The fields of one side of the book."""
    values = {}
    for number, level in enumerate(rungs(levels, taken), 1):
        for name, value in (
            (f"{side}{number}차선호가", kiwoom_format.price(level.price, tape.base)),
            (f"{side}{number}차선잔량", str(level.volume)),
            (f"{side}{number}차선잔량대비", kiwoom_format.signed(level.change)),
        ):
            values[_ODD.get(name, name)] = value
    values[f"총{side}잔량"] = str(sum(level.volume for level in levels))
    values[f"총{side}잔량직전대비"] = kiwoom_format.signed(
        sum(level.change for level in rungs(levels, taken))
    )
    return values


def _after_hours(waiting: QueuedShares) -> dict[str, str]:
    """What waits in 시간외종가, and by how much it has just changed."""
    return {
        "시간외매도잔량": str(waiting.asks),
        "시간외매도잔량대비": kiwoom_format.signed(waiting.asks_change),
        "시간외매수잔량": str(waiting.bids),
        "시간외매수잔량대비": kiwoom_format.signed(waiting.bids_change),
    }


class Rung(NamedTuple):
    """A level of the book as it is shown: ``change`` is what is known to have changed of its shares last."""

    price: int
    volume: int
    change: int


def rungs(levels: Sequence[Level], taken: Trade | None) -> list[Rung]:
    """Ten levels; one that is not there has a price and a size of nothing. ``taken`` is what a trade took away."""
    found = []
    for number in range(LEVELS):
        level = levels[number] if number < len(levels) else Level(0, 0)
        less = taken.volume if taken is not None and taken.price == level.price else 0
        found.append(Rung(level.price, level.volume, -less))
    return found


def taken_by(trade: Trade | None, side: Side) -> Trade | None:
    """The trade, if it was on that side's initiative: it took shares from the other side's quotes."""
    return trade if trade is not None and trade.side is side else None

"""Order book, opt10004: the ten best asks and bids of an issue.

The TR is declared with many rows and has one, which GetRepeatCnt does not count. Its field names are irregular: the
best level is 최우선, and some of the sixth say 우선 instead of 차선.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from kernel_server.clock import seoul
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import (
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
)
from kernel_server.simulated.exchange.interface import Exchange, Level, QueuedShares, Trade
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side

LEVELS = 10

_CLOSED = (Phase.CLOSED, Phase.NXT_CLOSED)
_IRREGULAR_NAMES: Mapping[str, str] = {
    "매도1차선호가": "매도최우선호가",
    "매도1차선잔량": "매도최우선잔량",
    "매수1차선호가": "매수최우선호가",
    "매수1차선잔량": "매수최우선잔량",
    "매도6차선잔량": "매도6우선잔량",
    "매수6차선호가": "매수6우선호가",
    "매수6차선잔량": "매수6우선잔량",
}


class BookSnapshot(NamedTuple):
    """기준가 (KRW), newest trade and quotes of an issue, with the time of the quotes in Seoul."""

    issue: Issue
    base: int
    newest_trade: Trade | None
    asks: Sequence[Level]
    bids: Sequence[Level]
    time: datetime


def book_snapshot(
    issues: Mapping[str, Issue], exchange: Exchange, request: TrRequest, now: float
) -> BookSnapshot | TrAnswer:
    """Snapshot of the issue of a request, or the answer for an issue without prices.

    The trades before the newest ones are not made: of a busy issue there are a hundred thousand.

    Raises:
        TrRejected: the issue is not listed.
    """
    issue = issues.get(request.inputs["종목코드"])
    if issue is None:
        raise TrRejected("unknown_code")
    try:
        base, newest_trade = exchange.base(issue.code), exchange.trades(issue.code).newest()
        asks, bids = exchange.depth(issue.code)
    except LookupError:
        return TrAnswer(message=message("no_history"), codes=(issue.code,))
    # Outside trading phases the quotes are those left by the last trade.
    at = newest_trade.time if newest_trade is not None and exchange.phase(issue.code) in _CLOSED else now
    return BookSnapshot(issue, base, newest_trade, asks, bids, seoul(at))


class OrderBooks:
    """Handler of opt10004.

    Args:
        issues: all listed issues by code.
        exchange: supplies the books.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange) -> None:
        self._issues = issues
        self._exchange = exchange

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10004": self._book}

    def _book(self, request: TrRequest, now: float) -> TrAnswer:
        snapshot = book_snapshot(self._issues, self._exchange, request, now)
        if isinstance(snapshot, TrAnswer):
            return snapshot
        values = {"호가잔량기준시간": f"{snapshot.time:%H%M%S}"}
        values |= _side("매도", snapshot.asks, snapshot.base, taken_by(snapshot.newest_trade, Side.BUY))
        values |= _side("매수", snapshot.bids, snapshot.base, taken_by(snapshot.newest_trade, Side.SELL))
        values |= _after_hours(self._exchange.closing_price_queue(snapshot.issue.code))
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(snapshot.issue.code,))


def _side(side: str, levels: Sequence[Level], base: int, trade_at_side: Trade | None) -> dict[str, str]:
    """Fields of one side of the book."""
    values = {}
    for number, level in enumerate(book_levels(levels, trade_at_side), 1):
        for name, value in (
            (f"{side}{number}차선호가", kiwoom_format.price(level.price, base)),
            (f"{side}{number}차선잔량", str(level.volume)),
            (f"{side}{number}차선잔량대비", kiwoom_format.signed(level.change)),
        ):
            values[_IRREGULAR_NAMES.get(name, name)] = value
    values[f"총{side}잔량"] = str(sum(level.volume for level in levels))
    values[f"총{side}잔량직전대비"] = kiwoom_format.signed(
        sum(level.change for level in book_levels(levels, trade_at_side))
    )
    return values


def _after_hours(waiting: QueuedShares) -> dict[str, str]:
    """Shares resting in 시간외종가 and their last changes."""
    return {
        "시간외매도잔량": str(waiting.asks),
        "시간외매도잔량대비": kiwoom_format.signed(waiting.asks_change),
        "시간외매수잔량": str(waiting.bids),
        "시간외매수잔량대비": kiwoom_format.signed(waiting.bids_change),
    }


class BookLevel(NamedTuple):
    """A displayed level of the book; ``change`` is the last known change of its volume."""

    price: int
    volume: int
    change: int


def book_levels(levels: Sequence[Level], trade_at_side: Trade | None) -> list[BookLevel]:
    """Ten levels, missing ones with price and volume 0; the volume of the trade is the change of its level."""
    found = []
    for number in range(LEVELS):
        level = levels[number] if number < len(levels) else Level(0, 0)
        taken = (
            trade_at_side.volume if trade_at_side is not None and trade_at_side.price == level.price else 0
        )
        found.append(BookLevel(level.price, level.volume, -taken))
    return found


def taken_by(trade: Trade | None, side: Side) -> Trade | None:
    """The trade if ``side`` was the aggressor, so that it took shares from the other side's quotes."""
    return trade if trade is not None and trade.side is side else None

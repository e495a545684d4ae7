"""Clients' orders in an issue outside its regular session, and what happens to them there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

from kernel_server.simulated.exchange.background import Met
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import (
    Fill,
    NewOrder,
    QueuedShares,
    SinglePriceState,
    Tape,
    Trade,
    Watcher,
)
from kernel_server.simulated.exchange.off_hours import merged_day, synthetic_trades
from kernel_server.simulated.exchange.off_hours.closing_price import ClosingPrice
from kernel_server.simulated.exchange.off_hours.single_price import SinglePrice, SinglePriceHours
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

_VOID = {Phase.PAUSE: Board.BEFORE, Phase.SINGLE_PRICE: Board.AFTER, Phase.CLOSED: Board.SINGLE}
"""The board whose orders end with the beginning of a phase. Those of the morning wait on in vain until the close."""


class IssueDayView(Protocol):
    """The issue's day: its plan, its tape, its book, and whether the watcher is told."""

    plan: DayPlan
    tape: Tape
    book: OrderBook
    loud: bool

    def note(self, trade: Trade) -> None:
        """Keeps a trade of its tape."""
        ...


class _OffHoursOrder:
    """A client's order that is open."""

    __slots__ = ("board", "filled", "left")

    def __init__(self, board: Board, left: int, filled: Callable[[Fill], None]) -> None:
        self.board = board
        self.left = left
        self.filled = filled


class OffHoursBoards:
    """The boards beside the regular one, each made when it is first needed.

    Args:
        host: whose they are.
        began: the moment from which on the host lets events happen, seconds since the epoch.
        watcher: is told, if the host is loud.
    """

    __slots__ = ("_after", "_after_event", "_before", "_began", "_clients", "_host", "_single", "_watcher")

    def __init__(self, host: IssueDayView, began: float, watcher: Watcher) -> None:
        self._host = host
        self._began = began
        self._watcher = watcher
        self._clients: dict[int, _OffHoursOrder] = {}
        self._before: ClosingPrice | None = None
        self._after: ClosingPrice | None = None
        self._after_event = 0
        self._single: SinglePrice | None = None

    def submit(self, number: int, order: NewOrder, now: float, filled: Callable[[Fill], None]) -> None:
        """A client's order comes in; it has been found good."""
        self._clients[number] = _OffHoursOrder(order.board, order.quantity, filled)
        if order.board is Board.SINGLE:
            self._evenings().submit(number, order.side, order.quantity, order.price)
            self._tell_evening(now)
            return
        self.early(now)
        board = self._at(now)
        if board is not None:
            self._told(now, board.submit(number, order.side, order.quantity))

    def cancel(self, number: int, quantity: int | None, now: float) -> int:
        """Takes (so much of) a client's order out; how much was open, 0 where it is not here."""
        client = self._clients.get(number)
        if client is None:
            return 0
        board = {Board.BEFORE: self._before, Board.AFTER: self._after}.get(client.board, self._single)
        gone = board.cancel(number, quantity) if board else 0
        client.left -= gone
        if not client.left:
            del self._clients[number]
        if client.board is Board.SINGLE:
            self._tell_evening(now)
        elif self._host.loud:
            self._watcher.quoted(self._host.plan.issue.code, now)
        return gone

    def turned(self, phase: Phase, time: float) -> None:
        """The session has come to another phase: what the old one leaves open is void."""
        for number, client in [*self._clients.items()]:
            if client.board is _VOID.get(phase):
                self.cancel(number, None, time)

    def early(self, time: float) -> None:
        """In 장전 시간외종가: the background's queue as it is now."""
        plan = self._host.plan
        if plan.hours.collects <= time < plan.hours.early:
            _side, waiting = self._early(time)
            self._told(time, self._mornings(time).move(waiting), quiet=True)

    def step(self, time: float) -> None:
        """Lets happen what is due then, after the close."""
        if time >= self._host.plan.hours.single:
            matches = self._evenings().step()
            self._traded_alone(time, matches)
            self._tell_evening(time)
        elif time >= self._host.plan.hours.after:
            board, event = self._afternoons(), self._after_event
            drawn = merged_day.at_close(self._host.plan)
            self._after_event += 1
            self._told(time, board.move(drawn.left[event], drawn.volume[event]) if event else board.begin())

    def waiting(self, now: float) -> QueuedShares:
        """What waits in 시간외종가."""
        board = self._at(now)
        return board.waiting if board is not None else QueuedShares(0, 0)

    def evening(self) -> SinglePriceState:
        """How 시간외 단일가 stands."""
        return self._evenings().evening()

    # The boards.

    def _at(self, now: float) -> ClosingPrice | None:
        """The board of 시간외종가 that is open, or was last."""
        hours = self._host.plan.hours
        if now >= hours.closes:
            return self._afternoons()
        return self._mornings(now) if hours.collects <= now < hours.early else None

    def _mornings(self, now: float) -> ClosingPrice:
        if self._before is None:
            self._before = ClosingPrice(self._host.plan.base, *self._early(now))
        return self._before

    def _early(self, now: float) -> tuple[Side, int]:
        """Who waits in 장전 시간외종가."""
        plan = self._host.plan
        return synthetic_trades.early(
            plan.key, plan.previous_volume if plan.crowd else 0, now - plan.hours.collects
        )

    def _afternoons(self) -> ClosingPrice:
        if self._after is None:
            drawn = merged_day.at_close(self._host.plan)
            done = self._after_event = bisect_right(drawn.time, self._began)
            price = merged_day.closed(self._host.plan).price
            collected = None if done else drawn.volume[0]
            self._after = ClosingPrice(price, drawn.side, drawn.left[max(0, done - 1)], collected)
        return self._after

    def _evenings(self) -> SinglePrice:
        if self._single is None:
            plan = self._host.plan
            hours = SinglePriceHours(plan.hours.single, plan.hours.ends)
            close, events = merged_day.closed(plan), hours.events(plan.key, self._began)
            self._single = SinglePrice(plan.issue.code, plan.issue.shares, close, hours, events)
        return self._single

    # Telling.

    def _told(self, time: float, met: Sequence[Met], quiet: bool = False) -> None:
        """Trades of 시간외종가 come onto the day's tape. ``quiet``: somebody else will tell of the queues."""
        host = self._host
        code = host.plan.issue.code
        ask, bid = host.book.ask(), host.book.bid()
        for side, match in met:
            trade = Trade(code, time, match.price, match.volume, side)
            merged_day.add(host.tape, trade)
            host.note(trade)
            if host.loud:
                self._watcher.traded(trade, host.tape, ask, bid)
        if host.loud and not quiet:
            self._watcher.quoted(code, time)
        self._fill(time, [match for _side, match in met])

    def _traded_alone(self, time: float, matches: Sequence[Match]) -> None:
        """Trades of an auction come onto a tape of their own."""
        host, single = self._host, self._evenings()
        for match in matches:
            trade = Trade(host.plan.issue.code, time, match.price, match.volume, Side.NONE)
            single.traded(trade)
            if host.loud:
                self._watcher.evening(trade.code, time, trade)
        self._fill(time, matches)

    def _tell_evening(self, time: float) -> None:
        if self._host.loud:
            self._watcher.evening(self._host.plan.issue.code, time, None)

    def _fill(self, time: float, matches: Sequence[Match]) -> None:
        code = self._host.plan.issue.code
        for match in matches:
            for number in (match.maker, match.taker):
                client = self._clients.get(number)
                if client is not None:
                    client.left -= match.volume
                    if not client.left:
                        del self._clients[number]
                    client.filled(Fill(number, code, time, match.price, match.volume, client.left))

"""The off-hours boards of one issue: background order flow and clients' orders on 시간외종가 and 시간외 단일가."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

from kernel_server.simulated.exchange.book import Match
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    Fill,
    Level,
    NewOrder,
    QueuedShares,
    SinglePriceState,
    Tape,
    Trade,
)
from kernel_server.simulated.exchange.live_book import LiveBook
from kernel_server.simulated.exchange.off_hours import closing_price_flow, merged_day
from kernel_server.simulated.exchange.off_hours.closing_price import ClosingPrice
from kernel_server.simulated.exchange.off_hours.single_price import SinglePrice, SinglePriceHours
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

_VOIDED = {Phase.PAUSE: Board.BEFORE, Phase.SINGLE_PRICE: Board.AFTER, Phase.CLOSED: Board.SINGLE}
"""The board whose open orders are void when a phase begins. The morning's stay open, in vain, until the close."""


def background_queue(plan: DayPlan, now: float) -> QueuedShares:
    """The queues of 시간외종가 of an issue in which no client has an order."""
    if now >= plan.hours.closes:
        return _afternoon_board(plan, now)[0].queued
    return _morning_board(plan, now).queued if _in_the_morning(plan, now) else QueuedShares(0, 0)


def _in_the_morning(plan: DayPlan, now: float) -> bool:
    return plan.hours.orders_from <= now < plan.hours.morning_ends


def _morning_board(plan: DayPlan, now: float) -> ClosingPrice:
    return ClosingPrice(plan.base, *_morning_flow(plan, now))


def _morning_flow(plan: DayPlan, now: float) -> tuple[Side, int]:
    """The background's side and shares in 장전 시간외종가."""
    return closing_price_flow.morning_queue(
        plan.key, plan.previous_volume if plan.off_hours_flow else 0, now - plan.hours.orders_from
    )


def _afternoon_board(plan: DayPlan, since: float) -> tuple[ClosingPrice, int]:
    """장후 시간외종가 at a moment, and how many of its background's events are over."""
    flow = merged_day.afternoon_flow(plan)
    done = bisect_right(flow.time, since)
    price = merged_day.session_close(plan).price
    return ClosingPrice(price, flow.side, flow.left[max(0, done - 1)], None if done else flow.volume[0]), done


class IssueDayView(Protocol):
    """The part of an issue's day that its off-hours boards use."""

    plan: DayPlan
    tape: Tape
    book: LiveBook
    subscribed: bool


class _OffHoursOrder:
    """A client's open order."""

    __slots__ = ("board", "left", "on_fill")

    def __init__(self, board: Board, left: int, on_fill: Callable[[Fill], None]) -> None:
        self.board = board
        self.left = left
        self.on_fill = on_fill


class OffHoursBoards:
    """The off-hours boards of an issue, each created on first use.

    Args:
        day: the issue's day.
        since: the moment from which the day processes events, seconds since the epoch.
        subscriber: notified if the day is subscribed.
    """

    __slots__ = (
        "_afternoon",
        "_afternoon_event",
        "_clients",
        "_day",
        "_morning",
        "_since",
        "_single_price",
        "_subscriber",
    )

    def __init__(self, day: IssueDayView, since: float, subscriber: ExchangeSubscriber) -> None:
        self._day = day
        self._since = since
        self._subscriber = subscriber
        self._clients: dict[int, _OffHoursOrder] = {}
        self._morning: ClosingPrice | None = None
        self._afternoon: ClosingPrice | None = None
        self._afternoon_event = 0
        self._single_price: SinglePrice | None = None

    def submit(self, number: int, order: NewOrder, now: float, on_fill: Callable[[Fill], None]) -> None:
        """Enter a client's order that has passed the checks."""
        self._clients[number] = _OffHoursOrder(order.board, order.quantity, on_fill)
        if order.board is Board.SINGLE:
            self._single_price_board().submit(number, order.side, order.quantity, order.price)
            self._notify_single_price(now)
            return
        self.update_morning_queue(now)
        board = self._closing_price_board(now)
        if board is not None:
            self._publish(now, None, board.submit(number, order.side, order.quantity))

    def cancel(self, number: int, quantity: int | None, now: float) -> int:
        """Cancel a client's order, or ``quantity`` shares of it; the cancelled shares, 0 if it is not here."""
        client = self._clients.get(number)
        if client is None:
            return 0
        board = {Board.BEFORE: self._morning, Board.AFTER: self._afternoon}.get(
            client.board, self._single_price
        )
        cancelled = board.cancel(number, quantity) if board else 0
        client.left -= cancelled
        if not client.left:
            del self._clients[number]
        if client.board is Board.SINGLE:
            self._notify_single_price(now)
        elif self._day.subscribed:
            self._subscriber.on_quote(self._day.plan.issue.code, now)
        return cancelled

    def change_phase(self, phase: Phase, time: float) -> None:
        """Void the open orders of the board that ends with the previous phase."""
        for number, client in [*self._clients.items()]:
            if client.board is _VOIDED.get(phase):
                self.cancel(number, None, time)

    def update_morning_queue(self, time: float) -> None:
        """During 장전 시간외종가, bring the background's queue up to date."""
        if _in_the_morning(self._day.plan, time):
            _side, resting = _morning_flow(self._day.plan, time)
            # The caller notifies of the queues.
            self._publish(time, None, self._morning_board(time).advance(resting), notify_quote=False)

    def step(self, time: float) -> None:
        """Process the event after the close that is due at that time."""
        if time >= self._day.plan.hours.single_price_begins:
            traded, matches = self._single_price_board().step()
            self._publish_single_price(time, traded, matches)
            self._notify_single_price(time)
        elif time >= self._day.plan.hours.afternoon_begins:
            board, event = self._afternoon_board(), self._afternoon_event
            flow = merged_day.afternoon_flow(self._day.plan)
            self._afternoon_event += 1
            matches = board.advance(flow.left[event], flow.volume[event]) if event else board.start_trading()
            side = Side(-flow.side) if event else Side.NONE
            trade = Trade(self._day.plan.issue.code, time, board.price, flow.volume[event], side)
            self._publish(time, trade if trade.volume else None, matches)

    def closing_price_queue(self, now: float) -> QueuedShares:
        """The queues of 시간외종가."""
        board = self._closing_price_board(now)
        return board.queued if board is not None else QueuedShares(0, 0)

    def single_price(self) -> SinglePriceState:
        """The state of 시간외 단일가."""
        return self._single_price_board().state()

    # The boards.

    def _closing_price_board(self, now: float) -> ClosingPrice | None:
        """The board of 시간외종가 that is open, or after the close the last one."""
        if now >= self._day.plan.hours.closes:
            return self._afternoon_board()
        return self._morning_board(now) if _in_the_morning(self._day.plan, now) else None

    def _morning_board(self, now: float) -> ClosingPrice:
        if self._morning is None:
            self._morning = _morning_board(self._day.plan, now)
        return self._morning

    def _afternoon_board(self) -> ClosingPrice:
        if self._afternoon is None:
            self._afternoon, self._afternoon_event = _afternoon_board(self._day.plan, self._since)
        return self._afternoon

    def _single_price_board(self) -> SinglePrice:
        if self._single_price is None:
            plan = self._day.plan
            hours = SinglePriceHours(plan.hours.single_price_begins, plan.hours.ends)
            close, events = merged_day.session_close(plan), hours.events_by(plan.key, self._since)
            self._single_price = SinglePrice(plan.issue.code, plan.issue.shares, close, hours, events)
        return self._single_price

    # Notifications.

    def _publish(
        self, time: float, trade: Trade | None, matches: Sequence[Match], notify_quote: bool = True
    ) -> None:
        """Add a trade of 시간외종가 to the day's tape, notify the subscriber, then the clients among the matches."""
        day = self._day
        if trade is not None:
            merged_day.add_trade(day.tape, trade)
            if day.subscribed:
                self._subscriber.on_trade(trade, day.tape, *day.book.best())
        if day.subscribed and notify_quote:
            self._subscriber.on_quote(day.plan.issue.code, time)
        self._notify_fills(time, matches)

    def _publish_single_price(self, time: float, traded: Level, matches: Sequence[Match]) -> None:
        """Add an auction of 시간외 단일가 to its own tape and notify the subscriber and the clients."""
        day, board = self._day, self._single_price_board()
        if traded.volume:
            trade = Trade(day.plan.issue.code, time, traded.price, traded.volume, Side.NONE)
            board.add_trade(trade)
            if day.subscribed:
                self._subscriber.on_single_price(trade.code, time, trade)
        self._notify_fills(time, matches)

    def _notify_single_price(self, time: float) -> None:
        if self._day.subscribed:
            self._subscriber.on_single_price(self._day.plan.issue.code, time, None)

    def _notify_fills(self, time: float, matches: Sequence[Match]) -> None:
        code = self._day.plan.issue.code
        for match in matches:
            for number in (match.maker, match.taker):
                client = self._clients.get(number)
                if client is not None:
                    client.left -= match.volume
                    if not client.left:
                        del self._clients[number]
                    client.on_fill(Fill(number, code, time, match.price, match.volume, client.left))

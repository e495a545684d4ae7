"""One issue's trading day: its order book, its tape, and the clients' orders.

The tape has the script's trades and nothing else: clients trade with the book beside them, so that what is published
of the market is the same with and without clients' orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from kernel_server.simulated.exchange import call_auction
from kernel_server.simulated.exchange.admission import AUCTIONS
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.call_auction import ClientOrder
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.event_batches import (
    CLOSED,
    EXPECTED_PRICE,
    INTERRUPTED,
    QUOTE_CHANGE,
    closed_state,
    event_batches,
    quote_state,
)
from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    ExpectedPrice,
    Fill,
    NewOrder,
    Trade,
    TradeLog,
)
from kernel_server.simulated.exchange.live_book import LiveBook
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.boards import OffHoursBoards
from kernel_server.simulated.exchange.quotes.quote_rule import QuoteState
from kernel_server.simulated.exchange.tape import add_trade
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

NEVER = float("inf")
_SIDES = {int(side): side for side in Side}
_CLOSED = (Phase.CLOSED, Phase.NXT_CLOSED)


class IssueDay:
    """The issue's day from ``now`` on. The tape already has the script's trades before that.

    Attributes:
        due: time of the next event, seconds since the epoch, ``NEVER`` if there is none.
        subscribed: whether the subscriber is notified.
        tape: running totals.
        interruption: the VI in effect.
        book: the order book; during an auction, the quotes around the indicative price.
        has_client_orders: whether clients have entered orders today, so that the day cannot be rebuilt from its plan.
    """

    __slots__ = (
        "_batch",
        "_batches",
        "_clients",
        "_collected",
        "_count",
        "_index",
        "_minute",
        "_off_hours",
        "_position",
        "_processed_until",
        "_subscriber",
        "book",
        "due",
        "has_client_orders",
        "interruption",
        "plan",
        "subscribed",
        "tape",
    )

    def __init__(self, plan: DayPlan, now: float, subscriber: ExchangeSubscriber) -> None:
        position = plan.script.count_by(now)
        self.plan = plan
        self.subscribed = False
        self.tape = merged_day.tape_at(plan, position, now)
        state = quote_state(plan, position, self.tape.last, now)
        self.book = LiveBook(plan.quotes, state)
        self.due = NEVER
        self.interruption = plan.interruption(now)
        self._subscriber = subscriber
        self._minute = plan.script.time_at(position - 1) // 60 if position else 0.0  # of the newest trade
        self._count = state.number  # its number within that minute
        self._collected = OrderBook()
        self._clients: dict[int, ClientOrder] = {}
        self._position = position
        self.has_client_orders = False
        self._processed_until = now
        self._off_hours: OffHoursBoards | None = None
        self._batches = chain(event_batches(plan, now), merged_day.event_batches(plan, now))
        self._next_batch()

    def _next_batch(self) -> None:
        for batch in self._batches:
            if batch.time:
                self._batch, self._index, self.due = batch, 0, batch.time[0]
                return
        self.due = NEVER

    def step(self) -> None:
        """Process the next event."""
        batch, index, time = self._batch, self._index, self.due
        kind = batch.kind[index]
        if index + 1 < len(batch.time):
            self._index = index + 1
            self.due = batch.time[index + 1]
        else:
            self._next_batch()
        if kind == QUOTE_CHANGE:
            matches = self.book.change_quotes()
            if matches:
                self._publish(time, None, matches)
            elif self.subscribed:
                self._subscriber.on_quote(self.plan.issue.code, time)
        elif kind < QUOTE_CHANGE:
            self._process_rare(kind, time)
        else:
            self._position += 1
            self._count = self._count + 1 if time // 60 == self._minute else 0
            self._minute = time // 60
            price, volume, value = batch.price[kind], batch.volume[kind], batch.value[kind]
            opening = self._position == 1 and self.plan.script.opens
            closing = self._position == len(self.plan.script) and self.plan.script.closes
            if self.interruption is not None:
                self._release(time, price, volume, value)
            elif opening or closing:
                self._count = 0 if closing else self._count
                self._uncross(time, price, volume, value)
                if closing:
                    self.void_orders()
            else:
                side = _SIDES[batch.side[kind]]
                matches = self.book.trade(side, price, volume, self._count)
                self._publish(time, Trade(self.plan.issue.code, time, price, volume, side), matches, value)

    def _process_rare(self, kind: int, time: float) -> None:
        """Process an event that is neither a trade nor a quote change."""
        if kind == EXPECTED_PRICE:
            if time < self.plan.hours.morning_ends and (self.subscribed or self._off_hours is not None):
                self.off_hours.update_morning_queue(time)
            self._update_expected_price(time)
        elif kind == INTERRUPTED:
            self._interrupt(time)
        elif kind == CLOSED:
            matches = self.book.move(closed_state(self.tape.last))
            if matches:
                self._publish(time, None, matches)
            elif self.subscribed:
                self._subscriber.on_quote(self.plan.issue.code, time)
        else:
            self.off_hours.step(time)
            self._processed_until = time

    def trades(self) -> TradeLog:
        """The trades so far."""
        return merged_day.trades_until(self.plan, self._position, self._processed_until)

    @property
    def off_hours(self) -> OffHoursBoards:
        """The issue's off-hours boards."""
        if self._off_hours is None:
            self._off_hours = OffHoursBoards(self, self._processed_until, self._subscriber)
        return self._off_hours

    def delayed_auction(self, phase: Phase) -> float:
        """Time of an auction trade that has to come before that phase begins; 0 for none."""
        script = self.plan.script
        if phase is Phase.PAUSE and script.closes and self._position < len(script):
            return script.time_at(-1)
        return self.plan.hours.ends if phase in _CLOSED and self.due < NEVER else 0.0

    def submit(
        self, number: int, order: NewOrder, now: float, phase: Phase, on_fill: Callable[[Fill], None]
    ) -> None:
        """Enter a client's order that has passed the checks."""
        self.has_client_orders = True
        if order.board is not Board.REGULAR:
            self.off_hours.submit(number, order, now, on_fill)
            return
        client = self._clients[number] = ClientOrder(order.side, order.quantity, order.price, on_fill)
        # A recorded opening auction may trade some seconds after 09:00; until then orders are collected.
        late = not self._position and self.plan.script.opens and order.kind == "day"
        if phase in AUCTIONS or self.interruption is not None or (late and phase is Phase.CONTINUOUS):
            self._collected.collect(number, order.side, order.quantity, order.price)
        else:
            self._match(number, client, now, order.kind)
        if order.kind != "day":
            self._clients.pop(number, None)

    def cancel(self, number: int, quantity: int | None, now: float) -> int:
        """Cancel a client's order, or ``quantity`` shares of it; the cancelled shares."""
        client = self._clients.get(number)
        if client is None:
            return self._off_hours.cancel(number, quantity, now) if self._off_hours else 0
        cancelled = self.book.cancel(number, quantity) or self._collected.cancel(number, quantity)
        client.left -= cancelled
        if not client.left:
            del self._clients[number]
        if cancelled and self.subscribed:
            self._subscriber.on_quote(self.plan.issue.code, now)
        return cancelled

    def change_phase(self, phase: Phase, time: float) -> None:
        """Begin another phase."""
        if self._off_hours is not None:
            self._off_hours.change_phase(phase, time)
        if phase is Phase.CONTINUOUS and not self.plan.script.opens:
            self._uncross(time, self.tape.last, 0)
        elif phase is Phase.CLOSING_AUCTION:
            self._collect_resting()
        elif phase is Phase.PAUSE:
            if not self.plan.script.closes:
                self._uncross(time, self.tape.last, 0)
                self.void_orders()
            if not len(self.plan.script):  # the daily bar is known now
                self.tape = merged_day.tape_at(self.plan, 0, time)
        elif phase in _CLOSED:
            self.void_orders()

    def void_orders(self) -> None:
        """Void all open orders of clients."""
        for number in self.book.client_orders():
            self.book.cancel(number)
        self._collected = OrderBook()
        self._clients.clear()

    def _collect_resting(self) -> None:
        """Move clients' resting orders into the auction."""
        for number in self.book.client_orders():
            client = self._clients[number]
            self.book.cancel(number)
            self._collected.collect(number, client.side, client.left, client.limit)

    def _interrupt(self, time: float) -> None:
        """Begin a VI."""
        self._collect_resting()
        self.interruption = self.plan.interruption(time)
        if self.interruption is not None and self.subscribed:
            self._subscriber.on_interruption(self.interruption._replace(released=0.0))
        self._update_expected_price(time)

    def _release(self, time: float, price: int, volume: int, value: int) -> None:
        """End the VI with its auction."""
        over, self.interruption = self.interruption, None
        self._uncross(time, price, volume, value)
        if over is not None and self.subscribed:
            self._subscriber.on_interruption(over)

    def _match(self, number: int, client: ClientOrder, now: float, kind: str = "day") -> None:
        """Match a client's order in continuous trading."""
        price = client.limit
        matches = self.book.submit(number, client.side, client.left, price, kind)
        left = client.left - sum(match.volume for match in matches)
        if left and not price and kind == "day":
            # The other side is empty: the rest of a market order rests at the price limit, first in priority.
            limit = self.plan.upper if client.side is Side.BUY else self.plan.lower
            client.limit = limit
            self.book.submit(number, client.side, left, limit)
        if matches:
            self._publish(now, None, matches)
        elif self.subscribed:  # its shares are in the book
            self._subscriber.on_quote(self.plan.issue.code, now)

    def _uncross(self, time: float, price: int, volume: int, value: int = 0) -> None:
        """End an auction with the script's trade; clients' orders that are left go on to continuous trading."""
        collected = self._collected
        matches = call_auction.uncross(collected, self._clients, price, volume)
        if volume:
            self.book.move(QuoteState(price, Side.NONE, self._count, 0))
        trade = Trade(self.plan.issue.code, time, price, volume, Side.NONE) if volume else None
        self._publish(time, trade, matches, value)
        self._collected = OrderBook()
        for number in collected.client_orders():
            if client := self._clients.get(number):
                self._match(number, client, time)

    def _update_expected_price(self, time: float) -> None:
        """Move the quotes to the indicative price and publish it."""
        plan = self.plan
        price, volume = call_auction.expected_price(
            plan, time, self.tape.last, self._position, self.interruption
        )
        self.book.move(QuoteState(price, Side.NONE, int(time), 0))
        if self.subscribed:
            code = plan.issue.code
            self._subscriber.on_expected_price(code, time, ExpectedPrice(price, volume), self.tape)
            self._subscriber.on_quote(code, time)

    def _publish(self, time: float, trade: Trade | None, matches: Sequence[Match], value: int = 0) -> None:
        """Add a trade of the script to the tape, notify the subscriber, then the clients among the matches."""
        if trade is None and not matches:
            return
        code = self.plan.issue.code
        if trade is not None:
            add_trade(self.tape, trade, value)
            if self.subscribed:
                self._subscriber.on_trade(trade, self.tape, *self.book.best())
        fills: list[tuple[ClientOrder, Fill]] = []
        if self._clients:
            for match in matches:
                for number in (match.maker, match.taker):
                    if client := self._clients.get(number):
                        client.left -= match.volume
                        if not client.left:
                            del self._clients[number]
                        fills.append(
                            (client, Fill(number, code, time, match.price, match.volume, client.left))
                        )
        if self.subscribed:
            self._subscriber.on_quote(code, time)
        for client, fill in fills:
            client.on_fill(fill)

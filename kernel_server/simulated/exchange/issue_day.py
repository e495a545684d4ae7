"""One issue's trading day: its order book, its tape, and the clients' orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from kernel_server.simulated.exchange import call_auction
from kernel_server.simulated.exchange.admission import AUCTIONS
from kernel_server.simulated.exchange.background import BackgroundOrders, InitiatedMatch
from kernel_server.simulated.exchange.book import OrderBook
from kernel_server.simulated.exchange.call_auction import ClientOrder
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.event_batches import (
    EXPECTED_PRICE,
    INTERRUPTED,
    QUOTE_CHANGE,
    event_batches,
)
from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    ExpectedPrice,
    Fill,
    NewOrder,
    Trade,
)
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.boards import OffHoursBoards
from kernel_server.simulated.exchange.tape import add_trade
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

NEVER = float("inf")
_SIDES = {int(side): side for side in Side}


class IssueDay:
    """The issue's day from ``now`` on. The tape already has the script's trades before that.

    Attributes:
        due: time of the next event, seconds since the epoch, ``NEVER`` if there is none.
        subscribed: whether the subscriber is notified.
        tape: running totals.
        interruption: the VI in effect.
        book: the order book; during an auction, the quotes around the indicative price.
    """

    def __init__(self, plan: DayPlan, now: float, subscriber: ExchangeSubscriber) -> None:
        position = plan.script.count_by(now)
        self.plan = plan
        self.subscribed = False
        self.tape = merged_day.tape_at(plan, position, now)
        self.book = OrderBook()
        self.due = NEVER
        self.interruption = plan.interruption(now)
        self._subscriber = subscriber
        self._background = BackgroundOrders(
            self.book, plan.grid, plan.lower, plan.upper, plan.level_sizes, position
        )
        self._background.quote_around(self.tape.last)
        self._collected = OrderBook()
        self._clients: dict[int, ClientOrder] = {}
        self._position = position
        self._trades: list[Trade] | None = None
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
            self._background.change_quotes()
            if self.subscribed:
                self._subscriber.on_quote(self.plan.issue.code, time)
        elif kind < QUOTE_CHANGE:
            self._process_rare(kind, time)
        else:
            self._position += 1
            price, volume = batch.price[kind], batch.volume[kind]
            opening = self._position == 1 and self.plan.script.opens
            closing = self._position == len(self.plan.script) and self.plan.script.closes
            if self.interruption is not None:
                self._release(time, price, volume)
            elif opening or closing:
                self._uncross(time, price, volume)
                if closing:
                    self.void_orders()
            else:
                self._publish(time, self._background.trade(_SIDES[batch.side[kind]], price, volume))

    def _process_rare(self, kind: int, time: float) -> None:
        """Process an event that is neither a trade nor a quote change."""
        if kind == EXPECTED_PRICE:
            if time < self.plan.hours.morning_ends and (self.subscribed or self._off_hours is not None):
                self.off_hours.update_morning_queue(time)
            self._update_expected_price(time)
        elif kind == INTERRUPTED:
            self._interrupt(time)
        else:
            self.off_hours.step(time)
            self._processed_until = time

    def trades(self) -> list[Trade]:
        """The trades so far, clients' included."""
        if self._trades is None:
            return merged_day.trades_until(self.plan, self._position, self._processed_until)
        return list(self._trades)

    def record_trade(self, trade: Trade) -> None:
        """Record a trade, once clients' orders have made the trades differ from the script."""
        if self._trades is not None:
            self._trades.append(trade)

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
            return float(script.time[-1])
        return self.plan.hours.ends if phase is Phase.CLOSED and self.due < NEVER else 0.0

    @property
    def has_client_orders(self) -> bool:
        """Whether clients have entered orders today, so that the day cannot be rebuilt from its script."""
        return self._trades is not None

    def submit(
        self, number: int, order: NewOrder, now: float, phase: Phase, on_fill: Callable[[Fill], None]
    ) -> None:
        """Enter a client's order that has passed the checks."""
        if self._trades is None:
            self._trades = self.trades()
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
            # A client's trade may be the last one, but the close is the script's.
            self.tape.last = merged_day.session_close(self.plan).price
        elif phase is Phase.CLOSED and self.plan.regular is not None:
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

    def _release(self, time: float, price: int, volume: int) -> None:
        """End the VI with its auction."""
        over, self.interruption = self.interruption, None
        self._uncross(time, price, volume)
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
        self._background.avoid_crossing()
        self._publish(now, [(client.side, match) for match in matches])

    def _uncross(self, time: float, price: int, volume: int) -> None:
        """End an auction with the script's trade; clients' orders that are left go on to continuous trading."""
        collected = self._collected
        matches = call_auction.uncross(collected, self._clients, price, volume)
        if volume:
            self._background.quote_around(price)
        self._publish(time, [(Side.NONE, match) for match in matches])
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
        self._background.quote_around(price)
        if self.subscribed:
            buys, sells = call_auction.crossing_volumes(self._clients, price) if self._clients else (0, 0)
            code = plan.issue.code
            expected = ExpectedPrice(price, volume + buys + sells)
            self._subscriber.on_expected_price(code, time, expected, self.tape)
            self._subscriber.on_quote(code, time)

    def _publish(self, time: float, matches: Sequence[InitiatedMatch]) -> None:
        """Add matches to the tape, then notify the subscriber and the clients that were filled."""
        if not matches:
            return
        code = self.plan.issue.code
        fills: list[tuple[ClientOrder, Fill]] = []
        ask, bid = self.book.ask(), self.book.bid()
        for side, match in matches:
            trade = Trade(code, time, match.price, match.volume, side)
            add_trade(self.tape, trade)
            if self._trades is not None:
                self._trades.append(trade)
            if self.subscribed:
                self._subscriber.on_trade(trade, self.tape, ask, bid)
            if self._clients:
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

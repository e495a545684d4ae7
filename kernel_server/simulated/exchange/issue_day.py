"""An issue on one day as it goes by: its book, its tape, and the clients' orders in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange import day_plan as plans
from kernel_server.simulated.exchange.admission import AUCTIONS
from kernel_server.simulated.exchange.agenda import EXPECTED, FLICKER, HALTED, agenda
from kernel_server.simulated.exchange.background import BackgroundOrders, Met
from kernel_server.simulated.exchange.book import OrderBook
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Expected, Fill, NewOrder, Trade, Watcher
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.boards import OffHoursBoards
from kernel_server.simulated.exchange.queues import BACKGROUND
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

NEVER = float("inf")
_SIDES = {int(side): side for side in Side}
_SURE = 0.95  # through this part of an auction its price still moves


class _ClientOrder:
    """A client's order that may still trade."""

    __slots__ = ("filled", "left", "limit", "side")

    def __init__(self, side: Side, left: int, limit: int, filled: Callable[[Fill], None]) -> None:
        self.side = side
        self.left = left
        self.limit = limit  # KRW, 0 for any price
        self.filled = filled


class IssueDay:
    """The issue from ``now`` on. What has happened before is in the tape, as its script says.

    Attributes:
        due: when the next event is, seconds since the epoch, ``NEVER`` where none is left.
        loud: whether the watcher is told.
        tape: kept up to date.
        halt: the VI that is on.
        book: outside auctions, all that waits; within, the quotes around the expected price.
    """

    def __init__(self, plan: DayPlan, now: float, watcher: Watcher) -> None:
        position = plan.script.begun(now)
        self.plan = plan
        self.loud = False
        self.tape = merged_day.tape(plan, position, now)
        self.book = OrderBook()
        self.due = NEVER
        self.halt = plan.interruption(now)
        self._watcher = watcher
        self._flow = BackgroundOrders(self.book, plan.grid, plan.lower, plan.upper, plan.pool, position)
        self._flow.settle(self.tape.last)
        self._auction = OrderBook()
        self._clients: dict[int, _ClientOrder] = {}
        self._position = position
        self._record: list[Trade] | None = None
        self._reached = now
        self._beside: OffHoursBoards | None = None
        self._agenda = chain(agenda(plan, now), merged_day.agenda(plan, now))
        self._turn_page()

    def _turn_page(self) -> None:
        for page in self._agenda:
            if page.time:
                self._page, self._place, self.due = page, 0, page.time[0]
                return
        self.due = NEVER

    def step(self) -> None:
        """Lets the event happen that is due next."""
        page, place, time = self._page, self._place, self.due
        kind = page.kind[place]
        if place + 1 < len(page.time):
            self._place = place + 1
            self.due = page.time[place + 1]
        else:
            self._turn_page()
        if kind == FLICKER:
            self._flow.flicker()
            if self.loud:
                self._watcher.quoted(self.plan.issue.code, time)
        elif kind < FLICKER:
            self._go_by(kind, time)
        else:
            self._position += 1
            price, volume = page.price[kind], page.volume[kind]
            opening = self._position == 1 and self.plan.script.opens
            closing = self._position == len(self.plan.script) and self.plan.script.closes
            if self.halt is not None:
                self._release(time, price, volume)
            elif opening or closing:
                self._uncross(time, price, volume)
                if closing:
                    self.drop()
            else:
                self._told(time, self._flow.trade(_SIDES[page.side[kind]], price, volume))

    def _go_by(self, kind: int, time: float) -> None:
        """Lets an event happen that is no trade and no change of quotes."""
        if kind == EXPECTED:
            if time < self.plan.hours.early and (self.loud or self._beside is not None):
                self.beside.early(time)
            self._expect(time)
        elif kind == HALTED:
            self._interrupt(time)
        else:
            self.beside.step(time)
            self._reached = time

    def trades(self) -> list[Trade]:
        """Its trades so far, clients' included."""
        if self._record is None:
            return merged_day.trades(self.plan, self._position, self._reached)
        return list(self._record)

    def note(self, trade: Trade) -> None:
        """Keeps a trade of its tape, where that is no longer what the script knows."""
        if self._record is not None:
            self._record.append(trade)

    @property
    def beside(self) -> OffHoursBoards:
        """What is traded outside the regular session."""
        if self._beside is None:
            self._beside = OffHoursBoards(self, self._reached, self._watcher)
        return self._beside

    def ending(self, phase: Phase) -> float:
        """When the auction is to be that ends as that phase begins, seconds since the epoch; 0 without one."""
        script = self.plan.script
        if phase is Phase.PAUSE and script.closes and self._position < len(script):
            return float(script.time[-1])
        return self.plan.hours.ends if phase is Phase.CLOSED and self.due < NEVER else 0.0

    @property
    def kept(self) -> bool:
        """Whether clients have left their marks in it, which the script does not know."""
        return self._record is not None

    def submit(
        self, number: int, order: NewOrder, now: float, phase: Phase, filled: Callable[[Fill], None]
    ) -> None:
        """A client's order comes in; it has been found good."""
        if self._record is None:
            self._record = self.trades()
        if order.board is not Board.REGULAR:
            self.beside.submit(number, order, now, filled)
            return
        client = self._clients[number] = _ClientOrder(order.side, order.quantity, order.price, filled)
        # A recorded opening auction may come some seconds after the opening.
        late = not self._position and self.plan.script.opens and order.kind == "day"
        if phase in AUCTIONS or self.halt is not None or (late and phase is Phase.CONTINUOUS):
            self._auction.collect(number, order.side, order.quantity, order.price)
        else:
            self._enter(number, client, now, order.kind)
        if order.kind != "day":
            self._clients.pop(number, None)

    def cancel(self, number: int, quantity: int | None, now: float) -> int:
        """Takes a client's order back; how much was open."""
        client = self._clients.get(number)
        if client is None:
            return self._beside.cancel(number, quantity, now) if self._beside else 0
        gone = self.book.cancel(number, quantity) or self._auction.cancel(number, quantity)
        client.left -= gone
        if not client.left:
            del self._clients[number]
        if gone and self.loud:
            self._watcher.quoted(self.plan.issue.code, now)
        return gone

    def turned(self, phase: Phase, time: float) -> None:
        """The session has come to another phase."""
        if self._beside is not None:
            self._beside.turned(phase, time)
        if phase is Phase.CONTINUOUS and not self.plan.script.opens:
            self._uncross(time, self.tape.last, 0)
        elif phase is Phase.CLOSING_AUCTION:
            self._collect()
        elif phase is Phase.PAUSE:
            if not self.plan.script.closes:
                self._uncross(time, self.tape.last, 0)
                self.drop()
            # Clients may have traded last, but they do not make the close.
            self.tape.last = merged_day.closed(self.plan).price

    def drop(self) -> None:
        """Whatever clients have open is void."""
        for number in self.book.clients():
            self.book.cancel(number)
        self._auction = OrderBook()
        self._clients.clear()

    def _collect(self) -> None:
        """What clients have in the book waits for the auction instead."""
        for number in self.book.clients():
            client = self._clients[number]
            self.book.cancel(number)
            self._auction.collect(number, client.side, client.left, client.limit)

    def _interrupt(self, time: float) -> None:
        """A VI begins."""
        self._collect()
        self.halt = self.plan.interruption(time)
        if self.halt is not None and self.loud:
            self._watcher.interrupted(self.halt._replace(released=0.0))
        self._expect(time)

    def _release(self, time: float, price: int, volume: int) -> None:
        """The VI ends with its auction."""
        over, self.halt = self.halt, None
        self._uncross(time, price, volume)
        if over is not None and self.loud:
            self._watcher.interrupted(over)

    def _enter(self, number: int, client: _ClientOrder, now: float, kind: str = "day") -> None:
        """Puts a client's order into the continuous book."""
        price = client.limit
        matches = self.book.submit(number, client.side, client.left, price, kind)
        left = client.left - sum(match.volume for match in matches)
        if left and not price and kind == "day":
            # Nobody is left to trade with: the market order waits, before everybody else.
            limit = self.plan.upper if client.side is Side.BUY else self.plan.lower
            client.limit = limit
            self.book.submit(number, client.side, left, limit)
        self._flow.yielded()
        self._told(now, [(client.side, match) for match in matches])

    def _uncross(self, time: float, price: int, volume: int) -> None:
        """The auction: ``volume`` at ``price`` is the script's, the clients who meet that price come on top of it."""
        waiting = self._auction
        if volume:
            buys, sells = self._crossing(price)
            waiting.collect(BACKGROUND, Side.BUY, volume + sells, price)
            waiting.collect(BACKGROUND, Side.SELL, volume + buys, price)
        _, matches = waiting.uncross(price)
        if volume:
            self._flow.settle(price)
        self._told(time, [(Side.NONE, match) for match in matches])
        self._auction = OrderBook()
        for number in waiting.clients():
            if client := self._clients.get(number):
                self._enter(number, client, time)

    def _crossing(self, price: int) -> tuple[int, int]:
        """Shares that clients in the auction would buy and would sell at that price."""
        buys = sells = 0
        for client in self._clients.values():
            if client.side is Side.BUY and (not client.limit or client.limit >= price):
                buys += client.left
            elif client.side is Side.SELL and client.limit <= price:
                sells += client.left
        return buys, sells

    def _expect(self, time: float) -> None:
        """The auction's price so far: on its way to the scripted one, and there before the end."""
        plan, hours, halt = self.plan, self.plan.hours, self.halt
        opening = time < hours.opens
        start, end = (hours.collects, hours.opens) if opening else (hours.auction, hours.closes)
        place = 0 if opening else -1
        origin = plan.base if opening else self.tape.last
        if halt is not None:
            start, end, place, origin = halt.time, halt.released, self._position, halt.price
        price, volume = int(plan.script.price[place]), int(plan.script.volume[place])
        passed = (time - start) / (end - start)
        draw = hash_random.key(plan.key, "expected", int(time))
        if passed < _SURE:
            price += int((origin - price) * (1 - passed) ** 2)
            price = plan.grid.floor(price + (draw % 5 - 2) * plan.grid.tick(price))
            price = min(max(price, plan.lower), plan.upper)
            volume = int(volume * (0.1 + 0.9 * passed))
        self._flow.settle(price)
        if self.loud:
            buys, sells = self._crossing(price) if self._clients else (0, 0)
            code = plan.issue.code
            self._watcher.expected(code, time, Expected(price, volume + buys + sells), self.tape)
            self._watcher.quoted(code, time)

    def _told(self, time: float, met: Sequence[Met]) -> None:
        """Writes matches on the tape and tells everybody concerned."""
        if not met:
            return
        code = self.plan.issue.code
        fills: list[tuple[_ClientOrder, Fill]] = []
        ask, bid = self.book.ask(), self.book.bid()
        for side, match in met:
            trade = Trade(code, time, match.price, match.volume, side)
            plans.add(self.tape, trade)
            if self._record is not None:
                self._record.append(trade)
            if self.loud:
                self._watcher.traded(trade, self.tape, ask, bid)
            if self._clients:
                for number in (match.maker, match.taker):
                    if client := self._clients.get(number):
                        client.left -= match.volume
                        if not client.left:
                            del self._clients[number]
                        fills.append(
                            (client, Fill(number, code, time, match.price, match.volume, client.left))
                        )
        if self.loud:
            self._watcher.quoted(code, time)
        for client, fill in fills:
            client.filled(fill)

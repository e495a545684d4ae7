"""Interface of the simulated exchange: market data, order entry, and the callbacks of a subscriber."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side


class Trade(NamedTuple):
    """A trade: ``time`` is seconds since the epoch, ``price`` KRW, ``volume`` shares, ``side`` the initiator's."""

    code: str
    time: float
    price: int
    volume: int
    side: Side


class Level(NamedTuple):
    """A price level of an order book: KRW, and the shares resting at it."""

    price: int
    volume: int


@dataclass(slots=True)
class Tape:
    """Running totals of an issue's trades today, updated with every trade.

    Prices and ``value`` are in KRW, volumes in shares. Times of the open, high and low are HHMMSS in Seoul.

    Attributes:
        base: 기준가.
        upper, lower: 상한가 and 하한가.
        previous_volume, previous_value: totals of the previous session.
        shares: listed shares.
        last: price of the last trade, ``base`` before the first one.
        open, high, low: 0 before the first trade.
        buys, sells: shares traded on the initiative of buyers and of sellers.
        buy_count, sell_count: number of those trades.
    """

    code: str
    base: int
    upper: int
    lower: int
    previous_volume: int
    previous_value: int
    shares: int
    last: int
    open: int = 0
    high: int = 0
    low: int = 0
    volume: int = 0
    value: int = 0
    buys: int = 0
    sells: int = 0
    buy_count: int = 0
    sell_count: int = 0
    open_time: str = "000000"
    high_time: str = "000000"
    low_time: str = "000000"


@dataclass(frozen=True, slots=True)
class ExpectedPrice:
    """Indicative price (예상체결가) and volume of a call auction if it ended now; both 0 if nothing would trade."""

    price: int
    volume: int


class QueuedShares(NamedTuple):
    """Shares resting on each side in 시간외종가, and the last change of each."""

    asks: int
    bids: int
    asks_change: int = 0
    bids_change: int = 0


@dataclass(frozen=True, slots=True)
class SinglePriceState:
    """State of 시간외 단일가 of an issue.

    Attributes:
        tape: totals of these auctions alone; its ``base`` is the close, its limits are those around the close.
        asks, bids: best first, at most ten levels each.
        expected: indicative price and volume of the next auction.
    """

    tape: Tape
    asks: list[Level]
    bids: list[Level]
    expected: ExpectedPrice


class Fill(NamedTuple):
    """A fill of a client's order: ``order`` is the number that ``submit`` returned, ``left`` the open quantity."""

    order: int
    code: str
    time: float
    price: int
    volume: int
    left: int


class Interruption(NamedTuple):
    """A volatility interruption (VI): continuous trading stops, a call auction collects orders for some minutes.

    Attributes:
        time: start, seconds since the epoch.
        price: the trigger price in KRW, at which no trade took place.
        static, dynamic: reference prices in KRW, 0 for the one that did not trigger it.
        released: end, or 0 while the VI lasts.
        number: counts the VIs of the issue on that day, from 1.
    """

    code: str
    time: float
    price: int
    static: int = 0
    dynamic: int = 0
    released: float = 0.0
    number: int = 1

    @property
    def rises(self) -> bool:
        """Whether the trigger price is above its reference price."""
        return self.price >= (self.static or self.dynamic)


class OrderRejected(Exception):
    """The exchange rejects an order. ``reason`` is a key of the broker's messages."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A client's order.

    Attributes:
        price: KRW, 0 for a market order. 시간외종가 takes 0 too, as it has one price; 시간외 단일가 does not.
        kind: ``day``, ``ioc`` (immediate or cancel) or ``fok`` (fill or kill).
    """

    code: str
    side: Side
    quantity: int
    price: int = 0
    kind: str = "day"
    board: Board = Board.REGULAR


class ExchangeSubscriber(Protocol):
    """Callbacks for the subscribed issues, called on the control thread in the order of the events."""

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        """A trade. ``tape`` includes it; ``ask`` and ``bid`` are the best quotes after it, 0 for none."""
        ...

    def on_quote(self, code: str, time: float) -> None:
        """The order book or the queues of 시간외종가 changed: read ``depth`` or ``closing_price_queue``."""
        ...

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        """The indicative price of a call auction, including that of a VI."""
        ...

    def on_interruption(self, interruption: Interruption) -> None:
        """A VI begins; or it is released, after the trades of its auction."""
        ...

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        """In 시간외 단일가, a trade, or (``trade`` is None) a change of quotes: read ``single_price``."""
        ...

    def on_phase(self, phase: Phase, time: float) -> None:
        """Another phase begins, after the events of the auction that ends with the previous one."""
        ...


class Exchange(Protocol):
    """The exchange. All methods and all callbacks run on the control thread.

    Methods that take a code raise LookupError if the issue is not listed or the market has no data of it,
    except ``subscribe`` and ``unsubscribe``.
    """

    def subscribe(self, code: str) -> None:
        """Start the callbacks of an issue. Subscriptions are counted: each needs one ``unsubscribe``."""
        ...

    def unsubscribe(self, code: str) -> None:
        """Take back one subscription."""
        ...

    def tape(self, code: str) -> Tape:
        """Totals of today, or of the last session if none is on. Needs no subscription."""
        ...

    def trades(self, code: str) -> list[Trade]:
        """Today's trades, oldest first, including 시간외종가. Needs no subscription."""
        ...

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        """Asks and bids, best first, at most ten levels each."""
        ...

    def closing_price_queue(self, code: str) -> QueuedShares:
        """Shares resting in 시간외종가. After the afternoon's board closes, those that it left."""
        ...

    def single_price(self, code: str) -> SinglePriceState:
        """시간외 단일가 of today; before it begins, that of the previous session."""
        ...

    def phase(self) -> Phase:
        """The phase at this moment."""
        ...

    def interruptions(self, max_issues: int | None = None) -> list[Interruption] | None:
        """The VIs of all issues in the current session, oldest first, future ones included.

        A caller that publishes them has to wait for the time of each. The first call in a session scans the whole
        market, which takes about two seconds. With ``max_issues`` each call scans that many issues, and returns
        None until all have been scanned.
        """
        ...

    def submit(self, order: NewOrder, on_fill: Callable[[Fill], None]) -> int:
        """Enter a client's order and return its number. ``on_fill`` may be called before this returns.

        Raises:
            OrderRejected: outside the board's hours, off the tick, beyond the price limits, not listed, halted.
        """
        ...

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Cancel an order, or ``quantity`` shares of it. Returns the cancelled shares, 0 if nothing is open."""
        ...

    def close(self) -> None:
        """Stop the timers. There are no callbacks after this."""
        ...

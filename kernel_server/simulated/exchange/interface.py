"""Interface of the simulated exchange: market data, order entry, and the callbacks of a subscriber."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, overload

import numpy as np

from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side


class Trade(NamedTuple):
    """A trade: ``time`` is seconds since the epoch, ``price`` KRW, ``volume`` shares, ``side`` the initiator's."""

    code: str
    time: float
    price: int
    volume: int
    side: Side


class TradeLog(Sequence[Trade]):
    """Trades of an issue, oldest first, kept as columns, as there may be several hundred thousand.

    Attributes:
        code: of the issue.
        columns: the trades.
    """

    __slots__ = ("code", "columns")

    def __init__(self, code: str, columns: Script = NOTHING) -> None:
        self.code = code
        self.columns = columns

    @classmethod
    def of(cls, code: str, trades: Iterable[Trade]) -> TradeLog:
        """The log of some trades of an issue."""
        rows = [trade[1:] for trade in trades]
        if not rows:
            return cls(code)
        time, price, volume, side = map(np.array, zip(*rows, strict=True))
        return cls(code, Script(time, price, volume, side))

    def __len__(self) -> int:
        return len(self.columns)

    def newest(self) -> Trade | None:
        """The newest trade, None if there is none."""
        return self[-1] if self else None

    @overload
    def __getitem__(self, part: int) -> Trade: ...

    @overload
    def __getitem__(self, part: slice) -> TradeLog: ...

    def __getitem__(self, part: int | slice) -> Trade | TradeLog:
        columns = self.columns
        if isinstance(part, slice):
            return TradeLog(self.code, columns[part])
        price, volume, side = (
            column[part].item() for column in (columns.price, columns.volume, columns.side)
        )
        return Trade(self.code, columns.time_at(part), price, volume, Side(side))

    def __iter__(self) -> Iterator[Trade]:
        columns = self.columns
        rows = (columns.time, columns.price, columns.volume, columns.side)
        for time, price, volume, side in zip(*(row.tolist() for row in rows), strict=True):
            yield Trade(self.code, time, price, volume, Side(side))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TradeLog) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


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
        last_time: time of the last trade, seconds since the epoch, 0 before the first one; not that of 시간외종가.
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
    last_time: float = 0.0


@dataclass(frozen=True, slots=True)
class ExpectedPrice:
    """Indicative price (예상체결가) and volume of a call auction if it ended now; both 0 if nothing would trade."""

    price: int
    volume: int


NO_EXPECTED_TRADE = ExpectedPrice(0, 0)


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
    asks: Sequence[Level]
    bids: Sequence[Level]
    expected: ExpectedPrice


class IssueState(NamedTuple):
    """Prices and book of an issue at a moment.

    Attributes:
        session: the day so far, to the newest trade, from the opening to the close and in the after-market, without
            시간외종가. None at other hours and for an issue without trades, of which the market's bars say all.
        newest: the newest trade of the regular session, or of the after-market; None before the first.
        asks, bids: best first, at most ten levels each.
        expected: what the newest call auction would trade, or has traded.
        in_auction: whether it is going on.
    """

    session: DaySummary | None
    newest: Trade | None
    asks: Sequence[Level]
    bids: Sequence[Level]
    expected: ExpectedPrice = NO_EXPECTED_TRADE
    in_auction: bool = False

    @property
    def indicative(self) -> ExpectedPrice:
        """What the auction that is going on would trade; nothing at other times."""
        return self.expected if self.in_auction else NO_EXPECTED_TRADE


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

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        """Do a part of the work that the tapes of issues need, some ten milliseconds; whether all is done."""
        ...

    def base(self, code: str) -> int:
        """기준가 of today's tape, KRW, without making its totals."""
        ...

    def trades(self, code: str) -> TradeLog:
        """Today's trades, oldest first, including 시간외종가, made when they are read. Needs no subscription."""
        ...

    def depth(self, code: str) -> tuple[Sequence[Level], Sequence[Level]]:
        """Asks and bids, best first, at most ten levels each. Needs the newest trade, not those before it."""
        ...

    def states(self, codes: Sequence[str], moment: float | None = None) -> dict[str, IssueState]:
        """The states of issues, many at once, without those that the market has no data of.

        Those of an earlier ``moment`` of the session are without clients' orders.
        """
        ...

    def exceptional(self, codes: Sequence[str]) -> list[str]:
        """The codes whose trades and book the market's minutes do not say: recorded trades, orders of clients."""
        ...

    def expected_price(self, code: str) -> ExpectedPrice:
        """What the newest call auction would trade, or has traded: for callbacks, without events that are due."""
        ...

    def closing_price_queue(self, code: str) -> QueuedShares:
        """Shares resting in 시간외종가. After the afternoon's board closes, those that it left."""
        ...

    def single_price(self, code: str) -> SinglePriceState:
        """시간외 단일가 of today; before it begins, that of the previous session."""
        ...

    def phase(self, code: str = "") -> Phase:
        """The phase at this moment, of the exchange of a code."""
        ...

    def interruptions(self, max_issues: int | None = None) -> list[Interruption] | None:
        """The VIs of all issues in the current session, oldest first, future ones included.

        A caller that publishes them has to wait for the time of each. The first call in a session scans the whole
        market, which takes about two seconds. With ``max_issues`` each call scans that many issues, and returns
        None until all have been scanned.
        """
        ...

    def interruptions_of(self, code: str) -> list[Interruption]:
        """The VIs of one issue in the current session, oldest first, future ones included; none if it has no day."""
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

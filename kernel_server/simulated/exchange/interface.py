"""What the exchange offers to the rest of the broker, and what it tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side


class Trade(NamedTuple):
    """One trade on the tape. ``time`` is seconds since the epoch, ``price`` KRW."""

    code: str
    time: float
    price: int
    volume: int
    side: Side


class Level(NamedTuple):
    """One price of a book and the shares that wait there."""

    price: int
    volume: int


@dataclass(slots=True)
class Tape:
    """What has been traded in an issue today, kept up to date with every trade.

    Prices in KRW, ``value`` in KRW; ``base`` is 기준가, ``upper`` and ``lower`` the day's limits. ``buys`` and
    ``sells`` are shares traded by buyers' and sellers' initiative, ``buy_count`` and ``sell_count`` those trades.
    Times of open, high and low are HHMMSS. The previous session's volume and value stand beside today's.
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
class Expected:
    """What a call auction would give if it ended now; 0 where nothing would trade."""

    price: int
    volume: int


class QueuedShares(NamedTuple):
    """Shares that wait to be sold and to be bought in 시간외종가, and by how many each has just changed."""

    asks: int
    bids: int
    asks_change: int = 0
    bids_change: int = 0


@dataclass(frozen=True, slots=True)
class SinglePriceState:
    """시간외 단일가 of an issue. ``tape`` is its own: there ``base`` is the close and the limits are those around it.

    ``asks`` and ``bids`` are best first, at most ten of each; ``expected`` is what the next auction would give.
    """

    tape: Tape
    asks: list[Level]
    bids: list[Level]
    expected: Expected


class Fill(NamedTuple):
    """A client's order has traded: ``order`` is the number ``submit`` gave, ``left`` what is still open."""

    order: int
    code: str
    time: float
    price: int
    volume: int
    left: int


class Interruption(NamedTuple):
    """A volatility interruption (VI): orders of an issue are collected for a while, for a single price.

    Attributes:
        time: when it began, seconds since the epoch.
        price: what set it off, KRW; nobody has traded at it.
        static, dynamic: the base prices that it is measured against, KRW, 0 for the one that did not matter.
        released: when it ended, or 0 while it lasts.
        number: counts the issue's own of the day.
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
        """Whether the price was above its base."""
        return self.price >= (self.static or self.dynamic)


class Refusal(Exception):
    """The exchange does not take an order. ``reason`` is a key of the broker's messages."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order for a book. ``kind`` is ``day``, ``ioc`` or ``fok``.

    ``price`` 0 is a market order; in 시간외종가 it is the one price there is, in 시간외 단일가 there is none such.
    """

    code: str
    side: Side
    quantity: int
    price: int = 0
    kind: str = "day"
    board: Board = Board.REGULAR


class Watcher(Protocol):
    """Who is told what happens in watched issues, on the control thread, in the order in which it happens."""

    def traded(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        """A trade, the tape with it in, and the best quotes after it (0: none)."""
        ...

    def quoted(self, code: str, time: float) -> None:
        """Best quotes, depth or what waits in 시간외종가 changed; ``Exchange.depth`` and ``waiting`` tell how."""
        ...

    def expected(self, code: str, time: float, expected: Expected, tape: Tape) -> None:
        """In an auction, a VI's included: what it would give now."""
        ...

    def interrupted(self, interruption: Interruption) -> None:
        """A VI has begun; or, with its trades told of, it has been released."""
        ...

    def evening(self, code: str, time: float, trade: Trade | None) -> None:
        """In 시간외 단일가: a trade, or other quotes and expectations; ``Exchange.evening`` tells how it stands."""
        ...

    def phase(self, phase: Phase, time: float) -> None:
        """The session has come to another phase. An auction that it ends has been told before."""
        ...


class Exchange(Protocol):
    """The exchange. It is touched on the control thread alone; everything it tells comes from there too."""

    def watch(self, code: str) -> None:
        """Keeps the issue's book alive from now on; counted, so that each ``unwatch`` takes one away."""
        ...

    def unwatch(self, code: str) -> None: ...

    def tape(self, code: str) -> Tape:
        """Today's tape so far (of the newest session where none is on), whether or not the issue is watched.

        Raises:
            LookupError: the issue is not listed, or nothing is known of it; ``trades`` and ``depth`` do so too.
        """
        ...

    def trades(self, code: str) -> list[Trade]:
        """Today's trades so far, 시간외종가 included, oldest first, whether or not the issue is watched."""
        ...

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        """Asks and bids, best first, at most ten of each."""
        ...

    def waiting(self, code: str) -> QueuedShares:
        """What waits in 시간외종가; from the afternoon's on, what it left; errors as for ``tape``."""
        ...

    def evening(self, code: str) -> SinglePriceState:
        """The newest 시간외 단일가: of the session before, until today's has begun; errors as for ``tape``."""
        ...

    def phase(self) -> Phase: ...

    def interruptions(self, most: int | None = None) -> list[Interruption] | None:
        """The VIs of all issues through the whole session, oldest first.

        Those to come are among them, each with its end: whoever tells of them has to wait for their time.
        Once a session they are looked for, which takes about two seconds. With ``most``, in so many issues a
        call, and None comes until all have been looked at.
        """
        ...

    def submit(self, order: NewOrder, filled: Callable[[Fill], None]) -> int:
        """Puts a client's order into the book; its number. Fills are told from within or later.

        Raises:
            Refusal: outside the board's hours, off the tick, beyond the limits, not listed, halted.
        """
        ...

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Takes (so much of) what is open out of the book; how much that was, 0 where nothing is open."""
        ...

    def close(self) -> None: ...

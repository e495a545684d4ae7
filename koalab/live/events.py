"""One real-time event as a Python object, for each of the types that streams deliver.

Times are Seoul wall time with its zone; prices are KRW, volumes shares; 0 where the broker sent nothing.
``arrived`` is when the control fired the event, in seconds since the epoch by the server's clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

LEVELS: Final = 10
"""Levels of an order book on each side."""


class Tick(NamedTuple):
    """A trade (주식체결).

    ``volume`` shares at ``price`` KRW; ``side`` is 1 where a buyer took an ask (매수체결), -1 where a seller took a
    bid (매도체결), 0 in an auction. ``ask`` and ``bid`` are the best quotes after it. ``change`` (KRW) and
    ``change_rate`` (percent) are against yesterday's close, ``total_volume`` (shares) and ``total_value`` (KRW, whole
    millions) since the day began, ``strength`` is 체결강도 in percent, ``session`` 장구분 (``1`` before the opening,
    ``2`` regular, ``3`` after hours; at Nextrade ``P`` pre-market, ``U`` after-market).
    """

    code: str
    time: datetime
    price: int
    volume: int
    side: int
    ask: int
    bid: int
    change: int
    change_rate: float
    total_volume: int
    total_value: int
    open: int
    high: int
    low: int
    strength: float
    change_sign: int
    volume_change: int
    value_change: int
    volume_ratio: float
    turnover_rate: float
    trade_cost: int
    market_cap: int
    session: str
    knock_out_distance: float
    arrived: float


class BestQuote(NamedTuple):
    """The best ask and bid in KRW (주식우선호가). The broker sends no time with it: ``time`` is the server's."""

    code: str
    time: datetime
    ask: int
    bid: int
    arrived: float


class ExpectedTrade(NamedTuple):
    """The expected trade of a running auction (주식예상체결)."""

    code: str
    time: datetime
    price: int
    change: int
    change_rate: float
    volume: int
    total_volume: int
    change_sign: int
    arrived: float


class IndexTick(NamedTuple):
    """An index or sector (업종지수): ``price``, ``open``, ``high``, ``low`` in points, ``total_value`` in KRW."""

    code: str
    time: datetime
    price: float
    change: float
    change_rate: float
    volume: int
    total_volume: int
    total_value: int
    open: float
    high: float
    low: float
    change_sign: int
    volume_change: int
    arrived: float


class LiveBook(NamedTuple):
    """The order book of an issue (주식호가잔량): ten levels a side, the best first, 0 where there is none.

    ``total_ask`` and ``total_bid`` are the shares of the whole book; ``…_changes`` and ``…_change`` the difference to
    the event before; ``expected_…`` the expected trade of a running auction (FIDs 291 to 295), 0 without one;
    ``newest_expected_…`` that of the newest auction, running or over (FIDs 23, 24, 200, 201, 238).
    """

    code: str
    time: datetime
    ask_prices: tuple[int, ...]
    ask_volumes: tuple[int, ...]
    bid_prices: tuple[int, ...]
    bid_volumes: tuple[int, ...]
    ask_changes: tuple[int, ...]
    bid_changes: tuple[int, ...]
    total_ask: int
    total_ask_change: int
    total_bid: int
    total_bid_change: int
    expected_price: int
    expected_volume: int
    expected_change: int
    expected_change_rate: float
    expected_change_sign: int
    net_bid: int
    bid_ratio: float
    net_ask: int
    ask_ratio: float
    total_volume: int
    expected_volume_ratio: float
    newest_expected_price: int
    newest_expected_volume: int
    newest_expected_change: int
    newest_expected_change_rate: float
    newest_expected_change_sign: int
    phase: str
    arrived: float

    @property
    def ask(self) -> int:
        """The best ask in KRW, 0 where there is none."""
        return self.ask_prices[0]

    @property
    def bid(self) -> int:
        """The best bid in KRW, 0 where there is none."""
        return self.bid_prices[0]


class MarketPhase(NamedTuple):
    """A notice of the trading hours (장시작시간): ``phase`` is 장운영구분, ``remaining`` HHMMSS until it changes."""

    code: str
    time: datetime
    phase: str
    remaining: str
    arrived: float


class VolatilityInterruption(NamedTuple):
    """A volatility interruption begins or ends (VI발동/해제).

    ``kind`` is 정적, 동적 or 동적+정적, ``price`` the price that set it off, ``…_base`` and ``…_gap`` the reference
    price in KRW and the distance from it in percent, ``released_at`` HHMMSS or zeros, ``times`` its number today.
    """

    code: str
    time: datetime
    issue: str
    name: str
    status: str
    market: str
    kind: str
    price: int
    static_base: int
    dynamic_base: int
    static_gap: float
    dynamic_gap: float
    released_at: str
    open_change_rate: float
    times: int
    total_volume: int
    total_value: int
    direction: str
    arrived: float


LiveEvent = Tick | BestQuote | ExpectedTrade | IndexTick | LiveBook | MarketPhase | VolatilityInterruption

EVENT_CLASSES: Final[dict[str, type[LiveEvent]]] = {
    "주식체결": Tick,
    "주식우선호가": BestQuote,
    "주식예상체결": ExpectedTrade,
    "업종지수": IndexTick,
    "주식호가잔량": LiveBook,
    "장시작시간": MarketPhase,
    "VI발동/해제": VolatilityInterruption,
}

LEVEL_COLUMNS: Final = {
    f"{side}_{what}s": tuple(f"{side}_{what}_{level}" for level in range(1, LEVELS + 1))
    for side in ("ask", "bid")
    for what in ("price", "volume", "change")
}
"""The columns that each of ``LiveBook``'s tuples is made of."""

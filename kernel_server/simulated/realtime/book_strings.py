"""Strings of 주식우선호가 and 주식호가잔량 of one issue, from its book.

No recorded string of 주식호가잔량 is known. Signs and ratios follow a sample of the same type on the REST feed
(12,622,527 shares asked, 14,453,430 bid: 128 ``+1830903``, 129 ``114.51``, 139 ``87.33``).
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import ExpectedPrice, Level, Tape
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.realtime.string_parts import (
    FIXED_FIELDS,
    PriceTexts,
    percent_of,
    signed_percent_of,
)
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.settings import BrokerSettings

LEVELS = 10
NO_EXPECTED_TRADE = ExpectedPrice(0, 0)

_LP = "\t".join(["0"] * 20)  # 621 to 640: this market has no liquidity providers
_STATES = {  # FID 215
    Phase.CLOSED: "9",
    Phase.BEFORE_OPEN: "0",
    Phase.OPENING_AUCTION: "0",
    Phase.CONTINUOUS: "3",
    Phase.CLOSING_AUCTION: "2",
    Phase.PAUSE: "4",
    Phase.AFTER_CLOSE: "a",
    Phase.SINGLE_PRICE: "c",
}
_AUCTIONS = frozenset((Phase.BEFORE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION))


class BookStrings:
    """Writer for one issue and one day. It stores the last book written, to report changes."""

    def __init__(self, trades: TradeStrings, settings: BrokerSettings, price_texts: PriceTexts) -> None:
        self._trades = trades
        self._price_texts = price_texts
        self._no_quote = settings.no_quote
        self._states = {**_STATES, Phase.AFTER_MARKET: settings.after_market_notices[0]}
        self._empty = f"{settings.no_quote}\t0\t0"
        self._by_rank = settings.level_change == "place"
        self._ticker = FIXED_FIELDS["주식호가잔량"][216]
        # Shares by price, best first.
        self._asks: dict[int, int] | None = None
        self._bids: dict[int, int] = {}
        self._ask_total = self._bid_total = 0

    def best(self, ask: int, bid: int) -> str:
        """주식우선호가; 0 stands for no quote."""
        price_texts, none = self._price_texts, self._no_quote
        return f"{price_texts[ask] if ask else none}\t{price_texts[bid] if bid else none}"

    def _side(self, levels: dict[int, int], before: dict[int, int]) -> tuple[list[str], int]:
        """Price, volume and change of each of ten levels, and the shares of all of them."""
        price_texts = self._price_texts
        if levels == before:
            texts = [f"{price_texts[price]}\t{volume}\t0" for price, volume in levels.items()]
        elif self._by_rank:
            volumes_before = [*before.values()] + [0] * LEVELS
            texts = [
                f"{price_texts[price]}\t{volume}\t{f'{volume - old:+d}' if volume != old else '0'}"
                for (price, volume), old in zip(levels.items(), volumes_before, strict=False)
            ]
        else:
            texts = []
            for price, volume in levels.items():
                change = volume - before.get(price, 0)
                texts.append(f"{price_texts[price]}\t{volume}\t{f'{change:+d}' if change else '0'}")
        total = sum(levels.values())
        if len(texts) < LEVELS:
            texts += [self._empty] * (LEVELS - len(texts))
        return texts, total

    def depth(
        self,
        time: float,
        asks: Sequence[Level],
        bids: Sequence[Level],
        tape: Tape,
        expected: ExpectedPrice,
        phase: Phase,
        interrupted: bool = False,
    ) -> str | None:
        """주식호가잔량; None if the book is unchanged. The first one of a day reports no change.

        ``expected`` is the newest expected trade of the day. 291 to 295 hold it only during an auction, including
        that of a VI; 23 and 24 keep it (a guess).
        """
        ask_levels, bid_levels = dict(asks), dict(bids)
        first = self._asks is None
        before = ask_levels if self._asks is None else self._asks
        if not first and ask_levels == before and bid_levels == self._bids:
            return None
        ask_texts, ask_total = self._side(ask_levels, before)
        bid_texts, bid_total = self._side(bid_levels, bid_levels if first else self._bids)
        ask_change, bid_change = (
            (0, 0) if first else (ask_total - self._ask_total, bid_total - self._bid_total)
        )
        self._asks, self._bids, self._ask_total, self._bid_total = (
            ask_levels,
            bid_levels,
            ask_total,
            bid_total,
        )
        levels = "\t".join([text for pair in zip(ask_texts, bid_texts, strict=True) for text in pair])
        net = bid_total - ask_total
        in_auction = expected if interrupted or phase in _AUCTIONS else NO_EXPECTED_TRADE
        return (
            f"{hhmmss(time)}\t{levels}\t{ask_total}\t{f'{ask_change:+d}' if ask_change else '0'}"
            f"\t{bid_total}\t{f'{bid_change:+d}' if bid_change else '0'}\t{self._price_texts[expected.price]}"
            f"\t{expected.volume}\t{f'{net:+d}' if net else '0'}\t{percent_of(bid_total, ask_total)}"
            f"\t{f'{-net:+d}' if net else '0'}\t{percent_of(ask_total, bid_total)}\t{self._expected_change(expected)}"
            f"\t{self._auction_fields(in_auction)}\t{_LP}\t{tape.volume}"
            f"\t{signed_percent_of(expected.volume, self._trades.previous[0])}\t{self._states[phase]}\t{self._ticker}"
        )

    def _expected_change(self, expected: ExpectedPrice) -> str:
        """200 201 238: change, rate and sign of the expected price."""
        _price, change, rate = self._trades.expected_price_fields(expected).split("\t")
        return f"{change}\t{rate}\t{self._trades.expected_direction(expected)}"

    def _auction_fields(self, expected: ExpectedPrice) -> str:
        """291 to 295: the expected price and volume, and its sign, change and rate."""
        price, change, rate = self._trades.expected_price_fields(expected).split("\t")
        return f"{price}\t{expected.volume}\t{self._trades.expected_direction(expected)}\t{change}\t{rate}"

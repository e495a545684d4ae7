"""Strings of 주식우선호가 and 주식호가잔량 of one issue, from its book.

No recorded string of 주식호가잔량 is known. Signs and ratios follow a sample of the same type on the REST feed
(12,622,527 shares asked, 14,453,430 bid: 128 ``+1830903``, 129 ``114.51``, 139 ``87.33``).
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import NO_EXPECTED_TRADE, ExpectedPrice, Level, Tape
from kernel_server.simulated.exchange.quotes.book_levels import BookLevels
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
_TAB = "\t"

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
    Phase.NXT_PRE: "P",
    Phase.NXT_PRE_ENDED: "Q",
    Phase.NXT_MAIN: "R",
    Phase.NXT_MAIN_ENDED: "S",
    Phase.NXT_BEFORE_AFTER: "T",
    Phase.NXT_AFTER: "U",
    Phase.NXT_CLOSED: "V",
}
_AUCTIONS = frozenset((Phase.BEFORE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION))


class _WrittenSide:
    """One side of the last book written.

    Attributes:
        texts: price, volume and change of each of ten levels.
        total, change: the shares of all of them, and how many more they are than in the book before.
    """

    __slots__ = ("_by_rank", "_empty", "_levels", "_price_texts", "_unchanged", "change", "texts", "total")

    def __init__(self, price_texts: PriceTexts, settings: BrokerSettings) -> None:
        self._price_texts = price_texts
        self._by_rank = settings.level_change == "place"
        self._empty = f"{settings.no_quote}\t0\t0"
        self._levels: BookLevels | None = None
        self._unchanged = ""  # the levels without a change, in one text: ten would be ten places in memory
        self.texts: list[str] = []
        self.total = self.change = 0

    def follow(self, given: Sequence[Level]) -> bool:
        """Write the levels; whether they are others than before, or the first ones, which report no change."""
        before, levels = self._levels, BookLevels.of(given)
        self._levels = levels
        self.change = 0
        if before is None:
            self._rewrite(levels, levels)
            return True
        if levels is before or levels == before:
            self.texts = self._unchanged.split("\n")
            return False
        if levels.before is before.sizes:
            self._follow_changes(levels)
        else:
            self._rewrite(before, levels)
        return True

    def _follow_changes(self, levels: BookLevels) -> None:
        """Write the levels with other volumes."""
        unchanged = self._unchanged.split("\n")
        texts, total = unchanged.copy(), 0
        for rank, volume, change in levels.changes:
            total += change
            price, _tab, _rest = unchanged[rank].partition("\t")
            unchanged[rank] = f"{price}\t{volume}\t0"
            texts[rank] = f"{price}\t{volume}\t+{change}" if change > 0 else f"{price}\t{volume}\t{change}"
        self.texts, self._unchanged = texts, "\n".join(unchanged)
        self.change = total
        self.total += total

    def _rewrite(self, before: BookLevels, levels: BookLevels) -> None:
        """Write all levels."""
        price_texts = self._price_texts
        known = [0] * LEVELS
        if self._by_rank:
            known[: len(before)] = before.sizes
        else:
            volumes = dict(zip(before.prices, before.sizes, strict=False))
            known = [volumes.get(price, 0) for price in levels.prices]
        texts, unchanged = [], []
        for price, volume, old in zip(levels.prices, levels.sizes, known, strict=False):
            text, change = f"{price_texts[price]}\t{volume}\t", volume - old
            texts.append(f"{text}{change:+d}" if change else f"{text}0")
            unchanged.append(f"{text}0")
        empty = [self._empty] * (LEVELS - len(levels))
        self.texts, self._unchanged = texts + empty, "\n".join(unchanged + empty)
        self.change, self.total = sum(levels.sizes) - sum(before.sizes), sum(levels.sizes)


class BookStrings:
    """Writer for one issue and one day. It stores the last book written, to report changes."""

    __slots__ = (
        "_asks",
        "_bids",
        "_cells",
        "_constant",
        "_constant_for",
        "_no_quote",
        "_price_texts",
        "_states",
        "_ticker",
        "_trades",
    )

    def __init__(self, trades: TradeStrings, settings: BrokerSettings, price_texts: PriceTexts) -> None:
        self._trades = trades
        self._price_texts = price_texts
        self._no_quote = settings.no_quote
        self._states = {**_STATES, Phase.AFTER_MARKET: settings.after_market_notices[0]}
        self._ticker = FIXED_FIELDS["주식호가잔량"][216]
        self._asks, self._bids = _WrittenSide(price_texts, settings), _WrittenSide(price_texts, settings)
        self._cells = [""] * (2 * LEVELS)
        self._constant_for: tuple[ExpectedPrice, Phase, bool] | None = None
        self._constant = "", "", ""

    def best(self, ask: int, bid: int) -> str:
        """주식우선호가; 0 stands for no quote."""
        price_texts, none = self._price_texts, self._no_quote
        return f"{price_texts[ask] if ask else none}\t{price_texts[bid] if bid else none}"

    def depth(
        self,
        time: float,
        asks: Sequence[Level],
        bids: Sequence[Level],
        tape: Tape,
        expected: ExpectedPrice,
        phase: Phase,
        interrupted: bool = False,
        auctioned: bool = False,
    ) -> str | None:
        """주식호가잔량; None if the book is unchanged. The first one of a day reports no change.

        ``expected`` is the newest expected trade of the day. 291 to 295 hold it only during an auction, including
        that of a VI and not after it has traded (``auctioned``); 23 and 24 keep it (a guess).
        """
        ask_side, bid_side = self._asks, self._bids
        if not ask_side.follow(asks) | bid_side.follow(bids):
            return None
        cells = self._cells
        cells[0::2], cells[1::2] = ask_side.texts, bid_side.texts
        ask_total, bid_total = ask_side.total, bid_side.total
        ask_change, bid_change, net = ask_side.change, bid_side.change, bid_total - ask_total
        auction = interrupted or (phase in _AUCTIONS and not auctioned)
        if self._constant_for != (expected, phase, auction):
            self._constant_for = expected, phase, auction
            self._constant = self._constant_parts(expected, phase, auction)
        expected_trade, auction_fields, end = self._constant
        return (
            f"{hhmmss(time)}\t{_TAB.join(cells)}\t{ask_total}\t{'+' if ask_change > 0 else ''}{ask_change}"
            f"\t{bid_total}\t{'+' if bid_change > 0 else ''}{bid_change}\t{expected_trade}"
            f"\t{'+' if net > 0 else ''}{net}\t{percent_of(bid_total, ask_total)}"
            f"\t{'+' if net < 0 else ''}{-net}\t{percent_of(ask_total, bid_total)}\t{auction_fields}"
            f"\t{tape.volume}\t{end}"
        )

    def _constant_parts(self, expected: ExpectedPrice, phase: Phase, auction: bool) -> tuple[str, str, str]:
        """23 24; 200 201 238, 291 to 295 and 621 to 640; 299 215 216: mostly the same for the whole day."""
        in_auction = expected if auction else NO_EXPECTED_TRADE
        return (
            f"{self._price_texts[expected.price]}\t{expected.volume}",
            f"{self._expected_change(expected)}\t{self._auction_fields(in_auction)}\t{_LP}",
            f"{signed_percent_of(expected.volume, self._trades.previous[0])}\t{self._states[phase]}\t{self._ticker}",
        )

    def _expected_change(self, expected: ExpectedPrice) -> str:
        """200 201 238: change, rate and sign of the expected price."""
        _price, change, rate = self._trades.expected_price_fields(expected).split("\t")
        return f"{change}\t{rate}\t{self._trades.expected_direction(expected)}"

    def _auction_fields(self, expected: ExpectedPrice) -> str:
        """291 to 295: the expected price and volume, and its sign, change and rate."""
        price, change, rate = self._trades.expected_price_fields(expected).split("\t")
        return f"{price}\t{expected.volume}\t{self._trades.expected_direction(expected)}\t{change}\t{rate}"

"""주식우선호가 and 주식호가잔량 of one issue, from its book.

No recorded string of 주식호가잔량 is known. Signs and ratios follow the sample of its twin on the REST feed
(12,622,527 shares asked, 14,453,430 bid: 128 ``+1830903``, 129 ``114.51``, 139 ``87.33``).
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import ExpectedPrice, Level, Tape
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.realtime.string_parts import FIXED, Colours, compared, share
from kernel_server.simulated.realtime.trade_strings import TradeStrings
from kernel_server.simulated.settings import BrokerSettings

LEVELS = 10
NOTHING = ExpectedPrice(0, 0)

_LP = "\t".join(["0"] * 20)  # 621 to 640: there are no liquidity providers in this market
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
    """Writer for one issue and one day. It remembers the book it wrote last, for what has changed since."""

    def __init__(self, trades: TradeStrings, settings: BrokerSettings, colours: Colours) -> None:
        self._trades = trades
        self._colours = colours
        self._no_quote = settings.no_quote
        self._empty = f"{settings.no_quote}\t0\t0"
        self._by_place = settings.level_change == "place"
        self._ticker = FIXED["주식호가잔량"][216]
        # Shares by price, best first.
        self._asks: dict[int, int] | None = None
        self._bids: dict[int, int] = {}
        self._asked = self._bid = 0

    def best(self, ask: int, bid: int) -> str:
        """주식우선호가; 0 stands for no quote."""
        colours, none = self._colours, self._no_quote
        return f"{colours[ask] if ask else none}\t{colours[bid] if bid else none}"

    def _side(self, levels: dict[int, int], before: dict[int, int]) -> tuple[list[str], int]:
        """Price, volume and change of each of ten levels, and the shares of all of them."""
        colours = self._colours
        if levels == before:
            texts = [f"{colours[price]}\t{volume}\t0" for price, volume in levels.items()]
        elif self._by_place:
            held = [*before.values()] + [0] * LEVELS
            texts = [
                f"{colours[price]}\t{volume}\t{f'{volume - old:+d}' if volume != old else '0'}"
                for (price, volume), old in zip(levels.items(), held, strict=False)
            ]
        else:
            texts = []
            for price, volume in levels.items():
                change = volume - before.get(price, 0)
                texts.append(f"{colours[price]}\t{volume}\t{f'{change:+d}' if change else '0'}")
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
        """주식호가잔량; None where the book is as it was. The first one of a day reports no change.

        ``expected`` is the newest one of the day. 291 to 295 hold it during an auction alone, that of a VI
        included; 23 and 24 keep it (a guess).
        """
        selling, buying = dict(asks), dict(bids)
        first = self._asks is None
        before = selling if self._asks is None else self._asks
        if not first and selling == before and buying == self._bids:
            return None
        ask_texts, asked = self._side(selling, before)
        bid_texts, bid = self._side(buying, buying if first else self._bids)
        asked_change, bid_change = (0, 0) if first else (asked - self._asked, bid - self._bid)
        self._asks, self._bids, self._asked, self._bid = selling, buying, asked, bid
        levels = "\t".join([text for pair in zip(ask_texts, bid_texts, strict=True) for text in pair])
        net = bid - asked
        return (
            f"{hhmmss(time)}\t{levels}\t{asked}\t{f'{asked_change:+d}' if asked_change else '0'}"
            f"\t{bid}\t{f'{bid_change:+d}' if bid_change else '0'}\t{self._colours[expected.price]}"
            f"\t{expected.volume}\t{f'{net:+d}' if net else '0'}\t{share(bid, asked)}"
            f"\t{f'{-net:+d}' if net else '0'}\t{share(asked, bid)}\t{self._forecast(expected)}"
            f"\t{self._in_auction(expected if interrupted or phase in _AUCTIONS else NOTHING)}\t{_LP}\t{tape.volume}"
            f"\t{compared(expected.volume, self._trades.previous[0])}\t{_STATES[phase]}\t{self._ticker}"
        )

    def _forecast(self, expected: ExpectedPrice) -> str:
        """200 201 238: change, rate and sign of the expected price."""
        _price, change, rate = self._trades.forecast(expected).split("\t")
        return f"{change}\t{rate}\t{self._trades.sign(expected)}"

    def _in_auction(self, expected: ExpectedPrice) -> str:
        """291 to 295: the expected price and volume, and its sign, change and rate."""
        price, change, rate = self._trades.forecast(expected).split("\t")
        return f"{price}\t{expected.volume}\t{self._trades.sign(expected)}\t{change}\t{rate}"

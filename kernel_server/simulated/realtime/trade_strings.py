"""주식체결, 주식시세 and 주식예상체결 of one issue, from its tape."""

from __future__ import annotations

from typing import NamedTuple

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import ExpectedPrice, Tape, Trade
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime.string_parts import FIXED, Colours, compared, per_price, share
from kernel_server.simulated.settings import BrokerSettings

_FIELDS = 43
_NEVER = "000000"
_SAME = "3"  # 보합
_SIGNS = {Side.SELL: "-", Side.NONE: " ", Side.BUY: "+"}  # of a quantity: who began the trade
_NOTHING = " 0"  # an unsigned zero where a sign could stand
_SESSIONS = {  # FID 290, 장구분
    Phase.CLOSED: "3",  # guide: 3 after hours
    Phase.BEFORE_OPEN: "1",  # guide: 1 before the opening
    Phase.OPENING_AUCTION: "1",
    Phase.CONTINUOUS: "2",  # recorded
    Phase.CLOSING_AUCTION: "2",  # guide: still 장중 (guess)
    Phase.PAUSE: "3",
    Phase.AFTER_CLOSE: "3",
    Phase.SINGLE_PRICE: "3",
}


class _AtPrice(NamedTuple):
    """What hangs on the price alone, each piece as it stands in the string.

    ``head`` is 10 11 12, ``direction`` 25, ``cost`` 32, ``capital`` 311, ``margins`` 1497 1498, ``cfd`` 732.
    """

    head: str
    direction: str
    cost: str
    capital: str
    margins: str
    cfd: str


class TradeStrings:
    """Writer for one issue and one day; prices, volumes and values are in KRW and shares.

    Args:
        tape: gives base price, limits, shares and the day before; those may not change under the writer.
        settings: how many fields are sent, and what stands for what is not known.
        colours: prices of the issue as they are written.
    """

    def __init__(self, tape: Tape, settings: BrokerSettings, colours: Colours) -> None:
        self.base = tape.base
        self.previous = (tape.previous_volume, tape.previous_value)
        self._upper = tape.upper
        self._lower = tape.lower
        self._shares = tape.shares
        self._colours = colours
        self._no_quote = settings.no_quote
        self._pace = settings.volume_pace
        self._missing = _FIELDS - settings.trade_fields
        known = FIXED["주식체결"]
        self._near = known[691]
        self._lent = known[852]
        self._prices: dict[int, _AtPrice] = {}

    def at(self, price: int) -> _AtPrice:
        """What hangs on that price."""
        found = self._prices.get(price)
        if found is None:
            change = price - self.base
            found = self._prices[price] = _AtPrice(
                f"{self._colours[price]}\t{kiwoom_format.signed(change)}\t{kiwoom_format.rate(change, self.base)}",
                kiwoom_format.change_sign(price, self.base, self._upper, self._lower),
                str(per_price(32, price)),
                str(kiwoom_format.eok(price * self._shares)),
                f"{per_price(1497, price)}\t{per_price(1498, price)}",
                str(per_price(732, price)),
            )
        return found

    def traded(self, trade: Trade, tape: Tape, ask: int, bid: int, phase: Phase) -> str:
        """주식체결. ``tape`` has the trade in it, ``ask`` and ``bid`` are the best quotes after it, 0 for none."""
        price, volume, side = trade.price, trade.volume, trade.side
        at = self.at(price)
        colours = self._colours
        total, value = tape.volume, tape.value
        previous_volume, previous_value = self.previous
        buys, sells = tape.buys, tape.sells
        begun = buys + sells
        sign = _SIGNS[side]
        amount = price * volume // 1000
        moment = f"{sign}{amount}" if amount else _NOTHING
        if side is Side.BUY:
            single = f"{_NOTHING}\t+{volume}\t+{volume}"
        elif side is Side.SELL:
            single = f"-{volume}\t{_NOTHING}\t-{volume}"
        else:
            single = f"{_NOTHING}\t{_NOTHING}\t{_NOTHING}"
        ask_text = colours[ask] if ask else self._no_quote
        bid_text = colours[bid] if bid else self._no_quote
        more, dearer = total - previous_volume, value - previous_value
        upper_time = tape.high_time if tape.high >= self._upper else _NEVER
        lower_time = tape.low_time if tape.low <= self._lower else _NEVER
        bought = "0.00"
        if begun:
            bought = f"{'-' if 2 * buys < begun else '+'}{share(buys, begun)}"
        text = (
            f"{hhmmss(trade.time)}\t{at.head}\t{ask_text}\t{bid_text}\t{sign}{volume}\t{total}"
            f"\t{(value + 500_000) // 1_000_000}\t{colours[tape.open]}\t{colours[tape.high]}\t{colours[tape.low]}"
            f"\t{at.direction}\t{f'{more:+d}' if more else '0'}\t{f'{dearer:+d}' if dearer else '0'}"
            f"\t{compared(total, previous_volume)}\t{share(total, self._shares)}\t{at.cost}"
            f"\t{share(buys, sells)}\t{at.capital}\t{_SESSIONS[phase]}\t{self._near}"
            f"\t{compared(value, previous_value)}\t{upper_time}\t{lower_time}\t{self._pace}"
            f"\t{tape.open_time}\t{tape.high_time}\t{tape.low_time}\t{sells}\t{buys}\t{bought}"
            f"\t{tape.sell_count}\t{tape.buy_count}\t{moment}\t{single}\t{at.margins}"
            f"\t{(2 * value + total) // (2 * total)}\t{at.cfd}\t{self._lent}"
        )
        return text.rsplit("\t", self._missing)[0] if self._missing else text

    def quoted(self, tape: Tape, ask: int, bid: int) -> str:
        """주식시세: where the day stands, without a trade."""
        at = self.at(tape.last)
        colours = self._colours
        previous_volume, previous_value = self.previous
        high, low = tape.high, tape.low
        return "\t".join(
            (
                at.head,
                colours[ask] if ask else self._no_quote,
                colours[bid] if bid else self._no_quote,
                str(tape.volume),
                str(kiwoom_format.millions(tape.value)),
                *(colours[price] if price else self._no_quote for price in (tape.open, high, low)),
                at.direction,
                kiwoom_format.signed(tape.volume - previous_volume),
                kiwoom_format.signed(tape.value - previous_value),
                compared(tape.volume, previous_volume),
                share(tape.volume, self._shares),
                at.cost,
                at.capital,
                compared(tape.value, previous_value),
                tape.high_time if high >= self._upper else _NEVER,
                tape.low_time if 0 < low <= self._lower else _NEVER,
                at.cfd,
                self._lent,
            )
        )

    def expected(self, time: float, expected: ExpectedPrice, tape: Tape) -> str:
        """주식예상체결. Where nothing would trade, the price is the coloured zero that opt10001 shows too."""
        return f"{hhmmss(time)}\t{self.forecast(expected)}\t{expected.volume}\t{tape.volume}\t{self.sign(expected)}"

    def forecast(self, expected: ExpectedPrice) -> str:
        """Price, change and rate of an expected trade."""
        return self.at(expected.price).head if expected.price else f"{self._colours[0]}\t0\t0.00"

    def sign(self, expected: ExpectedPrice) -> str:
        """전일대비기호 of an expected trade."""
        return self.at(expected.price).direction if expected.price else _SAME

"""주식체결, 주식시세 and 주식예상체결 of one issue, from its tape."""

from __future__ import annotations

from typing import NamedTuple

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import ExpectedPrice, Tape, Trade
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.realtime.string_parts import (
    FIXED_FIELDS,
    PriceTexts,
    per_price,
    percent_of,
    signed_percent_of,
)
from kernel_server.simulated.settings import BrokerSettings

_FIELDS = 43
_NEVER = "000000"
_SAME = "3"  # 보합
_SIGNS = {Side.SELL: "-", Side.NONE: " ", Side.BUY: "+"}  # of a volume: the aggressor's side
_NO_ASK = "-0"  # 매도호가 of an empty side, as recorded
_ZERO = " 0"  # an unsigned zero where a sign could stand
_SESSIONS = {  # FID 290, 장구분
    Phase.CLOSED: "3",  # guide: 3 after hours
    Phase.BEFORE_OPEN: "1",  # guide: 1 before the opening
    Phase.OPENING_AUCTION: "1",
    Phase.CONTINUOUS: "2",  # recorded
    Phase.CLOSING_AUCTION: "2",  # guide: still 장중 (guess)
    Phase.PAUSE: "3",
    Phase.AFTER_CLOSE: "3",
    Phase.SINGLE_PRICE: "3",
    Phase.AFTER_MARKET: "3",  # not recorded
    Phase.NXT_PRE: "P",  # Nextrade's are recorded on the REST feed
    Phase.NXT_PRE_ENDED: "P",
    Phase.NXT_MAIN: "2",
    Phase.NXT_MAIN_ENDED: "2",
    Phase.NXT_BEFORE_AFTER: "2",
    Phase.NXT_AFTER: "U",
    Phase.NXT_CLOSED: "U",
}


class _AtPrice(NamedTuple):
    """Parts of a string that depend on the price alone.

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
        tape: supplies base price, limits, shares and the previous day, which must not change later.
        settings: number of fields, and values of unknown fields.
        price_texts: texts of the issue's prices.
    """

    def __init__(self, tape: Tape, settings: BrokerSettings, price_texts: PriceTexts) -> None:
        self.base = tape.base
        self.previous = (tape.previous_volume, tape.previous_value)
        self._upper = tape.upper
        self._lower = tape.lower
        self._shares = tape.shares
        self._price_texts = price_texts
        self._no_quote = settings.no_quote
        self._volume_pace = settings.volume_pace
        self._missing = _FIELDS - settings.trade_fields
        known = FIXED_FIELDS["주식체결"]
        self._ko_distance = known[691]
        self._stock_loan_cost = known[852]
        self._prices: dict[int, _AtPrice] = {}

    def at_price(self, price: int) -> _AtPrice:
        """Cached parts for a price."""
        found = self._prices.get(price)
        if found is None:
            change = price - self.base
            found = self._prices[price] = _AtPrice(
                f"{self._price_texts[price]}\t{kiwoom_format.signed(change)}\t{kiwoom_format.rate(change, self.base)}",
                kiwoom_format.change_sign(price, self.base, self._upper, self._lower),
                str(per_price(32, price)),
                str(kiwoom_format.eok(price * self._shares)),
                f"{per_price(1497, price)}\t{per_price(1498, price)}",
                str(per_price(732, price)),
            )
        return found

    def traded(self, trade: Trade, tape: Tape, ask: int, bid: int, phase: Phase) -> str:
        """주식체결. ``tape`` includes the trade; ``ask`` and ``bid`` are the best quotes after it, 0 for none."""
        price, volume, side = trade.price, trade.volume, trade.side
        at_price = self.at_price(price)
        texts = self._price_texts
        total, value = tape.volume, tape.value
        previous_volume, previous_value = self.previous
        buys, sells = tape.buys, tape.sells
        aggressive_volume = buys + sells
        sign = _SIGNS[side]
        amount = price * volume // 1000
        amount_text = f"{sign}{amount}" if amount else _ZERO
        if side is Side.BUY:
            side_volumes = f"{_ZERO}\t+{volume}\t+{volume}"
        elif side is Side.SELL:
            side_volumes = f"-{volume}\t{_ZERO}\t-{volume}"
        else:
            side_volumes = f"{_ZERO}\t{_ZERO}\t{_ZERO}"
        ask_text = texts[ask] if ask else _NO_ASK
        bid_text = texts[bid] if bid else self._no_quote
        more_volume, more_value = total - previous_volume, value - previous_value
        upper_time = tape.high_time if tape.high >= self._upper else _NEVER
        lower_time = tape.low_time if tape.low <= self._lower else _NEVER
        bought_percent = "0.00"
        if aggressive_volume:
            bought_percent = (
                f"{'-' if 2 * buys < aggressive_volume else '+'}{percent_of(buys, aggressive_volume)}"
            )
        text = (
            f"{hhmmss(trade.time)}\t{at_price.head}\t{ask_text}\t{bid_text}\t{sign}{volume}\t{total}"
            f"\t{(value + 500_000) // 1_000_000}\t{texts[tape.open]}\t{texts[tape.high]}\t{texts[tape.low]}"
            f"\t{at_price.direction}\t{f'{more_volume:+d}' if more_volume else '0'}"
            f"\t{f'{more_value:+d}' if more_value else '0'}"
            f"\t{signed_percent_of(total, previous_volume)}\t{percent_of(total, self._shares)}\t{at_price.cost}"
            f"\t{percent_of(buys, sells)}\t{at_price.capital}\t{_SESSIONS[phase]}\t{self._ko_distance}"
            f"\t{signed_percent_of(value, previous_value)}\t{upper_time}\t{lower_time}\t{self._volume_pace}"
            f"\t{tape.open_time}\t{tape.high_time}\t{tape.low_time}\t{sells}\t{buys}\t{bought_percent}"
            f"\t{tape.sell_count}\t{tape.buy_count}\t{amount_text}\t{side_volumes}\t{at_price.margins}"
            f"\t{(2 * value + total) // (2 * total)}\t{at_price.cfd}\t{self._stock_loan_cost}"
        )
        return text.rsplit("\t", self._missing)[0] if self._missing else text

    def quoted(self, tape: Tape, ask: int, bid: int) -> str:
        """주식시세: prices of the day, without a trade."""
        at_price = self.at_price(tape.last)
        price_texts = self._price_texts
        previous_volume, previous_value = self.previous
        high, low = tape.high, tape.low
        return "\t".join(
            (
                at_price.head,
                price_texts[ask] if ask else self._no_quote,
                price_texts[bid] if bid else self._no_quote,
                str(tape.volume),
                str(kiwoom_format.millions(tape.value)),
                *(price_texts[price] if price else self._no_quote for price in (tape.open, high, low)),
                at_price.direction,
                kiwoom_format.signed(tape.volume - previous_volume),
                kiwoom_format.signed(tape.value - previous_value),
                signed_percent_of(tape.volume, previous_volume),
                percent_of(tape.volume, self._shares),
                at_price.cost,
                at_price.capital,
                signed_percent_of(tape.value, previous_value),
                tape.high_time if high >= self._upper else _NEVER,
                tape.low_time if 0 < low <= self._lower else _NEVER,
                at_price.cfd,
                self._stock_loan_cost,
            )
        )

    def expected(self, time: float, expected: ExpectedPrice, tape: Tape) -> str:
        """주식예상체결. Without an expected trade the price is 0 with a sign, as in opt10001."""
        price, direction = self.expected_price_fields(expected), self.expected_direction(expected)
        return f"{hhmmss(time)}\t{price}\t{expected.volume}\t{tape.volume}\t{direction}"

    def expected_price_fields(self, expected: ExpectedPrice) -> str:
        """Price, change and rate of an expected trade."""
        return self.at_price(expected.price).head if expected.price else f"{self._price_texts[0]}\t0\t0.00"

    def expected_direction(self, expected: ExpectedPrice) -> str:
        """전일대비기호 of an expected trade."""
        return self.at_price(expected.price).direction if expected.price else _SAME

"""Strings of 주식시간외호가 and of 시간외 단일가: ECN주식체결, ECN주식시세, ECN주식우선호가, ECN주식호가잔량.

No recorded string of them is known. The fields follow the REST feed's rows of opt10087 and opt10098, where signs and
changes are relative to the close, and the regular types for the rest. Kiwoom has said that OpenAPI+ does not support
the ECN types; programs have received them.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import Level, SinglePriceState, Tape, Trade
from kernel_server.simulated.realtime.field_strings import join_fields
from kernel_server.simulated.settings import BrokerSettings

QUEUE, TRADE, QUOTE, BEST, BOOK = (
    "주식시간외호가",
    "ECN주식체결",
    "ECN주식시세",
    "ECN주식우선호가",
    "ECN주식호가잔량",
)
TYPES = (QUEUE, TRADE, QUOTE, BEST, BOOK)

LEVELS = 5


def price_fields(tape: Tape) -> dict[str, str]:
    """Prices of 시간외 단일가: last, open, high, low, change, rate, direction, total and value."""
    base = tape.base
    change = tape.last - base
    return {
        "last": kiwoom_format.price(tape.last, base),
        "change": kiwoom_format.signed(change),
        "rate": kiwoom_format.rate(change, base),
        "direction": kiwoom_format.change_sign(tape.last, base, tape.upper, tape.lower),
        "total": str(tape.volume),
        "value": str(kiwoom_format.millions(tape.value)),
        **{name: kiwoom_format.price(getattr(tape, name), base) for name in ("open", "high", "low")},
    }


class OffHoursStrings:
    """Writer for one issue and one evening. It stores the last book written, to report changes."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._no_quote = settings.no_quote
        self._by_place = settings.level_change == "place"
        self._book: tuple[Sequence[Level], Sequence[Level], object] | None = None
        self._best = (0, 0)

    def _best_quotes(self, evening: SinglePriceState) -> dict[str, str]:
        base = evening.tape.base
        best = [side[0].price if side else 0 for side in (evening.asks, evening.bids)]
        ask, bid = (kiwoom_format.price(price, base) if price else self._no_quote for price in best)
        return {"ask": ask, "bid": bid}

    def traded(self, evening: SinglePriceState, trade: Trade) -> str:
        """ECN주식체결; ``evening`` has the trade in it."""
        values = price_fields(evening.tape) | self._best_quotes(evening)
        values |= {"time": hhmmss(trade.time), "volume": f" {trade.volume}"}
        return join_fields("single", TRADE, values)

    def quoted(self, evening: SinglePriceState) -> str:
        """ECN주식시세: final prices of the evening."""
        values = price_fields(evening.tape) | self._best_quotes(evening)
        if not evening.tape.volume:
            values |= dict.fromkeys(("open", "high", "low"), self._no_quote)
        return join_fields("single", QUOTE, values)

    def best(self, evening: SinglePriceState) -> str | None:
        """ECN주식우선호가; None if the best quotes are unchanged."""
        best = tuple(side[0].price if side else 0 for side in (evening.asks, evening.bids))
        if best == self._best:
            return None
        self._best = best[0], best[1]
        return join_fields("single", BEST, self._best_quotes(evening))

    def depth(self, time: float, evening: SinglePriceState) -> str | None:
        """ECN주식호가잔량; None if book and expected trade are unchanged. The first one reports no change."""
        asks, bids, expected = evening.asks, evening.bids, evening.expected
        before = self._book
        if before == (asks, bids, expected):
            return None
        self._book = (asks, bids, expected)
        old = before or self._book
        asked, bid_total = (sum(level.volume for level in side) for side in (asks, bids))
        values = {
            "time": hhmmss(time),
            "asked": str(asked),
            "asked_change": kiwoom_format.signed(asked - sum(level.volume for level in old[0])),
            "bidden": str(bid_total),
            "bidden_change": kiwoom_format.signed(bid_total - sum(level.volume for level in old[1])),
            "net": kiwoom_format.signed(bid_total - asked),
        }
        values |= self._levels("ask", asks, old[0], evening.tape.base)
        values |= self._levels("bid", bids, old[1], evening.tape.base)
        return join_fields("single", BOOK, values | _expected(evening))

    def _levels(self, side: str, now: Sequence[Level], old: Sequence[Level], base: int) -> dict[str, str]:
        values = {}
        for place in range(LEVELS):
            price, volume = now[place] if place < len(now) else Level(0, 0)
            same = (
                old[place : place + 1] if self._by_place else [level for level in old if level.price == price]
            )
            old_volume = sum(level.volume for level in same)
            values[f"{side}{place + 1}"] = kiwoom_format.price(price, base) if price else self._no_quote
            values[f"{side}_volume{place + 1}"] = str(volume)
            values[f"{side}_change{place + 1}"] = kiwoom_format.signed(volume - old_volume)
        return values


def _expected(evening: SinglePriceState) -> dict[str, str]:
    """Expected trade of the next auction; without one the price is 0 with a sign, as in opt10001."""
    tape, expected = evening.tape, evening.expected
    price, base = expected.price, tape.base
    change = price - base if price else 0
    return {
        "expected": kiwoom_format.price(price, base),
        "expected_volume": str(expected.volume),
        "expected_change": kiwoom_format.signed(change),
        "expected_rate": kiwoom_format.rate(change, base),
        "expected_direction": kiwoom_format.change_sign(price, base, tape.upper, tape.lower)
        if price
        else "3",
    }

"""주식시간외호가, and the types of 시간외 단일가: ECN주식체결, ECN주식시세, ECN주식우선호가, ECN주식호가잔량.

No recorded string of them is known. What the fields hold follows rows that the sibling REST feed has of opt10087
and opt10098, where prices are coloured against the close and changes measured from it, and the regular types for
the rest. Kiwoom has said that OpenAPI+ does not support the ECN types; programs have seen them come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import Exchange, Level, SinglePriceState, Tape, Trade
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.realtime.by_field import written
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
_OPEN = (Phase.BEFORE_OPEN, Phase.AFTER_CLOSE, Phase.SINGLE_PRICE)
_SINGLE = frozenset((TRADE, QUOTE, BEST, BOOK))
Say = Callable[[str, str, str], None]


def state(tape: Tape) -> dict[str, str]:
    """How 시간외 단일가 stands: last, open, high, low, change, rate, direction, total and value."""
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
    """Writer for one issue and one evening. It remembers the book it wrote last, for what has changed since."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._none = settings.no_quote
        self._by_place = settings.level_change == "place"
        self._book: tuple[Sequence[Level], Sequence[Level], object] | None = None
        self._best = (0, 0)

    def _quotes(self, evening: SinglePriceState) -> dict[str, str]:
        base = evening.tape.base
        best = [side[0].price if side else 0 for side in (evening.asks, evening.bids)]
        ask, bid = (kiwoom_format.price(price, base) if price else self._none for price in best)
        return {"ask": ask, "bid": bid}

    def traded(self, evening: SinglePriceState, trade: Trade) -> str:
        """ECN주식체결; ``evening`` has the trade in it."""
        values = state(evening.tape) | self._quotes(evening)
        values |= {"time": hhmmss(trade.time), "volume": f" {trade.volume}"}
        return written("single", TRADE, values)

    def quoted(self, evening: SinglePriceState) -> str:
        """ECN주식시세: where the evening ended."""
        values = state(evening.tape) | self._quotes(evening)
        if not evening.tape.volume:
            values |= dict.fromkeys(("open", "high", "low"), self._none)
        return written("single", QUOTE, values)

    def best(self, evening: SinglePriceState) -> str | None:
        """ECN주식우선호가; None where the best quotes are as they were."""
        best = tuple(side[0].price if side else 0 for side in (evening.asks, evening.bids))
        if best == self._best:
            return None
        self._best = best[0], best[1]
        return written("single", BEST, self._quotes(evening))

    def depth(self, time: float, evening: SinglePriceState) -> str | None:
        """ECN주식호가잔량; None where book and expectation are as they were. The first one reports no change."""
        asks, bids, expected = evening.asks, evening.bids, evening.expected
        before = self._book
        if before == (asks, bids, expected):
            return None
        self._book = (asks, bids, expected)
        old = before or self._book
        asked, bidden = (sum(level.volume for level in side) for side in (asks, bids))
        values = {
            "time": hhmmss(time),
            "asked": str(asked),
            "asked_change": kiwoom_format.signed(asked - sum(level.volume for level in old[0])),
            "bidden": str(bidden),
            "bidden_change": kiwoom_format.signed(bidden - sum(level.volume for level in old[1])),
            "net": kiwoom_format.signed(bidden - asked),
        }
        values |= self._levels("ask", asks, old[0], evening.tape.base)
        values |= self._levels("bid", bids, old[1], evening.tape.base)
        return written("single", BOOK, values | _expected(evening))

    def _levels(self, side: str, now: Sequence[Level], old: Sequence[Level], base: int) -> dict[str, str]:
        values = {}
        for place in range(LEVELS):
            price, volume = now[place] if place < len(now) else Level(0, 0)
            same = (
                old[place : place + 1] if self._by_place else [level for level in old if level.price == price]
            )
            held = sum(level.volume for level in same)
            values[f"{side}{place + 1}"] = kiwoom_format.price(price, base) if price else self._none
            values[f"{side}_volume{place + 1}"] = str(volume)
            values[f"{side}_change{place + 1}"] = kiwoom_format.signed(volume - held)
        return values


def _expected(evening: SinglePriceState) -> dict[str, str]:
    """What the next auction would give; where that is nothing, the price is the coloured zero that opt10001 shows."""
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


class OffHoursFeed:
    """Tells of what is traded outside the regular session, for issues that are subscribed.

    Args:
        say: fires a real-time event, given key, type and string.
        exchange: is asked what waits.
        settings: what is chosen about the strings, and whether the ECN types come at all.
    """

    def __init__(self, say: Say, exchange: Callable[[], Exchange], settings: BrokerSettings) -> None:
        self._say = say
        self._exchange = exchange
        self._settings = settings
        self._told: dict[str, tuple[int, int]] = {}  # what was last said to wait
        self._writers: dict[str, OffHoursStrings] = {}
        self._phase = Phase.CLOSED
        self.open = False  # whether anything is traded at prices of its own

    def at(self, phase: Phase) -> None:
        """The session stands in that phase."""
        self._phase = phase
        self.open = phase in _OPEN

    def quoted(self, code: str, types: frozenset[str], time: float) -> bool:
        """주식시간외호가, where other shares wait than were told of; whether there is a regular book to tell of too."""
        if self._phase is Phase.SINGLE_PRICE:
            return False
        if QUEUE in types:
            self._queued(code, time)
        return True

    def _queued(self, code: str, time: float) -> None:
        waiting = self._exchange().closing_price_queue(code)
        if self._told.get(code) == waiting[:2]:
            return
        self._told[code] = waiting.asks, waiting.bids
        values = {
            "time": hhmmss(time),
            "asks": str(waiting.asks),
            "bids": str(waiting.bids),
            "asks_change": kiwoom_format.signed(waiting.asks_change),
            "bids_change": kiwoom_format.signed(waiting.bids_change),
        }
        self._say(code, QUEUE, written("queue", QUEUE, values))

    def _writer(self, code: str) -> OffHoursStrings:
        if code not in self._writers:
            self._writers[code] = OffHoursStrings(self._settings)
        return self._writers[code]

    def evening(self, code: str, types: frozenset[str], time: float, trade: Trade | None) -> None:
        """ECN주식체결 of a trade; ECN주식우선호가 and ECN주식호가잔량 where they are others than before."""
        if not self._settings.evening_types or not types & _SINGLE:
            return
        evening, writer = self._exchange().single_price(code), self._writer(code)
        if trade is not None and TRADE in types:
            self._say(code, TRADE, writer.traded(evening, trade))
        best = writer.best(evening)
        if best is not None and BEST in types:
            self._say(code, BEST, best)
        if trade is None and BOOK in types:
            text = writer.depth(time, evening)
            if text is not None:
                self._say(code, BOOK, text)

    def turned(self, phase: Phase) -> None:
        """The session has come to another phase."""
        self.at(phase)
        if phase in (Phase.BEFORE_OPEN, Phase.PAUSE):
            self._told.clear()
            self._writers.clear()

    def closed(self, code: str, types: frozenset[str]) -> None:
        """After the last auction ECN주식시세 tells where it ended."""
        if self._settings.evening_types and QUOTE in types:
            evening = self._exchange().single_price(code)
            self._say(code, QUOTE, self._writer(code).quoted(evening))

"""The two halves of a day's bar that quotes bring at different hours: official prices, and the whole volume.

They are kept for some weeks, a record a session with all codes, until both are known and the bar is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kernel_server.reference.sessions import Sessions
from koalab.frames.bars import BarColumns
from koalab.frames.day_quotes import DayQuote, day_bar
from koalab.store.disk import Shelf
from koalab.store.finality import AFTER_MARKET, Finality, QuotePart, quotes_show
from koalab.store.memo import Memo
from koalab.store.series import Moment

_KEPT: Final = 40 * 86_400.0
_EVIDENCE: Final = "evening-range"


@dataclass(frozen=True, slots=True)
class DayHalves:
    """What is known of one code's bar of a day.

    Attributes:
        base: 기준가 of the day, KRW.
        prices: the official open, high, low and close; None where they are not known.
        volume: volume in shares and value in KRW of the whole day; None where they are not known.
        evening: open, high, low and close as the quotes that brought the volume had them.
    """

    base: float
    prices: tuple[float, float, float, float] | None = None
    volume: tuple[float, float] | None = None
    evening: tuple[float, float, float, float] | None = None

    def has(self, part: QuotePart) -> bool:
        """Whether a quote with that part has nothing to add."""
        known = {"nothing": True, "prices": self.prices is not None, "volume": self.volume is not None}
        return known.get(part, False)

    def with_quote(self, quote: DayQuote, part: QuotePart) -> DayHalves:
        """With the part that a quote brings."""
        bar = quote.bar
        prices = (float(bar.open[0]), float(bar.high[0]), float(bar.low[0]), float(bar.close[0]))
        if part == "prices":
            return replace(self, prices=prices) if quote.sure else self
        if part == "volume" and quote.traded and bar.value is not None:
            return replace(self, volume=(float(bar.volume[0]), float(bar.value[0])), evening=prices)
        return self

    def with_next_base(self, base: float, regular_range: bool) -> DayHalves:
        """With the official prices that the next session's 기준가 proves, if any.

        It is the day's official close, unless it lies outside the day's range: then there was a corporate action.
        High and low are the official ones if they exclude the after-market, or cannot be narrower.
        """
        if self.prices is not None or self.evening is None:
            return self
        opened, high, low, _ = self.evening
        narrowest = high == max(opened, base) and low == min(opened, base)
        if low <= base <= high and (regular_range or narrowest):
            return replace(self, prices=(opened, high, low, base))
        return self

    def corrected(self, quote: DayQuote) -> DayQuote:
        """A quote with the official prices, where they are known from the afternoon."""
        bar = quote.bar
        if self.prices is None or bar.value is None:
            return quote
        fixed = day_bar(quote.day, *self.prices, float(bar.volume[0]), float(bar.value[0]))
        return DayQuote(quote.code, quote.base, fixed, True)

    def quote(self, code: str, day: Moment) -> DayQuote | None:
        """The final bar; None until both halves are known."""
        if self.prices is None or self.volume is None:
            return None
        return DayQuote(code, self.base, day_bar(day, *self.prices, *self.volume), True)

    @property
    def outside_range(self) -> bool:
        """Whether the evening's close lies outside the evening's high and low, which then exclude the after-market."""
        return self.evening is not None and not self.evening[2] <= self.evening[3] <= self.evening[1]


class HalvesStore:
    """The halves of all codes, by session.

    Args:
        shelf: of the cache.
        memo: in it.
        finality: whether high and low in the evening include the after-market.
    """

    def __init__(self, shelf: Shelf, memo: Memo, finality: Finality) -> None:
        self._shelf = shelf
        self._memo = memo
        self._finality = finality

    def of(self, day: Moment) -> dict[str, DayHalves]:
        """What is known of a session, by code."""
        stored: Any = self._memo.get(_key(day))
        return {code: _decoded(one) for code, one in (stored or {}).items()}

    def add(self, day: Moment, found: Mapping[str, DayHalves], now: float) -> None:
        """Keeps what was found about some codes."""
        if not found:
            return
        with self._shelf.transaction():
            # Another process may have added codes, or the other half.
            kept = self.of(day)
            for code, one in found.items():
                other = kept.get(code, one)
                kept[code] = replace(
                    one,
                    prices=one.prices or other.prices,
                    volume=one.volume or other.volume,
                    evening=one.evening or other.evening,
                )
            value = {code: [one.base, one.prices, one.volume, one.evening] for code, one in kept.items()}
            self._memo.put(_key(day), value, now + _KEPT)
            if any(one.outside_range for one in found.values()):
                self._memo.put(_EVIDENCE, str(day), now + _KEPT)

    def note_page(self, code: str, bars: BarColumns, at: float, sessions: Sessions) -> None:
        """Keeps the official prices that a page of days, oldest first, shows of its newest in the afternoon.

        Not of a day with a corporate action, whose 기준가 is not the close before it.
        """
        index = sessions.last_started(at)
        if index < 0 or len(bars) < 2 or bars.event is None or bars.event[-1]:
            return
        day: Moment = sessions.dates[index].astype("datetime64[us]")
        if day < AFTER_MARKET or bars.time[-1] != day:
            return
        if quotes_show(index, at, sessions, self._finality) != "prices" or not bars.volume[-1]:
            return
        known = self.of(day).get(code)
        if known is None or known.prices is None:
            quote = DayQuote(code, float(bars.close[-2]), bars.slice(day, day), sure=True)
            self.add(day, {code: (known or DayHalves(quote.base)).with_quote(quote, "prices")}, at)

    @property
    def regular_range(self) -> bool:
        """Whether high and low in the evening are known to exclude the after-market."""
        setting = self._finality.evening_range
        return setting == "regular" or (setting == "seen" and self._memo.get(_EVIDENCE) is not None)


def _key(day: Moment) -> str:
    return f"halves:{day.astype('datetime64[D]')}"


def _decoded(stored: Any) -> DayHalves:
    base, prices, volume, evening = stored
    return DayHalves(
        base,
        None if prices is None else tuple(prices),
        None if volume is None else tuple(volume),
        None if evening is None else tuple(evening),
    )

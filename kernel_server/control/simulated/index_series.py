"""The market's indices as numbers: days and minutes of each, at a hundred times the index.

An index of ``index.tsv`` is weighted by market value over a fixed basket: the first so many shares of a market,
or of some industries in it, in the order of the listing, that have any prices; each counts from its second session
on. It is chained from day to day, and stands at the table's level at the end of 2025, or on the last day there is
before. The whole series is laid out at once, as far as the market can tell, and cut at the present, so that nothing
that has been seen of it ever changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice

import numpy as np

from kernel_server.control.simulated import draws
from kernel_server.control.simulated.aggregate import cut
from kernel_server.control.simulated.day import history
from kernel_server.control.simulated.daynumbers import epoch_days, yyyymmdd
from kernel_server.control.simulated.market import Bars, Floats, Ints, Issue, Market
from kernel_server.control.simulated.tsv import rows as table
from kernel_server.reference.sessions import Sessions

SCALE = 100
"""Bars of an index are in hundredths of it."""

_AUCTION_MINUTES = 10
_SEOUL = 9 * 3600
# Shares do not stand highest all at once: the index reaches this part of the way to where they would take it.
_TOGETHER = 0.5
_ANCHORED = 20251230
_EVERY = 100_000  # more sessions than there have been
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its code and name, its market, where it stands at the anchor, and the codes it is made of.

    ``group`` is the 시장구분 under which it is asked for: ``0`` KOSPI, ``1`` KOSDAQ, ``2`` KOSPI200.
    """

    code: str
    name: str
    group: str
    market: str
    level: float
    members: tuple[str, ...]


class Indices:
    """The indices of a market.

    Args:
        market: whose shares they are made of.
        sessions: the calendar, asked for once, when first needed.
    """

    def __init__(self, market: Market, sessions: Callable[[], Sessions]) -> None:
        self._market = market
        self._load = sessions
        self._all = lru_cache(64)(self._laid_out)
        self._ready: set[str] = set()
        self._priced = lru_cache(None)(self._has_prices)

    @cached_property
    def sessions(self) -> Sessions:
        return self._load()

    @cached_property
    def known(self) -> Mapping[str, Index]:
        """The indices that have members here, by code."""
        found = {}
        issues = list(self._market.issues().values())
        for code, name, group, market, industries, many, level in table("index"):
            wanted = set(industries.split(",")) if industries else None
            candidates = (issue.code for issue in issues if _belongs(issue, market, wanted))
            members = tuple(islice(filter(self._priced, candidates), int(many)))
            if members:
                found[code] = Index(code, name, group, market, float(level), members)
        return found

    @cached_property
    def _far(self) -> float:
        """The end of all sessions there are."""
        return float(self.sessions.closes[-1])

    def _has_prices(self, code: str) -> bool:
        return len(history(self._market, code, self._far, 1)) > 0

    def prepare(self, group: str) -> bool:
        """Lays out one more index of that group; whether all of them are. One takes tens of milliseconds."""
        left = [
            code for code, index in self.known.items() if index.group == group and code not in self._ready
        ]
        for code in left[:1]:
            self._all(code)
            self._ready.add(code)
        return len(left) <= 1

    def daily(self, code: str, now: float) -> Bars:
        """The index's days up to ``now``, the running one so far included. Volume in shares, value in KRW."""
        whole = self._all(code)
        running = self.sessions.current(now)
        done = self.sessions.last_completed(now)
        last = int(self._numbers[done]) if done >= 0 else 0
        bars = cut(whole, 0, int(np.searchsorted(whole.time, last, "right")))
        if running is None:
            return bars
        today = int(self._numbers[running])
        at = int(np.searchsorted(whole.time, today))
        if at == len(whole) or whole.time[at] != today:
            return bars
        seen = self._minutes(code, at, at + 1, now)
        if not len(seen):
            return bars
        columns = {name: getattr(whole, name)[: at + 1].copy() for name in Bars.__dataclass_fields__}
        columns["open"][-1] = seen.open[0]
        columns["high"][-1] = seen.high.max()
        columns["low"][-1] = seen.low.min()
        columns["close"][-1] = seen.close[-1]
        columns["volume"][-1] = seen.volume.sum()
        columns["value"][-1] = seen.value.sum()
        return Bars(**columns)

    def minute(self, code: str, now: float, days: int) -> Bars:
        """1-minute bars of the newest ``days`` sessions up to ``now``; they add up to the days."""
        whole = self._all(code)
        started = self.sessions.last_started(now)
        newest = int(self._numbers[started]) if started >= 0 else 0
        stop = int(np.searchsorted(whole.time, newest, "right"))
        if stop and whole.time[stop - 1] == newest and not len(self._minutes(code, stop - 1, stop, now)):
            stop -= 1
        return self._minutes(code, max(0, stop - days), stop, now)

    @cached_property
    def _numbers(self) -> Ints:
        return yyyymmdd(self.sessions.dates.view(np.int64))

    def _laid_out(self, code: str) -> Bars:
        index = self.known[code]
        bars = {member: history(self._market, member, self._far, _EVERY) for member in index.members}
        shares = {member: self._market.issues()[member].shares for member in index.members}
        held = [(max(1, shares[member]), found) for member, found in bars.items() if len(found)]
        # A day the calendar does not know has no hours, so no minutes could be told of it.
        times = np.intersect1d(np.unique(np.concatenate([b.time for _, b in held] or [_NONE])), self._numbers)
        if not len(times):
            return _EMPTY
        before, sums, traded = _summed(held, times)
        kept = before > 0
        ratios = {
            name: np.where(kept, total / np.where(kept, before, 1), 1.0) for name, total in sums.items()
        }
        level = np.cumprod(ratios["close"])
        anchor = max(0, int(np.searchsorted(times, _ANCHORED, "right")) - 1)
        level *= index.level / level[anchor]
        past = np.append(level[0], level[:-1])
        opening, top, bottom = (past * ratios[name] for name in ("open", "high", "low"))
        most, least = np.maximum(opening, level), np.minimum(opening, level)
        top = most + (np.maximum(top, most) - most) * _TOGETHER
        bottom = least - (least - np.minimum(bottom, least)) * _TOGETHER
        open_, high, low, close = (np.rint(x * SCALE).astype(np.int64) for x in (opening, top, bottom, level))
        none = np.zeros(len(times), np.int64)
        return Bars(times, open_, high, low, close, *traded, none, none.astype(np.float64))

    def _minutes(self, code: str, first: int, stop: int, now: float) -> Bars:
        """The minutes of those days of the whole series that are over at ``now``."""
        whole = self._all(code)
        parts = []
        for at in range(first, stop):
            session = int(np.searchsorted(self._numbers, whole.time[at]))
            opened, close = int(self.sessions.opens[session]), int(self.sessions.closes[session])
            count = (close - opened) // 60 - _AUCTION_MINUTES
            start = opened + 60 * np.append(np.arange(count), count + _AUCTION_MINUTES)
            known = np.append(start[:-1] + 60, start[-1])
            day = _path(code, cut(whole, at, at + 1), start)
            parts.append(cut(day, 0, int(np.searchsorted(known, now, "right"))))
        if not parts:
            return _EMPTY
        joined = [
            np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__dataclass_fields__
        ]
        return Bars(*joined)


def _belongs(issue: Issue, market: str, industries: set[str] | None) -> bool:
    common = issue.kind == "stock" and issue.code.endswith("0") and issue.market == market
    return common and (industries is None or issue.industry in industries)


def _summed(held: list[tuple[int, Bars]], times: Ints) -> tuple[Floats, dict[str, Floats], tuple[Ints, Ints]]:
    """Market value before each day and at its four prices, of the shares that were there before it; what traded."""
    before = np.zeros(len(times))
    sums = {name: np.zeros(len(times)) for name in ("open", "high", "low", "close")}
    volume, value = np.zeros(len(times), np.int64), np.zeros(len(times), np.int64)
    for shares, bars in held:
        at = np.searchsorted(times, bars.time)
        inside = at < len(times)
        inside[inside] = times[at[inside]] == bars.time[inside]
        at = at[inside]
        volume[at] += bars.volume[inside]
        value[at] += bars.value[inside]
        # A day that the share has no bar of leaves it where it was.
        place = np.searchsorted(bars.time, times, "right") - 1
        today = place >= 0
        today[today] = bars.time[place[today]] == times[today]
        past = np.where(today, place - 1, place)
        there = past >= 0
        before += np.where(there, bars.close[past] * float(shares), 0.0)
        # A session without a trade may come with prices of 0: its close stands for them.
        whole = today & (bars.low[place] > 0)
        for name, total in sums.items():
            column = np.where(whole, getattr(bars, name)[place], bars.close[place])
            total += np.where(there, column * float(shares), 0.0)
    return before, sums, (volume, value)


def _path(code: str, day: Bars, start: Ints) -> Bars:
    """The minutes that make up a day: they open, turn and close where it does, and share its volume out."""
    count = len(start) - 1
    index = epoch_days(day.time) * 1440 + np.arange(count + 1)
    opened, high, low, close = (float(column[0]) for column in (day.open, day.high, day.low, day.close))
    passed = np.arange(count + 1) / count
    path = np.append(0.0, np.cumsum(draws.bell(draws.key(code, "path"), index[:-1])))
    path -= path[-1] * passed
    path = opened + (close - opened) * passed + path * (high - low) / count**0.5
    path = _fitted(path, max(opened, close), high)
    path = -_fitted(-path, -min(opened, close), -low)
    placed = np.rint(path).astype(np.int64)
    open_, ends = np.append(placed[:-1], day.close[0]), np.append(placed[1:], day.close[0])
    top, bottom = np.maximum(open_, ends), np.minimum(open_, ends)
    # Where the path does not turn there, the minute nearest to it does.
    top[int(np.argmax(top[:-1]))], bottom[int(np.argmin(bottom[:-1]))] = day.high[0], day.low[0]
    weight = 1 + 2.5 * np.exp(-np.arange(count + 1) / 12) + draws.uniform(draws.key(code, "size"), index)
    weight[-1] = weight[:-1].sum() * 0.06
    local = start + _SEOUL
    labels = yyyymmdd(local // 86400) * 1_000_000 + local // 3600 % 24 * 10_000 + local // 60 % 60 * 100
    volume, value = (_shared(int(column[0]), weight) for column in (day.volume, day.value))
    none = np.zeros(count + 1, np.int64)
    return Bars(labels, open_, top, bottom, ends, volume, value, none, none.astype(np.float64))


def _fitted(path: Floats, edge: float, top: float) -> Floats:
    """The path with what is above ``edge`` stretched or squeezed so that its highest point is at ``top``."""
    above = path - edge
    most = float(above.max())
    fitted: Floats = np.where(above > 0, edge + above * ((top - edge) / most if most > 0 else 1.0), path)
    return fitted


def _shared(total: int, weight: Floats) -> Ints:
    edges = np.cumsum(weight)
    parts: Ints = np.diff(np.rint(total * (edges / edges[-1])).astype(np.int64), prepend=0)
    return parts

"""A market that never was: every listed issue has a whole history, made from a seed, on real sessions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions, load
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import yyyymmdd
from kernel_server.simulated.market import corporate_actions as corporate
from kernel_server.simulated.market import listing, tick_size
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.synthetic.daily_prices import HALT_REACH, DailyPrices, market_moves, walk
from kernel_server.simulated.market.synthetic.minute_prices import MinutePrices, minutes

_EPOCH_DAY = seoul(0).toordinal()
_FEW_DAYS = 5
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


class SyntheticMarket:
    """A ``Market`` made from a seed. Making one is cheap: an issue's history is computed when it is asked for.

    A bar is final once its session is over: it is the same whatever ``now`` is. While a session runs, its
    day is what its minutes up to ``now`` add up to, and a minute is seen once it is over. A corporate
    action rescales the adjusted bars before it from the morning of its day on.

    Args:
        seed: of everything that is drawn.
        sessions: the calendar, asked for once, when the first bar is.
        actions: corporate actions; by default the well-known ones.
        minute_sessions: how many sessions back, the newest included, there are minute bars.
        kept: of how many issues, at most, the history is kept in memory (half a megabyte each).
    """

    def __init__(
        self,
        seed: int,
        sessions: Callable[[], Sessions] = load,
        actions: Sequence[CorporateAction] | None = None,
        minute_sessions: int = 160,
        kept: int = 64,
    ) -> None:
        self.source = f"synthetic:seed={seed}:v2"
        if actions is not None:
            self.source += f":actions={hash_random.key(repr(actions)):016x}"
        self._seed = seed
        self._load = sessions
        self._actions: dict[str, list[CorporateAction]] = {}
        for action in corporate.known() if actions is None else actions:
            self._actions.setdefault(action.code, []).append(action)
        self._minute_sessions = minute_sessions
        self._days = lru_cache(kept)(self._walked)
        self._recent: OrderedDict[str, DailyPrices] = OrderedDict()
        self._most_recent = 4 * kept
        self._minutes = lru_cache(4)(self._drawn)

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    @cached_property
    def _listing(self) -> listing.Listing:
        return listing.build(self._seed)

    @cached_property
    def _moves(self) -> Floats:
        return market_moves(self._seed, self._sessions.dates.view(np.int64))

    def issues(self) -> Mapping[str, Issue]:
        """Every issue by code, also those that are listed only after the broker's present day."""
        return self._listing.issues

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """The issue's days since its listing, but not before 1986; none for a code that is not listed."""
        if code not in self._listing.issues:
            return _EMPTY
        if days is None:
            return self._bars(code, self._days(code), adjusted, now)
        since = max(0, self._sessions.last_started(now) + 1 - days - HALT_REACH)
        bars = self._bars(code, self._newest(code, since), adjusted, now)
        return cut(bars, max(0, len(bars) - days), len(bars))

    def _bars(self, code: str, days: DailyPrices, adjusted: bool, now: float) -> Bars:
        """Those of the days that are over at ``now``, and the one that runs."""
        done = self._sessions.last_completed(now) + 1 - days.first
        if done < 0:
            return _EMPTY
        running = self._sessions.current(now)
        today = None if running is None else self._so_far(code, days, running, now)

        def column(name: str) -> Ints:
            over: Ints = getattr(days, name)[:done]
            return over if today is None else np.append(over, today[name])

        day = column("day")
        own = self._actions.get(code, [])
        event, ratio = corporate.marks(day, own)
        raw = Bars(
            time=yyyymmdd(day),
            open=column("open"),
            high=column("high"),
            low=column("low"),
            close=column("close"),
            volume=column("volume"),
            value=column("value"),
            event=event,
            ratio=ratio,
        )
        return corporate.adjusted(raw, corporate.factors(day, own, _day(now))) if adjusted else raw

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """The minutes of the newest ``days`` sessions with trades that are over; the rest as for ``daily``."""
        if code not in self._listing.issues:
            return _EMPTY
        deepest = min(days, self._minute_sessions)
        rows = _NONE
        if deepest <= _FEW_DAYS:  # these cost much less than all; where they are not enough, all it is
            since = max(0, self._sessions.last_started(now) - deepest - HALT_REACH)
            history = self._newest(code, since)
            rows = self._rows_with_minutes(code, history, HALT_REACH, deepest, now)
        if len(rows) < deepest or deepest > _FEW_DAYS:
            history = self._days(code)
            rows = self._rows_with_minutes(code, history, 0, deepest, now)
        if not len(rows):
            return _EMPTY
        seen = self._seen(code, history, int(rows[0]), int(rows[-1]), now)
        raw = Bars(
            time=seen.time,
            open=seen.open,
            high=seen.high,
            low=seen.low,
            close=seen.close,
            volume=seen.volume,
            value=seen.value,
            event=np.zeros(len(seen), np.int64),
            ratio=np.zeros(len(seen)),
        )
        own = self._actions.get(code, [])
        day = history.day[seen.row]
        return corporate.adjusted(raw, corporate.factors(day, own, _day(now))) if adjusted else raw

    def _newest(self, code: str, since: int) -> DailyPrices:
        """The issue's days from that session on, or from an earlier one."""
        held = self._recent.get(code)
        if held is None or held.first > since:
            held = self._recent[code] = self._walked(code, since)
            if len(self._recent) > self._most_recent:
                self._recent.popitem(last=False)
        self._recent.move_to_end(code)
        return held

    def _rows_with_minutes(self, code: str, history: DailyPrices, sure: int, days: int, now: float) -> Ints:
        """The rows, from ``sure`` on, of the newest ``days`` of those days that have minutes by now."""
        newest = self._sessions.last_started(now) - history.first
        # One more than are kept: the newest may have no minute yet.
        rows = np.arange(max(sure, newest - self._minute_sessions), max(0, newest + 1))
        rows = rows[history.volume[rows] > 0]
        if len(rows) and rows[-1] == newest and not len(self._seen(code, history, newest, newest, now)):
            rows = rows[:-1]
        return rows[-days:] if days > 0 else rows[:0]

    def _walked(self, code: str, since: int = 0) -> DailyPrices:
        known = self._listing
        own = self._actions.get(code, [])
        issue, price = known.issues[code], known.prices[code]
        days = walk(self._seed, issue, price, own, self._sessions, self._moves, since)
        # Bars are views of these arrays, so nobody may write to them.
        for name in ("day", "open", "high", "low", "close", "volume", "value", "halted"):
            getattr(days, name).setflags(write=False)
        return days

    def _drawn(self, code: str, days: DailyPrices, first: int, last: int) -> MinutePrices:
        board = tick_size.board(self._listing.issues[code])
        rows = np.arange(first, last + 1)
        drawn = minutes(hash_random.key(self._seed, code), board, days, rows, self._sessions)
        for name in MinutePrices.__slots__:
            getattr(drawn, name).setflags(write=False)
        return drawn

    def _seen(self, code: str, days: DailyPrices, first: int, last: int, now: float) -> MinutePrices:
        """The minutes of the rows of ``days`` from ``first`` to ``last`` that are over at ``now``."""
        drawn = self._minutes(code, days, first, last)
        return drawn[: int(np.searchsorted(drawn.known, now, side="right"))]

    def _so_far(self, code: str, days: DailyPrices, session: int, now: float) -> dict[str, int] | None:
        """The running session (its index in the calendar) up to ``now``; None while nothing has been traded in it."""
        row = session - days.first
        if row < 0:
            return None
        if days.halted[row]:
            names = ("day", "open", "high", "low", "close", "volume", "value")
            return {name: int(getattr(days, name)[row]) for name in names}
        seen = self._seen(code, days, row, row, now)
        if not len(seen):
            return None
        return {
            "day": int(days.day[row]),
            "open": int(seen.open[0]),
            "high": int(seen.high.max()),
            "low": int(seen.low.min()),
            "close": int(seen.close[-1]),
            "volume": int(seen.volume.sum()),
            "value": int(seen.value.sum()),
        }


def _day(now: float) -> int:
    """The day it is in Seoul, since the epoch."""
    return seoul(now).toordinal() - _EPOCH_DAY

"""A synthetic market: every listed issue has a complete history on the real sessions, generated from a seed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions, load
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd
from kernel_server.simulated.market import corporate_actions as corporate
from kernel_server.simulated.market import listing, model
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.funds import funds
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.resample import cut, joined
from kernel_server.simulated.market.synthetic.daily_prices import (
    HALT_REACH,
    DailyPrices,
    first_session,
    generate_days,
    market_returns,
)
from kernel_server.simulated.market.synthetic.evenings import DEFAULT_BAR, EveningBar, Evenings
from kernel_server.simulated.market.synthetic.index_returns import IndexReturns
from kernel_server.simulated.market.synthetic.minute_prices import (
    MinutePrices,
    generate_minutes,
    generate_session,
    read_only,
)

_EPOCH_DAY = seoul(0).toordinal()
_FEW_DAYS = 5
_AHEAD = 32  # issues generated at once where they are read in the order of the listing
_GAP = 4  # places by which such a reader may skip
_BLOCK = 20  # sessions by which the days of the newest histories grow as time passes
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


def source_name(seed: int, calendar: str = "", actions: Sequence[CorporateAction] | None = None) -> str:
    """Names the prices of a seed; the version changes with what the seed gives."""
    name = f"synthetic:seed={seed}:v6"
    if calendar:
        name += f":calendar={calendar}"
    return name if actions is None else f"{name}:actions={hash_random.key(repr(actions)):016x}"


class SyntheticMarket:
    """A ``Market`` generated from a seed. It is cheap to create: an issue's history is generated on first use.

    The bar of a past session is final: it does not depend on ``now``. The bar of the session in progress aggregates its
    minutes up to ``now``, and a minute is visible once it is over. A corporate action changes the adjusted bars
    before it from the morning of its day on.

    Args:
        seed: of all randomness.
        sessions: loads the calendar, once, on first use.
        actions: corporate actions; by default the well-known ones.
        minute_sessions: number of sessions with minute bars, the newest included.
        cached: issues whose history is kept in memory, at most (half a megabyte each).
        calendar: names a calendar other than the exchange's, which has other prices.
        evening_bar: what the newest daily bar shows after the after-market has begun.
    """

    minutes_fit_days = True

    def __init__(
        self,
        seed: int,
        sessions: Callable[[], Sessions] = load,
        actions: Sequence[CorporateAction] | None = None,
        minute_sessions: int = 160,
        cached: int = 64,
        calendar: str = "",
        evening_bar: EveningBar = DEFAULT_BAR,
    ) -> None:
        self.source = source_name(seed, calendar, actions)
        self._seed = seed
        self._load_sessions = sessions
        self._actions: dict[str, list[CorporateAction]] = {}
        for action in corporate.KNOWN_ACTIONS if actions is None else actions:
            self._actions.setdefault(action.code, []).append(action)
        self._evenings = Evenings(seed, lambda: self._sessions, self._actions, evening_bar)
        self._minute_sessions = minute_sessions
        self._days = lru_cache(cached)(self._generate_days)
        self._recent_days: OrderedDict[str, DailyPrices] = OrderedDict()
        self._max_recent = 4 * cached
        self._last_read: dict[tuple[str, int], int] = {}
        self._last_minutes_read: dict[tuple[str, int], int] = {}
        self._session_minutes: OrderedDict[tuple[str, int, int], MinutePrices] = OrderedDict()
        self._minutes = lru_cache(4)(self._generate_minutes)

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load_sessions()

    @cached_property
    def _listing(self) -> listing.Listing:
        return listing.build_listing(self._seed)

    @cached_property
    def _boards(self) -> dict[str, list[str]]:
        """Codes by board, in the order of the listing."""
        boards: dict[str, list[str]] = {}
        for code, issue in self._listing.issues.items():
            boards.setdefault(model.board(issue), []).append(code)
        return boards

    @cached_property
    def _places(self) -> dict[str, int]:
        """Place of each code on its board."""
        return {code: place for codes in self._boards.values() for place, code in enumerate(codes)}

    @cached_property
    def _returns(self) -> Floats:
        return market_returns(self._seed, self._sessions.dates.view(np.int64))

    @cached_property
    def _index_returns(self) -> IndexReturns:
        return IndexReturns(self._seed, self._listing, self._actions, self._sessions, self._returns)

    def issues(self) -> Mapping[str, Issue]:
        """All issues by code, including those whose listing date is in the broker's future."""
        return self._listing.issues

    def anchor_prices(self) -> Mapping[str, int]:
        """The listing's prices; of an issue that was listed later, that of its first day."""
        return self._listing.prices

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """Daily bars since the listing, but not before 1986; empty for an unlisted code."""
        if code not in self._listing.issues:
            return _EMPTY
        if days is None:
            return self._bars(code, self._days(code), adjusted, now, len(self._sessions))
        since = max(0, self._sessions.last_started(now) + 1 - days - HALT_REACH)
        bars = self._bars(code, self._days_since(code, since, self._end(now)), adjusted, now, days)
        return cut(bars, max(0, len(bars) - days), len(bars))

    def _bars(self, code: str, days: DailyPrices, adjusted: bool, now: float, wanted: int) -> Bars:
        """The bars of sessions that are over, and of the one in progress; the last ``wanted`` have their values."""
        done = self._sessions.last_completed(now) + 1 - days.first
        if done < 0:
            return _EMPTY
        running = self._sessions.current(now)
        today = None if running is None else self._running_day(code, days, running, now)

        def column(name: str) -> Ints:
            over: Ints = getattr(days, name)[:done]
            return over if today is None else np.append(over, today[name])

        day = column("day")
        event, ratio = corporate.event_columns(day, self._actions.get(code, []))
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
        raw = self._evenings.with_evenings(self._listing.issues[code], days, raw, now, wanted)
        return self._adjust(code, raw, day, now) if adjusted else raw

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """Completed minutes of the newest ``days`` sessions with trades; otherwise as ``daily``."""
        if code not in self._listing.issues:
            return _EMPTY
        sessions_wanted = min(days, self._minute_sessions)
        rows = _NONE
        # A few days cost much less than all; if they have too few sessions with trades, all are generated.
        if sessions_wanted <= _FEW_DAYS:
            since = max(0, self._sessions.last_started(now) - sessions_wanted - HALT_REACH)
            history = self._days_since(code, since, self._end(now))
            rows = self._rows_with_minutes(code, history, HALT_REACH, sessions_wanted, now)
        if len(rows) < sessions_wanted or sessions_wanted > _FEW_DAYS:
            history = self._days(code)
            rows = self._rows_with_minutes(code, history, 0, sessions_wanted, now)
        if not len(rows):
            return _EMPTY
        completed = self._completed(code, history, int(rows[0]), int(rows[-1]), now)
        raw = Bars(
            time=completed.time,
            open=completed.open,
            high=completed.high,
            low=completed.low,
            close=completed.close,
            volume=completed.volume,
            value=completed.value,
            event=np.zeros(len(completed), np.int64),
            ratio=np.zeros(len(completed)),
        )
        return self._adjust(code, raw, history.day[completed.row], now) if adjusted else raw

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """Minutes of the after-markets of the newest ``days`` sessions; a minute is visible once it is over."""
        issue = self._listing.issues.get(code)
        newest = self._sessions.last_started(now)
        if issue is None or newest < 0:
            return _EMPTY
        first = max(0, newest + 1 - days)
        history = self._days_since(code, max(0, first - 1 - HALT_REACH), self._end(now))
        parts = self._evenings.bars(issue, history, range(max(first, history.first), newest + 1), now)
        raw = joined(parts) if parts else _EMPTY
        return self._adjust(code, raw, epoch_days(raw.time // 1_000_000), now) if adjusted else raw

    def evening_news(self, code: str, now: float) -> bool:
        """See ``Market``."""
        issue, newest = self._listing.issues.get(code), self._sessions.last_started(now)
        return issue is not None and newest >= 0 and self._evenings.has_news(issue, newest)

    def _adjust(self, code: str, raw: Bars, day: Ints, now: float) -> Bars:
        """The bars, whose days are given since the epoch, adjusted to the day of ``now``."""
        factors = corporate.adjustment_factors(day, self._actions.get(code, []), _epoch_day(now))
        return corporate.adjust(raw, factors)

    def _end(self, now: float) -> int:
        """Index after the last of the newest days that are generated for ``now``: few are in its future."""
        return ((self._sessions.last_started(now) + 1) // _BLOCK + 1) * _BLOCK

    def _days_since(self, code: str, since: int, end: int) -> DailyPrices:
        """The issue's days from session ``since`` on, or from an earlier one, at least up to ``end``."""
        if not self._has_days(code, since, end):
            kept = self._recent_days.get(code)
            if kept is not None:  # readers of different moments may take turns
                since, end = min(since, kept.first), max(end, kept.first + len(kept))
            codes = self._read_next(code, since, end)
            generated = self._generate(codes, since, end)
            for each, days in zip(codes, generated, strict=True):
                self._recent_days[each] = days
                self._recent_days.move_to_end(each)
            if len(codes) > 1:  # whose daily bars will be read
                self._evenings.decide(
                    [(self._listing.issues[each], days) for each, days in zip(codes, generated, strict=True)]
                )
            while len(self._recent_days) > self._max_recent:
                self._recent_days.popitem(last=False)
        self._recent_days.move_to_end(code)
        return self._recent_days[code]

    def _has_days(self, code: str, since: int, end: int) -> bool:
        """Whether the issue's days from ``since``, or from its listing if that is later, up to ``end`` are kept."""
        days = self._recent_days.get(code)
        if days is None or days.first + len(days) < min(end, len(self._sessions)):
            return False
        return days.first <= since or days.first <= self._start(code, since)[0]

    def _start(self, code: str, since: int) -> tuple[int, int]:
        return first_session(self._listing.issues[code], self._sessions, since)

    def _read_next(self, code: str, since: int, end: int) -> list[str]:
        """The code, and those that will be read after it if its board is read in the order of the listing."""
        start = self._start(code, since)

        def take(other: str) -> bool | None:
            if self._has_days(other, since, end):
                return None
            return self._start(other, since) == start

        return self._ahead(code, start[0], self._last_read, min(_AHEAD, self._max_recent), take)

    def _ahead(
        self,
        code: str,
        first: int,
        last_read: dict[tuple[str, int], int],
        count: int,
        take: Callable[[str], bool | None],
    ) -> list[str]:
        """The code, and what to read ahead of the codes after it on its board.

        Args:
            code: the code that is read now.
            first: session with which its days begin, which are not read together with those of others.
            last_read: place of the code read last, by board and ``first``; set to the last one returned.
            count: places looked at, that of ``code`` included.
            take: whether another code is read ahead; None ends the search.
        """
        board, place = model.board(self._listing.issues[code]), self._places[code]
        codes = [code]
        group = (board, first)
        if 0 < place - last_read.get(group, place) <= _GAP:
            for other in self._boards[board][place + 1 : place + count]:
                wanted = take(other)
                if wanted is None:
                    break
                if wanted:
                    codes.append(other)
        last_read[group] = self._places[codes[-1]]
        return codes

    def _rows_with_minutes(self, code: str, history: DailyPrices, sure: int, days: int, now: float) -> Ints:
        """The rows, from ``sure`` on, of the newest ``days`` days that have minutes by now."""
        newest = self._sessions.last_started(now) - history.first
        # One more row than there are sessions with minutes, as the newest may have no minute yet.
        rows = np.arange(max(sure, newest - self._minute_sessions), max(0, newest + 1))
        rows = rows[history.volume[rows] > 0]
        if len(rows) and rows[-1] == newest and not len(self._completed(code, history, newest, newest, now)):
            rows = rows[:-1]
        return rows[-days:] if days > 0 else rows[:0]

    def _generate_days(self, code: str) -> DailyPrices:
        return self._generate([code], 0, len(self._sessions))[0]

    def _generate(self, codes: list[str], since: int, end: int) -> list[DailyPrices]:
        known = self._listing
        issues, prices = [known.issues[code] for code in codes], [known.prices[code] for code in codes]
        actions = [self._actions.get(code, []) for code in codes]
        followed = [self._followed(issue, since, end) for issue in issues]
        found = generate_days(
            self._seed, issues, prices, actions, self._sessions, self._returns, since, end, followed
        )
        # Bars are views of these arrays, so they are read-only.
        for days in found:
            for name in ("day", "open", "high", "low", "close", "volume", "value", "halted"):
                getattr(days, name).setflags(write=False)
        return found

    def _followed(self, issue: Issue, since: int, end: int) -> Floats | None:
        """Log return in each session of what an ETF follows, None for other issues."""
        fund = funds().get(issue.code)
        if fund is None or not fund.index:
            return None
        first, anchor = self._start(issue.code, since)
        returns = self._index_returns.returns(fund.index, first, max(end, anchor + 1))
        log_returns: Floats = np.log1p(fund.multiple * returns)
        return log_returns

    def _generate_minutes(self, code: str, days: DailyPrices, first: int, last: int) -> MinutePrices:
        board = model.board(self._listing.issues[code])
        rows = np.arange(first, last + 1)
        return read_only(
            generate_minutes(hash_random.key(self._seed, code), board, days, rows, self._sessions)
        )

    def _minutes_of_session(self, code: str, days: DailyPrices, row: int) -> MinutePrices:
        """The minutes of one of the days. Issues that will be read after this one are generated with it."""
        key = (code, days.first, row)
        if key not in self._session_minutes:
            known = {code: days}

            def take(other: str) -> bool | None:
                if (other, days.first, row) in self._session_minutes:
                    return None
                found = self._recent_days.get(other)
                if found is not None and found.first == days.first and row < len(found):
                    known[other] = found
                return other in known

            self._ahead(code, days.first, self._last_minutes_read, _AHEAD, take)
            board = model.board(self._listing.issues[code])
            issue_keys = [hash_random.key(self._seed, each) for each in known]
            session = days.first + row
            generated = generate_session(issue_keys, board, [*known.values()], session, self._sessions)
            for each, minutes in zip(known, generated, strict=True):
                self._session_minutes[each, days.first, row] = read_only(minutes)
            while len(self._session_minutes) > 2 * _AHEAD:
                self._session_minutes.popitem(last=False)
        return self._session_minutes[key]

    def _completed(self, code: str, days: DailyPrices, first: int, last: int, now: float) -> MinutePrices:
        """The minutes in rows ``first`` to ``last`` of ``days`` that are over at ``now``."""
        if first == last:
            generated = self._minutes_of_session(code, days, first)
        else:
            generated = self._minutes(code, days, first, last)
        return generated[: int(np.searchsorted(generated.known, now, side="right"))]

    def _running_day(self, code: str, days: DailyPrices, session: int, now: float) -> dict[str, int] | None:
        """The session in progress (its index in the calendar) up to ``now``; None before its first trade."""
        row = session - days.first
        if row < 0:
            return None
        if days.halted[row]:
            names = ("day", "open", "high", "low", "close", "volume", "value")
            return {name: int(getattr(days, name)[row]) for name in names}
        completed = self._completed(code, days, row, row, now)
        if not len(completed):
            return None
        return {
            "day": int(days.day[row]),
            "open": int(completed.open[0]),
            "high": int(completed.high.max()),
            "low": int(completed.low.min()),
            "close": int(completed.close[-1]),
            "volume": int(completed.volume.sum()),
            "value": int(completed.value.sum()),
        }


def _epoch_day(now: float) -> int:
    """Today in Seoul, in days since the epoch."""
    return seoul(now).toordinal() - _EPOCH_DAY

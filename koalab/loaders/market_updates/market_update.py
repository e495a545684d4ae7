"""The newest session's daily bars of a whole market: a hundred issues a TR (OPTKWFID), instead of one.

Since there is an after-market no quote of the day has its final bar: one of the afternoon has the official prices, one
of the evening the whole volume, and the next session's 기준가 the close. A bar is stored when both halves are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import seoul
from koalab.errors import TooEarly
from koalab.frames.bars import BarColumns
from koalab.frames.day_quotes import DayQuote, day_quotes
from koalab.link import Link
from koalab.loaders import transactions
from koalab.loaders.day_halves import DayHalves, HalvesStore
from koalab.loaders.failures import Missing, reason
from koalab.loaders.market_updates.code_task import CodeTask, CodeUpdate, StaleSeries
from koalab.loaders.market_updates.series_update import HISTORY, SeriesUpdate, midnights
from koalab.loaders.snapshots import CODES_A_TR
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import (
    AFTER_MARKET,
    DEFAULT,
    Finality,
    QuotePart,
    final_until,
    next_quotes,
    quotes_show,
    settle_times,
)
from koalab.store.memo import Memo
from koalab.store.series import Moment

_DAY: Final = np.timedelta64(1, "D")
_INSTANT: Final = np.timedelta64(1, "us")
# From an hour before the opening on quotes may be those of the new day.
_BEFORE_OPENING: Final = 3600.0


class MarketUpdate:
    """Brings daily bars up to the latest session that is final.

    Args:
        link: to the broker.
        store: of final bars.
        memo: keeps the halves of bars that are not final yet.
        sessions: of the exchange, read on first use.
        finality: when bars are final.
    """

    def __init__(
        self,
        link: Link,
        store: BarStore,
        memo: Memo,
        sessions: Callable[[], Sessions],
        finality: Finality = DEFAULT,
    ) -> None:
        self._link = link
        self._sessions = sessions
        self._finality = finality
        self._halves = HalvesStore(store.shelf, memo, finality)
        self._series = SeriesUpdate(link, store, sessions, finality)

    def session(self) -> tuple[Moment, QuotePart]:
        """The newest session (its midnight), and what quotes have of its final bars now.

        Raises:
            TooEarly: they have nothing of it, or will be those of the next session soon.
        """
        now, sessions = self._link.now(), self._sessions()
        index = sessions.last_started(now)
        part = quotes_show(index, now, sessions, self._finality) if index >= 0 else "nothing"
        ahead = index + 1 < len(sessions) and now >= sessions.opens[index + 1] - _BEFORE_OPENING
        old = index < 0 or sessions.dates[index] < AFTER_MARKET
        if part == "nothing" or (ahead and old):
            awaited = index + 1 if ahead and old else index
            when = seoul(next_quotes(awaited, now, sessions, self._finality) or now)
            raise TooEarly(
                f"the daily bars of {sessions.dates[awaited]} are final from {when:%H:%M} on (Seoul), and it is "
                f"{seoul(now):%Y-%m-%d %H:%M}: update the market then"
                if sessions.dates[awaited] < AFTER_MARKET
                else f"quotes show nothing final of {sessions.dates[awaited]} at {seoul(now):%Y-%m-%d %H:%M} (Seoul):"
                f" update the market from {when:%H:%M} on",
                when.to_pydatetime(),
            )
        return sessions.dates[index].astype("datetime64[us]"), part

    def run(self, codes: Sequence[str], catch_up: bool, progress: Progress) -> dict[str, CodeUpdate]:
        """Updates those codes; returns what was done about each.

        Raises:
            TooEarly: as ``session``.
            CacheUnavailable: the cache cannot be used.
        """
        day, part = self.session()
        index = int(np.searchsorted(midnights(self._sessions()), day))
        outcomes = {code: CodeUpdate() for code in codes}
        stale = {code: lacking for code in codes if (lacking := self._series.stale(code, day))}
        known = self._halves.of(day) if day >= AFTER_MARKET else {}
        # What an earlier pass has brought costs nothing, also where that was killed before it stored the bar.
        had = {code: known[code] for code in stale if code in known and known[code].has(part)}
        wanted = [code for code in stale if code not in had]
        chunks = [wanted[start : start + CODES_A_TR] for start in range(0, len(wanted), CODES_A_TR)]
        if chunks:
            progress.expect(len(chunks))
        later = self._series.append_quotes(self._tasks(index, {}, had, stale, outcomes))
        for chunk in chunks:
            quotes, reasons, received_at = self._quotes(chunk, progress)
            # Waiting for its turn a pass may have outlasted the hour in which it began.
            part = quotes_show(index, received_at, self._sessions(), self._finality)
            usable = self._usable(chunk, quotes, reasons, day, part, outcomes)
            halves = {code: known.get(code, DayHalves(quote.base)) for code, quote in usable.items()}
            found = {code: halves[code].with_quote(quote, part) for code, quote in usable.items()}
            whole: dict[str, DayQuote] = {}
            if part == "both":
                whole = {code: halves[code].corrected(quote) for code, quote in usable.items()}
            else:
                self._halves.add(day, found, received_at)
            later += self._series.append_quotes(self._tasks(index, whole, found, stale, outcomes))
        failed = Missing()
        if later:
            progress.expect(sum(len(task.stale) for task in later))
        for task in later:
            with failed.of(task.code), progress.item(len(task.stale)) as shown:
                self._series.load_rest(task, catch_up, shown)
        for code, why in failed.reasons.items():
            outcomes[code].record("failed")
            outcomes[code].reason = why
        return outcomes

    def _usable(
        self,
        chunk: Sequence[str],
        quotes: Mapping[str, DayQuote],
        reasons: Mapping[str, str],
        day: Moment,
        part: QuotePart,
        outcomes: Mapping[str, CodeUpdate],
    ) -> dict[str, DayQuote]:
        """Those of the quotes that have a part of the day's bar; why others have none is recorded."""
        found: dict[str, DayQuote] = {}
        for code in chunk:
            quote = quotes.get(code)
            if quote is None or quote.day != day:
                outcomes[code].record("no quote")
                outcomes[code].reason = (
                    reasons[code] or f"no bar of {day.astype('datetime64[D]')} in its quote"
                )
            elif part == "nothing":
                outcomes[code].record("too early")
            else:
                found[code] = quote
        return found

    def _tasks(
        self,
        index: int,
        whole: Mapping[str, DayQuote],
        found: Mapping[str, DayHalves],
        stale: Mapping[str, list[StaleSeries]],
        outcomes: Mapping[str, CodeUpdate],
    ) -> list[CodeTask]:
        """What can be stored now of those codes: the session before, whose close 기준가 is, and the day."""
        sessions = self._sessions()
        day, final = midnights(sessions)[index], self._final(index)
        loadable = final_until("D", self._link.now(), sessions, self._finality)
        before: dict[str, DayHalves] = {}
        if found and index > 0 and sessions.dates[index - 1] >= AFTER_MARKET:
            before = self._halves.of(midnights(sessions)[index - 1])
        regular_range = bool(before) and self._halves.regular_range
        tasks = []
        for code, halves in found.items():
            series = stale[code]
            if code in before:
                past = before[code].with_next_base(halves.base, regular_range)
                quote = past.quote(code, midnights(sessions)[index - 1])
                missing = [] if quote is None else self._series.stale(code, quote.day)
                if quote is not None and missing:
                    ends, done = self._final(index - 1), outcomes[code]
                    tasks.append(CodeTask(code, quote.day, quote, missing, ends, done, loadable))
            today = whole.get(code) or halves.quote(code, day)
            if today is not None:
                done, recheck = outcomes[code], code in before
                tasks.append(CodeTask(code, day, today, series, final, done, loadable, recheck))
                continue
            outcomes[code].record("provisional")
            behind = [one for one in series if one.missing > 1 and one.run >= HISTORY]
            if behind and code not in before:
                unfinished = DayQuote(code, halves.base, BarColumns.empty("daily"), False)
                done = outcomes[code]
                tasks.append(CodeTask(code, day, unfinished, behind, loadable, done, loadable))
        return tasks

    def _final(self, index: int) -> Moment:
        """Up to when daily bars are final once those of that session are."""
        sessions = self._sessions()
        if sessions.dates[index] < AFTER_MARKET:
            return final_until("D", float(settle_times("D", sessions, self._finality)[index]), sessions)
        end: Moment = midnights(sessions)[index] + _DAY - _INSTANT
        return end

    def _quotes(
        self, codes: Sequence[str], progress: Progress
    ) -> tuple[dict[str, DayQuote], dict[str, str], float]:
        """Quotes by code, what the broker says of each code, blank for most, and when they came."""
        inputs = {"종목코드": ";".join(codes)}
        found = transactions.load(
            self._link, "OPTKWFID", inputs, progress, pages=1, priority="bulk", counted=True
        )
        page = found.pages[0]
        quotes, unreadable = day_quotes(page)
        said = {code: unreadable.get(code) or reason(code, page.messages) for code in codes}
        return quotes, said, page.received_at

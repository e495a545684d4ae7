"""Session method for plans of bulk loads."""

from __future__ import annotations

import contextlib
from typing import Literal, get_args

from koalab.dates import Day
from koalab.errors import BadInput, MissingData, UnknownCode
from koalab.inputs.arguments import flag
from koalab.inputs.text import plain, shown
from koalab.listing import DayListing, unlisted_code
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.plans import Plan
from koalab.plans.bars import BarRange, BarWork
from koalab.progress import Progress
from koalab.sessions.bars import BarMethods
from koalab.sessions.core import Codes, exchange_sessions, several_of
from koalab.sessions.notices import listed, warn

Kind = Literal["daily", "minute", "bars"]

WHOLE_MARKET = "ALL"


class PlanMethods(BarMethods):
    """Plans of bulk loads."""

    def plan(
        self,
        kind: Kind,
        codes: Codes | None = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        interval: str | int | None = None,
        adjusted: bool = True,
    ) -> Plan:
        """The cost of a bulk load: TRs, wait, end, and the cached share. Its ``run()`` carries it out.

        No TR is spent before ``run()``, which stores each page in the cache: afterwards the method that ``kind``
        names costs no TR. It loads final bars; the bar in progress is not stored.

        Args:
            kind: the method whose result is wanted: ``"daily"``, ``"minute"`` or ``"bars"``.
            codes: codes, names or markets (``"KOSPI"``, ``"ETF"``), one or several; None for the whole market.
            start: as for the method.
            end: as for the method.
            interval: as for the method: minutes for ``minute``, ``"W"`` or ``"5min"`` for ``bars``.
            adjusted: as for the method.

        Returns:
            A ``Plan``: ``trs``, ``wait``, ``ends``, ``cached``, ``frame()``, ``run()``, ``load()``.

        Raises:
            UnknownCode, BadInput: before anything is requested.
            CacheUnavailable: the cache cannot be used, so nothing could be stored.
        """
        wanted = BarRange(self._planned(kind, interval), start, end, flag("adjusted", adjusted))
        found = self._meant(codes)
        work = BarWork(
            kind,
            found,
            wanted,
            self._link,
            self._listings,
            self._bars,
            self.cache,
            exchange_sessions,
            lambda last: self.bars(found, wanted.interval.name, start, last, adjusted=adjusted),
            self._finality,
        )
        return Plan(work, self._link, self._listing().names, self._plan_progress)

    def _planned(self, kind: str, interval: str | int | None) -> Interval:
        if not isinstance(kind, str) or kind not in get_args(Kind):
            raise BadInput(f"no plan of {shown(kind)}: there are {', '.join(get_args(Kind))}")
        given: str | int = ("D" if kind == "bars" else 1) if interval is None else interval
        if kind == "daily":
            if interval is not None and find_interval(interval).name != "D":
                raise BadInput(f'"daily" has no interval {shown(interval)}: plan "minute" or "bars" for that')
            given = "D"
        found = find_interval(given)
        if kind == "minute" and found.unit != "min":
            raise BadInput(f"interval is a number of minutes, not {shown(interval)}")
        if found.unit == "tick":
            raise BadInput(
                "how many ticks there are shows only when they come, so they cannot be planned: kw.bars() loads them,"
                " and its progress bar says how long it takes"
            )
        return found

    def _meant(self, codes: Codes | None) -> list[str]:
        """The codes, each once; a market is all of its codes."""
        listing = self._listing()
        if codes is None:
            return listing.of(None)
        found: dict[str, None] = {}
        texts, several = several_of(codes, 'codes are texts like "KOSPI" or', "005930")
        gone: dict[str, str] = {}
        refused: UnknownCode | None = None
        for one in texts:
            try:
                found.update(dict.fromkeys(_issues(listing, one)))
            except UnknownCode as error:
                code = unlisted_code(listing, one)
                if code is None or not several:
                    raise
                gone[code], refused = str(error), refused or error
        if refused is not None and not found:
            raise refused
        if gone:
            warn(f"not in the plan, for the broker has no bars of them: {listed(gone, {})}", MissingData)
        if not found:
            raise BadInput('there is nothing to plan: give codes, names or a market, "KOSPI" for example')
        return list(found)

    def _plan_progress(self, label: str, show: bool) -> Progress:
        return Progress(label, flag("progress", show), self._link.forecast(), now=self._link.now)


def _issues(listing: DayListing, given: str) -> list[str]:
    """The code of one issue, or those of a market."""
    try:
        return [listing.resolve(given)]
    except UnknownCode:
        if plain(given).upper() == WHOLE_MARKET:
            return listing.of(None)
        with contextlib.suppress(BadInput):
            return listing.of(given)
        raise

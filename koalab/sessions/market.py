"""Session methods for order books, indices, and net buying of investor groups."""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from typing import Literal

import pandas as pd

from koalab.dates import BEGINNING, Day, text_of, wall_of
from koalab.frames import book as book_frames
from koalab.frames import flows as flow_frames
from koalab.frames.fields import Columns
from koalab.inputs.arguments import flag, one_of
from koalab.loaders import flows as flow_loader
from koalab.loaders import transactions
from koalab.loaders.bars import BarLoader
from koalab.loaders.failures import Missing, reason
from koalab.loaders.indices import Indices
from koalab.loaders.intervals import interval as find_interval
from koalab.loaders.load import LoadResult
from koalab.progress import Progress
from koalab.sessions.bars import BarMethods, FrameShape
from koalab.sessions.core import Codes, check_columns, exchange_sessions, several_of
from koalab.sessions.notices import note_missing, warn_late
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import final_until, needs_fetch
from koalab.store.series import Moment, Series


class MarketMethods(BarMethods):
    """Order books, indices, investor groups."""

    @cached_property
    def _indices(self) -> Indices:
        return Indices(self._link, self._memo, self._turns)

    @cached_property
    def _uncached_bars(self) -> BarLoader:
        return BarLoader(self._link, None, exchange_sessions, self._finality)

    def orderbook(self, code: Codes, *, columns: Columns = "en", progress: bool = True) -> pd.DataFrame:
        """The ten best asks and bids (opt10004), one TR a code: ``kw.orderbook("005930").loc["ask", 1]``.

        Returns:
            A row a level, from the highest ask down to the lowest bid; empty levels are left out. Index
            ``side`` (``ask``, ``bid``) and ``level`` (1 is the best); ``price`` in KRW, ``volume`` in shares,
            ``change`` (its last change, shares), all int64. Several codes: a level ``code`` first in the index.

            It is as of ``attrs["fetched_at"]`` and never cached. ``attrs`` also have ``time`` (the broker's own,
            HH:MM:SS), ``total_ask``, ``total_bid``, ``total_ask_change``, ``total_bid_change``, and
            ``after_hours_ask``, ``after_hours_bid`` (시간외종가), in shares; for several codes in ``attrs["books"]``,
            by code.

        Raises:
            UnknownCode: there is no such issue; its ``near`` holds similar ones.
        """
        check_columns(columns)
        given = self._given(code).live()
        codes, several = given.codes, given.several
        before, fetched = self._link.trs_here, self._link.now()
        frames, books, messages, missing = {}, {}, list[str](), Missing(several)
        missing.update(given.missing)
        with self._progress("호가", progress) as shown:
            shown.expect(len(codes))
            for one in codes:
                shown.relabel(f"{self._name(one)} 호가")
                with missing.of(one):
                    pages = transactions.load(
                        self._link, "opt10004", {"종목코드": one}, shown, pages=1, counted=True
                    ).pages
                    found, books[one] = book_frames.book(pages, columns), book_frames.summary(pages)
                    fetched = pages[-1].received_at
                    messages += pages[-1].messages
                    if len(found) or not several:
                        frames[one] = found
                    else:
                        missing.add(one, reason(one, pages[-1].messages) or "no asks and no bids")
        missing.check()
        if several:
            frame, more = _stacked(frames, book_frames.book([], columns)), {"books": books}
        else:
            frame, more = frames[codes[0]], books[codes[0]]
        frame.attrs = self._attrs("opt10004", fetched, 0, self._link.trs_here - before) | more
        self._note(frame, messages, missing, len(codes) + len(given.missing))
        return frame

    def index(
        self,
        index: Codes,
        start: Day | None = None,
        end: Day | None = None,
        *,
        interval: str | int = "D",
        finished: bool = False,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Bars of an index: days (opt20006), weeks, months, years (opt20007, opt20008, opt20019), minutes (opt20005).

        Args:
            index: name or code, or several: ``"KOSPI"``, ``"코스닥"``, ``"KOSPI200"``, ``"전기전자"``, ``"001"``;
                ``kw.indices()`` lists them.
            start: as for ``daily``.
            end: as for ``daily``.
            interval: ``"D" "W" "M" "Y"`` or ``"1min"`` … ``"60min"``.
            finished: as for ``daily``.
            columns: ``"en"`` or ``"ko"``.
            progress: show a bar when it takes longer than a second.

        Returns:
            The frame of ``daily`` or ``minute``, but ``open high low close`` in points, float64. ``volume`` is the
            broker's figure (in thousands of shares on the simulated one), ``value`` in KRW. Days and longer are
            cached as those of issues are; minutes are not, because their last bars have no time.

        Raises:
            UnknownCode: there is no such index; its ``near`` holds similar ones.
            BadInput: no date or interval, or a range that is empty or in the future.
        """
        wanted = find_interval(interval, "index")
        check_columns(columns)
        finished = flag("finished", finished)
        asked = self._asked(wanted, start, end, finished, ())
        first, last = asked
        given, several = several_of(index, "an index is a text", "KOSPI")
        codes = list(dict.fromkeys(self._indices.resolve(one) for one in given))
        listed = self._indices.names()
        loader = self._bars if wanted.dated else self._uncached_bars

        def load(code: str, *, progress: Progress) -> LoadResult:
            result = loader.load(code, wanted, first, last, False, progress)
            if result.messages and not len(result.bars):
                self._forget_empty(Series(code, wanted.name, False))
            return result

        names = {one: listed[one] for one in codes}
        found, gaps = loader.look_up(codes, wanted, first, last, False)
        expected = loader.expected_trs(gaps, wanted, {})
        shape = FrameShape(several, wanted, False, finished, "keep", columns, self._finality)
        return self._load_frame(names, shape, progress, load, found, expected, asked)

    def _forget_empty(self, series: Series) -> None:
        """Forgets a series that is cached without a single bar.

        The broker lists indices that it does not chart, with the same message as for a time without history.
        """
        with contextlib.suppress(CacheUnavailable):
            cached, _ = self.cache.read(series, BEGINNING, wall_of(self._link.now()))
            if not len(cached):
                self.cache.drop(series)

    def indices(self) -> pd.DataFrame:
        """The broker's indices (GetUpjongCode): index ``code``, ``name``. No TR."""
        listed = self._indices.list()
        index = pd.Index(list(listed.names), dtype="str", name="code")
        frame = pd.DataFrame({"name": pd.array(list(listed.names.values()), dtype="str")}, index=index)
        frame.attrs = self._attrs("GetUpjongCode", listed.fetched_at, len(index) if listed.cached else 0)
        return frame

    def flows(
        self,
        code: Codes,
        start: Day | None = None,
        end: Day | None = None,
        *,
        what: Literal["amount", "shares"] = "amount",
        side: Literal["net", "buy", "sell"] = "net",
        finished: bool = False,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Buying and selling of an issue by investor group and day (opt10059), 100 days a TR.

        Args:
            code: code or name, or several of them.
            start: first day, included; None for the beginning of the broker's history, which may be many TRs.
            end: last day, included; None for now. Today's figures are not final:
                ``attrs["unfinished"]`` has the day, of several codes by code.
            what: ``"amount"``, in KRW to the million that the broker rounds to, or ``"shares"``.
            side: ``"net"`` (bought less sold), ``"buy"`` or ``"sell"``; the latter two are never negative.
            finished: leave out the day that still grows: from its opening until its daily bar is final.
            columns: ``"en"`` or ``"ko"``, 개인투자자 외국인투자자 기관계 ….
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``date`` (naive, ascending, unique); ``close`` (KRW), ``volume`` (shares), ``value`` (KRW), then
            ``individuals foreigners institutions``, the parts of the institutions (``securities insurers funds
            other_financials banks pensions private_funds government``), ``other_corporations
            resident_foreigners``; int64. Several codes: a level ``code`` first in the index. Never
            cached: the broker does not document from when on a day is final.

        Raises:
            UnknownCode: there is no such issue; its ``near`` holds similar ones.
            BadInput: no date, ``what`` or ``side``, or a range that is empty or in the future.
        """
        check_columns(columns)
        one_of("what", what, flow_loader.WHATS)
        one_of("side", side, flow_loader.SIDES)
        finished = flag("finished", finished)
        given = self._given(code).live()
        first, last = self._asked(find_interval("D"), start, end, finished, given.codes)
        codes, several = given.codes, given.several
        before, fetched, sessions = self._link.trs_here, self._link.now(), exchange_sessions()
        frames, messages, missing = {}, list[str](), Missing(several)
        unfinished: dict[str, str] = {}
        late: dict[str, Moment] = {}
        missing.update(given.missing)
        due = {one: self._has_sessions(one, first, last) for one in codes}
        trs = flow_loader.expected_trs(first, last, sessions)
        with self._progress("", progress) as shown:
            shown.expect(trs * sum(due.values()))
            for one in codes:
                if not due[one]:  # no session in it, or none that is final
                    frames[one] = flow_frames.flows([], True, True, columns)
                    continue
                with missing.of(one), shown.item(trs, f"{self._name(one)} 투자자별") as part:
                    pages = flow_loader.load(self._link, one, first, last, what, side, part)
                    found = flow_frames.flows(pages, what == flow_loader.MONEY, side == "net", columns)
                    # For a day without a session the broker returns the session before it.
                    frames[one] = found[(found.index >= first) & (found.index <= last)]
                    fetched = pages[-1].received_at
                    final = final_until("D", pages[0].received_at, sessions, self._finality.of(one))
                    if finished:
                        frames[one] = frames[one][frames[one].index <= final]
                    elif len(frames[one]) and frames[one].index[-1] > final:
                        unfinished[one] = f"{frames[one].index[-1]:%Y-%m-%d}"
                    said = [text for page in pages for text in page.messages]
                    messages += said
                    begins = flow_loader.history_from(pages, found, first, partial(self._has_sessions, one))
                    if begins is not None and len(frames[one]):
                        late[one] = begins
                    if several and not len(frames[one]):
                        why = reason(one, said) or f"the broker has no figures of it {text_of((first, last))}"
                        missing.add(one, why)
        missing.check()
        none = flow_frames.flows([], True, True, columns)
        frame = _stacked(_with_rows(frames), none) if several else frames[codes[0]]
        attrs = self._attrs(flow_frames.TR, fetched, 0, self._link.trs_here - before)
        frame.attrs = {**attrs, "what": what, "side": side}
        if unfinished:
            frame.attrs["unfinished"] = unfinished if several else unfinished[codes[0]]
        if late:
            begun = {one: f"{when.astype('datetime64[D]')}" for one, when in late.items()}
            frame.attrs["history_from"] = begun if several else begun[codes[0]]
        self._note(frame, messages, missing, len(codes) + len(given.missing))
        warn_late(late, first, self._listing().names)
        return frame

    def _has_sessions(self, code: str, first: Moment, last: Moment) -> bool:
        """Whether there can be a day with figures of an issue between two days."""
        now, sessions = self._link.now(), exchange_sessions()
        return bool(needs_fetch([(first, last)], "D", now, sessions, self._finality.of(code)))

    def _note(self, frame: pd.DataFrame, messages: list[str], missing: Missing, of: int) -> None:
        """Warns of issues that are missing in a list, or of an empty frame of one issue."""
        note_missing(frame, missing.reasons, self._listing().names, of, messages)


def _with_rows(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {code: frame for code, frame in frames.items() if len(frame)}


def _stacked(frames: dict[str, pd.DataFrame], none: pd.DataFrame) -> pd.DataFrame:
    """Frames of several codes as one, with a level ``code`` first in the index; ``none`` where there is no code."""
    return pd.concat(frames or {"": none}, names=["code", *none.index.names])

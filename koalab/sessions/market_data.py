"""Session methods for basic info, quotes, the listing, and any TR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, overload

import pandas as pd

from koalab.errors import BadInput, UnknownCode
from koalab.frames import records
from koalab.frames.fields import Columns
from koalab.frames.generic import Answer
from koalab.inputs.text import folded, shown
from koalab.loaders import transactions
from koalab.loaders.failures import reason
from koalab.loaders.snapshots import SnapshotLoader, Snapshots
from koalab.sessions.core import Codes, SessionCore, check_columns, exchange_sessions
from koalab.sessions.notices import note_missing, warn_no_rows


class MarketDataMethods(SessionCore):
    """Basic info, quotes, the listing, and any TR."""

    @cached_property
    def _snapshots(self) -> SnapshotLoader:
        return SnapshotLoader(self._link, self._memo, exchange_sessions, self._finality)

    @overload  # a str is an Iterable[str] too, but one code
    def info(  # type: ignore[overload-overlap]
        self, code: str, *, columns: Columns = "en", progress: bool = True
    ) -> pd.Series[Any]: ...

    @overload
    def info(
        self, code: Iterable[str], *, columns: Columns = "en", progress: bool = True
    ) -> pd.DataFrame: ...

    def info(
        self, code: Codes, *, columns: Columns = "en", progress: bool = True
    ) -> pd.Series[Any] | pd.DataFrame:
        """Basic info (opt10001): price, limits, ratios, shares; one TR a code.

        Prices and amounts are in KRW, shares in shares, rates in percent.

        Returns:
            A Series for one code, a DataFrame (index ``code``) for several.

        Raises:
            UnknownCode: there is no such issue, or the broker returns nothing for it.
        """
        check_columns(columns)
        given = self._given(code).live()
        codes, several = given.codes, given.several
        before = self._link.trs_here
        with self._progress("기본정보", progress) as shown:
            loaded = self._snapshots.info(codes, several, shown)
        missing = {**given.missing, **loaded.missing}
        if missing and not several:
            raise UnknownCode(missing[codes[0]])
        pages = loaded.pages
        found: Any
        if several:
            found, unreadable = records.readable_infos(pages, columns)
            missing.update(unreadable)
        else:
            found = records.info(pages[0], columns)
        fetched = max((page.received_at for page in pages), default=self._link.now())
        found.attrs = self._attrs("opt10001", fetched, loaded.hits, self._link.trs_here - before)
        if several:
            note_missing(found, missing, self._listing().names, len(codes) + len(given.missing))
        return found  # type: ignore[no-any-return]

    def quotes(self, codes: Codes, *, columns: Columns = "en", progress: bool = True) -> pd.DataFrame:
        """Quotes (OPTKWFID): one row a code, 100 codes a TR, in the given order.

        Returns:
            Index ``code``; prices in KRW, volumes in shares; ``time`` of the trade whose price is shown and
            ``quote_time`` in Asia/Seoul, as the broker says them (체결시간, 호가시간). On the simulated one a price of
            the after-market has its time until the next morning, when the official close is back, with that of the
            close. What the real broker says in the evening has not been recorded.

        Raises:
            UnknownCode: there is no such issue; its ``near`` holds similar ones.
        """
        check_columns(columns)
        given = self._given(codes).live()
        before = self._link.trs_here
        with self._progress("관심종목", progress) as shown:
            loaded = self._snapshots.quotes(given.codes, shown)
        return self._quotes_frame(given.codes, loaded, columns, self._link.trs_here - before, given.missing)

    def _quotes_frame(
        self,
        wanted: Sequence[str],
        loaded: Snapshots,
        columns: Columns,
        trs: int,
        unknown: Mapping[str, str] = MappingProxyType({}),
    ) -> pd.DataFrame:
        """The quotes as a frame with its ``attrs``; codes that have none are missing."""
        read = records.readable_quotes(loaded.pages, columns)
        frame, came = read.frame, set(read.frame.index)
        # A broker may leave the exchange out of the code that it answers with.
        came |= {code for code in wanted if code[:6] in came and code[:6] not in wanted}
        messages = [text for page in loaded.pages for text in page.messages]
        missing = {
            code: read.unreadable.get(code) or reason(code, messages) or "the broker has no quote of it"
            for code in wanted
            if code not in came
        }
        fetched = max((page.received_at for page in loaded.pages), default=self._link.now())
        frame.attrs = self._attrs("OPTKWFID", fetched, loaded.hits, trs)
        note_missing(frame, {**unknown, **missing}, self._listing().names, len(wanted) + len(unknown))
        return frame

    # -- the listing

    def codes(self, market: str | None = None) -> pd.DataFrame:
        """The listing of a market (``"KOSPI"``, ``"KOSDAQ"``, ``"KONEX"``, ``"ETF"``, ``"ETN"`` …), or of all.

        Returns:
            Index ``code``; ``name market kind`` (text), ``listed`` (date), ``shares``, ``base_price`` (KRW),
            ``supervision`` and ``state`` in the broker's words. From the control's master functions: no TR.

        Raises:
            BadInput: there is no such market.
        """
        listing = self._listing()
        return self._listings.frame(listing.of(market))

    def find(self, text: str) -> pd.DataFrame:
        """The issues whose name or code contains that text, or is similar to it; the frame of ``codes``. No TR."""
        if not isinstance(text, str) or not text.strip():
            raise BadInput(
                f'what is to be found is a part of a name or code, "삼성" for example, not {shown(text)}'
            )
        listing = self._listing()
        wanted = folded(text)
        inside = [
            code for code, name in listing.names.items() if wanted in folded(name) or wanted.upper() in code
        ]
        return self._listings.frame(inside or [code for code, _ in listing.near(text)])

    def names(self) -> dict[str, str]:
        """Korean names by code, of all issues listed today. No TR."""
        return dict(self._listing().names)

    def tr(self, tr: str, *, pages: int | None = None, progress: bool = True, **inputs: str | int) -> Answer:
        """Any TR: ``kw.tr("opt10001", 종목코드="005930").single``.

        Args:
            tr: its code.
            pages: the most pages to load; None for all.
            inputs: the TR's inputs by Kiwoom's names; ``kl.reference.tr(code)`` lists those it needs.
            progress: show a bar when it takes longer than a second.

        Returns:
            ``.single`` (Series), ``.multi`` (DataFrame, rows of all pages) and ``.pages`` (as the broker sent them).

        Raises:
            BadInput: there is no such TR, or its inputs are missing, unknown or too long.
        """
        entry = transactions.find_tr(tr)
        before = self._link.trs_here
        with self._progress(entry.name, progress) as shown:
            answer = transactions.load(self._link, tr, inputs, shown, pages)
        attrs = self._attrs(entry.code, answer.pages[-1].received_at, 0, self._link.trs_here - before)
        answer.multi.attrs = dict(attrs)
        answer.single.attrs = dict(attrs)
        if not len(answer.multi) and answer.single.isna().all():
            warn_no_rows([text for page in answer.pages for text in page.messages], answer.multi)
        return answer

"""The session: one way to one broker, and everything a user asks of it."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from koalab import clocks
from koalab.calls import Calls
from koalab.dates import Day, seoul, span
from koalab.errors import BadInput, KoalabError
from koalab.frames import bars as bar_frames
from koalab.frames import records
from koalab.frames.fields import Columns
from koalab.frames.generic import Answer
from koalab.link import LOGIN_TIMEOUT, Link
from koalab.listing import Listing, Listings
from koalab.loaders import transactions
from koalab.loaders.bars import BarLoader, Loaded
from koalab.loaders.intervals import Interval
from koalab.loaders.intervals import interval as find_interval
from koalab.loaders.snapshots import SnapshotLoader
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.disk import default_folder
from koalab.store.memo import Memo
from koalab.transport.base import Transport

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Codes = str | Iterable[str]


# Showing a session must not wait for a server that is not well.
_LOOK = 2.0


def _sessions() -> Any:
    from koalab.calendar import table

    return table()


class Session:
    """One broker, ready to be asked. ``kl.connect()`` makes it.

    Every frame's ``attrs`` hold ``source``, ``tr``, ``adjusted``, ``fetched_at`` (ISO 8601, Seoul),
    ``cache_hits`` (bars or answers that the cache had) and ``trs`` (TRs this call spent).

    All methods may be called from any thread and raise ``koalab.errors.KoalabError``: BadInput and
    UnknownCode before anything is sent, ServerLost, RateLimited, NoAnswer and NotConnected otherwise.
    """

    def __init__(self, transport: Transport, cache_dir: str | os.PathLike[str] | None = None) -> None:
        self._link = Link(transport)
        self._connected_at = datetime.now().astimezone()
        self._closed = False
        self._finalizer = weakref.finalize(self, transport.close)
        self.cache = BarStore(default_folder(cache_dir), self._link.kept_as)
        memo = Memo(self.cache.shelf, self._link.now)
        self._listings = Listings(self._link, memo)
        self._bars = BarLoader(self._link, self.cache, _sessions)
        self._snapshots = SnapshotLoader(self._link, memo, _sessions)
        self.call = Calls(self._link)

    # -- the session itself

    def login(self, timeout: float = LOGIN_TIMEOUT) -> None:
        """Logs in (CommConnect) and waits for OnEventConnect; nothing where somebody is logged in already.

        Raises:
            LoginFailed: the broker refused, or nobody answered its window within ``timeout`` seconds.
        """
        self._link.login(timeout)

    def status(self) -> dict[str, Any]:
        """How things stand, as a mapping.

        ``server`` (target, version, control, limits, connected since), ``simulation`` (모의투자), ``connected``,
        ``now`` (the broker's time, Seoul), ``clock`` (its name, its speed, and a note that says where it runs if it
        is not the wall clock), ``market`` (the session whose day it is, and its phase; blank where the server does
        not know), ``trs`` (spent by this session), ``quota`` (one entry a window: kind, limit, seconds, used,
        next_free in seconds), ``queue``, ``streams``, ``cache``, ``rights`` (what this session may: read, trade,
        admin), ``real_orders`` (whether the server sends orders to a broker that is not 모의투자), ``max_order_value``
        (KRW, 0: anything), ``problems`` (a sentence each).
        """
        status = self._link.status()
        return {
            "server": {
                "target": self._link.transport.target,
                "version": status.version,
                "control": status.control,
                "source": status.source,
                "limits": status.limits,
                "since": seoul(status.started_at).isoformat(timespec="seconds"),
            },
            "simulation": status.simulation,
            "connected": status.connected,
            "user": _masked(status.user_id),
            "now": seoul(status.now).isoformat(timespec="seconds"),
            "clock": {"name": status.clock, "speed": status.speed, "note": clocks.note(status)},
            "market": {"session": status.session, "phase": status.phase},
            "trs": self._link.trs,
            "quota": [
                {
                    "kind": one.kind,
                    "limit": one.limit,
                    "seconds": one.seconds,
                    "used": one.used,
                    "next_free": one.next_free,
                }
                for one in status.quotas
            ],
            "queue": status.queued,
            "streams": status.streams,
            "cache": self._cache_status(),
            "rights": status.rights,
            "real_orders": status.real_orders,
            "max_order_value": status.max_order_value,
            "problems": list(status.problems),
        }

    def _cache_status(self) -> dict[str, Any]:
        folder = {"folder": str(self.cache.shelf.folder)}
        try:
            return {**folder, "series": len(self.cache.series())}
        except KoalabError as error:
            return {**folder, "error": str(error)}

    def close(self) -> None:
        """Ends the session, and with it the embedded server where there is one."""
        self._closed = True
        self._finalizer()
        self.cache.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._closed:
            return f"<koalab {self._link.transport.target}: closed>"
        status, gone = self._link.last_status(), ""
        try:
            status = self._link.status(_LOOK)
        except KoalabError:
            gone = ", server gone"
        server = "모의투자" if status.simulation else "실서버"
        broker = "simulated broker, " if status.control == "simulated" else ""
        user = f"user {_masked(status.user_id)}" if status.connected else "not logged in"
        left = ", ".join(
            f"{one.limit - one.used}/{one.limit} in {one.seconds:g} s"
            for one in status.quotas
            if one.kind == "tr"
        )
        return (
            f"<koalab {self._link.transport.target}: {broker}{server}, {user}, since {self._connected_at:%H:%M:%S}, "
            f"{clocks.short(status)}, TRs left {left or 'unlimited'}, {status.streams} streams{gone}>"
        )

    # -- bars

    def daily(
        self,
        code: Codes,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Daily bars (opt10081).

        Args:
            code: code or name, or several of them.
            start: first day wanted; None for the beginning of the broker's history.
            end: last day wanted, included; None for now. The day in progress is its last row.
            adjusted: prices and volumes adjusted for splits and the like (수정주가구분 1), or as they were.
            columns: ``"en"`` or ``"ko"``, the broker's own names.
            progress: show a bar when it takes longer than a second.

        Returns:
            Index ``date`` (naive, ascending, unique); columns ``open high low close`` in KRW, ``volume`` in
            shares, ``value`` in KRW to the million, all int64 (float64 only where the source has fractions).
            Several codes: a level ``code`` first in the index.
        """
        return self.bars(code, "D", start, end, adjusted=adjusted, columns=columns, progress=progress)

    def minute(
        self,
        code: Codes,
        interval: int = 1,
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Minute bars (opt10080): 1, 3, 5, 10, 15, 30, 45 or 60 minutes.

        Arguments as for ``daily``. The broker keeps some months of them and always begins with the newest,
        so a range long ago costs the pages of what lies between.

        Returns:
            Index ``time`` (start of the bar, tz Asia/Seoul); columns ``open high low close volume``, int64. The TR
            has no traded value.
        """
        if isinstance(interval, bool) or not isinstance(interval, int):
            raise BadInput(f"interval is a number of minutes, not {interval!r}")
        return self.bars(
            code, f"{interval}min", start, end, adjusted=adjusted, columns=columns, progress=progress
        )

    def bars(
        self,
        code: Codes,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        columns: Columns = "en",
        progress: bool = True,
    ) -> pd.DataFrame:
        """Bars of any interval the broker has: ``"D" "W" "M" "Y"``, ``"5min"``, ``"30tick"``.

        (opt10081, opt10082, opt10083, opt10094, opt10080, opt10079.) Arguments and frame as for ``daily`` and
        ``minute``; a week, month or year is labelled as the broker labels it.
        """
        wanted = find_interval(interval)
        _check_columns(columns)
        first, last = span(start, end, self._link.now())
        codes, several = self._codes(code)
        kind = bar_frames.kind_of(wanted.tr)
        frames, total = {}, Loaded(bar_frames.BarColumns.empty(kind))
        with self._progress("", progress) as shown:
            for one in codes:
                shown.relabel(f"{self._name(one)} {wanted.label}")
                loaded = self._bars.load(one, wanted, first, last, adjusted, shown)
                frames[one] = bar_frames.to_frame(loaded.bars, kind, columns)
                total.hits += loaded.hits
                total.trs += loaded.trs
                total.fetched_at = loaded.fetched_at
                total.messages += [text for text in loaded.messages if text not in total.messages]
        frame = bar_frames.stack_codes(frames, kind, columns) if several else frames[codes[0]]
        return self._signed(frame, wanted, adjusted, total)

    # -- how issues stand

    @overload  # a text is an Iterable of texts too, and meant as one code
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
        """
        _check_columns(columns)
        codes, several = self._codes(code)
        before = self._link.trs
        with self._progress("기본정보", progress) as shown:
            pages, hits = self._snapshots.info(codes, shown)
        found: Any = records.infos(pages, columns) if several else records.info(pages[0], columns)
        fetched = max((page.received_at for page in pages), default=self._link.now())
        found.attrs = self._attrs("opt10001", fetched, hits, self._link.trs - before)
        return found  # type: ignore[no-any-return]

    def quotes(self, codes: Codes, *, columns: Columns = "en", progress: bool = True) -> pd.DataFrame:
        """Quotes (OPTKWFID): one row a code, 100 codes a TR, in the order asked for.

        Returns:
            Index ``code``; prices in KRW, volumes in shares, ``time`` and ``quote_time`` in Asia/Seoul.
        """
        _check_columns(columns)
        wanted, _ = self._codes(codes)
        before = self._link.trs
        with self._progress("관심종목", progress) as shown:
            pages, hits = self._snapshots.quotes(wanted, shown)
        frame = records.quotes(pages, columns)
        fetched = max((page.received_at for page in pages), default=self._link.now())
        frame.attrs = self._attrs("OPTKWFID", fetched, hits, self._link.trs - before)
        return frame

    # -- the listing

    def codes(self, market: str | None = None) -> pd.DataFrame:
        """The listing of a market (``"KOSPI"``, ``"KOSDAQ"``, ``"KONEX"``, ``"ETF"``, ``"ETN"`` …), or of all.

        Returns:
            Index ``code``; ``name market kind`` (text), ``listed`` (date), ``shares``, ``base_price`` (KRW),
            ``supervision`` and ``state`` as the broker words them. From the control's master functions: no TR.
        """
        listing = self._listing()
        return self._listings.frame(listing.of(market))

    def find(self, text: str) -> pd.DataFrame:
        """The issues whose name or code contains that text, or is close to it; the frame of ``codes``."""
        if not isinstance(text, str) or not text.strip():
            raise BadInput(
                f'what is to be found is a part of a name or code, "삼성" for example, not {text!r}'
            )
        listing = self._listing()
        plain = "".join(text.split()).lower()
        inside = [
            code
            for code, name in listing.names.items()
            if plain in "".join(name.split()).lower() or plain.upper() in code
        ]
        return self._listings.frame(inside or [code for code, _ in listing.near(text)])

    def names(self) -> dict[str, str]:
        """Korean names by code, of all issues of today."""
        return dict(self._listing().names)

    # -- pictures

    def chart(
        self,
        code: str,
        interval: str | int = "D",
        start: Day | None = None,
        end: Day | None = None,
        *,
        adjusted: bool = True,
        volume: bool = True,
        progress: bool = True,
    ) -> Figure:
        """A plotly candlestick chart without gaps on nights and holidays; arguments as for ``bars``.

        Without a start it shows about the last 250 bars of days or longer, or the last five days of minutes.
        """
        from koalab.charts import candlestick

        wanted = find_interval(interval)
        one = self._listing().resolve(code)
        if start is None:
            _, last = span(None, end, self._link.now())
            start = last - wanted.usual_span
        frame = self.bars(one, interval, start, end, adjusted=adjusted, progress=progress)
        return candlestick(frame, title=f"{self._name(one)} ({one}) {wanted.label}", volume=volume)

    # -- anything else

    def tr(self, tr: str, *, pages: int | None = None, progress: bool = True, **inputs: str | int) -> Answer:
        """Any TR: ``kw.tr("opt10001", 종목코드="005930").single``.

        Args:
            tr: its code.
            pages: how many pages at most; None for all.
            inputs: the TR's inputs by Kiwoom's names, all of those that ``kl.reference.tr(code)`` says it needs.

        Returns:
            ``.single`` (Series), ``.multi`` (DataFrame, rows of all pages) and ``.pages`` (as the broker sent them).
        """
        entry = transactions.find_tr(tr)
        before = self._link.trs
        with self._progress(entry.name, progress) as shown:
            answer = transactions.load(self._link, tr, inputs, shown, pages)
        attrs = self._attrs(entry.code, answer.pages[-1].received_at, 0, self._link.trs - before)
        answer.multi.attrs = dict(attrs)
        answer.single.attrs = dict(attrs)
        if not len(answer.multi) and answer.single.isna().all():
            _tell([text for page in answer.pages for text in page.messages], answer.multi)
        return answer

    # -- below

    def _codes(self, given: Codes) -> tuple[list[str], bool]:
        """The codes meant, each once, and whether several were asked for."""
        if isinstance(given, str):
            return [self._listing().resolve(given)], False
        if isinstance(given, Mapping) or not isinstance(given, Iterable):
            raise BadInput(f'codes are a text like "005930" or a list of them, not {given!r}')
        listing = self._listing()
        return list(dict.fromkeys(listing.resolve(one) for one in given)), True

    def _progress(self, label: str, show: bool) -> Progress:
        return Progress(label, show, self._link.expected_wait)

    def _listing(self) -> Listing:
        return self._listings.today()

    def _name(self, code: str) -> str:
        return self._listing().names.get(code[:6], code)

    def _attrs(self, tr: str, fetched_at: float, hits: int, trs: int) -> dict[Hashable | None, Any]:
        return {
            "source": self._link.source,
            "tr": tr,
            "fetched_at": seoul(fetched_at).isoformat(timespec="seconds"),
            "cache_hits": hits,
            "trs": trs,
        }

    def _signed(
        self, frame: pd.DataFrame, interval: Interval, adjusted: bool, loaded: Loaded
    ) -> pd.DataFrame:
        frame.attrs = {
            **self._attrs(interval.tr, loaded.fetched_at, loaded.hits, loaded.trs),
            "adjusted": adjusted,
            "interval": interval.name,
        }
        if not len(frame):
            _tell(loaded.messages, frame)
        return frame


def _tell(messages: list[str], frame: pd.DataFrame) -> None:
    """Nothing came: what the broker said of it is kept in ``attrs`` and shown."""
    if messages:
        frame.attrs["messages"] = messages
        warnings.warn(f"no rows; the broker says: {' / '.join(messages)}", stacklevel=4)


def _check_columns(columns: str) -> None:
    if columns not in ("en", "ko"):
        raise BadInput(f'columns is "en" or "ko", not {columns!r}')


def _masked(user: str) -> str:
    return f"{user[:2]}{'*' * max(0, len(user) - 2)}"

"""Base of all groups of session methods: link, cache, listing, login, status, repr."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from types import TracebackType
from typing import Any, NoReturn, Self

import pandas as pd

from kernel_server.reference.sessions import Sessions
from koalab import clock_text
from koalab.calls import Calls
from koalab.dates import seoul
from koalab.errors import BadInput, CacheDamaged, KoalabError, UnknownCode
from koalab.frames.attrs import frame_attrs
from koalab.inputs.arguments import flag, seconds
from koalab.inputs.issue_codes import VENUES, venue_of
from koalab.inputs.text import shown
from koalab.link import LOGIN_TIMEOUT, Link
from koalab.listing import DayListing, ListingLoader, unlisted_code
from koalab.progress import Progress
from koalab.sessions.status_report import SessionStatus
from koalab.store.bars import BarStore
from koalab.store.disk import CacheUnavailable, default_folder
from koalab.store.finality import DEFAULT, Finality
from koalab.store.memo import Memo
from koalab.store.turns import Turns
from koalab.transport.base import Status, Transport

Codes = str | Iterable[str]

# Timeout of the repr, which must not wait for a server in trouble.
_REPR_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class GivenCodes:
    """Codes as a user gave them.

    Attributes:
        codes: each once, in the order given.
        several: whether a list was given.
        kept: those of them that are listed no more, and of which the cache has bars.
        missing: reasons of codes that are not listed and not in the cache.
    """

    codes: list[str]
    several: bool
    kept: frozenset[str]
    missing: dict[str, str]

    @property
    def listed(self) -> list[str]:
        """Those that are listed today."""
        return [code for code in self.codes if code not in self.kept]

    def live(self) -> GivenCodes:
        """The same for what the cache does not have: those that are listed no more are missing.

        Raises:
            UnknownCode: none of them is listed.
        """
        gone = {code: f"{code} is listed no more" for code in self.codes if code in self.kept}
        if gone and not self.listed:
            raise UnknownCode(
                f"{next(iter(gone.values()))}: the cache has bars of it, kw.cache.info() says which"
            )
        return GivenCodes(self.listed, self.several, frozenset(), {**self.missing, **gone})


def exchange_sessions() -> Sessions:
    """The sessions of the exchange, read on first use."""
    from koalab.calendar import table

    return table()


class SessionCore:
    """A session without data methods. The groups of ``Session``'s methods inherit it."""

    def __init__(
        self,
        transport: Transport,
        cache_dir: str | os.PathLike[str] | None = None,
        finality: Finality = DEFAULT,
    ) -> None:
        self._finality = finality
        self._link = Link(transport)
        self._connected_at = datetime.now().astimezone()
        self._closed = False
        self._uses = 1  # calls of kl.connect() that returned it and whose ``with`` has not ended
        self._uses_lock = threading.Lock()
        self._first_source = self._link.source
        self._finalizer = weakref.finalize(self, transport.close)
        self.cache = BarStore(default_folder(cache_dir), self._link.cache_source)
        self._memo = Memo(self.cache.shelf, self._link.now)
        self._turns = Turns(self.cache.claims)
        self._listings = ListingLoader(self._link, self._memo, self._turns)
        self.call = Calls(self._link)

    def login(self, timeout: float = LOGIN_TIMEOUT) -> None:
        """Logs in (CommConnect) and waits for OnEventConnect; does nothing where a user is logged in already.

        Raises:
            BadInput: ``timeout`` is no number of seconds.
            LoginFailed: the broker refused, or its login window was not answered within ``timeout`` seconds.
        """
        self._link.login(seconds("timeout", timeout))

    def status(self) -> SessionStatus:
        """The status of server, broker and cache, as a mapping; a notebook shows it as a table, the limits as bars.

        ``server`` (target, version, control, limits, connected since), ``simulation`` (모의투자), ``connected``,
        ``now`` (the broker's time, Seoul), ``clock`` (name, speed, and a note on its time if it is not the wall
        clock), ``market`` (the current session and its phase; blank where the server has none), ``trs`` (spent by
        this session), ``quota`` (one entry a window: kind, limit, seconds, used, next_free in seconds), ``queue``,
        ``streams``, ``cache``, ``rights`` (of this session: read, trade or admin), ``real_orders`` (whether the
        server sends orders to a broker that is not 모의투자), ``max_order_value`` (KRW, 0: unlimited),
        ``problems`` (a sentence each).
        """
        return self._status_of(*self._link.any_status())

    def _status_of(self, status: Status, other: str) -> SessionStatus:
        return SessionStatus(
            server={
                "target": self._link.transport.target,
                "version": status.version,
                "control": status.control,
                "source": status.source,
                "limits": status.limits,
                "since": seoul(status.started_at).isoformat(timespec="seconds"),
            },
            simulation=status.simulation,
            connected=status.connected,
            user=_masked(status.user_id),
            now=seoul(status.now).isoformat(timespec="seconds"),
            clock={"name": status.clock, "speed": status.speed, "note": clock_text.clock_note(status)},
            market={"session": status.session, "phase": status.phase},
            trs=self._link.trs,
            quota=[
                {
                    "kind": one.kind,
                    "limit": one.limit,
                    "seconds": one.seconds,
                    "used": one.used,
                    "next_free": one.next_free,
                }
                for one in status.quotas
            ],
            queue=status.queued,
            streams=status.streams,
            cache=self._cache_status(),
            rights=status.rights,
            real_orders=status.real_orders,
            max_order_value=status.max_order_value,
            problems=[*([other] if other else []), *status.problems],
        )

    def _cache_status(self) -> dict[str, Any]:
        folder = {"folder": str(self.cache.shelf.folder)}
        try:
            return {**folder, "series": len(self.cache.series())}
        except KoalabError as error:
            return {**folder, "error": str(error)}

    @property
    def closed(self) -> bool:
        """Whether the session has ended: by ``close()`` or the end of its ``with``."""
        return self._closed

    def share(self) -> bool:
        """Counts one more user of the session; False if it has ended. ``kl.connect`` calls it."""
        with self._uses_lock:
            if self._closed or not self._uses:
                return False
            self._uses += 1
            return True

    def serves_its_source(self) -> bool:
        """Whether the server answers with the prices with which the session began.

        Raises:
            KoalabError: it does not answer.
        """
        return self._link.status(_REPR_TIMEOUT).source == self._first_source

    def close(self) -> None:
        """Ends the session for all who share it, and its embedded server where there is one."""
        self._closed = True
        self._finalizer()
        self.cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._uses_lock:
            self._uses = max(0, self._uses - 1)
            last = not self._uses
        if last:
            self.close()

    def __reduce__(self) -> NoReturn:
        raise BadInput(
            "a session belongs to its process, and can be neither pickled nor copied: in each process kl.connect()"
            " makes one, and sessions with one cache folder share what they have loaded"
        )

    def __dir__(self) -> list[str]:
        """What completion offers after ``kw.``: without the two methods that are ``kl.connect``'s."""
        return [name for name in super().__dir__() if name not in ("share", "serves_its_source")]

    def __repr__(self) -> str:
        if self._closed:
            return f"<koalab {self._link.transport.target}: closed>"
        status, gone = self._link.last_status(), ""
        try:
            status, other = self._link.any_status(_REPR_TIMEOUT)
            gone = ", other prices now" if other else ""
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
            f"{clock_text.time_and_phase(status)}, TRs left {left or 'unlimited'}, {status.streams} streams{gone}>"
        )

    def _repr_html_(self) -> str:
        if not self._closed:
            with contextlib.suppress(KoalabError):
                return self._status_of(*self._link.any_status(_REPR_TIMEOUT))._repr_html_()
        return f"<p>{escape(repr(self))}</p>"

    def _codes(self, given: Codes) -> tuple[list[str], bool]:
        """The codes, each once, and whether several were given."""
        texts, several = several_of(given, "codes are a text", "005930")
        listing = self._listing()
        return list(dict.fromkeys(listing.resolve(one) for one in texts)), several

    def _given(self, given: Codes) -> GivenCodes:
        """The codes, those too that are listed no more; of a list those that are not known at all are missing.

        Raises:
            UnknownCode: a name that no issue has, or a code that is not listed and is alone.
        """
        texts, several = several_of(given, "codes are a text", "005930")
        listing, codes, missing = self._listing(), dict[str, None](), dict[str, str]()
        kept: set[str] = set()
        cached: set[str] | None = None
        refused: UnknownCode | None = None
        for one in texts:
            try:
                codes[listing.resolve(one)] = None
            except UnknownCode as error:
                code = unlisted_code(listing, one)
                if code is None:
                    raise
                cached = self._cached_codes() if cached is None else cached
                if code in cached:
                    kept.add(code)
                    codes[code] = None
                elif several:
                    refused = refused or error
                    missing[code] = f"{error}, and the cache has none of its bars"
                else:
                    raise
        if refused is not None and not codes:
            raise refused
        return GivenCodes(list(codes), several, frozenset(kept), missing)

    def _cached_codes(self) -> set[str]:
        try:
            return {one.code for one in self.cache.series()}
        except (CacheDamaged, CacheUnavailable):
            return set()

    def _progress(self, label: str, show: bool) -> Progress:
        return Progress(label, flag("progress", show), self._link.forecast())

    def _listing(self) -> DayListing:
        return self._listings.today()

    def _names_by_size(self) -> dict[str, str]:
        """Names by code, the largest market value first as far as the cache has it: 삼성전자 before 삼성전기."""
        names, sizes = self._listing().names, self._listings.cached_sizes()
        return {code: names[code] for code in sorted(names, key=lambda code: -sizes.get(code, 0))}

    def _name(self, code: str) -> str:
        """The issue's name, with that of an exchange other than the Korea Exchange: ``삼성전자 NXT``."""
        name = self._listing().names.get(code[:6], code)
        return f"{name} {VENUES[code[6:]]}" if venue_of(code) else name

    def _attrs(
        self, tr: str, fetched_at: float, hits: int = 0, trs: int = 0, adjusted: bool | None = None
    ) -> dict[Hashable | None, Any]:
        """See ``frame_attrs``."""
        return frame_attrs(self._link.source, tr, fetched_at, hits, trs, adjusted)


def several_of(given: Codes, what: str, example: str) -> tuple[list[str], bool]:
    """The given texts as a list, and whether several were given; ``what`` and ``example`` are for the error.

    Raises:
        BadInput: neither a text nor texts.
    """
    if isinstance(given, str):
        return [given], False
    if isinstance(given, pd.DataFrame):  # a list of it has its columns
        raise BadInput(f"{what} or a list of them, not a DataFrame: give its index or one of its columns")
    try:
        if not isinstance(given, (Mapping, bytes, bytearray)):
            return list(given), True
    except TypeError:  # no Iterable, or an array without a dimension
        pass
    raise BadInput(f'{what} like "{example}" or a list of them, not {shown(given)}')


def check_columns(columns: str) -> None:
    if not isinstance(columns, str) or columns not in ("en", "ko"):
        raise BadInput(f'columns is "en" or "ko", not {shown(columns)}')


def _masked(user: str) -> str:
    return f"{user[:2]}{'*' * max(0, len(user) - 2)}"

"""Publishes 업종지수 of registered indices tick by tick, with 업종등락 at each tick.

The values are those of ``index_values``, in the four ticks a minute of opt20004; the last one is the end of the minute,
so that they agree with opt20001 and opt20005. The auction's tick is repeated after the close with the time 장마감. No
recorded string is known: the index has a sign and two decimals, as observed; 거래량 and 거래량전일대비 are in 천주 (a
guess), 거래대금 in 백만원.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.realtime.breadth import BREADTH, INDEX, BreadthCounter
from kernel_server.simulated.snapshot.index_format import base_value, change_text, direction, index_text
from kernel_server.simulated.snapshot.index_ticks import ticks_of_minutes
from kernel_server.simulated.snapshot.index_values import IndexValues

log = logging.getLogger(__name__)

CLOSED_TEXT = "장마감"  # time field after the close
_DAY = 1_000_000


class IndexTick(NamedTuple):
    """Due time of an index event, seconds since the epoch, and its string."""

    due: float
    text: str


def session_ticks(indices: IndexValues, code: str, session: int) -> list[IndexTick]:
    """All 업종지수 events of an index in a session; empty if it has no bars of that day."""
    sessions = indices.sessions
    opens, closes = float(sessions.opens[session]), float(sessions.closes[session])
    days, minutes = indices.daily(code, closes), indices.minute(code, closes, 1)
    date = today(opens)
    if not len(minutes) or int(days.time[-1]) != date or int(minutes.time[-1]) // _DAY != date:
        return []
    base, before = base_value(days), int(days.volume[-2]) if len(days) > 1 else 0
    index_ticks = ticks_of_minutes(minutes)
    open_text = index_text(int(index_ticks.open[0]), base)
    high, low = np.maximum.accumulate(index_ticks.high), np.minimum.accumulate(index_ticks.low)
    volume, value = np.cumsum(index_ticks.volume), np.cumsum(index_ticks.value)
    found = []
    for at in range(len(index_ticks)):
        clock = f"{int(index_ticks.time[at]) % _DAY:06d}"
        last, total = int(index_ticks.close[at]), int(volume[at])
        fields = (
            index_text(last, base),
            change_text(last, base),
            kiwoom_format.rate(last - base, base),
            str(kiwoom_format.thousands(int(index_ticks.volume[at]))),
            str(kiwoom_format.thousands(total)),
            str(kiwoom_format.millions(int(value[at]))),
            open_text,
            index_text(int(high[at]), base),
            index_text(int(low[at]), base),
            direction(last, base),
            kiwoom_format.signed(kiwoom_format.thousands(total - before)),
        )
        found.append(IndexTick(_timestamp(opens, clock), "\t".join((clock, *fields))))
    found.append(IndexTick(closes, "\t".join((CLOSED_TEXT, *fields))))
    return found


def _timestamp(opens: float, clock: str) -> float:
    """Timestamp of an HHMMSS on the day of a session."""
    return midnight(opens) + int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])


class IndexPublisher:
    """Publishes subscribed indices.

    Args:
        connection: connection to the broker.
        indices: values of the indices.
        publish: fires a real-time event, given code, type and string.
        breadth: counts rising and falling issues; without it 업종등락 is not published.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        indices: IndexValues,
        publish: Callable[[str, str, str], None],
        breadth: BreadthCounter | None = None,
    ) -> None:
        self._connection = connection
        self._indices = indices
        self._publish = publish
        self._breadth = breadth
        self._types: dict[str, frozenset[str]] = {}
        self._pending: dict[str, list[IndexTick]] = {}  # ticks not yet published, by subscribed index
        self._session = -1
        self._loaded_codes: set[str] = set()
        self._all_loaded = False  # of the indices subscribed at the start of the session
        self._epoch = 0

    def subscribe(self, code: str, types: frozenset[str]) -> None:
        """Set the types of an index; none unsubscribes it. Its ticks are computed in background turns."""
        self._types[code] = types
        if self._breadth is not None:
            self._breadth.subscribe(code, BREADTH in types)
        if not types:
            if self._pending.pop(code, None) is not None and not self._pending:
                self._epoch += 1
            return
        if code in self._pending:
            return
        first = not self._pending
        self._pending[code] = []
        epoch = self._epoch
        if first:
            self._connection.answer_later(0, lambda: self._start_session(epoch), background=True)
        else:
            self._connection.answer_later(0, lambda: self._load_added(code), background=True)

    def _start_session(self, epoch: int) -> None:
        """Start with the current session, or wait for the next one."""
        if epoch != self._epoch:
            return
        sessions, now = self._indices.sessions, self._connection.now()
        self._all_loaded = False
        self._loaded_codes.clear()
        self._session = int(np.searchsorted(sessions.closes, now, "right"))
        if self._session == len(sessions):
            return  # the calendar ends here
        # Load it only when it starts: evening registrations may be gone by then.
        opens = float(sessions.opens[self._session])
        if now < opens:
            self._connection.answer_later(opens - now, lambda: self._start_session(epoch), background=True)
            return
        self._load_next(epoch)

    def _load_next(self, epoch: int) -> None:
        """Load one index, or a part of it; after the last, schedule the first event."""
        if epoch != self._epoch:
            return
        code = next((code for code in self._pending if code not in self._loaded_codes), None)
        if code is None:
            self._all_loaded = True
            self._schedule(epoch)
            return
        if self._prepared(code):
            self._load(code, self._connection.now())
        self._connection.answer_later(0, lambda: self._load_next(epoch), background=True)

    def _load_added(self, code: str) -> None:
        """Load an index added while others are published; before they all are loaded, ``_load_next`` does it."""
        now = self._connection.now()
        if code in self._pending and self._all_loaded:
            if not self._prepared(code):
                self._connection.answer_later(0, lambda: self._load_added(code), background=True)
                return
            self._load(code, now)
            self._epoch += 1  # its first tick may precede the scheduled one
            self._schedule(self._epoch)

    def _prepared(self, code: str) -> bool:
        """Compute the index for some milliseconds; returns whether it is ready. Failures are logged by ``_load``."""
        try:
            return self._indices.prepare_index(code)
        except (LookupError, BadMarketData):
            return True

    def _load(self, code: str, now: float) -> None:
        """Store the ticks of the session from ``now`` on."""
        try:
            known = code in self._indices.by_code
            found = session_ticks(self._indices, code, self._session) if known else []
        except (LookupError, BadMarketData):
            log.exception("no real-time events of the index %s", code)
            found = []
        self._loaded_codes.add(code)
        self._pending[code] = [tick for tick in found if tick.due >= now]

    def _schedule(self, epoch: int) -> None:
        """Schedule the next tick, or the next session after the close."""
        now = self._connection.now()
        close = float(self._indices.sessions.closes[self._session])
        if now >= close:
            self._start_session(epoch)
            return
        due = min([close, *(pending[0].due for pending in self._pending.values() if pending)])
        self._connection.answer_later(max(0.0, due - now), lambda: self._publish_due(epoch), background=True)

    def _publish_due(self, epoch: int) -> None:
        """Publish all ticks that are due."""
        if epoch != self._epoch:
            return
        now = self._connection.now()
        for code in list(self._pending):
            while (pending := self._pending.get(code)) and pending[0].due <= now:
                self._publish_tick(code, pending.pop(0), now)
        if epoch == self._epoch:
            self._schedule(epoch)

    def _publish_tick(self, code: str, tick: IndexTick, now: float) -> None:
        if INDEX in self._types[code]:
            self._publish(code, INDEX, tick.text)
        if self._breadth is not None and BREADTH in self._types[code]:
            text = self._breadth.text(code, tick.text, now)
            if text is not None:
                self._publish(code, BREADTH, text)

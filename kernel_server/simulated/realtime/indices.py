"""업종지수: the registered indices as they go by, tick by tick, and with each tick 업종등락.

The numbers are those of ``index_series``, in the ticks that opt20004 draws: four a minute, of which the last is
where the minute ends, so that what has been told at the end of a minute is what opt20001 and opt20005 say of it.
The auction's tick is told once more after the close, its time the text 장마감. No recorded string is known: the index
has a sign and two decimals, as has been seen; 거래량 and 거래량전일대비 are in 천주 (a guess), 거래대금 in 백만원.
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

CLOSED_TEXT = "장마감"  # the time that is told after the close
_DAY = 1_000_000


class Tick(NamedTuple):
    """When an index is told, seconds since the epoch, and its string."""

    due: float
    text: str


def ticks(indices: IndexValues, code: str, session: int) -> list[Tick]:
    """Everything that 업종지수 tells of an index in a session; nothing where the index has no such day."""
    sessions = indices.sessions
    opens, closes = float(sessions.opens[session]), float(sessions.closes[session])
    days, minutes = indices.daily(code, closes), indices.minute(code, closes, 1)
    date = today(opens)
    if not len(minutes) or int(days.time[-1]) != date or int(minutes.time[-1]) // _DAY != date:
        return []
    base, before = base_value(days), int(days.volume[-2]) if len(days) > 1 else 0
    drawn = ticks_of_minutes(minutes)
    opened = index_text(int(drawn.open[0]), base)
    high, low = np.maximum.accumulate(drawn.high), np.minimum.accumulate(drawn.low)
    volume, value = np.cumsum(drawn.volume), np.cumsum(drawn.value)
    told = []
    for at in range(len(drawn)):
        clock = f"{int(drawn.time[at]) % _DAY:06d}"
        last, total = int(drawn.close[at]), int(volume[at])
        fields = (
            index_text(last, base),
            change_text(last, base),
            kiwoom_format.rate(last - base, base),
            str(kiwoom_format.thousands(int(drawn.volume[at]))),
            str(kiwoom_format.thousands(total)),
            str(kiwoom_format.millions(int(value[at]))),
            opened,
            index_text(int(high[at]), base),
            index_text(int(low[at]), base),
            direction(last, base),
            kiwoom_format.signed(kiwoom_format.thousands(total - before)),
        )
        told.append(Tick(_moment(opens, clock), "\t".join((clock, *fields))))
    told.append(Tick(closes, "\t".join((CLOSED_TEXT, *fields))))
    return told


def _moment(opens: float, clock: str) -> float:
    """That HHMMSS of the day of a session."""
    return midnight(opens) + int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])


class IndexFeed:
    """Tells of whatever indices are followed.

    Args:
        line: time and waits.
        indices: whose numbers are told.
        say: fires an event, given the index's code, the type and the string.
        counts: how many issues rise and fall; without them 업종등락 is not told.
    """

    def __init__(
        self,
        line: BrokerConnection,
        indices: IndexValues,
        say: Callable[[str, str, str], None],
        counts: BreadthCounter | None = None,
    ) -> None:
        self._line = line
        self._indices = indices
        self._say = say
        self._counts = counts
        self._types: dict[str, frozenset[str]] = {}
        self._days: dict[
            str, list[Tick]
        ] = {}  # of each followed index, what is still to be told of the session
        self._session = -1
        self._laid: set[str] = set()  # those of which it has been laid out what is to be told
        self._begun = False  # whether that is so of all who were there when the session began
        self._wait = 0

    def follow(self, code: str, types: frozenset[str]) -> None:
        """From now on those types, or no more. What has to be computed first is so in a turn."""
        self._types[code] = types
        if self._counts is not None:
            self._counts.follow(code, BREADTH in types)
        if not types:
            if self._days.pop(code, None) is not None and not self._days:
                self._wait += 1
            return
        if code in self._days:
            return
        alone = not self._days
        self._days[code] = []
        wait = self._wait
        if alone:
            self._line.answer_later(0, lambda: self._begin(wait), background=True)
        else:
            self._line.answer_later(0, lambda: self._join(code), background=True)

    def _begin(self, wait: int) -> None:
        """The session that is on, or the next one."""
        if wait != self._wait:
            return
        sessions, now = self._indices.sessions, self._line.now()
        self._begun = False
        self._laid.clear()
        self._session = int(np.searchsorted(sessions.closes, now, "right"))
        if self._session == len(sessions):
            return  # the calendar ends here
        # Laid out when it begins: whoever registers in the evening may not stay until then.
        opens = float(sessions.opens[self._session])
        if now < opens:
            self._line.answer_later(opens - now, lambda: self._begin(wait), background=True)
            return
        self._go_on(wait)

    def _go_on(self, wait: int) -> None:
        """Lays out one index, or a part of it; after the last, waits for what is due first."""
        if wait != self._wait:
            return
        code = next((code for code in self._days if code not in self._laid), None)
        if code is None:
            self._begun = True
            self._await(wait)
            return
        if self._ready(code):
            self._lay_out(code, self._line.now())
        self._line.answer_later(0, lambda: self._go_on(wait), background=True)

    def _join(self, code: str) -> None:
        """Another index, while there are some already; until those have begun it is one of them."""
        now = self._line.now()
        if code in self._days and self._begun:
            if not self._ready(code):
                self._line.answer_later(0, lambda: self._join(code), background=True)
                return
            self._lay_out(code, now)
            self._wait += 1  # it may be due before what is waited for
            self._await(self._wait)

    def _ready(self, code: str) -> bool:
        """Whether the index has been laid out, after some more milliseconds of that. What failed is told of later."""
        try:
            return self._indices.prepare_index(code)
        except (LookupError, BadMarketData):
            return True

    def _lay_out(self, code: str, now: float) -> None:
        """What there is to be told of the session from ``now`` on."""
        try:
            known = code in self._indices.by_code
            told = ticks(self._indices, code, self._session) if known else []
        except (LookupError, BadMarketData):
            log.exception("no real-time events of the index %s", code)
            told = []
        self._laid.add(code)
        self._days[code] = [tick for tick in told if tick.due >= now]

    def _await(self, wait: int) -> None:
        """The next quarter of a minute in which a followed index may be told; after the last, another session."""
        now = self._line.now()
        close = float(self._indices.sessions.closes[self._session])
        if now >= close:
            self._begin(wait)
            return
        due = min([close, *(left[0].due for left in self._days.values() if left)])
        self._line.answer_later(max(0.0, due - now), lambda: self._tell(wait), background=True)

    def _tell(self, wait: int) -> None:
        """Whatever has come due."""
        if wait != self._wait:
            return
        now = self._line.now()
        for code in list(self._days):
            while (left := self._days.get(code)) and left[0].due <= now:
                self._say_tick(code, left.pop(0), now)
        if wait == self._wait:
            self._await(wait)

    def _say_tick(self, code: str, tick: Tick, now: float) -> None:
        if INDEX in self._types[code]:
            self._say(code, INDEX, tick.text)
        if self._counts is not None and BREADTH in self._types[code]:
            text = self._counts.text(code, tick.text, now)
            if text is not None:
                self._say(code, BREADTH, text)

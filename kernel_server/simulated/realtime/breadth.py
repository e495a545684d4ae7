"""업종등락: how many issues of a registered index rise and fall, told with each of its ticks.

The counts are those of opt20001. They need every issue of the index: what has to be read for them first is read in
pieces, between which the control thread can do other things, and until then nothing is told. One string has been
recorded, of 14:40:40: 거래량 in 천주, 거래대금 in 백만원, a ratio with two decimals.
"""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.realtime.by_field import written
from kernel_server.simulated.snapshot.index_breadth import Breadth, count_breadth, member_places
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.scanner import MarketScanner

INDEX, BREADTH = "업종지수", "업종등락"

_AT_ONCE = 8  # issues whose session is read in one turn of the control thread
_HISTORIES = 30  # and whose history is
_TICK = ("time", "last", "change", "rate", "volume", "total", "value", "open", "high", "low", "direction")


class BreadthCounter:
    """Counts the issues of indices that are followed.

    Args:
        line: time and waits.
        survey: reads the market.
        indices: say which issues are counted.
    """

    def __init__(self, line: BrokerConnection, scanner: MarketScanner, indices: IndexValues) -> None:
        self._line = line
        self._scanner = scanner
        self._indices = indices
        self._followed: set[str] = set()
        self._ready: dict[str, int] = {}  # the session of which an index has been read
        self._newest: dict[str, tuple[float, Breadth]] = {}
        self._wait = 0
        self._reading = False

    def follow(self, code: str, wanted: bool) -> None:
        """From now on, or no more."""
        if wanted:
            self._followed.add(code)
            self._read_on()
        else:
            self._followed.discard(code)
            if not self._followed:  # also when the connection is lost, and with it what was waited for
                self._wait += 1
                self._reading = False

    def text(self, code: str, tick: str, now: float) -> str | None:
        """업종등락 beside that string of 업종지수; None while there are no counts."""
        found = self._found(code, now)
        if found is None:
            return None
        values = dict(zip(_TICK, tick.split("\t"), strict=False))
        counts = {
            name: str(getattr(found, name)) for name in ("up", "upper", "flat", "down", "lower", "traded")
        }
        share = kiwoom_format.decimal(found.traded * 100, max(1, found.listed))
        return written("breadth", BREADTH, values | counts | {"traded_share": share})

    def _found(self, code: str, now: float) -> Breadth | None:
        if self._ready.get(code) != self._scanner.sessions.last_started(now):
            self._read_on()
            return None
        minute = now // 60  # prices of the survey change with the minute
        if code not in self._newest or self._newest[code][0] != minute:
            facts = self._scanner.facts(now)
            places = member_places(self._indices.by_code[code], facts)
            found = count_breadth(facts, places, self._scanner.prices(now, places))
            self._newest[code] = minute, found
        return self._newest[code][1]

    def _read_on(self) -> None:
        if not self._reading:
            self._reading = True
            wait = self._wait
            self._line.answer_later(0, lambda: self._read(wait), background=True)

    def _read(self, wait: int) -> None:
        """Reads a piece of what is followed and is not read yet."""
        if wait != self._wait:
            return
        self._reading = False
        now = self._line.now()
        session = self._scanner.sessions.last_started(now)
        left = [code for code in sorted(self._followed) if self._ready.get(code) != session]
        if not left or session < 0:
            return
        code = left[0]
        if not self._scanner.prepare_history(now, _HISTORIES):
            self._read_on()
            return
        index = self._indices.by_code.get(code)
        if index is None or self._scanner.read_session(
            now, member_places(index, self._scanner.facts(now)), _AT_ONCE
        ):
            if index is not None:
                self._ready[code] = session
            else:
                self._followed.discard(code)
        self._read_on()

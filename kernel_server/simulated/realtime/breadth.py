"""업종등락: numbers of rising and falling issues of an index, published at each of its ticks.

The counts are those of opt20001. The data of all issues of an index is first read in pieces, so that the control
thread is not blocked; nothing is published before. One string of 14:40:40 has been recorded: 거래량 in 천주, 거래대금
in 백만원, a ratio with two decimals.
"""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.realtime.field_strings import join_fields
from kernel_server.simulated.snapshot.index_breadth import Breadth, count_breadth, member_places
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.scanner import MarketScanner

INDEX, BREADTH = "업종지수", "업종등락"

_SESSIONS_PER_TURN = 8  # issues read in one turn of the control thread
_HISTORIES_PER_TURN = 30
_TICK_FIELDS = (
    "time",
    "last",
    "change",
    "rate",
    "volume",
    "total",
    "value",
    "open",
    "high",
    "low",
    "direction",
)


class BreadthCounter:
    """Counts rising and falling issues of subscribed indices.

    Args:
        connection: connection to the broker.
        scanner: reads the market.
        indices: supply the members.
    """

    def __init__(self, connection: BrokerConnection, scanner: MarketScanner, indices: IndexValues) -> None:
        self._connection = connection
        self._scanner = scanner
        self._indices = indices
        self._subscribed: set[str] = set()
        self._loaded_session: dict[str, int] = {}  # session whose data is read, by index
        self._cached: dict[str, tuple[float, Breadth]] = {}
        self._epoch = 0
        self._reading_scheduled = False

    def subscribe(self, code: str, wanted: bool) -> None:
        """Subscribe to an index, or unsubscribe if not ``wanted``."""
        if wanted:
            self._subscribed.add(code)
            self._continue_reading()
        else:
            self._subscribed.discard(code)
            if not self._subscribed:  # a lost connection also drops the scheduled turns
                self._epoch += 1
                self._reading_scheduled = False

    def text(self, code: str, tick: str, now: float) -> str | None:
        """String of 업종등락 for a string of 업종지수; None before all data is read."""
        breadth = self._counts(code, now)
        if breadth is None:
            return None
        values = dict(zip(_TICK_FIELDS, tick.split("\t"), strict=False))
        counts = {
            name: str(getattr(breadth, name)) for name in ("up", "upper", "flat", "down", "lower", "traded")
        }
        traded_percent = kiwoom_format.decimal(breadth.traded * 100, max(1, breadth.listed))
        return join_fields("breadth", BREADTH, values | counts | {"traded_share": traded_percent})

    def _counts(self, code: str, now: float) -> Breadth | None:
        if self._loaded_session.get(code) != self._scanner.sessions.last_started(now):
            self._continue_reading()
            return None
        minute = now // 60  # prices of the scanner change once a minute
        if code not in self._cached or self._cached[code][0] != minute:
            facts = self._scanner.facts(now)
            places = member_places(self._indices.by_code[code], facts)
            breadth = count_breadth(facts, places, self._scanner.prices(now, places))
            self._cached[code] = minute, breadth
        return self._cached[code][1]

    def _continue_reading(self) -> None:
        if not self._reading_scheduled:
            self._reading_scheduled = True
            epoch = self._epoch
            self._connection.answer_later(0, lambda: self._read_piece(epoch), background=True)

    def _read_piece(self, epoch: int) -> None:
        """Read a piece of the data of the subscribed indices."""
        if epoch != self._epoch:
            return
        self._reading_scheduled = False
        now = self._connection.now()
        session = self._scanner.sessions.last_started(now)
        unread = [code for code in sorted(self._subscribed) if self._loaded_session.get(code) != session]
        if not unread or session < 0:
            return
        code = unread[0]
        if not self._scanner.prepare_history(now, _HISTORIES_PER_TURN):
            self._continue_reading()
            return
        index = self._indices.by_code.get(code)
        if index is None or self._scanner.read_session(
            now, member_places(index, self._scanner.facts(now)), _SESSIONS_PER_TURN
        ):
            if index is not None:
                self._loaded_session[code] = session
            else:
                self._subscribed.discard(code)
        self._continue_reading()

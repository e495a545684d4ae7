"""``EventFeed``: receives the events of one stream from the hub and keeps them for its readers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from koalab.errors import KoalabError
from koalab.live.decoding.decoder import Column, Decoder
from koalab.live.event_frames import objects
from koalab.live.event_log import Columns, EventLog
from koalab.live.source import StreamSource
from koalab.live.trade_continuity import TradeContinuity
from koalab.transport.base import TickBatch

log = logging.getLogger(__name__)

# So many unreadable events are logged; the rest is counted.
_SHOWN: Final = 20
_WITH_TOTALS: Final = "주식체결"


class EventFeed(StreamSource):
    """A ``hub.Subscriber`` that keeps the events of one real-time type for some codes.

    Args:
        realtype: the type's name.
        codes: events of other codes are ignored; a blank among them accepts all.
        keep: the number of newest events that are kept; None: all.
        decoder: the hub's, so that a batch is decoded once.
        now: the broker's time.
        prices: name of the source of prices.

    Attributes:
        log: the events, with ``code`` as an index into ``codes``.
        codes: all codes so far.
        several: whether frames have a level for the code.
        unreadable: events left out because a value did not fit its field.
        repeated: trades left out because they had come before.
    """

    def __init__(
        self,
        realtype: str,
        codes: Sequence[str],
        keep: int | None,
        decoder: Decoder,
        now: Callable[[], float],
        prices: str = "",
    ) -> None:
        super().__init__(realtype, now, prices)
        self.realtype = realtype
        self.log = EventLog(keep)
        self.codes: dict[str, int] = {code: index for index, code in enumerate(codes) if code}
        self.several = len(codes) > 1
        self.unreadable = 0
        self.repeated = 0
        self._continuity = TradeContinuity() if realtype == _WITH_TOTALS else None
        self._any_code = "" in codes
        self._decoder = decoder
        self._listeners: list[Callable[[Columns, int], None]] = []

    @property
    def first(self) -> int:
        return self.log.first

    @property
    def stop(self) -> int:
        return self.log.end

    def events(self, start: int, stop: int) -> list[Any]:
        with self.changed:
            parts, codes = list(self.log.rows(start, stop)), tuple(self.codes)
        return [event for part in parts for event in objects(self.realtype, part, codes)]

    def listen(self, listener: Callable[[Columns, int], None]) -> None:
        """Calls ``listener`` on the hub's thread with each part of the log and its first row's number."""
        self._listeners.append(listener)

    # -- Subscriber, on the hub's thread

    def on_start(self, at: float) -> None:
        self.begin(at)

    def on_batch(self, batch: TickBatch) -> None:
        with self.changed:
            self.dropped += batch.dropped
        found = self._decoder.decode(batch, self.realtype)
        if found is None:
            return
        for problem in found.unreadable[: max(0, _SHOWN - self.unreadable)]:
            log.warning("live data: an event was left out: %s", problem)
        known = np.array([self._index(code) for code in found.codes], np.int64)
        code = known[found.code]
        mine = code >= 0
        columns: Mapping[str, Column] = {"code": code, **found.columns}
        if not mine.all():
            columns = {name: column[mine] for name, column in columns.items()}
        with self.changed:
            self.unreadable += len(found.unreadable)
            columns = self._followed(columns)
            if not len(columns["code"]):
                return
            start = self.log.end
            self.log.append(columns)
            self._notify()
        for listener in list(self._listeners):
            listener(columns, start)

    def on_progress(self, until: float) -> None:
        del until

    def on_gap(self, since: float, why: str) -> None:
        with self.changed:
            if self._continuity is not None:
                self._continuity.forget()
            self.lose(since, why)

    def on_error(self, error: KoalabError) -> None:
        self.end(error)

    def _followed(self, columns: Columns) -> Columns:
        """The trades that came for the first time; where some are missing before one, that is a gap."""
        if self._continuity is None or not len(columns["code"]):
            return columns
        first, jumps = self._continuity.check(columns)
        if jumps:
            codes = list(self.codes)
            for one in jumps:
                missing = (
                    f"{one.shares:,} shares of {codes[one.code]} are missing"
                    if one.shares > 0
                    else f"trades of {codes[one.code]} came out of order"
                )
                self.miss(one.since, one.until, f"{missing} by 누적거래량")
        if first is None:
            return columns
        self.repeated += int(len(first) - np.count_nonzero(first))
        return {name: column[first] for name, column in columns.items()}

    def _index(self, code: str) -> int:
        if self._any_code:
            return self.codes.setdefault(code, len(self.codes))
        return self.codes.get(code, -1)

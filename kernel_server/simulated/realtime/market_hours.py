"""장시작시간: notices of the trading hours, published to all registered screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.market_time import duration_text, hhmmss
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.nextrade.hours import NextradeHours, nextrade_hours
from kernel_server.simulated.market.nextrade.venues import FIRST
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

MARKET_HOURS = "장시작시간"


class HoursNotice(NamedTuple):
    """장시작시간: ``time`` in seconds since the epoch, code (FID 215), and seconds left until the change."""

    time: float
    code: str
    left: int

    def text(self) -> str:
        """The real-time string.

        >>> HoursNotice(1642463940.0, "0", 60).text().split()
        ['0', '085900', '000100']
        """
        return f"{self.code}\t{hhmmss(self.time)}\t{duration_text(self.left)}"


@cache
def _offsets() -> tuple[tuple[str, int, str], ...]:
    """Anchor, seconds from it and code of each notice of a session, from ``realtime_times.tsv``."""
    return tuple(
        (anchor, offset, code)
        for anchor, first, last, step, code, _why in rows(_DATA / "realtime_times.tsv")
        for offset in range(int(first), int(last) + 1, int(step))
    )


def session_notices(
    hours: SessionHours,
    early: bool = False,
    after_market: tuple[str, str] = ("U", "V"),
    nextrade: NextradeHours | None = None,
) -> list[HoursNotice]:
    """Notices of a session, oldest first.

    Args:
        hours: of the session.
        early: whether there are notices of 장전 시간외종가 too.
        after_market: codes of the beginning and the end of 애프터마켓.
        nextrade: hours of Nextrade, to have its notices too.
    """
    anchors = {"open": hours.opens, "close": hours.closes, "end": hours.ends}
    anchors |= {"early": hours.opens} if early else {}
    if hours.single_price_begins < hours.ends:
        anchors |= {"single": hours.single_price_begins, "single end": hours.ends}
    else:
        anchors |= {"after": hours.after_market_begins, "after end": hours.ends}
    if nextrade is not None:
        anchors |= {"nextrade open": hours.opens, "nextrade close": hours.closes}
        anchors |= {"nextrade end": nextrade.ends}
        anchors |= {} if nextrade.late else {"nextrade early": hours.opens}
    codes = {"after": after_market[0], "after end": after_market[1]}
    found = [
        HoursNotice(
            float(anchors[anchor] + offset),
            codes.get(anchor, code),
            max(0, -offset) if anchor in ("open", "close") else 0,
        )
        for anchor, offset, code in _offsets()
        if anchor in anchors
    ]
    return sorted(found, key=lambda notice: notice.time)


def notices_after(
    sessions: Sessions,
    now: float,
    early: bool = False,
    after_market: tuple[str, str] = ("U", "V"),
    nextrade: bool = False,
) -> Iterator[HoursNotice]:
    """Notices after ``now``, oldest first, within the calendar; the rest as in ``session_notices``."""
    for index in range(max(0, phases.session_index(sessions, now)), len(sessions)):
        other = nextrade and sessions.dates[index] >= FIRST
        hours_there = nextrade_hours(sessions, index) if other else None
        for notice in session_notices(phases.hours(sessions, index), early, after_market, hours_there):
            if notice.time > now:
                yield notice


class MarketHoursPublisher:
    """Publishes the notices while any screen is registered.

    Args:
        connection: connection to the broker.
        sessions: loads the calendar; called when the first notice is scheduled.
        settings: key of the events, and whether there are notices of 장전 시간외종가.
        publish: fires a real-time event, given key, type and string.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        sessions: Callable[[], Sessions],
        settings: BrokerSettings,
        publish: Callable[[str, str, str], None],
    ) -> None:
        self._connection = connection
        self._sessions = sessions
        self._settings = settings
        self._publish = publish
        self._epoch = 0  # timers of an earlier epoch are ignored
        self._scheduled = False

    def start(self) -> None:
        if not self._scheduled:
            self._schedule(self._connection.now())

    def stop(self) -> None:
        self._epoch += 1
        self._scheduled = False

    def _notices(self, after: float) -> Iterator[HoursNotice]:
        settings = self._settings
        return notices_after(
            self._sessions(),
            after,
            settings.early_notices,
            settings.after_market_notices,
            settings.nextrade_notices,
        )

    def _schedule(self, after: float) -> None:
        notice = next(self._notices(after), None)
        self._scheduled = notice is not None
        if notice is None:
            return
        epoch = self._epoch
        self._connection.answer_later(
            notice.time - self._connection.now(), lambda: self._publish_due(after, epoch), background=True
        )

    def _publish_due(self, after: float, epoch: int) -> None:
        """Publish the notices that are due since ``after``, until the last registration is removed."""
        now = self._connection.now()
        for notice in self._notices(after):
            if notice.time > now or epoch != self._epoch:
                break
            after = notice.time
            self._publish(self._settings.market_key, MARKET_HOURS, notice.text())
        if epoch == self._epoch:
            self._schedule(after)

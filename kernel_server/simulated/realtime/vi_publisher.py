"""VI발동/해제 of all issues, after an opt10054 request: published in time, without watching any issue."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.exchange.interface import Exchange, Interruption

_ISSUES_PER_TURN = 25  # searched in one turn, some 10 ms
_SECONDS_BEFORE_OPEN = 600.0  # when the next day is searched


class ViEvent(NamedTuple):
    """Time of an event, and the VI as of then."""

    due: float
    interruption: Interruption


def vi_events(interruptions: list[Interruption]) -> list[ViEvent]:
    """Start and end of each VI in order of time; at equal times starts come first."""
    found = [ViEvent(each.time, each._replace(released=0.0)) for each in interruptions]
    found += [ViEvent(each.released, each) for each in interruptions]
    return sorted(found, key=lambda event: (event.due, event.interruption.released))


class ViPublisher:
    """Publishes all VIs in time while enabled.

    Args:
        connection: connection to the broker.
        exchange: finds the VIs of a day.
        sessions: loads the calendar; called when first enabled.
        publish: called with each VI when it is due.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        exchange: Exchange,
        sessions: Callable[[], Sessions],
        publish: Callable[[Interruption], None],
    ) -> None:
        self.enabled = False
        self._connection = connection
        self._exchange = exchange
        self._sessions = sessions
        self._publish = publish
        self._epoch = 0  # timers of an earlier epoch are ignored

    def enable(self, wanted: bool) -> None:
        """Enable or disable; only VIs that start or end from now on are published."""
        if wanted == self.enabled:
            return
        self.enabled = wanted
        self._epoch += 1
        if wanted:
            self._search_day(self._epoch, self._connection.now())

    def _search_day(self, epoch: int, after: float) -> None:
        """Search the day, in several turns, for VIs due after ``after``."""
        if epoch != self._epoch:
            return
        found = self._exchange.interruptions(_ISSUES_PER_TURN)
        if found is None:
            self._connection.answer_later(0, lambda: self._search_day(epoch, after), background=True)
            return
        self._publish_due(epoch, [event for event in vi_events(found) if event.due > after])

    def _publish_due(self, epoch: int, pending: list[ViEvent]) -> None:
        """Publish what is due and schedule the next one, or the next day after the last."""
        while pending and pending[0].due <= self._connection.now() and epoch == self._epoch:
            self._publish(pending.pop(0).interruption)
        if epoch != self._epoch:
            return
        now = self._connection.now()
        if pending:
            self._connection.answer_later(
                pending[0].due - now, lambda: self._publish_due(epoch, pending), background=True
            )
            return
        try:
            morning = float(self._sessions().next_open(now)) - _SECONDS_BEFORE_OPEN
        except LookupError:
            return  # the calendar ends
        # Today has been searched completely: wait until it is over.
        due = morning if morning > now else now + _SECONDS_BEFORE_OPEN
        self._connection.answer_later(due - now, lambda: self._search_day(epoch, due), background=True)

"""VI발동/해제 of every issue, for whoever asked with opt10054: told in time, without a book being kept for any."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.exchange.interface import Exchange, Interruption

_AT_ONCE = 25  # issues that are looked at in one turn, some 10 ms
_EARLY = 600.0  # seconds before the opening at which its day is looked through


class ViEvent(NamedTuple):
    """When something is told, and the VI as it then stands."""

    due: float
    interruption: Interruption


def events(interruptions: list[Interruption]) -> list[ViEvent]:
    """Begin and end of each, in the order of time; an end comes after what begins at the same moment."""
    found = [ViEvent(each.time, each._replace(released=0.0)) for each in interruptions]
    found += [ViEvent(each.released, each) for each in interruptions]
    return sorted(found, key=lambda event: (event.due, event.interruption.released))


class ViFeed:
    """Tells of all VIs in time while it is followed, and does nothing otherwise.

    Args:
        line: the way to the broker.
        exchange: looks for them.
        sessions: hours of the exchange, asked for when first followed.
        tell: is told.
    """

    def __init__(
        self,
        line: BrokerConnection,
        exchange: Exchange,
        sessions: Callable[[], Sessions],
        tell: Callable[[Interruption], None],
    ) -> None:
        self.followed = False
        self._line = line
        self._exchange = exchange
        self._sessions = sessions
        self._tell = tell
        self._wait = 0  # what was waited for before it changed is not waited for any more

    def follow(self, wanted: bool) -> None:
        """Whether anybody wants them; what begins or ends later than this is told."""
        if wanted == self.followed:
            return
        self.followed = wanted
        self._wait += 1
        if wanted:
            self._look(self._wait, self._line.now())

    def _look(self, wait: int, after: float) -> None:
        """Looks the day through, in turns, for what is due later than ``after``."""
        if wait != self._wait:
            return
        found = self._exchange.interruptions(_AT_ONCE)
        if found is None:
            self._line.answer_later(0, lambda: self._look(wait, after), background=True)
            return
        self._go_on(wait, [event for event in events(found) if event.due > after])

    def _go_on(self, wait: int, left: list[ViEvent]) -> None:
        """Tells what is due and waits for the next one, behind the last one for another day."""
        while left and left[0].due <= self._line.now() and wait == self._wait:
            self._tell(left.pop(0).interruption)
        if wait != self._wait:
            return
        now = self._line.now()
        if left:
            self._line.answer_later(left[0].due - now, lambda: self._go_on(wait, left), background=True)
            return
        try:
            morning = float(self._sessions().next_open(now)) - _EARLY
        except LookupError:
            return  # the calendar ends
        # Where the day has been looked through already, nothing is left of it until it is over.
        due = morning if morning > now else now + _EARLY
        self._line.answer_later(due - now, lambda: self._look(wait, due), background=True)

"""In which time everything was heard, by what the stream says of itself, told in the exchange's time.

The server's clock need not be the exchange's. Trades say when they happened, the server when they came: where they
come before they happened its clock is slow, where they come long after it is fast, or they are late. Either way
less is taken for heard, never more.
"""

from __future__ import annotations

from typing import Final

from koalab.dates import wall_of
from koalab.live.minutes import SECOND
from koalab.store.coverage import Coverage
from koalab.store.series import microseconds

MARGIN: Final = 2 * SECOND
"""So near to the edge of a stretch nothing is sure: the broker tells seconds, and an event takes some time."""


def wall(moment: float) -> int:
    """Microseconds of naive Seoul wall time of seconds since the epoch."""
    return microseconds(wall_of(moment))


class ConnectedIntervals:
    """The stretches so far; moments in seconds since the epoch by the server's clock."""

    def __init__(self) -> None:
        self._closed: list[tuple[int, int]] = []
        self._since: int | None = None
        self._until = 0
        self._slow = 0  # how far behind the exchange's the server's clock is, at most
        self._late = 0  # how long after it happened the newest trade came
        self._moved = False

    @property
    def hearing(self) -> bool:
        return self._since is not None

    @property
    def until(self) -> int:
        """Up to here everything is known, gaps aside."""
        return self._until

    def begin(self, at: float) -> None:
        self._since, self._slow = wall(at), 0

    def trade(self, came: float, happened: int) -> None:
        """A trade that came at ``came`` says that it happened then."""
        late = wall(came) - happened
        self._slow, self._late, self._moved = max(self._slow, -late), max(0, late), True

    def seen(self, until: float) -> None:
        """Everything up to that moment has come."""
        if self._since is not None:
            self._until = max(self._until, wall(until) - (self._late if self._moved else 0))
            self._moved = False

    def end(self, since: float) -> None:
        """From that moment on something may be missing."""
        if self._since is not None:
            self._until = max(self._until, min(wall(since) - self._late, wall(since)))
            self._closed.extend(self._open())
            self._since = None

    def all(self) -> Coverage:
        """The stretches, the one that goes on included."""
        return (*self._closed, *self._open())

    def _open(self) -> Coverage:
        if self._since is None:
            return ()
        first, last = self._since + self._slow + MARGIN, self._until - MARGIN
        return ((first, last),) if first <= last else ()

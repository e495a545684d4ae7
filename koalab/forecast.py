"""How long TRs will take under the broker's limits: what the server says of that, asked seldom."""

from __future__ import annotations

from collections.abc import Callable

from koalab.errors import KoalabError
from koalab.transport.base import Status

# The server's word is good for so many seconds: others may ask for something meanwhile, too.
_GOOD_FOR = 10.0
# More TRs than it was asked about are a reason to ask again before that, but not in one breath.
_AT_LEAST = 1.0


class WaitForecast:
    """The wait of one load. The server is asked once, and then again every ten seconds while somebody wants to know.

    Args:
        ask: the server's status with the expected wait of so many more TRs.
        now: the broker's time.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self, ask: Callable[[int], Status], now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._now = now
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._trs = 0
        self._ends = 0.0
        self._pace = 0.0

    def __call__(self, trs: int, queued: int = 0) -> float:
        """Seconds of the broker's time until so many TRs are done, ``queued`` of which wait at the server already.

        The last one that it was asked about ends when it ended, however many are done by now. Where the server
        does not answer, what it said before holds, and 0 before it has said anything.
        """
        if trs < 1:
            return 0.0
        age = self._monotonic() - self._asked_at
        if age >= _GOOD_FOR or (trs > self._trs and age >= _AT_LEAST):
            self._look(trs, queued)
        return max(0.0, self._ends - self._now() + max(0, trs - self._trs) * self._pace)

    def _look(self, trs: int, queued: int) -> None:
        self._asked_at = self._monotonic()
        try:
            # What waits there already is ahead of whatever else is asked about.
            status = self._ask(max(1, trs - queued))
        except KoalabError:
            return
        self._trs = trs
        self._ends = status.now + status.expected_wait
        self._pace = status.expected_wait / trs

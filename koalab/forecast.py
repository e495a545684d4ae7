"""The expected wait for TRs under the broker's limits: the server's estimate, requested seldom."""

from __future__ import annotations

from collections.abc import Callable

from koalab.errors import KoalabError
from koalab.transport.base import Status

# How long an estimate is used, seconds: other clients queue TRs too.
_MAX_AGE = 10.0
# More TRs than it covers are a reason to request a new one earlier, but not more often than this.
_MIN_AGE = 1.0


class WaitForecast:
    """The expected wait of one load, from the server's estimate, which is renewed every ten seconds of use.

    Args:
        ask: requests the server's status with the expected wait of so many more TRs.
        now: the broker's time, seconds since the epoch.
        monotonic: seconds of a monotonic clock.
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
        """Seconds of the broker's time until so many TRs are done, ``queued`` of which are in the server's queue.

        The end of the last TR that an estimate covers stays fixed as TRs are done. Where the server does not
        answer the previous estimate holds, and before the first one 0.
        """
        if trs < 1:
            return 0.0
        age = self._monotonic() - self._asked_at
        if age >= _MAX_AGE or (trs > self._trs and age >= _MIN_AGE):
            self._renew(trs, queued)
        return max(0.0, self._ends - self._now() + max(0, trs - self._trs) * self._pace)

    def _renew(self, trs: int, queued: int) -> None:
        self._asked_at = self._monotonic()
        try:
            # Queued TRs are counted by the server already.
            status = self._ask(max(1, trs - queued))
        except KoalabError:
            return
        self._trs = trs
        self._ends = status.now + status.expected_wait
        self._pace = status.expected_wait / trs

"""Refusals of calls for their rate, and how the scheduler backs off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["kind", "account", "login"]


REFUSALS: Mapping[int, Scope] = {
    -200: "kind",  # 시세조회 과부하: too many calls of that kind
    -209: "login",  # 시세조회 제한: nothing is answered until the next login
    -211: "account",  # 계좌조회 과부하: too many account queries; others are answered [guess]
    -308: "kind",  # 주문전송 과부하: too many orders
    -311: "kind",  # 주문전송제한 과부하: too many orders
}
"""Which calls a return code blocks: of that ``kind``, ``account`` TRs alone, or that kind until the next ``login``."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """What to do when the broker refuses although the windows had room, and when a window is full.

    Attributes:
        first: seconds after a refusal until the next call, doubled for each further refusal in a row.
        longest: upper bound of these pauses, seconds.
        attempts: how often one call is tried before it fails. A refusal that tightens a window does not count.
        tighten: seconds for which a window that seems too wide takes no more calls than the broker took, doubled
            each further time; 0: windows are never tightened.
        tighten_longest: upper bound of that, seconds.
        account_alone: -211 blocks account TRs only. False: every TR. Which of the two the broker means is not recorded.
        when_full: ``wait``: a call whose own window is full (a second search of a condition within the minute) waits
            for its turn; ``fail``: it fails at once with ``WindowFull``.
    """

    first: float = 1.0
    longest: float = 60.0
    attempts: int = 5
    tighten: float = 60.0
    tighten_longest: float = 3600.0
    account_alone: bool = True
    when_full: Literal["wait", "fail"] = "wait"

    def __post_init__(self) -> None:
        if (
            self.attempts < 1
            or not 0 < self.first <= self.longest
            or not 0 <= self.tighten <= self.tighten_longest
        ):
            raise ValueError(
                "a back-off needs at least 1 attempt, 0 < first <= longest and 0 <= tighten <= tighten_longest"
            )

    def pause(self, refusals: int) -> float:
        """Seconds to wait after so many refusals in a row.

        >>> [BackOff().pause(number) for number in (1, 2, 3, 9)]
        [1.0, 2.0, 4.0, 60.0]
        """
        return _doubled(self.first, refusals, self.longest)

    def tightened(self, before: float) -> float:
        """How long a window is tightened that was tightened for ``before`` seconds the last time, 0 for never."""
        return min(before * 2 if before else self.tighten, self.tighten_longest)


def _doubled(first: float, times: int, longest: float) -> float:
    # 2.0 ** 1100 overflows a float, and a broker may refuse for days.
    return min(first * 2.0 ** min(times - 1, 64), longest)


class Refused(Exception):
    """The broker refused a call for its rate. ``retry_at`` is clock time, None where no wait helps."""

    def __init__(self, code: int, retry_at: float | None) -> None:
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry_at = retry_at


class WindowFull(Exception):
    """A window of the call's own is full, and the back-off says not to wait. ``retry_at`` is clock time."""

    def __init__(self, key: str, retry_at: float) -> None:
        super().__init__(f"no more calls of {key} for now")
        self.key = key
        self.retry_at = retry_at

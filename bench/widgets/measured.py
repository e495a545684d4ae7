"""``Measured``: what one way to show values in a notebook costs, and how it behaves."""

from __future__ import annotations

from dataclasses import dataclass

from bench.widgets.probe import Cost


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way costs, and how it behaves.

    Attributes:
        asleep: how often a second the watched text changed while a cell slept; NaN where that was not measured.
        newest: ms from the newest trade of a message to the frame after the page shows that message.
        every: ms from each trade of one issue to the frame that shows it or a later one, with the wait for a message.
        answers: ms of ``1+1``, sorted; at most ``probe.LONGEST``.
        dropped: messages that did not come; NaN where that was not measured.
        beyond: the kernel's CPU beyond that with a hidden page, percent of a core; NaN where that was not measured.
        outside: requests beyond the Jupyter server.
    """

    cost: Cost
    asleep: float
    newest: list[float]
    every: list[float]
    answers: list[float]
    dropped: float
    beyond: float
    outside: list[str]

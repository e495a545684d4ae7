"""``Gap``: an interval of a stream in which events may be lost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Events after ``since`` may be lost, until ``until``; None while it lasts. In ``wall_time``."""

    since: int
    until: int | None
    why: str

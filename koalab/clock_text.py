"""Korean texts about the broker's clock, for status and repr of a session."""

from __future__ import annotations

from koalab.dates import seoul
from koalab.transport.base import Status


def clock_note(status: Status) -> str:
    """How the clock differs from the wall clock: where it began, and when it jumps to the wall clock."""
    if not status.clock_begins:
        return "실제 시각"
    begins = seoul(status.clock_begins)
    if status.clock_replays:
        text = f"장 운영시간이 아니어서 {begins:%Y-%m-%d} 세션의 {begins:%H:%M}부터 재생 중"
    else:
        text = f"{begins:%Y-%m-%d %H:%M}부터 진행 중"
    if status.clock_leaps_at:
        text += f", {seoul(status.clock_leaps_at):%H:%M}에 실제 시각으로 건너뜀"
    return text + _pace(status)


def time_and_phase(status: Status) -> str:
    """Time and phase of the session, with a remark if the clock is not the wall clock."""
    text = f"{seoul(status.now):%Y-%m-%d %H:%M} {status.phase}".rstrip()
    if status.clock_leaps_at:
        text += ", 장 운영시간이 아니어서 재생 중"
    return text + _pace(status)


def _pace(status: Status) -> str:
    if status.speed == 0.0:
        return " (기다릴 때만 움직임)"
    return f" ({status.speed:g}배속)" if status.speed != 1.0 else ""

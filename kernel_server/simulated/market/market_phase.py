"""The market's phase as users see it."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Phase

PHASE_NAMES: Mapping[Phase, str] = {
    Phase.BEFORE_OPEN: "장전 시간외 종가, 동시호가",
    Phase.OPENING_AUCTION: "장전 동시호가",
    Phase.CONTINUOUS: "정규장",
    Phase.CLOSING_AUCTION: "장마감 동시호가",
    Phase.PAUSE: "장마감",
    Phase.AFTER_CLOSE: "장후 시간외 종가",
    Phase.SINGLE_PRICE: "시간외 단일가",
    Phase.AFTER_MARKET: "애프터마켓",
    Phase.CLOSED: "장 종료",
    Phase.NXT_PRE: "NXT 프리마켓",
    Phase.NXT_PRE_ENDED: "NXT 프리마켓 종료",
    Phase.NXT_MAIN: "NXT 메인마켓",
    Phase.NXT_MAIN_ENDED: "NXT 메인마켓 종료",
    Phase.NXT_BEFORE_AFTER: "NXT 애프터마켓 시작 전",
    Phase.NXT_AFTER: "NXT 애프터마켓",
    Phase.NXT_CLOSED: "NXT 장 종료",
}


def market_phase(sessions: Sessions, now: float) -> tuple[str, str]:
    """Date (ISO) of the current session and name of its phase; a blank date before the calendar begins."""
    index = phases.session_index(sessions, now)
    day = str(sessions.dates[index]) if index >= 0 else ""
    return day, PHASE_NAMES[phases.phase(sessions, now)]

"""``StateLine``: the line below a widget, which says in Korean how live it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd

from koalab.live.readable import StreamState

_SMOOTHING: Final = 0.5


class StateLine:
    """The state of a widget's stream as one line.

    Args:
        state: the stream's.
        label: what is shown: 20종목, or an issue's name.
        server: 모의투자 or 실서버.
        now: the broker's time, Asia/Seoul.
        in_session: whether the market is open at a moment, seconds since the epoch.
        retries: how often the connection was tried again.
        more: what else to say while it is live.
    """

    def __init__(
        self,
        state: Callable[[], StreamState],
        label: str,
        server: str,
        now: Callable[[], pd.Timestamp],
        in_session: Callable[[float], bool],
        retries: Callable[[], int],
        more: Callable[[], str] = lambda: "",
    ) -> None:
        self._state = state
        self._label = label
        self._server = server
        self._now = now
        self._in_session = in_session
        self._retries = retries
        self._more = more
        self._counted: tuple[int, float] | None = None
        self._rate = 0.0

    def count(self, version: int, now: float) -> None:
        """Notes the number of changes so far at a monotonic time."""
        if self._counted is None:
            self._counted = (version, now)
            return
        before, at = self._counted
        if now - at >= 1.0:
            self._rate += _SMOOTHING * ((version - before) / (now - at) - self._rate)
            self._counted = (version, now)

    def message(self) -> dict[str, Any]:
        """``state`` and ``say`` of a message to the page."""
        state, broker = self._state(), self._now()
        name = str(state)
        if name == "live":
            closed = not self._in_session(broker.timestamp())
            rate = f"{self._rate:,.0f}회/초" if self._rate >= 1 and not closed else ""
            words = (
                f"{'장 마감' if closed else '실시간'} {broker:%H:%M:%S}",
                *(self._label, rate, self._more(), self._server),
            )
            return {"state": "stale" if closed else "live", "say": " · ".join(filter(None, words))}
        if name == "stale":
            seconds = max(0, round((broker - state.since).total_seconds()))
            return {
                "state": "stale",
                "say": f"체결 없음 {seconds:,}초 — {state.since:%H:%M:%S} 이후 · {self._server}",
            }
        if name == "lost":
            seconds = max(0, round((broker - state.since).total_seconds()))
            tries = self._retries()
            again = f" ({tries}번째)" if tries else ""
            return {
                "state": "lost",
                "say": f"끊김 {state.since:%H:%M:%S}부터 {seconds:,}초 — 서버에 다시 연결하는 중{again}",
            }
        if name == "closed":
            return {"state": "closed", "say": f"닫힘 {state.since:%H:%M:%S} — 마지막 값입니다"}
        return {"state": "connecting", "say": f"연결 중… {self._label} 등록 대기"}

    def caption(self) -> str:
        """The line of a snapshot."""
        return f"{self._now():%Y-%m-%d %H:%M:%S} 현재 · {self._server}"

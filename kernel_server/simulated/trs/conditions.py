"""조건검색: screening by the user's saved conditions, once or live."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.request_limits import SERVED, RequestLimits
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.filters import Condition, MarketFilter, saved_conditions
from kernel_server.simulated.snapshot.scanner import ISSUES_PER_TURN, MarketScanner

MAX_LIVE_CONDITIONS = 10
MAX_LIVE_CODES = 100
MIN_INTERVAL_SECONDS = 60.0

_OK, _FAILED = 1, 0
_ONCE, _LIVE = 0, 1
_ERROR_CODES = {
    "unloaded": -10,
    "unknown": -11,
    "mismatch": -12,
    "too_often": -13,
    "too_many_live": -13,
    "bad_input": -105,
}


@dataclass(slots=True)
class _LiveCondition:
    """A live condition on a screen, and the codes that fulfilled it at the last update; None before the first."""

    condition: Condition
    codes: list[str] | None = None


_MESSAGES = {
    "loaded": "[OK] 사용자 조건검색식 읽기",
    "unloaded": "조건검색식을 먼저 불러오십시오 (-10)",
    "unknown": "조건번호 없음 (-11)",
    "mismatch": "조건번호와 조건식 불일치 (-12)",
    "too_often": "같은 조건식은 1분에 한 번만 조회할 수 있습니다 (-13)",
    "too_many_live": "실시간 조건검색은 10개까지 등록할 수 있습니다 (-13)",
    "bad_input": "함수입력값 오류 (-105)",
    "too_many_codes": "검색결과가 100종목을 초과하여 실시간 검색을 할 수 없습니다",
}


class Conditions:
    """Condition functions of the control, under Kiwoom's names.

    Args:
        connection: connection to the broker.
        settings: how failures are reported, and the period of live updates.
        limits: request limits, shared with CommRqData.
        scanner: the market to screen.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        settings: BrokerSettings,
        limits: RequestLimits,
        scanner: MarketScanner,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._limits = limits
        self._scanner = scanner
        self._screening = MarketFilter(scanner)
        self._saved = {condition.index: condition for condition in saved_conditions()}
        self._with_price = False
        self._loaded = False
        self._sent_at: dict[int, float] = {}
        self._live: dict[str, _LiveCondition] = {}
        self._update_scheduled = False

    def clear(self) -> None:
        """Reset on a lost connection: the downloaded list, live conditions and the one-minute limit."""
        self._loaded = False
        self._update_scheduled = False
        self._with_price = False
        self._sent_at.clear()
        self._live.clear()

    def live(self) -> dict[str, str]:
        """Names of live conditions by screen."""
        return {screen: live.condition.name for screen, live in self._live.items()}

    def search_flag(self, parameter: str) -> str:
        """KOA_Functions SetConditionSearchFlag: ``AddPrice`` adds prices to results, until ``DelPrice``."""
        if parameter in ("AddPrice", "DelPrice"):
            self._with_price = parameter == "AddPrice"
        return ""

    def GetConditionLoad(self) -> int:
        def loaded() -> None:
            self._loaded = True
            self._connection.fire("OnReceiveConditionVer", _OK, _MESSAGES["loaded"])

        self._connection.answer_later(self._settings.latency, loaded)
        return _OK

    def GetConditionNameList(self) -> str:
        """``0^name;1^name;``, blank before OnReceiveConditionVer."""
        if not self._loaded:
            return ""
        return "".join(f"{index}^{condition.name};" for index, condition in self._saved.items())

    def SendCondition(self, strScrNo: str, strConditionName: str, nIndex: int, nSearch: int) -> int:
        now = self._connection.now()
        condition = self._saved.get(nIndex)
        others = self._live.keys() - {strScrNo}
        if not is_screen(strScrNo) or nSearch not in (_ONCE, _LIVE):
            return self._failed(strScrNo, strConditionName, "bad_input")
        if not self._loaded:
            return self._failed(strScrNo, strConditionName, "unloaded")
        if condition is None:
            return self._failed(strScrNo, strConditionName, "unknown")
        if condition.name != strConditionName:
            return self._failed(strScrNo, strConditionName, "mismatch")
        if now - self._sent_at.get(nIndex, -MIN_INTERVAL_SECONDS) < MIN_INTERVAL_SECONDS:
            return self._failed(strScrNo, strConditionName, "too_often")
        if nSearch == _LIVE and len(others) >= MAX_LIVE_CONDITIONS:
            return self._failed(strScrNo, strConditionName, "too_many_live")
        error = self._limits.take(now)
        if error != SERVED:
            return error
        self._sent_at[nIndex] = now
        self._live.pop(strScrNo, None)
        live = _LiveCondition(condition)
        if nSearch == _LIVE:
            self._live[strScrNo] = live
        # The flag applies as of the request, and only to one-time searches.
        with_price = self._with_price and nSearch == _ONCE
        self._connection.answer_later(
            self._settings.latency, lambda: self._answer(strScrNo, live, with_price)
        )
        return _OK

    def SendConditionStop(self, strScrNo: str, strConditionName: str, nIndex: int) -> None:
        live = self._live.get(strScrNo)
        if live is not None and (live.condition.name, live.condition.index) == (strConditionName, nIndex):
            del self._live[strScrNo]

    def _failed(self, screen: str, name: str, reason: str) -> int:
        text = _MESSAGES[reason]
        self._connection.answer_later(
            0, lambda: self._connection.fire("OnReceiveMsg", screen, name, "", text)
        )
        return _FAILED if self._settings.condition_failure == "zero" else _ERROR_CODES[reason]

    def _answer(self, screen: str, live: _LiveCondition, with_price: bool) -> None:
        now = self._connection.now()
        if not self._screening.prepare(live.condition, now, ISSUES_PER_TURN, with_price):
            self._connection.answer_later(0, lambda: self._answer(screen, live, with_price))
            return
        condition = live.condition
        if with_price:
            prices = self._screening.prices(condition, now)
            found, items = list(prices), [f"{code}^{price};" for code, price in prices.items()]
        else:
            found = self._screening.screen(condition, now)
            items = [f"{code};" for code in found]
        still_live = self._live.get(screen) is live
        if still_live and len(found) > MAX_LIVE_CODES:
            del self._live[screen]
            text = _MESSAGES["too_many_codes"]
            self._connection.fire("OnReceiveMsg", screen, condition.name, "", text)
        elif still_live:
            live.codes = found
        self._connection.fire(
            "OnReceiveTrCondition", screen, "".join(items), condition.name, condition.index, 0
        )
        self._schedule_update()

    def _schedule_update(self) -> None:
        """Schedule the next update of live conditions, for when prices may have changed."""
        now = self._connection.now()
        if self._update_scheduled or not self._live:
            return
        due = self._scanner.next_change(now, self._settings.condition_period)
        if due is not None:
            self._update_scheduled = True
            self._connection.answer_later(max(0.0, due - now), self._update, background=True)

    def _update(self) -> None:
        self._update_scheduled = False
        if not self._live:
            return
        now = self._connection.now()
        conditions = [live.condition for live in self._live.values()]
        if not all(self._screening.prepare(condition, now, ISSUES_PER_TURN) for condition in conditions):
            # a new session has started: continue reading its data
            self._update_scheduled = True
            self._connection.answer_later(0, self._update)
            return
        for screen, live in list(self._live.items()):
            # An event handler may have stopped the condition.
            if live.codes is None or self._live.get(screen) is not live:
                continue
            before, live.codes = live.codes, self._screening.screen(live.condition, now)
            removed = set(before) - set(live.codes)
            added = set(live.codes) - set(before)
            changes = [(code, "D") for code in before if code in removed]
            changes += [(code, "I") for code in live.codes if code in added]
            for code, kind in changes:
                if self._live.get(screen) is not live:
                    break
                condition = live.condition
                self._connection.fire(
                    "OnReceiveRealCondition", code, kind, condition.name, str(condition.index)
                )
        self._schedule_update()

"""조건검색: the user's saved conditions, searched once or watched live."""

from __future__ import annotations

from dataclasses import dataclass

from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.request_limits import SERVED, RequestLimits
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.filters import Condition, MarketFilter, saved
from kernel_server.simulated.snapshot.scanner import AT_ONCE, MarketScanner

LIVE_CONDITIONS = 10
CODES_LIVE = 100
SECONDS_BETWEEN = 60.0

_SENT, _FAILED = 1, 0
_ONCE, _LIVE = 0, 1
_CODES = {
    "unloaded": -10,
    "unknown": -11,
    "mismatch": -12,
    "too_often": -13,
    "too_many_live": -13,
    "bad_input": -105,
}


@dataclass(slots=True)
class _Watch:
    """A live condition on a screen, and the codes that fulfilled it when last looked at; None: not yet."""

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
    """One method a function, under Kiwoom's name.

    Args:
        line: the way to the broker.
        settings: how failures are told, and how often live conditions are looked at.
        limits: the counter that CommRqData has too.
        survey: the market, to be screened.
    """

    def __init__(
        self, line: BrokerConnection, settings: BrokerSettings, limits: RequestLimits, survey: MarketScanner
    ) -> None:
        self._line = line
        self._settings = settings
        self._limits = limits
        self._survey = survey
        self._screening = MarketFilter(survey)
        self._saved = {condition.index: condition for condition in saved()}
        self._with_price = False
        self._loaded = False
        self._sent: dict[int, float] = {}
        self._watched: dict[str, _Watch] = {}
        self._due = False

    def clear(self) -> None:
        """Forgets what a lost connection loses: the download, the live conditions, the minute's wait."""
        self._loaded = False
        self._due = False
        self._with_price = False
        self._sent.clear()
        self._watched.clear()

    def live(self) -> dict[str, str]:
        """The names of the live conditions by screen."""
        return {screen: watch.condition.name for screen, watch in self._watched.items()}

    def search_flag(self, parameter: str) -> str:
        """KOA_Functions SetConditionSearchFlag: lists come with prices after ``AddPrice``, until ``DelPrice``."""
        if parameter in ("AddPrice", "DelPrice"):
            self._with_price = parameter == "AddPrice"
        return ""

    def GetConditionLoad(self) -> int:
        def loaded() -> None:
            self._loaded = True
            self._line.fire("OnReceiveConditionVer", _SENT, _MESSAGES["loaded"])

        self._line.answer_later(self._settings.latency, loaded)
        return _SENT

    def GetConditionNameList(self) -> str:
        """``0^name;1^name;``, blank before OnReceiveConditionVer."""
        if not self._loaded:
            return ""
        return "".join(f"{index}^{condition.name};" for index, condition in self._saved.items())

    def SendCondition(self, strScrNo: str, strConditionName: str, nIndex: int, nSearch: int) -> int:
        now = self._line.now()
        condition = self._saved.get(nIndex)
        others = self._watched.keys() - {strScrNo}
        if not is_screen(strScrNo) or nSearch not in (_ONCE, _LIVE):
            return self._failed(strScrNo, strConditionName, "bad_input")
        if not self._loaded:
            return self._failed(strScrNo, strConditionName, "unloaded")
        if condition is None:
            return self._failed(strScrNo, strConditionName, "unknown")
        if condition.name != strConditionName:
            return self._failed(strScrNo, strConditionName, "mismatch")
        if now - self._sent.get(nIndex, -SECONDS_BETWEEN) < SECONDS_BETWEEN:
            return self._failed(strScrNo, strConditionName, "too_often")
        if nSearch == _LIVE and len(others) >= LIVE_CONDITIONS:
            return self._failed(strScrNo, strConditionName, "too_many_live")
        refused = self._limits.take(now)
        if refused != SERVED:
            return refused
        self._sent[nIndex] = now
        self._watched.pop(strScrNo, None)
        watch = _Watch(condition)
        if nSearch == _LIVE:
            self._watched[strScrNo] = watch
        # The flag counts as it stands when the request is sent, and only for a search without a sequel.
        with_price = self._with_price and nSearch == _ONCE
        self._line.answer_later(self._settings.latency, lambda: self._answer(strScrNo, watch, with_price))
        return _SENT

    def SendConditionStop(self, strScrNo: str, strConditionName: str, nIndex: int) -> None:
        watch = self._watched.get(strScrNo)
        if watch is not None and (watch.condition.name, watch.condition.index) == (strConditionName, nIndex):
            del self._watched[strScrNo]

    def _failed(self, screen: str, name: str, why: str) -> int:
        text = _MESSAGES[why]
        self._line.answer_later(0, lambda: self._line.fire("OnReceiveMsg", screen, name, "", text))
        return _FAILED if self._settings.condition_failure == "zero" else _CODES[why]

    def _answer(self, screen: str, watch: _Watch, with_price: bool) -> None:
        if not self._screening.prepare(watch.condition, self._line.now(), AT_ONCE):
            self._line.answer_later(0, lambda: self._answer(screen, watch, with_price))
            return
        condition = watch.condition
        found = self._screening.found(condition, self._line.now())
        items = [f"{code}^{price};" if with_price else f"{code};" for code, price in found.items()]
        live = self._watched.get(screen) is watch
        if live and len(found) > CODES_LIVE:
            del self._watched[screen]
            text = _MESSAGES["too_many_codes"]
            self._line.fire("OnReceiveMsg", screen, condition.name, "", text)
        elif live:
            watch.codes = list(found)
        self._line.fire("OnReceiveTrCondition", screen, "".join(items), condition.name, condition.index, 0)
        self._look_later()

    def _look_later(self) -> None:
        """Sees to it that live conditions are looked at again when the market may have changed."""
        now = self._line.now()
        if self._due or not self._watched:
            return
        due = self._survey.next_change(now, self._settings.condition_period)
        if due is not None:
            self._due = True
            self._line.answer_later(max(0.0, due - now), self._look, background=True)

    def _look(self) -> None:
        self._due = False
        if not self._watched:
            return
        now = self._line.now()
        conditions = [watch.condition for watch in self._watched.values()]
        if not all(self._screening.prepare(held, now, AT_ONCE) for held in conditions):
            # a new session has begun
            self._due = True
            self._line.answer_later(0, self._look)
            return
        for screen, watch in list(self._watched.items()):
            # What an event's handler stops is not told about any more.
            if watch.codes is None or self._watched.get(screen) is not watch:
                continue
            before, watch.codes = watch.codes, list(self._screening.found(watch.condition, now))
            gone = set(before) - set(watch.codes)
            come = set(watch.codes) - set(before)
            changes = [(code, "D") for code in before if code in gone]
            changes += [(code, "I") for code in watch.codes if code in come]
            for code, kind in changes:
                if self._watched.get(screen) is not watch:
                    break
                condition = watch.condition
                self._line.fire("OnReceiveRealCondition", code, kind, condition.name, str(condition.index))
        self._look_later()

"""opt10054: volatility interruptions (VI) of today, newest first.

The request also registers its screen for VI발동/해제 of all issues, its filters aside. The inputs are interpreted as
programs in use do; 제외종목 is nine flags. Without a code the VIs are those of the Korea Exchange; a code like
``005930_NX`` has those at the other exchange, and ``005930_AL`` those at both. VIs after the close are in 장전구분 2,
시간외단일가 before the after-market came: a guess, as is the rest of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.exchange.interface import Exchange, Interruption, Tape
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.realtime.registry import ALL_INTERRUPTIONS
from kernel_server.simulated.realtime.vi_strings import vi_values
from kernel_server.simulated.settings import BrokerSettings

ViFilter = Callable[[Interruption, Issue, Tape], bool]
"""A filter of VIs: whether one is listed."""

_MARKETS: Mapping[str, str] = {"1": "KOSPI", "101": "KOSDAQ"}
_REGULAR, _EVENING = "1", "2"  # of 장전구분; 시간외단일가 has no VIs here
_MILLION = 1_000_000
_ISSUES_PER_TURN = 25  # searched in one turn, some 10 ms

_KINDS: Mapping[str, Callable[[Issue], bool]] = {
    # only common shares have codes that end in 0
    "preferred": lambda issue: issue.kind == "stock" and not issue.code.endswith("0"),
    "etf": lambda issue: issue.kind == "etf",
    "etn": lambda issue: issue.kind == "etn",
}
_EXCLUSIONS = (  # issues excluded by each flag of 제외종목; None for kinds that do not exist here
    _KINDS["preferred"],  # 우선주
    None,  # 관리종목
    None,  # 투자경고/위험
    None,  # 투자주의
    None,  # 환기종목
    None,  # 단기과열종목
    None,  # 증거금100%
    _KINDS["etf"],
    _KINDS["etn"],
)


class ViList:
    """Handler of opt10054.

    Args:
        issues: all listed issues by code, those at other exchanges too.
        exchange: supplies the VIs.
        settings: format of the values.
        sessions: loads the calendar.
    """

    def __init__(
        self,
        issues: Mapping[str, Issue],
        exchange: Exchange,
        settings: BrokerSettings,
        sessions: Callable[[], Sessions],
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._settings = settings
        self._sessions = cache(sessions)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10054": self._list}

    def _list(self, request: TrRequest, now: float) -> TrAnswer:
        filters = self._input_filters(request.inputs)
        found = self._found(request.inputs["종목코드"])
        selected = []
        for each in found:
            if each.time <= now:
                issue, tape = self._issues[each.code], self._exchange.tape(each.code)
                if all(accepts(each, issue, tape) for accepts in filters):
                    selected.append(
                        (each if each.released <= now else each._replace(released=0.0), issue, tape)
                    )
        # Count from the oldest, so that new VIs do not shift the pages.
        stop = len(selected) if request.after is None else request.after
        start = max(0, stop - (request.tr.rows_per_page or stop))
        names = [field.fid for field in request.tr.multi]
        rows = []
        for each, issue, tape in reversed(selected[start:stop]):
            values = vi_values(each, issue, tape, self._settings)
            rows.append([values[fid] for fid in names])
        return TrAnswer(
            rows=rows,
            after=start or None,
            message="" if rows else message("no_history"),
            codes=(ALL_INTERRUPTIONS,),
        )

    def _found(self, code: str) -> list[Interruption]:
        if split(code)[1]:
            return self._exchange.interruptions_of(code)
        found = self._exchange.interruptions(_ISSUES_PER_TURN)
        if found is None:
            raise AnswerPending
        return found

    def _in_evening(self, interruption: Interruption) -> bool:
        """Whether a VI is one of the after-market."""
        index = self._sessions().last_started(interruption.time)
        return index >= 0 and interruption.time >= float(self._sessions().closes[index])

    def _input_filters(self, inputs: Mapping[str, str]) -> list[ViFilter]:
        """Filters of the inputs, all of which must accept a VI.

        Raises:
            TrRejected: an input is invalid, or the code is not listed.
        """
        market = _choice(inputs, "시장구분", ("0", *_MARKETS))
        session = _choice(inputs, "장전구분", ("0", _REGULAR, _EVENING))
        kind = _choice(inputs, "발동구분", ("0", "1", "2", "3"))
        direction = _choice(inputs, "발동방향", ("0", "1", "2"))
        code = inputs["종목코드"]
        if code.strip("0") and code not in self._issues:
            raise TrRejected("unknown_code")
        flags = inputs["제외종목"]
        if len(flags) > len(_EXCLUSIONS) or flags.strip("01"):
            raise TrRejected("bad_input")
        excluded = [
            is_kind for flag, is_kind in zip(flags, _EXCLUSIONS, strict=False) if flag == "1" and is_kind
        ]
        filters: list[ViFilter] = [
            lambda _found, issue, _tape: market == "0" or issue.market == _MARKETS[market],
            lambda found, _issue, _tape: session == "0" or (session == _EVENING) == self._in_evening(found),
            lambda found, _issue, _tape: kind == "0" or kind == _kind(found),
            lambda found, _issue, _tape: direction == "0" or (direction == "1") == found.rises,
            lambda _found, issue, _tape: not code.strip("0") or issue.code == code,
            lambda _found, issue, _tape: not any(belongs(issue) for belongs in excluded),
        ]
        if _choice(inputs, "거래량구분", ("0", "1")) == "1":
            shares = _bounds(inputs, "최소거래량", "최대거래량", 1)
            filters.append(lambda _found, _issue, tape: shares[0] <= tape.volume <= shares[1])
        if _choice(inputs, "거래대금구분", ("0", "1")) == "1":
            won = _bounds(inputs, "최소거래대금", "최대거래대금", _MILLION)
            filters.append(lambda _found, _issue, tape: won[0] <= tape.value <= won[1])
        return filters


def _kind(found: Interruption) -> str:
    """발동구분: 1 정적, 2 동적, 3 both."""
    return str((1 if found.static else 0) + (2 if found.dynamic else 0))


def _choice(inputs: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """Value of an input without leading zeros, 0 if blank."""
    value = inputs[name].lstrip("0") or "0"
    if value not in known:
        raise TrRejected("bad_input")
    return value


def _bounds(inputs: Mapping[str, str], least: str, most: str, unit: int) -> tuple[float, float]:
    """Range given by two inputs; a blank, or a maximum of 0, is no bound."""
    values = [inputs[name] or "0" for name in (least, most)]
    if not all(value.isascii() and value.isdigit() for value in values):
        raise TrRejected("bad_input")
    low, high = (int(value) * unit for value in values)
    return low, high or float("inf")

"""opt10054: the issues that had a VI today, newest first.

Asking registers its screen for VI발동/해제 of every issue, whatever the inputs leave out. What the inputs mean is as
programs in use have it; 제외종목 is nine flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, Unfinished, message
from kernel_server.simulated.exchange.interface import Exchange, Interruption, Tape
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.realtime.notices import interruption
from kernel_server.simulated.realtime.registry import INTERRUPTIONS
from kernel_server.simulated.settings import BrokerSettings

Leaves = Callable[[Interruption, Issue, Tape], bool]
"""Whether an input leaves a VI in."""

_MARKETS: Mapping[str, str] = {"1": "KOSPI", "101": "KOSDAQ"}
_REGULAR = ("0", "1")  # of 장전구분; there are no VIs in 시간외단일가 here
_MILLION = 1_000_000
_AT_ONCE = 25  # issues that are looked at in one turn, some 10 ms

_KINDS: Mapping[str, Callable[[Issue], bool]] = {
    # a share that is not common ends in another figure than 0
    "preferred": lambda issue: issue.kind == "stock" and not issue.code.endswith("0"),
    "etf": lambda issue: issue.kind == "etf",
    "etn": lambda issue: issue.kind == "etn",
}
_EXCLUSIONS = (  # what each flag of 제외종목 leaves out; None where no issue here is of that kind
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
    """The handler of opt10054.

    Args:
        issues: the listing, by code.
        exchange: knows of VIs.
        settings: what is chosen about the values.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange, settings: BrokerSettings) -> None:
        self._issues = issues
        self._exchange = exchange
        self._settings = settings

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10054": self._list}

    def _list(self, request: TrRequest, now: float) -> TrAnswer:
        leaves = self._filters(request.inputs)
        found = self._exchange.interruptions(_AT_ONCE)
        if found is None:
            raise Unfinished
        seen = []
        for each in found:
            if each.time <= now:
                issue, tape = self._issues[each.code], self._exchange.tape(each.code)
                if all(leave(each, issue, tape) for leave in leaves):
                    seen.append((each if each.released <= now else each._replace(released=0.0), issue, tape))
        # Counted from the oldest, so that what comes meanwhile does not shift the pages.
        stop = len(seen) if request.after is None else request.after
        start = max(0, stop - (request.tr.rows_per_page or stop))
        names = [field.fid for field in request.tr.multi]
        rows = []
        for each, issue, tape in reversed(seen[start:stop]):
            values = interruption(each, issue, tape, self._settings)
            rows.append([values[fid] for fid in names])
        return TrAnswer(
            rows=rows,
            after=start or None,
            message="" if rows else message("no_history"),
            codes=(INTERRUPTIONS,),
        )

    def _filters(self, inputs: Mapping[str, str]) -> list[Leaves]:
        """What the inputs leave in; all of it has to hold.

        Raises:
            Rejected: an input has a value that it cannot have, or the code is not listed.
        """
        market = _choice(inputs, "시장구분", ("0", *_MARKETS))
        session = _choice(inputs, "장전구분", (*_REGULAR, "2"))
        kind = _choice(inputs, "발동구분", ("0", "1", "2", "3"))
        way = _choice(inputs, "발동방향", ("0", "1", "2"))
        code = inputs["종목코드"]
        if code.strip("0") and code not in self._issues:
            raise TrRejected("unknown_code")
        flags = inputs["제외종목"]
        if len(flags) > len(_EXCLUSIONS) or flags.strip("01"):
            raise TrRejected("bad_input")
        left_out = [part for flag, part in zip(flags, _EXCLUSIONS, strict=False) if flag == "1" and part]
        filters: list[Leaves] = [
            lambda _found, issue, _tape: market == "0" or issue.market == _MARKETS[market],
            lambda _found, _issue, _tape: session in _REGULAR,
            lambda found, _issue, _tape: kind == "0" or kind == _kind(found),
            lambda found, _issue, _tape: way == "0" or (way == "1") == found.rises,
            lambda _found, issue, _tape: not code.strip("0") or issue.code == code,
            lambda _found, issue, _tape: not any(belongs(issue) for belongs in left_out),
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
    """The value of an input without leading zeros, 0 for a blank."""
    value = inputs[name].lstrip("0") or "0"
    if value not in known:
        raise TrRejected("bad_input")
    return value


def _bounds(inputs: Mapping[str, str], least: str, most: str, unit: int) -> tuple[float, float]:
    """The range that two inputs give; a blank one, or a most of 0, is no bound."""
    values = [inputs[name] or "0" for name in (least, most)]
    if not all(value.isascii() and value.isdigit() for value in values):
        raise TrRejected("bad_input")
    low, high = (int(value) * unit for value in values)
    return low, high or float("inf")

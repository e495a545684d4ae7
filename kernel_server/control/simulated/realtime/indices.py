"""업종지수: an index of a market over a sample of its issues.

The sample is the stocks with most listed shares, whoever watches them; the index is what their worth at the last
prices is to their worth at 기준가, times a level that stands in ``realtime_indices.tsv``. It moves as the sample
does, and that is all it is good for. Volume is that of the sample. No recorded string is known: the index has a
sign and two decimals, as has been seen; 거래량 and 거래량전일대비 are in 천주 (a guess), 거래대금 in 백만원.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from kernel_server.control.simulated import formats
from kernel_server.control.simulated.exchange.interface import Tape
from kernel_server.control.simulated.market import Issue
from kernel_server.control.simulated.tsv import rows


@dataclass(frozen=True, slots=True)
class IndexKind:
    """An index: its market, and where it stood after the previous session, in hundredths of a point."""

    code: str
    market: str
    level: int


@cache
def kinds() -> Mapping[str, IndexKind]:
    """The indices by code."""
    return {
        code: IndexKind(code, market, int(level) * 100)
        for code, market, level, _name in rows("realtime_indices")
    }


def sample(kind: IndexKind, issues: Mapping[str, Issue], members: int) -> list[str]:
    """The codes that stand for the market, at most ``members``."""
    of_market = [issue for issue in issues.values() if issue.market == kind.market and issue.kind == "stock"]
    of_market.sort(key=lambda issue: (-issue.shares, issue.code))
    return [issue.code for issue in of_market[:members]]


def _points(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"


class Index:
    """One index through a day. The high and the low are those seen since it was first written."""

    def __init__(self, kind: IndexKind, tapes: Mapping[str, Tape]) -> None:
        self.kind = kind
        self._tapes = dict(tapes)
        self._high = self._low = 0
        self._volume = sum(tape.volume for tape in tapes.values())
        self.second = -1

    def take(self, tape: Tape) -> None:
        """The newest tape of a member."""
        self._tapes[tape.code] = tape

    def _level(self, worth: int) -> int:
        base = sum(tape.shares * tape.base for tape in self._tapes.values())
        return formats.divided(self.kind.level * worth, base) if base else self.kind.level

    def text(self, time: str) -> str:
        """업종지수; ``time`` is HHMMSS or 장마감. 거래량 is what was traded since the one before."""
        tapes = self._tapes.values()
        base = self.kind.level
        now = self._level(sum(tape.shares * tape.last for tape in tapes))
        opened = self._level(sum(tape.shares * (tape.open or tape.base) for tape in tapes))
        self._high = max(self._high or now, opened, now)
        self._low = min(self._low or now, opened, now)
        volume = sum(tape.volume for tape in tapes)
        recent, self._volume = volume - self._volume, volume
        change = now - base
        signs = {-1: "-", 0: "", 1: "+"}
        coloured = [
            signs[(level > base) - (level < base)] + _points(level)
            for level in (now, opened, self._high, self._low)
        ]
        return "\t".join(
            (
                time,
                coloured[0],
                f"{signs[(change > 0) - (change < 0)]}{_points(abs(change))}",
                formats.rate(change, base),
                str(formats.thousands(recent)),
                str(formats.thousands(volume)),
                str(formats.millions(sum(tape.value for tape in tapes))),
                *coloured[1:],
                formats.direction(now, base, 2 * base, 0),
                formats.signed(formats.thousands(volume - sum(tape.previous_volume for tape in tapes))),
            )
        )

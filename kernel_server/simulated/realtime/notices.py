"""장시작시간 and VI발동/해제: what the exchange announces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kernel_server import reference
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import duration_text, hhmmss
from kernel_server.simulated.exchange.interface import Interruption, Tape
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.realtime.string_parts import FIXED
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

INTERRUPTION = "VI발동/해제"


class Notice(NamedTuple):
    """장시작시간: ``time`` in seconds since the epoch, the code of FID 215, seconds that are left."""

    time: float
    code: str
    left: int

    def text(self) -> str:
        """The real-time string.

        >>> Notice(1642463940.0, "0", 60).text().split()
        ['0', '085900', '000100']
        """
        return f"{self.code}\t{hhmmss(self.time)}\t{duration_text(self.left)}"


@cache
def _offsets() -> tuple[tuple[str, int, str], ...]:
    """Anchor, seconds from it and code of each notice of a session, from ``realtime_times.tsv``."""
    return tuple(
        (anchor, offset, code)
        for anchor, first, last, step, code, _why in rows(_DATA / "realtime_times.tsv")
        for offset in range(int(first), int(last) + 1, int(step))
    )


def of_session(opens: int, closes: int, early: bool = False) -> list[Notice]:
    """The notices of a session that opens and closes then, oldest first; ``early``: those of 장전 시간외종가 too."""
    anchors = {"open": opens, "close": closes} | ({"early": opens} if early else {})
    found = [
        Notice(float(anchors[anchor] + offset), code, 0 if anchor == "early" else max(0, -offset))
        for anchor, offset, code in _offsets()
        if anchor in anchors
    ]
    return sorted(found, key=lambda notice: notice.time)


def after(sessions: Sessions, now: float, early: bool = False) -> Iterator[Notice]:
    """The notices later than ``now``, oldest first, as far as sessions are known; ``early`` as in ``of_session``."""
    latest = max(offset for anchor, offset, _code in _offsets() if anchor == "close")
    first = int(np.searchsorted(sessions.closes + latest, now, side="right"))
    for index in range(first, len(sessions)):
        for notice in of_session(int(sessions.opens[index]), int(sessions.closes[index]), early):
            if notice.time > now:
                yield notice


def interruption_text(found: Interruption, issue: Issue, tape: Tape, settings: BrokerSettings) -> str:
    """VI발동/해제, the real-time string."""
    values = interruption(found, issue, tape, settings)
    if settings.interruption_code == "prefixed":
        values[9001] = ("Q" if issue.kind == "etn" else "A") + values[9001]
    return "\t".join(values[fid] for fid in reference.realtype(INTERRUPTION).fids)


def interruption(found: Interruption, issue: Issue, tape: Tape, settings: BrokerSettings) -> dict[int, str]:
    """The values of VI발동/해제 by FID, which opt10054 shows too.

    Signs, words and codes follow rows seen on the REST feed, where it has the same fields.
    """
    static, dynamic, price = found.static, found.dynamic, found.price
    way = "1" if found.rises else "2"
    state = "2" if found.released else "1"
    words = [word for word, base in (("동적", dynamic), ("정적", static)) if base]
    kind = "+".join(words)
    opened = tape.open or tape.base
    return {
        9001: found.code,
        302: issue.name,
        13: str(tape.volume),
        14: str(kiwoom_format.millions(tape.value)),
        9068: state if settings.interruption_flag == "state" else way,
        9008: "101" if issue.market == "KOSDAQ" else "001",
        9075: FIXED[INTERRUPTION][9075],
        1221: str(price),
        1223: hhmmss(found.time),
        1224: hhmmss(found.released) if found.released else "000000",
        1225: kind,
        1236: str(static),
        1237: str(dynamic),
        1238: kiwoom_format.rate(price - static, static) if static else "0.00",
        1239: kiwoom_format.rate(price - dynamic, dynamic) if dynamic else "0.00",
        1489: kiwoom_format.rate(price - opened, opened),
        1490: str(found.number),
        9069: way,
        1279: f"{'+' if found.rises else '-'}{kind}",
    }

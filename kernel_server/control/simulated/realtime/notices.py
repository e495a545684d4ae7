"""장시작시간 and VI발동/해제: what the exchange announces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from kernel_server.control.simulated import formats
from kernel_server.control.simulated.exchange.interface import Tape
from kernel_server.control.simulated.market import Issue
from kernel_server.control.simulated.realtime.writing import clock, fixed, span
from kernel_server.control.simulated.tsv import rows
from kernel_server.reference.sessions import Sessions


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
        return f"{self.code}\t{clock(self.time)}\t{span(self.left)}"


@cache
def _offsets() -> tuple[tuple[str, int, str], ...]:
    """Anchor, seconds from it and code of each notice of a session, from ``realtime_times.tsv``."""
    return tuple(
        (anchor, offset, code)
        for anchor, first, last, step, code, _why in rows("realtime_times")
        for offset in range(int(first), int(last) + 1, int(step))
    )


def of_session(opens: int, closes: int) -> list[Notice]:
    """The notices of a session that opens and closes then, oldest first."""
    anchors = {"open": opens, "close": closes}
    found = [
        Notice(float(anchors[anchor] + offset), code, max(0, -offset)) for anchor, offset, code in _offsets()
    ]
    return sorted(found, key=lambda notice: notice.time)


def after(sessions: Sessions, now: float) -> Iterator[Notice]:
    """The notices later than ``now``, oldest first, as far as sessions are known."""
    latest = max(offset for anchor, offset, _code in _offsets() if anchor == "close")
    first = int(np.searchsorted(sessions.closes + latest, now, side="right"))
    for index in range(first, len(sessions)):
        for notice in of_session(int(sessions.opens[index]), int(sessions.closes[index])):
            if notice.time > now:
                yield notice


class Interruption(NamedTuple):
    """A volatility interruption. ``static`` and ``dynamic`` are the base prices that it is measured against,
    0 for the one that did not matter; ``price`` set it off at ``time``; ``released`` is 0 while it lasts;
    ``number`` counts the issue's own of the day."""

    code: str
    time: float
    price: int
    static: int = 0
    dynamic: int = 0
    released: float = 0.0
    number: int = 1

    def text(self, issue: Issue, tape: Tape) -> str:
        """VI발동/해제. Signs, words and codes follow rows seen on the REST feed, where it has the same fields."""
        up = self.price >= (self.static or self.dynamic)
        way = "1" if up else "2"
        words = [word for word, base in (("동적", self.dynamic), ("정적", self.static)) if base]
        kind = "+".join(words)
        opened = tape.open or tape.base
        return "\t".join(
            (
                self.code,
                issue.name,
                str(tape.volume),
                str(formats.millions(tape.value)),
                way,
                "101" if issue.market == "KOSDAQ" else "001",
                fixed("VI발동/해제")[9075],
                str(self.price),
                clock(self.time),
                clock(self.released) if self.released else "000000",
                kind,
                str(self.static),
                str(self.dynamic),
                formats.rate(self.price - self.static, self.static) if self.static else "0.00",
                formats.rate(self.price - self.dynamic, self.dynamic) if self.dynamic else "0.00",
                formats.rate(self.price - opened, opened),
                str(self.number),
                way,
                f"{'+' if up else '-'}{kind}",
            )
        )

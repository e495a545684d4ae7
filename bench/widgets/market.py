"""The market that is measured: trades of 200 issues whose prices move. ``python -m bench.widgets.market PID``."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from kernel_server import gc_tuning, parent, reference
from kernel_server.clock import RunningClock
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import Limits
from kernel_server.server import BackgroundServer, ServerSettings
from koalab.dates import SEOUL
from tests.support.busy_market import CODES, TYPE, BusyControl

_FIDS = reference.realtype(TYPE).fids
_AT = {fid: _FIDS.index(fid) for fid in (10, 11, 12, 13, 15, 16, 17, 18, 20, 27, 28, 228)}
_SEOUL = ZoneInfo(SEOUL)
_BASE = 70_000
_TICK = 100
_RANGE = 40
"""Ticks around the base within which prices begin; they move a tick or two from there."""


class MovingControl(BusyControl):
    """Also KOA_Functions("issues", n): the next trades are of the first n issues."""

    def __init__(self, later: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(later)
        self._issues = len(CODES)
        self._steps = [(7 * number) % _RANGE - _RANGE // 2 for number in range(len(CODES))]

    def KOA_Functions(self, name: str, count: str) -> str:
        if name != "issues":
            return super().KOA_Functions(name, count)
        self._issues = int(count)
        return name

    def trade(self, count: int) -> None:
        now = f"{datetime.now(_SEOUL):%H%M%S}"  # of the machine's own zone, no trade would be of the last bar
        for _ in range(count):
            number = self._next % self._issues
            self._next += 1
            volume = 1 + self._next % 97
            # Up and down by a tick, or still, without a random number for each trade. They come back where they were,
            # so that a way that is measured late has as much to draw as the first.
            step = self._steps[number] = self._steps[number] + (-1, 0, 1, 0, 1, -1, 0)[(self._next * 31) % 7]
            price, change = _BASE + step * _TICK, step * _TICK
            self._totals[CODES[number]] += volume
            cells = ["-77000"] * len(_FIDS)
            for fid, text in (
                *((10, f"{price:+d}"), (11, f"{change:+d}"), (12, f"{100 * change / _BASE:+.2f}")),
                *((13, str(self._totals[CODES[number]])), (15, f"{'+' if self._next % 2 else '-'}{volume}")),
                *((16, "70000"), (17, "75000"), (18, "65000"), (20, now)),
                *((27, f"+{price + _TICK}"), (28, f"+{price}"), (228, f"{90 + step % 20}.25")),
            ):
                cells[_AT[fid]] = text
            self.fire("OnReceiveRealData", CODES[number], TYPE, "\t".join(cells))


def main() -> None:
    gc_tuning.tune()  # as a server's own program does
    thread = PlainThread()
    settings = ServerSettings(Limits("none", {}), port=0)
    server = BackgroundServer(lambda: MovingControl(thread.hand_over), RunningClock(), settings, thread)
    over = threading.Event()
    parent.when_gone(int(sys.argv[1]), over.set)
    print(json.dumps({"listening": server.address}), flush=True)
    over.wait()
    os._exit(0)


if __name__ == "__main__":
    main()

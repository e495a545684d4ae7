"""The servers that are measured, each a process of its own: ``python -m bench.servers packed|cellwise PAGES``.

Both stand over the same control, whose pages are ready made, and without limits: what is measured is the way
from the control to the frame and nothing of a broker.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading

from bench import cellwise
from kernel_server import parent, reference
from kernel_server.clock import RunningClock
from kernel_server.control.seam import Table
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import Limits
from kernel_server.server import BackgroundServer, ServerSettings
from tests.fakes.canned_control import CannedControl

ROWS = 600
CODE = "opt10081"


def pages(count: int) -> list[tuple[dict[str, str], Table]]:
    """So many full pages of daily bars, newest first, with figures as long as real ones."""
    draw = random.Random(1)
    names = reference.tr(CODE).multi_names
    found = []
    day = 20_991_231
    for _ in range(count):
        rows = []
        for _ in range(ROWS):
            price = draw.randint(60_000, 90_000)
            cells = {
                "현재가": price,
                "거래량": draw.randint(10**6, 10**8),
                "거래대금": draw.randint(10**5, 10**7),
                "일자": day,
                "시가": price - 100,
                "고가": price + 300,
                "저가": price - 300,
            }
            rows.append([str(cells.get(name, "")) for name in names])
            day = _day_before(day)
        found.append(({"종목코드": "005930"}, rows))
    return found


def _day_before(day: int) -> int:
    year, month, date = day // 10_000, day // 100 % 100, day % 100
    if date > 1:
        return day - 1
    return year * 10_000 + (month - 1) * 100 + 28 if month > 1 else (year - 1) * 10_000 + 1228


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    made = pages(count)

    def make(thread: PlainThread) -> CannedControl:
        return CannedControl({CODE: made}, thread.hand_over)

    if kind == "packed":
        thread = PlainThread()
        server = BackgroundServer(
            lambda: make(thread), RunningClock(), ServerSettings(Limits("none", {}), port=0), thread
        )
        address = server.address
    else:
        address = cellwise.serve(make)
    over = threading.Event()
    parent.when_gone(int(sys.argv[3]), over.set)
    print(json.dumps({"listening": address}), flush=True)
    over.wait()
    os._exit(0)


if __name__ == "__main__":
    main()

"""opt10081 pages to a typed frame through gRPC, against the same pages cell by cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pandas as pd

from bench import cellwise, timing
from bench.servers import CODE, ROWS
from bench.timing import Row
from koalab.frames import bar_frames, chart_pages
from koalab.transport.access import NO_PROXY
from koalab.transport.base import Page
from koalab.transport.remote import RemoteTransport

PAGES = 40
ROUNDS = 7
_INPUTS = {"종목코드": "005930", "수정주가구분": "1"}


@contextmanager
def _server(kind: str) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.servers", kind, str(PAGES), str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.communicate(timeout=10)


def _packed(transport: RemoteTransport) -> pd.DataFrame:
    pages = [page for page in transport.pages(CODE, _INPUTS) if isinstance(page, Page)]
    return bar_frames.to_frame(chart_pages.parse(CODE, pages), "daily")


def run() -> list[Row]:
    before = timing.cores()
    timing.one_core()
    try:
        with _server("packed") as packed, _server("cellwise") as cells:
            transport = RemoteTransport(packed)
            transport.wait_ready(10)
            channel = grpc.insecure_channel(cells, [("grpc.max_receive_message_length", -1), NO_PROXY])
            frame, old = _packed(transport), cellwise.load(channel, CODE, _INPUTS)
            assert len(frame) == len(old) == PAGES * ROWS
            assert frame["close"].tolist()[::-1] == old["현재가"].tolist()
            mine, floor = timing.rounds(
                [lambda: _packed(transport), lambda: cellwise.load(channel, CODE, _INPUTS)], ROUNDS
            )
            transport.close()
            channel.close()
    finally:
        timing.all_cores(before)
    rows = PAGES * ROWS
    return [
        Row(
            "TR pages to a frame, server and client on one core", f"{rows / timing.median(mine):,.0f} rows/s"
        ),
        Row(
            "  the same pages cell by cell",
            f"{rows / timing.median(floor):,.0f} rows/s",
            f"{timing.ratio(floor, mine):.1f} times slower (at least 5)",
        ),
    ]

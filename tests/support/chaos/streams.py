"""``StreamTrial``: streams while everything fails at random moments; each gap has a name, and nothing else is missing.

누적거래량 proves it: between two trades of a code outside all gaps it always continues.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.simulated.faults import PlannedFault
from kernel_server.wire import kernel_pb2
from koalab.live.decoding.fields import registered_fids
from koalab.live.market_pace import HEARTBEATS
from koalab.live.stream import EventStream
from koalab.sessions.session import Session
from tests.support.chaos.failing_server import FailingServer
from tests.support.waiting import HANGS_AFTER, eventually

CODES: Final = ("005930", "000660", "035720", "086900")
KINDS: Final = ("cut", "silence", "lose", "double", "kill", "cut", "lose", "double", "lose")
_BEGIN: Final = datetime(2026, 11, 20, 10, tzinfo=KST)
_LATE_STREAMS: Final = 2

Streams = Sequence[EventStream[Any]]


@dataclass
class StreamOutcome:
    """What a trial did and found.

    Attributes:
        trades, gaps, repeated: over all streams: trades in their frames, named gaps, trades that came twice.
        faults: how many of each kind.
        differences: what is wrong, a sentence each.
    """

    trades: int = 0
    gaps: int = 0
    repeated: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


class StreamTrial:
    """A session's streams, and a server that fails.

    Args:
        folder: of the session's cache.
        seed: of everything that is drawn.
        minutes: how long the broker's time passes.
        faults: how many things go wrong in them, besides a restart of the broker in the middle.
    """

    def __init__(self, folder: Path, seed: int, minutes: int = 20, faults: int = len(KINDS)) -> None:
        self.random = random.Random(seed)
        self._minutes = minutes
        self._count = faults
        planned = (PlannedFault(f"10:{minutes // 2:02d}", "restart", 60.0),)
        self.server = FailingServer(folder, _BEGIN, simulated.BrokerSettings(planned_faults=planned))
        self.kw: Session = self.server.connect("cache")
        self.outcome = StreamOutcome()

    def run(self) -> StreamOutcome:
        """Lets the time pass and all of it go wrong, and compares."""
        streams: list[EventStream[Any]] = [self.kw.ticks(list(CODES[:3])), self.kw.ticks(CODES[3])]
        late: list[EventStream[Any]] = []
        begun, end = self.server.clock.now(), 60.0 * self._minutes
        for kind, moment in self._plan(end):
            self.go(max(0.0, begun + moment - self.server.clock.now()))
            self.fault(kind)
            self.go(self.random.uniform(1, 30))
            self.until_live(streams)
            if len(late) < _LATE_STREAMS:
                late.append(self.kw.ticks(CODES[1 + len(late)]))
        late.pop().close()
        self.go(max(0.0, begun + end - self.server.clock.now()))
        self.go(120)
        self.until_live([*streams, *late])
        self._compare([*streams, *late])
        self._compare_last(streams[0])
        self._compare_registered([*streams, *late])
        return self.outcome

    def _plan(self, end: float) -> Iterator[tuple[str, float]]:
        """The faults and their moments: as many of each kind as of any other, but for one."""
        kinds = list(itertools.islice(itertools.cycle(KINDS), self._count))
        self.random.shuffle(kinds)
        return zip(kinds, sorted(self.random.uniform(0, end) for _ in kinds), strict=True)

    def go(self, seconds: float) -> None:
        """Lets the broker's time pass, and the session receive what was fired in it."""
        self.server.go(seconds, step=5.0)
        self.kw._hub.sync(HANGS_AFTER)

    def fault(self, kind: str) -> None:
        """Makes one thing go wrong now."""
        self.outcome.faults[kind] += 1
        if kind == "kill":
            self.server.kill()
            self.server.start_if_killed()
            return
        asked = kernel_pb2.FaultRequest(
            kind=kind,
            seconds=self.random.choice([20.0, 40.0]) if kind == "silence" else 0.0,
            event="OnReceiveRealData" if kind in ("lose", "double") else "",
            times=self.random.randint(5, 12),
        )
        self.kw._link.transport._stub.Fault(asked)  # type: ignore[attr-defined]

    def until_live(self, streams: Streams) -> None:
        """Lets the broker's time pass until everything is registered again."""

        def live() -> bool:
            self.go(2)
            return all(stream.state in ("live", "stale") for stream in streams)

        assert eventually(live), [repr(stream) for stream in streams]

    def registered(self) -> set[tuple[str, str]]:
        """Codes and FIDs on the screens for real-time data."""

        def read(broker: simulated.SimulatedControl) -> set[tuple[str, str]]:
            return {
                (code, fid)
                for screen in broker.registry.screens()
                if screen.startswith("51")
                for code in broker.registry.codes(screen)
                for fid in broker.registry.fids(screen, code)
            }

        return self.server.look(read)

    def close(self) -> None:
        self.server.close()

    # -- what is compared

    def _compare(self, streams: Streams) -> None:
        found = self.outcome.differences
        for stream in streams:
            frame, gaps = stream.to_frame(), stream.gaps
            self.outcome.trades += len(frame)
            self.outcome.gaps += len(gaps)
            self.outcome.repeated += stream.repeated
            found += unnamed(stream)
            whole = gaps["until"].notna() & (gaps["since"] <= gaps["until"]) & (gaps["why"] != "")
            found += [f"{stream!r}: a gap without end or reason: {gap}" for gap in gaps[~whole].itertuples()]
            for code, trades in by_code(stream):
                totals = trades["total_volume"]
                if not (totals.is_monotonic_increasing and totals.is_unique):
                    found.append(f"{stream!r}: a trade of {code} is twice in the frame, or out of order")

    def _compare_last(self, stream: EventStream[Any]) -> None:
        """The day's volume, asked of the broker, is that of a trade: nothing is missing at the end either."""
        self.fault("recover")
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(self.kw.quotes, list(stream.codes), progress=False)
            while not asked.done():
                self.go(1)
        trades = dict(by_code(stream))
        for code, volume in asked.result()["volume"].items():
            if volume not in set(trades[code]["total_volume"]):
                self.outcome.differences.append(
                    f"{volume:,} shares of {code} were traded, and no trade says so"
                )

    def _compare_registered(self, streams: Streams) -> None:
        fids = [str(fid) for fid in registered_fids("주식체결")]
        wanted = {(code, fid) for code in {*CODES, *HEARTBEATS} for fid in fids}
        if self.registered() != wanted:
            self.outcome.differences.append(f"registered are {self.registered()}, and wanted {wanted}")
        for stream in streams:
            stream.close()
        if not eventually(lambda: not self.registered()):
            self.outcome.differences.append(f"registered without a stream: {self.registered()}")


def by_code(stream: EventStream[Any]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The trades of each code of a stream."""
    frame = stream.to_frame()
    yield from frame.groupby(level="code") if frame.index.nlevels > 1 else [(stream.codes[0], frame)]


def unnamed(stream: EventStream[Any]) -> list[str]:
    """Places where 누적거래량 does not continue though no gap is named."""
    gaps = stream.gaps
    open_end = gaps["until"].fillna(pd.Timestamp.max.tz_localize("UTC").as_unit("us"))
    found = []
    for code, trades in by_code(stream):
        rows = zip(trades["total_volume"], trades["volume"], trades["arrived"], strict=True)
        for (total, _, before), (then, volume, after) in itertools.pairwise(rows):
            if then - volume != total and not ((gaps["since"] <= after) & (open_end >= before)).any():
                found.append(f"{code}: {total} then {then} with {volume}, {before} to {after}")
    return found

"""Streams while everything goes wrong at random moments: each gap is named, and nothing unnamed is missing.

누적거래량 proves it: between two trades of a code outside all gaps it always continues.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kernel_server import simulated
from kernel_server.simulated.faults import PlannedFault
from kernel_server.wire import kernel_pb2
from koalab.live.decoding.fields import registered_fids
from koalab.live.market_pace import HEARTBEATS
from koalab.live.stream import EventStream
from koalab.sessions.session import Session
from tests.koalab.live.test_streams import at
from tests.support.examples import THOROUGH
from tests.support.session import Market, start
from tests.support.waiting import becomes, eventually, wait_until

CODES = ["005930", "000660", "035720", "086900"]
SEEDS = range(1, 13) if THOROUGH else range(1, 2)
KINDS = ["cut", "silence", "lose", "double", "kill", "cut", "lose", "double", "lose"]
MINUTES = 60 if THOROUGH else 20


class Chaos:
    """A market whose server is killed and started again on the same clock and address, and a session with it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.settings = simulated.BrokerSettings(
            planned_faults=[PlannedFault(f"10:{MINUTES // 2:02d}", "restart", 60.0)]
        )
        self.market: Market = start(folder, at("10:00:00"), settings=self.settings)
        self.kw: Session = self.market.connect()
        self.random = random.Random(seed)

    def go(self, seconds: float) -> None:
        until = self.market.clock.now() + seconds
        while (left := until - self.market.clock.now()) > 0:
            self.market.clock.advance(min(5.0, left))
            self.market.thread.post(lambda: None).result(30)
        self.kw._hub.sync(5)

    def fault(self, kind: str) -> None:
        if kind == "kill":
            self.restart_server()
            return
        asked = kernel_pb2.FaultRequest(
            kind=kind,
            seconds=self.random.choice([20.0, 40.0]) if kind == "silence" else 0.0,
            event="OnReceiveRealData" if kind in ("lose", "double") else "",
            times=self.random.randint(5, 12),
        )
        self.kw._link.transport._stub.Fault(asked)  # type: ignore[attr-defined]

    def restart_server(self) -> None:
        clock, port = self.market.clock, int(self.market.server.address.rpartition(":")[2])
        self.market.server.stop(0)
        sessions = self.market.sessions
        self.market = start(self.folder, at("10:00:00"), clock=clock, port=port, settings=self.settings)
        self.market.sessions = sessions

    def until_live(self, streams: list[EventStream[Any]]) -> None:
        """Lets the broker's time pass until everything is registered again."""

        def live() -> bool:
            self.go(2)
            return all(stream.state in ("live", "stale") for stream in streams)

        assert eventually(live, 60), [repr(stream) for stream in streams]

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

        return self.market.look(read)


@pytest.fixture
def chaos(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Chaos]:
    found = Chaos(tmp_path, request.param)
    yield found
    found.market.close()


def unnamed(stream: EventStream[Any]) -> list[str]:
    """Places where 누적거래량 does not continue though no gap is named."""
    frame, gaps = stream.to_frame(), stream.gaps
    found = []
    for code, trades in frame.groupby(level="code") if frame.index.nlevels == 2 else [("", frame)]:
        rows = zip(trades["total_volume"], trades["volume"], trades["arrived"], strict=True)
        for (total, _, before), (then, volume, after) in itertools.pairwise(rows):
            open_end = gaps["until"].fillna(pd.Timestamp.max.tz_localize("UTC").as_unit("us"))
            if then - volume != total and not ((gaps["since"] <= after) & (open_end >= before)).any():
                found.append(f"{code}: {total} then {then} with {volume}, {before} to {after}")
    return found


@pytest.mark.parametrize("chaos", SEEDS, indirect=True)
def test_every_gap_is_named_and_nothing_unnamed_is_missing(chaos: Chaos) -> None:
    streams: list[EventStream[Any]] = [chaos.kw.ticks(CODES[:3]), chaos.kw.ticks(CODES[3])]
    late: list[EventStream[Any]] = []
    kinds = chaos.random.sample(KINDS, len(KINDS))
    moments = sorted(chaos.random.uniform(0, 60 * MINUTES) for _ in kinds)
    begun = chaos.market.clock.now()
    for kind, moment in zip(kinds, moments, strict=True):
        chaos.go(max(0.0, begun + moment - chaos.market.clock.now()))
        chaos.fault(kind)
        chaos.go(chaos.random.uniform(1, 30))
        chaos.until_live(streams)
        if len(late) < 2:
            late.append(chaos.kw.ticks(CODES[1 + len(late)]))
    late.pop().close()
    chaos.go(max(0.0, begun + 60 * MINUTES - chaos.market.clock.now()))
    chaos.go(120)
    chaos.until_live([*streams, *late])
    for stream in [*streams, *late]:
        assert unnamed(stream) == []
        assert stream.gaps["until"].notna().all()
        assert (stream.gaps["since"] <= stream.gaps["until"]).all()
        assert (stream.gaps["why"] != "").all()
        for _, trades in (
            stream.to_frame().groupby(level=0) if len(stream.codes) > 1 else [("", stream.to_frame())]
        ):
            assert trades["total_volume"].is_monotonic_increasing
            assert trades["total_volume"].is_unique
    assert sum(stream.repeated for stream in streams) > 0

    # The day's volume, asked of the broker, is that of a trade: nothing is missing at the end either.
    chaos.fault("recover")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(chaos.kw.quotes, CODES[:3], progress=False)
        while not asked.done():
            chaos.go(1)
    for code, volume in asked.result()["volume"].items():
        assert volume in set(streams[0].to_frame().loc[code]["total_volume"])

    fids = [str(fid) for fid in registered_fids("주식체결")]
    codes = {*CODES, *HEARTBEATS}
    assert chaos.registered() == {(code, fid) for code in codes for fid in fids}
    for stream in [*streams, *late]:
        stream.close()
    becomes(chaos.registered, set())


@pytest.mark.parametrize("chaos", [1], indirect=True)
class TestEachFault:
    def test_a_lost_trade_is_a_gap_with_the_shares_that_are_missing(self, chaos: Chaos) -> None:
        with chaos.kw.ticks(CODES[0]) as stream:
            chaos.go(30)
            before = stream.to_frame().iloc[-1]
            chaos.fault("lose")
            chaos.go(60)
            [gap] = stream.gaps.itertuples()
            after = stream.to_frame()[lambda trades: trades["total_volume"] > before["total_volume"]].iloc[0]
            missing = after["total_volume"] - after["volume"] - before["total_volume"]
            assert gap.why == f"{missing:,} shares of 005930 are missing by 누적거래량"
            assert (gap.since, gap.until) == (before["arrived"], after["arrived"])
            assert stream.state == "live"

    def test_a_doubled_trade_comes_once_and_is_counted(self, chaos: Chaos) -> None:
        with chaos.kw.ticks(CODES[0]) as stream:
            chaos.go(30)
            chaos.fault("double")
            chaos.go(60)
            totals = stream.to_frame()["total_volume"]
            assert totals.is_unique
            assert totals.is_monotonic_increasing
            assert stream.repeated > 0
            assert not len(stream.gaps)

    def test_more_codes_than_a_screen_are_split(self, chaos: Chaos) -> None:
        codes = str(chaos.market.look(lambda broker: broker.call("GetCodeListByMarket", ("0",)))).split(";")[
            :150
        ]
        with chaos.kw.ticks(codes):
            screens = chaos.market.look(
                lambda broker: {
                    screen: len(broker.registry.codes(screen))
                    for screen in broker.registry.screens()
                    if screen.startswith("51")
                }
            )
            assert max(screens.values()) == 100
            assert sum(screens.values()) == len({*codes, *HEARTBEATS})
        wait_until(lambda: chaos.registered() == set())

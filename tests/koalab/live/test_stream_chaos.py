"""Streams while everything goes wrong at random moments: each gap is named, and nothing unnamed is missing.

``python -m bench.chaos streams`` is the same over an hour and with more faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from koalab.live.market_pace import HEARTBEATS
from tests.support.chaos.streams import CODES, StreamTrial
from tests.support.waiting import wait_until


@pytest.fixture
def chaos(tmp_path: Path) -> Iterator[StreamTrial]:
    found = StreamTrial(tmp_path, seed=1)
    yield found
    found.close()


def test_every_gap_is_named_and_nothing_unnamed_is_missing(chaos: StreamTrial) -> None:
    outcome = chaos.run()
    assert not outcome.differences, "\n".join(outcome.differences[:20])
    assert outcome.gaps
    assert outcome.repeated


class TestEachFault:
    def test_a_lost_trade_is_a_gap_with_the_shares_that_are_missing(self, chaos: StreamTrial) -> None:
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

    def test_a_doubled_trade_comes_once_and_is_counted(self, chaos: StreamTrial) -> None:
        with chaos.kw.ticks(CODES[0]) as stream:
            chaos.go(30)
            chaos.fault("double")
            chaos.go(60)
            totals = stream.to_frame()["total_volume"]
            assert totals.is_unique
            assert totals.is_monotonic_increasing
            assert stream.repeated > 0
            assert not len(stream.gaps)

    def test_more_codes_than_a_screen_are_split(self, chaos: StreamTrial) -> None:
        codes = str(chaos.server.look(lambda broker: broker.call("GetCodeListByMarket", ("0",)))).split(";")[
            :150
        ]
        with chaos.kw.ticks(codes):
            screens = chaos.server.look(
                lambda broker: {
                    screen: len(broker.registry.codes(screen))
                    for screen in broker.registry.screens()
                    if screen.startswith("51")
                }
            )
            assert max(screens.values()) == 100
            assert sum(screens.values()) == len({*codes, *HEARTBEATS})
        wait_until(lambda: chaos.registered() == set())

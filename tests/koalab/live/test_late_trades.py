"""A minute that was stored before all of its trades had come is a hole, in memory and in the cache."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from koalab.calendar import table
from koalab.frames.bars import BarColumns
from koalab.live.collecting.archive import MinuteArchive
from koalab.live.collecting.collector import MinuteCollector
from koalab.live.collecting.minute_builder import CompleteMinutes
from koalab.live.hub import Hub
from koalab.live.wall_time import MINUTE, SECOND, wall_micros
from koalab.store.bars import BarStore
from koalab.store.disk import CacheUnavailable
from koalab.store.series import Series
from koalab.transport.base import TickBatch

OPENING = 1_795_132_800.0  # 2026-11-20 09:00 in Seoul
CODE = "005930_AL"
BOTH = (Series(CODE, "1min", False), Series(CODE, "1min", True))


class _Subscription:
    def close(self) -> None:
        pass


class _Hub:
    """A hub whose events are given by the test."""

    def subscribe(self, *_arguments: object) -> _Subscription:
        return _Subscription()


@dataclass
class Stream:
    """Trades of one code as a collector gets them."""

    collector: MinuteCollector
    store: BarStore
    total: int = 0

    def trade(self, second: int, price: int, total: int, arrived: float | None = None) -> None:
        """A trade of ten shares after which so many shares have been traded."""
        at = OPENING + second
        clock = f"09{second // 60:02}{second % 60:02}"
        values = f"{clock}\t+{price}\t+100\t+0.14\t+{price + 50}\t+{price}\t+10\t{total}"
        index = np.zeros(1, np.intp)
        arrived = at if arrived is None else OPENING + arrived
        self.collector.on_batch(
            TickBatch(("주식체결",), index, (CODE,), index, values, np.array([arrived], np.float64))
        )
        self.collector.on_progress(arrived + 1)

    def gaps(self, series: Series) -> list[str]:
        """The minutes from 09:01 to 09:03 that the cache does not have."""
        first = np.datetime64(wall_micros(OPENING) + MINUTE, "us")
        _, gaps = self.store.read(series, first, first + np.timedelta64(3 * MINUTE - 1, "us"))
        return [f"{str(since)[11:16]}-{str(until)[11:16]}" for since, until in gaps]

    def stored(self, series: Series) -> dict[str, tuple[int, int]]:
        """High and volume of each stored minute from 09:01 on."""
        first = np.datetime64(wall_micros(OPENING) + MINUTE, "us")
        bars, _ = self.store.read(series, first, first + np.timedelta64(3 * MINUTE - 1, "us"))
        rows = zip(bars.time, bars.high.tolist(), bars.volume.tolist(), strict=True)
        return {str(time)[11:16]: (high, volume) for time, high, volume in rows}


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    store = BarStore(tmp_path, "tests")
    hub = cast("Hub", _Hub())
    collector = MinuteCollector(hub, MinuteArchive(store, table), table, lambda: OPENING - 60, [CODE])
    collector.on_start(OPENING - 60)
    stream = Stream(collector, store)
    for total, second in enumerate((1, 30, 61, 90, 121, 150, 181, 200, 250), start=1):
        stream.trade(second, 70_000, total * 10)
    collector.flush()
    yield stream
    collector.stop()
    store.close()


def filled(stream: Stream) -> None:
    """Charts give the minute of 09:01, with its late trade."""
    minute = np.array([np.datetime64(wall_micros(OPENING) + MINUTE, "us")])
    price, volume = np.array([70_000]), np.array([30])
    bars = BarColumns(minute, price, price + 500, price, price, volume)
    first = wall_micros(OPENING) + MINUTE
    [(session, holes)] = stream.collector.holes(first + 2 * MINUTE).values()
    assert holes[-1] == (first, first + MINUTE - 1)
    stream.collector.fill(CODE, session, CompleteMinutes(bars, (holes[-1],)))


def test_before_it_the_minute_is_stored(stream: Stream) -> None:
    for series in BOTH:
        assert stream.gaps(series) == []
        assert stream.stored(series) == dict.fromkeys(("09:01", "09:02", "09:03"), (70_000, 20))


def test_after_it_the_cache_has_the_minute_no_more(stream: Stream) -> None:
    stream.trade(95, 70_500, 95, arrived=252)
    for series in BOTH:
        assert stream.gaps(series) == ["09:01-09:01"]
        assert "09:01" not in stream.stored(series)
        assert stream.stored(series)["09:02"] == (70_000, 20)
    assert stream.store.verify() == []


def test_the_charts_then_fill_it_in_adjusted_prices_too(stream: Stream) -> None:
    stream.trade(95, 70_500, 95, arrived=252)
    filled(stream)
    for series in BOTH:
        assert stream.gaps(series) == []
        assert stream.stored(series)["09:01"] == (70_500, 30)


def test_a_cache_that_cannot_be_written_lets_go_of_it_later(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_arguments: Any) -> None:
        raise CacheUnavailable("the disk is full")

    with monkeypatch.context() as full, caplog.at_level(logging.WARNING):
        full.setattr(stream.store, "withdraw", refused)
        stream.trade(95, 70_500, 95, arrived=252)
        assert "will be tried again: the disk is full" in caplog.text
        assert stream.gaps(BOTH[0]) == []
        with pytest.raises(CacheUnavailable):
            filled(stream)
    stream.collector.flush()
    for series in BOTH:
        assert stream.gaps(series) == ["09:01-09:01"]
    filled(stream)
    assert stream.stored(BOTH[1])["09:01"] == (70_500, 30)
    assert stream.collector.until >= wall_micros(OPENING) + 250 * SECOND

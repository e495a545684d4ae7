"""Trades into minutes: the same in any order and any pieces, and complete only where nothing can be missing."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.frames.bars import BarColumns
from koalab.frames.errors import UnreadableValue
from koalab.live.collecting.connected_intervals import MARGIN, ConnectedIntervals
from koalab.live.collecting.minute_builder import MinuteBuilder, SessionMinutes, holes, minute_count
from koalab.live.collecting.trades import Trades
from koalab.live.decoding import columns
from koalab.live.wall_time import MINUTE, SECOND, wall_micros
from koalab.store import coverage
from koalab.transport.base import TickBatch

OPENING = wall_micros(1_795_132_800.0)  # 2026-11-20 09:00 in Seoul
SESSION = SessionMinutes(OPENING, OPENING + 10 * MINUTE - 1)
ALL_DAY = ((OPENING - MINUTE, OPENING + 20 * MINUTE),)


@dataclass(frozen=True)
class Tick:
    second: int  # of the session
    price: int
    volume: int


def trades(ticks: list[Tick], before: int = 0) -> Trades:
    return Trades(
        np.array([OPENING + tick.second * SECOND for tick in ticks], np.int64),
        np.array([tick.price for tick in ticks], np.int64),
        np.array([tick.volume for tick in ticks], np.int64),
        before + np.cumsum(np.array([tick.volume for tick in ticks], np.int64)),
    )


def expected(ticks: list[Tick]) -> dict[int, tuple[int, int, int, int, int]]:
    """Minute by minute, as one would do it by hand."""
    found: dict[int, list[Tick]] = {}
    for tick in ticks:
        found.setdefault(tick.second // 60, []).append(tick)
    return {
        minute: (
            held[0].price,
            max(tick.price for tick in held),
            min(tick.price for tick in held),
            held[-1].price,
            sum(tick.volume for tick in held),
        )
        for minute, held in found.items()
    }


def by_minute(bars: BarColumns) -> dict[int, tuple[int, ...]]:
    minutes = (bars.time.astype(np.int64) - OPENING) // MINUTE
    rows = zip(
        *(getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "volume")), strict=True
    )
    return dict(zip(minutes.tolist(), rows, strict=True))


DAYS = st.lists(
    st.builds(Tick, st.integers(0, 599), st.integers(1, 500), st.integers(1, 50)), min_size=1, max_size=60
).map(lambda ticks: sorted(ticks, key=lambda tick: tick.second))


@given(DAYS, st.randoms(use_true_random=False))
def test_any_pieces_in_any_order_give_the_same_bars(ticks: list[Tick], luck: random.Random) -> None:
    day = trades(ticks)
    order = [*range(len(ticks)), *(luck.randrange(len(ticks)) for _ in range(5))]  # some come twice
    luck.shuffle(order)
    builder = MinuteBuilder(SESSION)
    while order:
        size = luck.randint(1, len(order))
        builder.add(day[np.array(order[:size])])
        order = order[size:]
        if luck.random() < 0.3:
            builder.complete(ALL_DAY)  # looking changes nothing
    complete = builder.complete(ALL_DAY)
    assert by_minute(complete.bars) == expected(ticks)
    assert complete.covered == ((SESSION.first, SESSION.last),)
    assert holes(SESSION, complete.covered, SESSION.last + 1) == ()


@given(DAYS, st.data())
def test_lost_trades_never_leave_an_incomplete_minute_marked_complete(
    ticks: list[Tick], data: st.DataObject
) -> None:
    """The stream says that it was there all the time, and lost some of it all the same."""
    lost = data.draw(st.sets(st.integers(0, len(ticks) - 2))) if len(ticks) > 1 else set()
    kept = np.array([at for at in range(len(ticks)) if at not in lost])
    builder = MinuteBuilder(SESSION)
    builder.add(trades(ticks)[kept])
    # At the head nothing but the stream itself can say what was before the first trade that came.
    since = OPENING + ticks[int(kept[0])].second * SECOND
    truth = expected(ticks)
    complete = builder.complete(ALL_DAY)
    bars = by_minute(complete.bars)
    for first, last in complete.covered:
        for minute in range((first - OPENING) // MINUTE, (last + 1 - OPENING) // MINUTE):
            if OPENING + minute * MINUTE > since or not lost:
                assert bars.get(minute) == truth.get(minute)


@given(DAYS, st.integers(0, 599), st.integers(1, 300))
def test_a_gap_costs_its_own_minutes_unless_the_next_trade_follows_on(
    ticks: list[Tick], since: int, length: int
) -> None:
    until = since + length
    received = [at for at, tick in enumerate(ticks) if not since <= tick.second < until]
    builder = MinuteBuilder(SESSION)
    if received:
        builder.add(trades(ticks)[np.array(received)])
    connected = ((OPENING - MINUTE, OPENING + since * SECOND - 1), (OPENING + until * SECOND, ALL_DAY[0][1]))
    complete = builder.complete(connected)
    bars, truth = by_minute(complete.bars), expected(ticks)
    minutes = {
        minute
        for first, last in complete.covered
        for minute in range((first - OPENING) // MINUTE, (last + 1 - OPENING) // MINUTE)
    }
    for minute in minutes:
        assert bars.get(minute) == truth.get(minute)
    outside = {minute for minute in range(10) if minute * 60 + 60 <= since or minute * 60 >= until}
    assert outside <= minutes
    later = [at for at in received if ticks[at].second >= until]
    if len(received) == len(ticks) and later and later[0] > 0:
        assert len(minutes) == 10  # nothing was traded in the gap, and a trade after it proves that


@given(DAYS, st.lists(st.integers(1, 10), max_size=5))
def test_minutes_taken_away_in_between_are_none_the_worse(ticks: list[Tick], cuts: list[int]) -> None:
    builder, found = MinuteBuilder(SESSION), {}
    day = trades(ticks)
    for cut in sorted({*cuts, 10}):
        builder.add(day[np.flatnonzero(day.time < OPENING + cut * MINUTE)])  # old ones again as well
        until = OPENING + cut * MINUTE
        complete = builder.complete(((OPENING - MINUTE, until),))
        covered = coverage.intersect(complete.covered, builder.stored_until, until - 1)
        for first, last in covered:
            found.update(
                by_minute(complete.bars.slice(np.datetime64(first, "us"), np.datetime64(last, "us")))
            )
        builder.discard(until)
    assert found == expected(ticks)


def test_a_trade_that_comes_before_the_last_one_of_the_minute_before_is_kept() -> None:
    """Two exchanges as one stream: each is in order by itself."""
    ticks = [
        Tick(5, 100, 1),
        Tick(60, 101, 2),
        Tick(58, 102, 3),
        Tick(59, 103, 4),
        Tick(70, 104, 5),
        Tick(120, 105, 6),
    ]
    builder = MinuteBuilder(SESSION)
    builder.add(trades(ticks))
    builder.discard(OPENING + MINUTE)
    assert by_minute(builder.complete(ALL_DAY).bars)[1] == (101, 104, 101, 104, 7)


def test_a_stored_minute_is_wrong_when_a_trade_of_it_comes_afterwards() -> None:
    day = trades([Tick(5, 100, 1), Tick(61, 101, 2), Tick(130, 102, 3), Tick(70, 103, 4), Tick(131, 104, 5)])
    builder = MinuteBuilder(SESSION)
    builder.add(day[np.array([0, 1, 2])])
    builder.discard(OPENING + 2 * MINUTE)
    assert builder.add(day[np.array([0, 1, 2])]) == ()
    assert builder.add(day[np.array([3, 4])]) == ((OPENING + MINUTE, OPENING + 2 * MINUTE - 1),)
    assert by_minute(builder.complete(ALL_DAY).bars)[2] == (102, 104, 102, 104, 8)


def test_so_is_one_that_was_stored_without_a_trade() -> None:
    builder = MinuteBuilder(SESSION)
    builder.discard(OPENING + MINUTE)
    assert builder.add(trades([Tick(59, 100, 1), Tick(60, 101, 2)])) == ((OPENING, OPENING + MINUTE - 1),)


def test_the_closing_auction_is_the_minute_in_which_it_trades() -> None:
    close = OPENING + 390 * MINUTE
    session = SessionMinutes(OPENING, close + 10 * MINUTE - 1)
    builder = MinuteBuilder(session)
    builder.add(trades([Tick(0, 100, 1), Tick(380 * 60 - 1, 101, 1), Tick(390 * 60 + 21, 102, 7)]))
    complete = builder.complete(((OPENING - MINUTE, close + 20 * MINUTE),))
    assert [str(time)[11:16] for time in complete.bars.time] == ["09:00", "15:19", "15:30"]
    assert minute_count(complete.covered) == 400


def test_a_lost_trade_of_the_same_second_shows() -> None:
    ticks = [Tick(5, 100, 1), Tick(65, 101, 2), Tick(65, 102, 3), Tick(65, 103, 4), Tick(130, 104, 5)]
    builder = MinuteBuilder(SESSION)
    builder.add(trades(ticks)[np.array([0, 1, 3, 4])])
    assert 1 not in by_minute(builder.complete(ALL_DAY).bars)
    builder.add(trades(ticks)[np.array([2])])  # it was only late
    assert by_minute(builder.complete(ALL_DAY).bars) == expected(ticks)


def test_trades_before_the_regular_session_leave_its_head_to_the_stream() -> None:
    builder = MinuteBuilder(SESSION)
    builder.add(trades([Tick(70, 100, 1), Tick(130, 101, 2)], before=500))
    assert builder.complete(()).covered == ()
    assert builder.complete(((OPENING - MINUTE, OPENING + 2 * MINUTE),)).covered == (
        (OPENING, OPENING + 2 * MINUTE - 1),
    )


class TestConnectedIntervals:
    def test_end_before_what_has_not_been_seen_and_begin_after_what_may_not_have_been(self) -> None:
        found = ConnectedIntervals()
        found.start(100.0)
        assert found.all() == ()
        found.advance(160.0)
        assert found.all() == ((wall_micros(100.0) + MARGIN, wall_micros(160.0) - MARGIN),)
        found.end(150.0)
        found.start(200.0)
        found.advance(300.0)
        assert found.all() == (
            (wall_micros(100.0) + MARGIN, wall_micros(160.0) - MARGIN),
            (wall_micros(200.0) + MARGIN, wall_micros(300.0) - MARGIN),
        )

    def test_wait_for_trades_that_come_late(self) -> None:
        found = ConnectedIntervals()
        found.start(100.0)
        found.trade(200.0, wall_micros(170.0))  # half a minute after it happened
        found.advance(200.5)
        assert found.until == wall_micros(170.5)
        found.advance(201.5)  # no trade in between
        assert found.until == wall_micros(201.5)

    def test_begin_later_where_the_servers_clock_is_slow(self) -> None:
        found = ConnectedIntervals()
        found.start(100.0)
        found.trade(150.0, wall_micros(180.0))
        found.advance(160.0)
        assert found.all() == ((wall_micros(130.0) + MARGIN, wall_micros(160.0) - MARGIN),)


class TestColumns:
    def batch(self, *lines: tuple[str, str, str]) -> TickBatch:
        types = tuple(dict.fromkeys(line[0] for line in lines))
        codes = tuple(dict.fromkeys(line[1] for line in lines))
        return TickBatch(
            types,
            np.array([types.index(line[0]) for line in lines]),
            codes,
            np.array([codes.index(line[1]) for line in lines]),
            "\n".join(line[2] for line in lines),
            np.arange(len(lines), dtype=np.float64),
        )

    def test_are_read_with_their_signs_from_the_events_of_one_type(self) -> None:
        trade = "090000\t-77000\t-500\t-0.65\t-77100\t-77000\t{}\t1200"
        batch = self.batch(
            ("주식체결", "005930", trade.format("+3")),
            ("주식우선호가", "005930", "-77100\t-77000"),
            ("주식체결", "000660", trade.format(" 138")),
        )
        rows = columns.rows_of(batch, "주식체결")
        clock, price, volume = columns.read(batch, "주식체결", rows, (20, 10, 15))
        assert rows.tolist() == [0, 2]
        assert (clock.tolist(), price.tolist(), volume.tolist()) == (
            [90000, 90000],
            [-77000, -77000],
            [3, 138],
        )
        assert columns.rows_of(batch, "주식시세").tolist() == []

    def test_may_be_more_than_the_type_has_in_one_event_and_fewer_in_the_next(self) -> None:
        batch = self.batch(
            ("주식우선호가", "005930", "-77100\t-77000\tnew"), ("주식우선호가", "005930", "-77200\t-77100")
        )
        rows = columns.rows_of(batch, "주식우선호가")
        assert columns.read(batch, "주식우선호가", rows, (27, 28))[1].tolist() == [-77000, -77100]

    def test_that_are_missing_are_told(self) -> None:
        batch = self.batch(("주식체결", "005930", "090000\t-77000"))
        with pytest.raises(UnreadableValue, match="주식체결 15"):
            columns.read(batch, "주식체결", columns.rows_of(batch, "주식체결"), (20, 15))


def test_every_column_of_a_bar_is_filled() -> None:
    builder = MinuteBuilder(SESSION)
    builder.add(trades([Tick(1, 100, 1)]))
    bars = builder.complete(ALL_DAY).bars
    filled = {column.name for column in fields(bars) if getattr(bars, column.name) is not None}
    assert filled == {"time", "open", "high", "low", "close", "volume"}

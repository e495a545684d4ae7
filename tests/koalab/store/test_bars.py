"""What the cache of bars keeps and gives back, against a model that is a mapping of times to prices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koalab.errors import BadInput
from koalab.frames.bars import BarColumns, Kind
from koalab.frames.errors import ConflictingBars
from koalab.store.bars import AdjustmentChanged, BarStore
from koalab.store.disk import Transaction, default_folder, source_folder
from koalab.store.packing import pack, unpack
from koalab.store.series import Series
from tests.support.examples import examples

DAILY = Series("005930", "D", True)
RAW = Series("005930", "D", False)
MINUTE = Series("005930", "5min", True)
TICK = Series("005930", "30tick", False)


def us(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def bars_at(series: Series, times: Sequence[np.datetime64], price: int | Sequence[int] = 100) -> BarColumns:
    """Bars of those times, every price ``price`` and the volume its double."""
    time = np.array(times, "M8[us]")
    prices = np.broadcast_to(np.asarray(price, np.int64), time.shape).copy()
    if series.kind != "daily":
        return BarColumns(time, prices, prices, prices, prices, prices * 2)
    none = np.zeros(len(time), np.int64)
    return BarColumns(
        time, prices, prices, prices, prices, prices * 2, prices * 1000, none, np.full(len(time), np.nan)
    )


def days(first: str, last: str) -> list[np.datetime64]:
    """All days from first to last, both included."""
    return list(
        np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + np.timedelta64(1, "D")).astype(
            "M8[us]"
        )
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> BarStore:
    return BarStore(tmp_path_factory.mktemp("cache"), "tests")


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path, "tests")


def prices(bars: BarColumns) -> dict[np.datetime64, int]:
    return dict(zip(bars.time.tolist(), bars.close.tolist(), strict=True))


# ---- properties: a hundred days in steps of six hours, bars at some of the steps

STEP = np.timedelta64(6, "h")
ORIGIN = us("2026-01-20T00:00")
GRID = [ORIGIN + index * STEP for index in range(400)]
POINTS = st.integers(0, len(GRID) - 1)
RANGES = st.tuples(POINTS, POINTS)


def steps_of(series: Series) -> list[int]:
    """The steps at which there is a bar: midnights of some days, or some hours of each."""
    if series.kind == "daily":
        return [index for index in range(0, len(GRID), 4) if index % 28 < 20]
    return [index for index in range(len(GRID)) if index % 4 in (1, 2)]


def bars_of(series: Series, steps: Sequence[int], base: int = 100) -> BarColumns:
    return bars_at(series, [GRID[step] for step in steps], [base + step for step in steps])


def steps_in(gaps: list[tuple[np.datetime64, np.datetime64]]) -> set[int]:
    return {step for step, time in enumerate(GRID) if any(first <= time <= last for first, last in gaps)}


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from([DAILY, RAW, MINUTE, TICK]), st.lists(RANGES, max_size=8), RANGES)
def test_any_overlapping_adds_give_what_one_add_of_everything_gives(
    shared: BarStore, series: Series, adds: list[tuple[int, int]], asked: tuple[int, int]
) -> None:
    shared.drop(series)
    have = steps_of(series)
    for first, last in adds:
        inside = [step for step in have if first <= step <= last]
        shared.add(series, bars_of(series, inside), (GRID[first], GRID[last]))
    covered = {step for first, last in adds for step in range(first, last + 1)}
    wanted = set(range(asked[0], asked[1] + 1))

    bars, gaps = shared.read(series, GRID[asked[0]], GRID[asked[1]])

    assert prices(bars) == prices(bars_of(series, sorted(covered & wanted & set(have))))
    assert steps_in(gaps) == wanted - covered
    assert shared.verify() == []


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from([RAW, TICK]), st.lists(RANGES, min_size=1, max_size=8))
def test_of_raw_prices_the_newest_add_wins(
    shared: BarStore, series: Series, adds: list[tuple[int, int]]
) -> None:
    shared.drop(series)
    expected: dict[int, int] = {}
    for turn, (first, last) in enumerate(adds):
        # Every turn has other bars, too: one that is no longer there has to go.
        inside = [step for step in steps_of(series) if first <= step <= last and (step + turn) % 5]
        shared.add(series, bars_of(series, inside, base=1000 * turn), (GRID[first], GRID[last]))
        expected = {step: price for step, price in expected.items() if not first <= step <= last}
        expected |= {step: 1000 * turn + step for step in inside}
    bars, _ = shared.read(series, GRID[0], GRID[-1])
    assert prices(bars) == {GRID[step].item(): price for step, price in sorted(expected.items())}
    assert shared.verify() == []


@settings(max_examples=examples(40), deadline=None)
@given(
    st.sampled_from([DAILY, RAW, MINUTE, TICK]), st.lists(RANGES, max_size=4), st.lists(RANGES, max_size=4)
)
def test_what_is_withdrawn_is_a_gap_and_the_rest_stays(
    shared: BarStore, series: Series, adds: list[tuple[int, int]], withdrawn: list[tuple[int, int]]
) -> None:
    shared.drop(series)
    have = steps_of(series)
    for first, last in adds:
        inside = [step for step in have if first <= step <= last]
        shared.add(series, bars_of(series, inside), (GRID[first], GRID[last]))
    for first, last in withdrawn:
        shared.withdraw(series, (GRID[first], GRID[last]))
    covered = {step for first, last in adds for step in range(first, last + 1)}
    covered -= {step for first, last in withdrawn for step in range(first, last + 1)}

    bars, gaps = shared.read(series, GRID[0], GRID[-1])

    assert prices(bars) == prices(bars_of(series, sorted(covered & set(have))))
    assert steps_in(gaps) == set(range(len(GRID))) - covered
    assert shared.verify() == []
    # Another price is no change of the adjustment there.
    for first, last in withdrawn:
        inside = [step for step in have if first <= step <= last and step not in covered]
        if first <= last and not covered & set(range(first, last + 1)):
            shared.add(series, bars_of(series, inside, base=500), (GRID[first], GRID[last]))


# ---- by example


def test_what_is_held_is_given_and_what_is_not_is_named(store: BarStore) -> None:
    held = bars_at(DAILY, days("2026-03-02", "2026-03-06"), [1, 2, 3, 4, 5])
    store.add(DAILY, held, (us("2026-03-02"), us("2026-03-06T18:00")))
    bars, gaps = store.read(DAILY, us("2026-03-05"), us("2026-03-10"))
    assert bars.time.dtype == "datetime64[us]"
    assert bars.close.tolist() == [4, 5]
    assert gaps == [(us("2026-03-06T18:00:00.000001"), us("2026-03-10"))]


@pytest.mark.parametrize("series", [DAILY, MINUTE, TICK])
def test_of_a_series_that_is_not_held_all_is_missing_and_the_bars_have_their_columns(
    store: BarStore, series: Series
) -> None:
    bars, gaps = store.read(series, us("2026-03-02"), us("2026-03-10"))
    assert len(bars) == 0
    assert gaps == [(us("2026-03-02"), us("2026-03-10"))]
    for name in BarColumns.__slots__:
        given, expected = getattr(bars, name), getattr(BarColumns.empty(series.kind), name)
        assert (given is None) is (expected is None)
        assert given is None or given.dtype == expected.dtype


def test_an_empty_range_holds_nothing_and_lacks_nothing(store: BarStore) -> None:
    store.add(DAILY, bars_at(DAILY, days("2026-03-02", "2026-03-06")), (us("2026-03-02"), us("2026-03-06")))
    bars, gaps = store.read(DAILY, us("2026-03-05"), us("2026-03-04"))
    assert (len(bars), gaps) == (0, [])
    store.add(DAILY, bars_at(DAILY, []), (us("2026-03-20"), us("2026-03-19")))
    assert store.read(DAILY, us("2026-03-19"), us("2026-03-20"))[1] == [(us("2026-03-19"), us("2026-03-20"))]


def test_covered_time_without_bars_is_held_too(store: BarStore) -> None:
    store.add(DAILY, bars_at(DAILY, []), (us("2026-03-02"), us("2026-03-06")))
    bars, gaps = store.read(DAILY, us("2026-03-02"), us("2026-03-06"))
    assert (len(bars), gaps) == (0, [])


def test_every_column_comes_back_as_it_was_with_its_type(store: BarStore) -> None:
    time = np.array(days("2026-03-02", "2026-03-04"))
    kept = BarColumns(
        time,
        np.array([1, 2, 3]),
        np.array([2.5, 2, 3]),
        np.array([1, 2, 2**62]),
        np.array([1, 2, 3]),
        np.array([0.5, 0, 9]),
        np.array([10**15, 0, 1]),
        np.array([0, 8, 0]),
        np.array([np.nan, -98.0, np.nan]),
    )
    store.add(DAILY, kept, (time[0], time[-1]))
    bars, _ = store.read(DAILY, time[0], time[-1])
    for name in BarColumns.__slots__:
        np.testing.assert_array_equal(getattr(bars, name), getattr(kept, name), strict=True)
        assert not getattr(bars, name).flags.writeable


def test_bars_of_one_second_are_several_ticks_and_keep_their_order(store: BarStore) -> None:
    times = [us("2026-03-31T15:29:59")] * 3 + [us("2026-04-01T09:00:00")] * 2
    store.add(TICK, bars_at(TICK, times, [5, 3, 4, 1, 2]), (times[0], times[-1]))
    store.add(TICK, bars_at(TICK, times[:3], [5, 3, 4]), (times[0], times[0]))
    assert store.read(TICK, times[0], times[-1])[0].close.tolist() == [5, 3, 4, 1, 2]


def test_when_the_history_ended_nothing_older_is_missing(store: BarStore) -> None:
    bars = bars_at(DAILY, days("2026-03-02", "2026-03-06"))
    store.add(DAILY, bars, (us("2026-03-02"), us("2026-03-06")))
    assert not store.complete_from_start(DAILY)
    store.add(DAILY, bars.slice("2026-03-02", "2026-03-03"), (us("2026-03-02"), us("2026-03-03")), True)
    assert store.complete_from_start(DAILY)
    bars, gaps = store.read(DAILY, us("1900-01-01"), us("2026-03-07"))
    assert len(bars) == 5
    assert gaps == [(us("2026-03-06T00:00:00.000001"), us("2026-03-07"))]


def test_adjusted_prices_that_differ_mean_another_basis_and_nothing_is_stored(store: BarStore) -> None:
    span = (us("2026-03-02"), us("2026-03-06"))
    store.add(DAILY, bars_at(DAILY, days("2026-03-02", "2026-03-06"), 50_000), span)
    halved = bars_at(DAILY, days("2026-03-05", "2026-03-10"), 25_000)
    with pytest.raises(AdjustmentChanged, match="adjustment") as caught:
        store.add(DAILY, halved, (us("2026-03-05"), us("2026-03-10")))
    assert (caught.value.series, caught.value.time) == (DAILY, us("2026-03-05"))
    bars, gaps = store.read(DAILY, span[0], us("2026-03-10"))
    assert set(bars.close.tolist()) == {50_000}
    assert gaps == [(us("2026-03-06T00:00:00.000001"), us("2026-03-10"))]

    store.replace(DAILY, halved, (us("2026-03-05"), us("2026-03-10")))
    bars, gaps = store.read(DAILY, span[0], us("2026-03-10"))
    assert set(bars.close.tolist()) == {25_000}
    assert gaps == [(us("2026-03-02"), us("2026-03-04T23:59:59.999999"))]


def test_one_price_of_one_bar_is_enough_and_a_volume_is_not(store: BarStore) -> None:
    time = np.array([us("2026-04-30T15:30"), us("2026-05-04T09:00")])
    one, two = np.array([1, 1]), np.array([1, 2])
    span = (time[0], time[1])
    store.add(MINUTE, BarColumns(time, one, one, one, one, one), span)
    store.add(MINUTE, BarColumns(time, one, one, one, one, two), span)
    assert store.read(MINUTE, *span)[0].volume.tolist() == [1, 2]
    with pytest.raises(AdjustmentChanged) as caught:
        store.add(MINUTE, BarColumns(time, one, two, one, one, one), span)
    assert caught.value.time == time[1]


def test_a_bar_more_among_the_same_prices_is_no_other_basis(store: BarStore) -> None:
    span = (us("2026-03-02"), us("2026-03-06"))
    store.add(DAILY, bars_at(DAILY, [us("2026-03-02"), us("2026-03-06")]), span)
    store.add(DAILY, bars_at(DAILY, days("2026-03-02", "2026-03-06")), span)
    assert len(store.read(DAILY, *span)[0]) == 5


@pytest.mark.parametrize(("series", "left"), [(MINUTE, ["2026-03"]), (TICK, ["2026-03-30", "2026-03-31"])])
def test_a_segment_that_loses_all_its_bars_leaves_nothing_behind(
    store: BarStore, series: Series, left: list[str]
) -> None:
    """A busy issue has hundreds of thousands of ticks a day, so each day of them is a segment."""
    span = (us("2026-03-30"), us("2026-04-02"))
    store.add(series, bars_at(series, days("2026-03-30", "2026-04-02")), span)
    store.add(series, bars_at(series, days("2026-03-30", "2026-03-31")), span)
    assert store.read(series, *span)[0].time.tolist() == [
        day.item() for day in days("2026-03-30", "2026-03-31")
    ]
    assert store.shelf.all_keys() == [*(series.segment_key(name) for name in left), series.key]
    assert store.verify() == []


def test_a_new_day_leaves_the_segments_of_other_five_years_as_they_were(
    store: BarStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A market's update adds a day to some thousand series of decades: it must not write them all anew."""
    held = bars_at(DAILY, [us("2014-12-30"), us("2019-12-30"), us("2025-12-29")])
    store.add(DAILY, held, (us("2014-12-30"), us("2025-12-29T23:59")))
    written: list[str] = []
    whole = Transaction.set
    monkeypatch.setattr(
        Transaction, "set", lambda self, key, value: written.append(key) or whole(self, key, value)
    )
    store.add(DAILY, bars_at(DAILY, [us("2025-12-30")]), (us("2025-12-30"), us("2025-12-30T23:59")))
    assert sorted(written) == [DAILY.segment_key("2025"), DAILY.key]
    assert len(store.read(DAILY, us("2010-01-01"), us("2026-01-01"))[0]) == 4


def test_dropping_forgets_one_series_only(store: BarStore) -> None:
    span = (us("2026-03-30"), us("2026-04-02"))
    for series in (DAILY, RAW, MINUTE):
        store.add(series, bars_at(series, days("2026-03-30", "2026-04-02")), span)
    assert store.drop(MINUTE)
    assert not store.drop(MINUTE)
    assert store.series() == [RAW, DAILY]
    assert store.read(MINUTE, *span)[1] == [span]
    store.replace(RAW, bars_at(RAW, []), (us("2026-03-31"), us("2026-03-30")))
    assert store.series() == [DAILY]
    assert store.verify() == []


@pytest.mark.parametrize(
    ("series", "times", "covered"),
    [
        (DAILY, ["2026-03-02"], ("2026-03-03", "2026-03-06")),
        (DAILY, ["2026-03-02"], ("2026-02-02", "2026-03-01")),
        (DAILY, ["2026-03-02"], ("2026-03-06", "2026-03-03")),
        (MINUTE, ["2026-03-02", "2026-03-02"], ("2026-03-02", "2026-03-03")),
        (MINUTE, ["2026-03-02"], ("NaT", "2026-03-03")),
    ],
)
def test_bars_that_cannot_be_what_is_covered(
    store: BarStore, series: Series, times: list[str], covered: tuple[str, str]
) -> None:
    bars = bars_at(series, [us(time) for time in times])
    for keep in (store.add, store.replace):
        with pytest.raises(ValueError, match="005930"):
            keep(series, bars, (us(covered[0]), us(covered[1])))
    assert store.series() == []


def test_bars_with_other_columns_are_refused_and_nothing_changes(store: BarStore) -> None:
    store.add(DAILY, bars_at(DAILY, [us("2026-03-02")]), (us("2026-03-02"), us("2026-03-02")))
    time, one = np.array([us("2026-03-03")]), np.array([1])
    with pytest.raises(ConflictingBars, match="value"):
        store.add(DAILY, BarColumns(time, one, one, one, one, one), (time[0], time[0]))
    assert store.read(DAILY, us("2026-03-02"), time[0])[1] == [(us("2026-03-02T00:00:00.000001"), time[0])]


def test_two_sources_share_nothing(tmp_path: Path) -> None:
    span = (us("2026-03-02"), us("2026-03-02"))
    BarStore(tmp_path, "server 10.0.0.1").add(DAILY, bars_at(DAILY, [span[0]]), span)
    assert BarStore(tmp_path, "server 10.0.0.1").series() == [DAILY]
    assert BarStore(tmp_path, "server 10.0.0.2").series() == []
    # Names that look alike once they are folder names are still two.
    assert len({source_folder(tmp_path, name) for name in ("A/b", "a b", "삼성", "", "x" * 500)}) == 5
    assert all(source_folder(tmp_path, name).parent == tmp_path for name in ("../up", "a/b", "..", "C:\\x"))


def test_where_caches_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(tmp_path / "environment"))
    assert default_folder() == tmp_path / "environment"
    assert default_folder(tmp_path / "argument") == tmp_path / "argument"
    monkeypatch.delenv("KOALAB_CACHE_DIR")
    assert "koalab" in default_folder().parts


@pytest.mark.parametrize("interval", ["d", "0min", "min", "5 min", "H", "D:raw", "", "99999min"])
def test_what_is_no_interval(interval: str) -> None:
    with pytest.raises(BadInput, match="5min"):
        Series("005930", interval, True)


@pytest.mark.parametrize("code", ["", "a:b", "005930\n", "0" * 33, "../x"])
def test_what_is_no_code(code: str) -> None:
    with pytest.raises(BadInput, match="code"):
        Series(code, "D", True)


@pytest.mark.parametrize("kind", ["daily", "minute", "tick"])
def test_no_bars_pack_too(kind: Kind) -> None:
    empty = BarColumns.empty(kind)
    for name in BarColumns.__slots__:
        given, expected = getattr(unpack(pack(empty)), name), getattr(empty, name)
        assert (given is None and expected is None) or given.dtype == expected.dtype

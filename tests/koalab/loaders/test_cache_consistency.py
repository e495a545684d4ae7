"""Whatever was asked before, a frame is the one that a single cold request gives: across splits, as time goes on.

What is held whole costs nothing, and is what a cold request gave on the day that the frame names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel_server.clock import KST
from koalab.calendar import table
from koalab.sessions.session import Session
from koalab.store.finality import adjustment_at
from koalab.transport.base import Page, QueuePosition
from tests.support.examples import examples
from tests.support.session import Market, start

CODE = "005930"
# Its split is on Friday, 2018-05-04, after three days of halt.
MOMENTS = [
    datetime.fromisoformat(text).replace(tzinfo=KST)
    for text in (
        "2018-04-27 20:00",  # the last day before the halt, settled
        "2018-04-28 12:00",
        "2018-05-02 11:00",  # halted
        "2018-05-03 20:00",
        "2018-05-04 00:30",  # the broker gives new prices, and none of that day
        "2018-05-04 09:00:30",  # open, and no minute is over
        "2018-05-04 11:00",
        "2018-05-04 20:00",
        "2018-05-08 11:00",
        "2018-05-11 20:00",
    )
]


class Asked(NamedTuple):
    """One request, at the moment of that number or, where it is later by then, at once."""

    moment: int
    interval: str
    first: date
    last: date | None
    adjusted: bool = True


DAYS = st.dates(date(2017, 6, 1), date(2018, 5, 11))
REQUESTS = st.builds(
    Asked,
    st.integers(0, len(MOMENTS) - 1),
    st.sampled_from(["D", "D", "D", "W", "M", "Y", "60min"]),
    DAYS,
    st.one_of(st.none(), DAYS),
    st.sampled_from([True, True, True, False]),
)
JANUARY, MARCH = (date(2018, 1, 2), date(2018, 1, 31)), (date(2018, 3, 5), date(2018, 3, 30))
LATER = range(1, len(MOMENTS))


def frame(kw: Session, asked: Asked, today: date) -> pd.DataFrame:
    first = min(asked.first, today)
    last = None if asked.last is None else max(first, min(asked.last, today))
    return kw.bars(CODE, asked.interval, first, last, adjusted=asked.adjusted)


@contextmanager
def brokers(folder: Path) -> Iterator[Callable[[str], Market]]:
    """By the adjustment that a frame names: a broker at a moment at which that adjustment is in force."""
    known: dict[str, Market] = {}

    def at(adjustment: str) -> Market:
        if adjustment not in known:
            (*_, moment) = (one for one in MOMENTS if named(one) == adjustment)
            known[adjustment] = start(folder / f"then{len(known)}", moment)
        return known[adjustment]

    try:
        yield at
    finally:
        for market in known.values():
            market.close()


def named(moment: datetime) -> str:
    return str(adjustment_at(moment.timestamp(), table()).astype("datetime64[s]"))


def check(folder: Path, requests: list[Asked]) -> None:
    market = start(folder, MOMENTS[0])
    try:
        with brokers(folder) as at:
            warm = market.connect("warm")
            for number, asked in enumerate(requests):
                market.clock.advance(max(0.0, MOMENTS[asked.moment].timestamp() - market.clock.now()))
                now = datetime.fromtimestamp(market.clock.now(), KST)
                found = frame(warm, asked, now.date())
                adjustment = found.attrs.get("adjusted_as_of", named(now))
                assert adjustment == named(now) or found.attrs["trs"] == 0
                with (market if adjustment == named(now) else at(adjustment)).connect(
                    f"cold{number}"
                ) as cold:
                    expected = frame(cold, asked, now.date())
                pd.testing.assert_frame_equal(found, expected, check_freq=False)
        assert warm.cache.verify() == []
    finally:
        market.close()


@settings(max_examples=examples(2, 12), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(REQUESTS, min_size=3, max_size=8).map(lambda requests: sorted(requests, key=lambda one: one[0]))
)
# In parts on both sides of a gap, then whole; a range that is held; one that adjoins nothing; a weekly bar cut.
@example([Asked(0, "D", *JANUARY), Asked(6, "D", *MARCH), Asked(6, "D", JANUARY[0], MARCH[1])])
@example([Asked(0, "W", *MARCH), Asked(4, "W", *MARCH), Asked(4, "W", date(2018, 1, 2), None)])
@example([Asked(0, "W", date(2018, 3, 5), date(2018, 3, 14)), Asked(0, "W", date(2018, 3, 5), None)])
@pytest.mark.filterwarnings("ignore:no rows")
def test_any_sequence_of_requests_gives_what_cold_ones_give(
    tmp_path_factory: pytest.TempPathFactory, requests: list[Asked]
) -> None:
    check(tmp_path_factory.mktemp("orders"), requests)


@pytest.mark.parametrize("interval", ["D", "W", "M", "Y", "60min"])
def test_a_range_that_was_held_before_a_split_stays_what_it_was_until_the_split_is_seen(
    tmp_path: Path, interval: str
) -> None:
    days = (
        (date(2018, 2, 1), date(2018, 4, 20)) if interval != "Y" else (date(2010, 1, 1), date(2017, 12, 31))
    )
    held = Asked(0, interval, *days)
    seen = Asked(6, "D", date(2018, 5, 2), None)
    check(
        tmp_path,
        [held, *(held._replace(moment=moment) for moment in (4, 5, 6)), seen, held._replace(moment=9)],
    )


@pytest.mark.parametrize("interval", ["D", "W", "M", "60min"])
@pytest.mark.parametrize("moment", [4, 5, 6, 8])
def test_parts_from_before_and_after_a_split_never_meet(tmp_path: Path, interval: str, moment: int) -> None:
    parts = [Asked(0, interval, date(2018, 2, 1), date(2018, 2, 28))]
    parts += [Asked(moment, interval, date(2018, 3, 26), date(2018, 4, 13))]
    check(tmp_path, [*parts, parts[0]._replace(moment=moment, last=date(2018, 4, 20))])


# ---- brokers, processes and loads on both sides of a split


YEARS = ("2014-01-01", "2018-03-30")


@pytest.mark.parametrize("interval", ["D", "W", "60min"])
def test_a_broker_that_is_behind_neither_takes_later_prices_nor_spoils_them(
    tmp_path: Path, interval: str
) -> None:
    held = (CODE, interval, "2018-02-01", "2018-03-30")
    behind, ahead = start(tmp_path, MOMENTS[0]), start(tmp_path, MOMENTS[-1])
    try:
        old, new = behind.connect(), ahead.connect()
        before, after = behind.connect("old").bars(*held), ahead.connect("new").bars(*held)
        assert (before["close"] / after["close"]).round().unique() == [50.0]
        old.bars(*held)
        new.bars(CODE, interval, "2018-05-02")  # which sees the split
        for kw, expected in ((old, before), (new, after), (old, before), (new, after)):
            pd.testing.assert_frame_equal(kw.bars(*held), expected, check_freq=False)
        assert new.bars(*held).attrs["trs"] == 0
        assert new.cache.verify() == []
    finally:
        behind.close()
        ahead.close()


def amid(kw: Session, number: int, happens: Callable[[], object]) -> list[int]:
    """Lets something happen just before that page of a load comes; gives how many are still to come till then."""
    transport: Any = kw._link.transport
    whole, left = transport.pages, [number]

    def pages(*arguments: Any, **more: Any) -> Iterator[Page | QueuePosition]:
        for item in whole(*arguments, **more):
            left[0] -= isinstance(item, Page)
            if left[0] == 0 and isinstance(item, Page):
                happens()
            yield item

    transport.pages = pages
    return left


@pytest.mark.parametrize("page", [1, 2])
def test_a_load_that_goes_on_into_the_morning_of_a_split_has_one_basis(tmp_path: Path, page: int) -> None:
    market = start(tmp_path, MOMENTS[3])
    kw = market.connect()
    left = amid(kw, page, lambda: market.clock.advance(15 * 3600.0))  # to the morning after
    found = kw.daily(CODE, *YEARS)
    assert left[0] <= 0
    pd.testing.assert_frame_equal(found, market.connect("cold").daily(CODE, *YEARS), check_freq=False)
    again = market.connect().daily(CODE, *YEARS)
    assert again.attrs["trs"] == 0
    pd.testing.assert_frame_equal(again, found, check_freq=False)
    market.close()


@pytest.mark.parametrize("page", [1, 2])
def test_what_another_process_brings_in_the_middle_of_a_load_is_not_mixed_with_it(
    tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It comes while the page is on its way, as where there are no locks.
    monkeypatch.setattr("koalab.store.claims.STALE", 0.0)
    behind, ahead = start(tmp_path, MOMENTS[0]), start(tmp_path, MOMENTS[-1])
    try:
        old, new = behind.connect(), ahead.connect()
        old.daily(CODE, "2018-01-02", "2018-03-30")
        left = amid(old, page, lambda: new.daily(CODE, *YEARS))
        found = old.daily(CODE, *YEARS)
        pd.testing.assert_frame_equal(found, behind.connect("cold").daily(CODE, *YEARS), check_freq=False)
        assert left[0] <= 0
        cold = ahead.connect("new").daily(CODE, *YEARS)
        pd.testing.assert_frame_equal(new.daily(CODE, *YEARS), cold, check_freq=False)
    finally:
        behind.close()
        ahead.close()


def test_a_server_that_is_gone_leaves_what_is_held_as_it_was(tmp_path: Path) -> None:
    market = start(tmp_path, MOMENTS[0])
    kw = market.connect()
    held = kw.daily(CODE, *YEARS)
    market.clock.advance(11 * 86_400.0)
    kw.status()
    market.server.stop(0)
    again = kw.daily(CODE, *YEARS)
    assert again.attrs["trs"] == 0
    pd.testing.assert_frame_equal(again, held, check_freq=False)
    market.close()


# ---- what is final


@pytest.mark.parametrize(
    ("interval", "moment", "kept"),
    [
        ("D", "2026-11-18 20:10", False),
        ("D", "2026-11-19 07:59", False),
        ("D", "2026-11-19 08:01", True),
        ("60min", "2026-11-18 20:04", False),
        ("60min", "2026-11-18 20:06", True),
        ("60min", "2026-11-19 20:30", False),  # 수능: whether trading ends later is not known
        ("60min", "2026-11-19 21:06", True),
        ("W", "2026-11-20 20:06", False),
        ("W", "2026-11-21 08:01", True),
    ],
)
def test_a_bar_is_kept_when_it_is_final_and_no_sooner(
    tmp_path: Path, interval: str, moment: str, kept: bool
) -> None:
    now = datetime.fromisoformat(moment).replace(tzinfo=KST)
    market = start(tmp_path, now)
    kw = market.connect()
    loaded = kw.bars(CODE, interval, "2026-11-02")
    newest = loaded.index[-1].tz_localize(None)
    last = pd.Timestamp(kw.cache.info()["last"].item())
    assert (last == newest) is kept
    assert last <= newest
    market.clock.advance(3 * 86_400.0)
    settled = market.connect("cold").bars(CODE, interval, "2026-11-02")
    pd.testing.assert_frame_equal(
        market.connect().bars(CODE, interval, "2026-11-02"), settled, check_freq=False
    )
    market.close()

"""Whatever was asked before, a frame is the one that a single cold request gives: across splits, as time goes on."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from broker_rig import start
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel_server.clock import KST
from koalab.session import Session

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


def check(folder: Path, requests: list[Asked]) -> None:
    market = start(folder, MOMENTS[0])
    try:
        warm = market.connect("warm")
        for number, asked in enumerate(requests):
            market.clock.advance(max(0.0, MOMENTS[asked.moment].timestamp() - market.clock.now()))
            today = datetime.fromtimestamp(market.clock.now(), KST).date()
            found = frame(warm, asked, today)
            with market.connect(f"cold{number}") as cold:
                expected = frame(cold, asked, today)
            pd.testing.assert_frame_equal(found, expected, check_freq=False)
        assert warm.cache.verify() == []
    finally:
        market.close()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
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
def test_a_range_that_was_held_before_a_split_is_right_at_every_moment_after_it(
    tmp_path: Path, interval: str
) -> None:
    days = (
        (date(2018, 2, 1), date(2018, 4, 20)) if interval != "Y" else (date(2010, 1, 1), date(2017, 12, 31))
    )
    held = Asked(0, interval, *days)
    check(tmp_path, [held, *(held._replace(moment=moment) for moment in (4, 5, 6, 9))])


@pytest.mark.parametrize("interval", ["D", "W", "M", "60min"])
@pytest.mark.parametrize("moment", [4, 5, 6, 8])
def test_parts_from_before_and_after_a_split_never_meet(tmp_path: Path, interval: str, moment: int) -> None:
    parts = [Asked(0, interval, date(2018, 2, 1), date(2018, 2, 28))]
    parts += [Asked(moment, interval, date(2018, 3, 26), date(2018, 4, 13))]
    check(tmp_path, [*parts, parts[0]._replace(moment=moment, last=date(2018, 4, 20))])

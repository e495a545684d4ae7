"""kw.collect keeps the whole day of an exchange: pre-market, after-market, and of both together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from koalab.calendar import table
from koalab.live.collecting.trading_minutes import trading_minutes
from koalab.sessions.session import Session
from koalab.store.coverage import Coverage
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, eventually

OWN, NX, AL = "005930", "005930_NX", "005930_AL"
DAY, LATE, BEFORE = "2026-11-17", "2026-11-19", "2026-09-11"


def at(clock: str, day: str = DAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KST)


def go(market: Market, until: str, day: str = DAY) -> None:
    """The day goes by up to that time, and all of it has been fired then."""
    goal = at(until, day).timestamp()
    while market.clock.now() < goal:
        market.clock.advance(min(20.0, goal - market.clock.now()))
        market.server.host.thread.post(lambda: None).result(HANGS_AFTER)


def hours(intervals: Coverage) -> list[str]:
    """Each interval of minutes, from its first to the moment after its last."""
    edges = [np.array([first, last + 1]).astype("datetime64[us]") for first, last in intervals]
    return ["-".join(str(edge)[11:16] for edge in pair) for pair in edges]


@pytest.mark.parametrize(
    ("code", "day", "parts"),
    [
        (OWN, "2025-03-03", None),  # no session
        (OWN, "2026-09-11", ["09:00-15:40"]),
        (OWN, DAY, ["09:00-15:40", "16:00-20:00"]),
        (OWN, "2026-01-02", ["10:00-15:40"]),
        (OWN, LATE, ["10:00-16:40", "17:00-20:00"]),
        (NX, "2025-02-28", ["09:00-15:40"]),  # before Nextrade
        (NX, BEFORE, ["08:00-08:50", "09:00-15:20", "15:40-20:00"]),
        (NX, DAY, ["08:00-08:50", "09:00-15:20", "15:40-20:00"]),
        (NX, LATE, ["10:00-16:20", "16:40-20:00"]),
        (AL, BEFORE, ["08:00-08:50", "09:00-20:00"]),
        (AL, DAY, ["08:00-08:50", "09:00-20:00"]),
        (AL, LATE, ["10:00-20:00"]),
    ],
)
def test_the_minutes_of_a_day(code: str, day: str, parts: list[str] | None) -> None:
    sessions = table()
    if parts is None:
        assert not sessions.is_session(date.fromisoformat(day))
        return
    found = trading_minutes(code, sessions.index_at_or_before(date.fromisoformat(day)), sessions)
    assert hours(found.parts) == parts
    assert (found.first, found.last) == (found.parts[0][0], found.parts[-1][1])


@pytest.fixture
def market_at(tmp_path: Path) -> Iterator[Callable[..., Market]]:
    made: list[Market] = []

    def make(clock: str, day: str = DAY, evening: bool = True, **more: Any) -> Market:
        settings = simulated.BrokerSettings(evening_minutes=evening)
        made.append(start(tmp_path, at(clock, day), settings=settings, **more))
        return made[-1]

    yield make
    for found in made:
        found.close()


def charted(market: Market, code: str, day: str = DAY) -> pd.DataFrame:
    """The minutes of a day as opt10080 has them."""
    return market.connect(f"cold-{code}").minute(code, start=day, end=day)


def same(kw: Session, market: Market, code: str, day: str = DAY) -> pd.DataFrame:
    """What is collected of a day costs no TR and is what the charts have."""
    for adjusted in (False, True):
        found = kw.minute(code, start=day, end=day, adjusted=adjusted)
        assert found.attrs["trs"] == 0, (code, adjusted)
        # Within a leap of the clock the trades of one exchange come before the other's.
        columns = ["high", "low", "volume"] if code == AL else list(found)
        pd.testing.assert_frame_equal(found[columns], charted(market, code, day)[columns], check_freq=False)
    return found


def test_a_whole_day_of_each_exchange_is_what_the_charts_have(market_at: Callable[..., Market]) -> None:
    market = market_at("07:55")
    kw = market.connect()
    collection = kw.collect([OWN, NX, AL])
    for begun in ("09:00:20", "16:00:20"):  # a busy issue's trades are made in pieces, while this clock leaps
        go(market, begun)
        moment = pd.Timestamp(f"{DAY} {begun[:5]}", tz="Asia/Seoul")
        assert eventually(lambda: collection.frame()["last"][OWN] >= moment)  # noqa: B023
    go(market, "20:06")
    assert eventually(lambda: collection.over)
    frame = collection.frame()
    assert frame["complete"].tolist()[:2] == [400 + 240, 50 + 380 + 260]
    assert frame["complete"][AL] + frame["holes"][AL] == 50 + 660
    assert frame["holes"].tolist()[:2] == [0, 0]
    assert 20 <= frame["holes"][AL] < 30  # those in which the exchange has 시간외종가 at least
    assert frame["outside"].tolist()[1] == 0
    assert frame["outside"].tolist()[0] > 0
    assert collection.status()["outside"] == frame["outside"].sum()
    collection.stop()
    assert collection.status()["trs"] == kw._link.trs == 1
    assert collection.status()["holes"] == 0
    for code, first in ((OWN, "09:00"), (NX, "08:0"), (AL, "08:0")):
        times = same(kw, market, code).index.strftime("%H:%M")
        assert times[0].startswith(first)
        assert times[-1] >= "19:5"
    assert kw.cache.verify() == []


def test_the_day_of_the_수능_and_one_before_the_after_market(market_at: Callable[..., Market]) -> None:
    for day in (BEFORE, LATE):
        market = market_at("07:55", day)
        kw = market.connect(f"cache-{day}")
        collection = kw.collect([OWN, NX])
        go(market, "20:06", day)
        assert eventually(lambda: collection.over)  # noqa: B023
        assert collection.frame()["holes"].tolist() == [0, 0]
        collection.stop()
        for code in (OWN, NX):
            found = kw.minute(code, start=day, end=day, adjusted=False)
            pd.testing.assert_frame_equal(found, charted(market, code, day), check_freq=False)
        market.close()


def test_charts_that_end_with_the_regular_session_fill_no_hole_of_the_evening(
    market_at: Callable[..., Market],
) -> None:
    market = market_at("17:00", evening=False)
    kw = market.connect()
    collection = kw.collect([OWN, NX])
    go(market, "18:00")
    kw._hub.sync(HANGS_AFTER)
    assert collection.fill() == 2
    evening = [61, 0]  # the first one was under way; told, and not taken for minutes without trades
    assert collection.frame()["holes"].tolist() == evening
    assert collection.fill() == 0
    go(market, "20:06")
    assert eventually(lambda: collection.over)
    collection.stop()
    assert collection.frame()["holes"].tolist() == evening
    assert kw._link.trs == 2
    found = kw.minute(OWN, start=f"{DAY} 18:05", end=f"{DAY} 19:59", adjusted=False)
    assert found.attrs["trs"] == 0
    assert len(found) > 60


def test_a_collection_goes_on_through_the_close_and_into_the_next_pre_market(
    market_at: Callable[..., Market],
) -> None:
    market = market_at("19:30", "2026-11-16")
    kw = market.connect()
    collection = kw.collect([NX, AL])
    go(market, "20:01", "2026-11-16")
    assert eventually(lambda: collection.over)
    go(market, "08:30")
    kw._hub.sync(HANGS_AFTER)
    assert not collection.over
    frame = collection.frame()
    assert (frame["complete"] >= 28).all()
    assert frame["last"].dt.strftime("%Y-%m-%d").tolist() == [DAY, DAY]
    collection.stop(fill=False)
    market.clock.advance((at("20:06") - at("08:30")).total_seconds())  # then minutes are final
    for code in (NX, AL):
        found = kw.minute(code, start=f"{DAY} 08:00", end=f"{DAY} 08:25", adjusted=False)
        assert found.attrs["trs"] == 0
        pd.testing.assert_frame_equal(found, charted(market, code).loc[: f"{DAY} 08:25"], check_freq=False)


def test_adjusted_minutes_go_on_after_a_collected_evening(market_at: Callable[..., Market]) -> None:
    """기준가 is the close of the regular session, not the last price of the evening that is stored too."""
    market = market_at("15:25", "2026-11-16")
    kw = market.connect()
    collection = kw.collect(OWN)
    go(market, "16:20", "2026-11-16")
    kw._hub.sync(HANGS_AFTER)
    market.clock.advance((at("08:58") - at("16:20", "2026-11-16")).total_seconds())
    go(market, "09:10")
    kw._hub.sync(HANGS_AFTER)
    collection.stop(fill=False)
    market.clock.advance((at("20:06") - at("09:10")).total_seconds())
    found = kw.minute(OWN, start=f"{DAY} 09:01", end=f"{DAY} 09:05")
    assert found.attrs["trs"] == 0
    assert len(found)

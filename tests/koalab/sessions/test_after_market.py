"""When bars are final since there is trading until 20:00, and the two halves that ``update_market`` brings."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab as kl
from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.simulated.market import corporate_actions as corporate
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from koalab.errors import BadInput, TooEarly
from koalab.frames.bars import BarColumns
from koalab.sessions.session import Session
from koalab.store.finality import Finality
from koalab.store.series import Series
from tests.support.session import Market, start

PLAIN, OTHER, SPLIT = "005930", "000660", "035720"
CODES = [PLAIN, OTHER, SPLIT, "005380", "035420", "051910"]
OFFICIAL = ["open", "high", "low", "close", "volume", "value"]
WED, THU, FRI, SAT, MON = "2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14", "2026-11-16"
CSAT = "2026-11-19"

Fixture = Callable[..., Market]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


@pytest.fixture(params=["wide", "regular"])
def evenings(request: pytest.FixtureRequest) -> str:
    """What the evening's high and low are."""
    return str(request.param)


@pytest.fixture
def at(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, evenings: str) -> Iterator[Fixture]:
    """A market with an after-market; its clock stands at a moment."""
    monkeypatch.setattr(corporate, "KNOWN_ACTIONS", ())
    made: list[Market] = []

    def make(now: str, **more: Any) -> Market:
        settings = simulated.BrokerSettings(
            requests_an_hour=100_000,
            limited=False,
            evening_bar="wide" if evenings == "wide" else "close",
            evening_bar_until=8.0,
        )
        made.append(start(tmp_path, moment(now), settings=settings, **more))
        return made[-1]

    yield make
    for found in made:
        found.close()


def go(market: Market, when: str) -> None:
    market.clock.advance(moment(when).timestamp() - market.clock.now())


def official(market: Market, code: str, first: str, last: str, adjusted: bool = True) -> pd.DataFrame:
    """Final bars, as the broker gives them long after."""
    return market.look(lambda broker: long_after(broker._master._market, code, adjusted)).loc[first:last]


@lru_cache(maxsize=32)  # a market's final bars do not depend on its clock
def long_after(market: SyntheticMarket, code: str, adjusted: bool) -> pd.DataFrame:
    raw = market.daily(code, adjusted, moment("2027-02-01 12:00").timestamp())
    frame = pd.DataFrame({name: getattr(raw, name) for name in OFFICIAL})
    frame["value"] = (frame["value"] + 500_000) // 1_000_000 * 1_000_000  # as the broker rounds it
    frame.index = pd.to_datetime(pd.Index(raw.time.astype(str))).rename("date")
    return frame


def final_bars(kw: Session, code: str, adjusted: bool = True) -> BarColumns:
    """The bars that the cache calls final."""
    bars, _ = kw.cache.read(
        Series(code, "D", adjusted), np.datetime64("1980-01-01"), np.datetime64("2027-01-01")
    )
    return bars


def stored(kw: Session, code: str, adjusted: bool = True) -> pd.DataFrame:
    """The same as a frame."""
    return as_frame(final_bars(kw, code, adjusted))


def as_frame(bars: BarColumns) -> pd.DataFrame:
    frame = pd.DataFrame({name: getattr(bars, name) for name in OFFICIAL})
    frame.index = pd.DatetimeIndex(bars.time, name="date")
    return frame


def days(kw: Session, code: str = PLAIN) -> list[str]:
    return [str(day.date()) for day in stored(kw, code).index]


@pytest.mark.parametrize("evenings", ["wide"], indirect=True)
class TestFrames:
    @pytest.mark.parametrize(
        ("now", "provisional", "trs_again"),
        [
            (f"{FRI} 15:29", [], 1),
            (f"{FRI} 15:31", [FRI], 1),
            (f"{FRI} 15:45", [FRI], 1),
            (f"{FRI} 16:00", [FRI], 1),
            (f"{FRI} 18:00", [FRI], 1),
            (f"{FRI} 20:00", [FRI], 1),
            (f"{FRI} 20:05", [FRI], 1),
            (f"{SAT} 00:00", [FRI], 1),
            (f"{SAT} 07:59", [FRI], 1),
            (f"{SAT} 08:00", [], 0),
            (f"{MON} 07:59", [], 0),
            (f"{CSAT} 20:05", [CSAT], 1),
            ("2026-11-20 08:00", [], 0),
        ],
    )
    def test_a_days_bar_is_provisional_from_the_close_to_the_next_morning(
        self, at: Fixture, now: str, provisional: list[str], trs_again: int
    ) -> None:
        kw = at(now).connect()
        frame = kw.daily(PLAIN, "2026-11-09")
        assert frame.attrs.get("provisional", []) == [pd.Timestamp(day) for day in provisional]
        assert days(kw) == [
            str(day.date())
            for day in frame.index
            if str(day.date()) < now[:10] and str(day.date()) not in provisional
        ]
        assert kw.daily(PLAIN, "2026-11-09").attrs["trs"] == trs_again

    def test_several_codes_are_marked_each(self, at: Fixture) -> None:
        frame = at(f"{FRI} 18:00").connect().daily([PLAIN, OTHER], WED)
        assert frame.attrs["provisional"] == [(PLAIN, pd.Timestamp(FRI)), (OTHER, pd.Timestamp(FRI))]
        assert frame.loc[frame.attrs["provisional"]].shape == (2, 6)

    def test_finished_bars_are_those_that_are_not_provisional(self, at: Fixture) -> None:
        kw = at(f"{FRI} 20:10").connect()
        frame = kw.daily(PLAIN, WED, finished=True)
        assert [str(day.date()) for day in frame.index] == [WED, THU]
        assert "provisional" not in frame.attrs

    @pytest.mark.parametrize(
        ("interval", "now", "marked"),
        [
            ("W", f"{THU} 20:10", 0),  # it is growing
            ("W", f"{FRI} 20:10", 1),
            ("W", f"{SAT} 08:00", 0),
            ("M", "2026-10-30 20:10", 1),
            ("M", "2026-10-31 08:00", 0),
            ("1min", f"{FRI} 18:00", 0),
        ],
    )
    def test_longer_bars_with_their_last_session(
        self, at: Fixture, interval: str, now: str, marked: int
    ) -> None:
        frame = at(now).connect().bars(PLAIN, interval, "2026-10-01" if interval != "1min" else FRI)
        assert len(frame.attrs.get("provisional", [])) == marked

    def test_an_index_like_an_issue(self, at: Fixture) -> None:
        market = at(f"{FRI} 20:10")
        kw = market.connect()
        assert kw.index("KOSPI", WED).attrs["provisional"] == [pd.Timestamp(FRI)]
        go(market, f"{SAT} 08:00")
        assert "provisional" not in kw.index("KOSPI", WED).attrs
        assert kw.index("KOSPI", WED).attrs["trs"] == 0

    def test_minutes_are_kept_from_20_05_on(self, at: Fixture) -> None:
        market = at(f"{FRI} 20:04")
        kw = market.connect()
        kw.minute(PLAIN, 1, FRI)
        assert kw.minute(PLAIN, 1, FRI).attrs["trs"] == 1
        go(market, f"{FRI} 20:05")
        kw.minute(PLAIN, 1, FRI)
        assert kw.minute(PLAIN, 1, FRI).attrs["trs"] == 0

    def test_days_before_the_after_market_as_they_were(self, at: Fixture) -> None:
        market = at("2026-09-11 17:59")
        kw = market.connect()
        kw.daily(PLAIN, "2026-09-07")
        assert days(kw)[-1] == "2026-09-10"
        go(market, "2026-09-11 18:00")
        kw.daily(PLAIN, "2026-09-07")
        assert days(kw)[-1] == "2026-09-11"
        assert kw.daily(PLAIN, "2026-09-07").attrs["trs"] == 0

    def test_the_hours_are_settings(self, at: Fixture) -> None:
        market = at(f"{FRI} 20:05")
        kw = market.connect()
        early = Session(
            kw._link.transport, market.folder / "early", Finality(days=moment(f"{FRI} 06:00").time())
        )
        go(market, f"{SAT} 06:00")
        early.daily(PLAIN, WED)
        kw.daily(PLAIN, WED)
        assert (days(early)[-1], days(kw)[-1]) == (FRI, THU)


@pytest.mark.parametrize(
    "given",
    [
        {"minutes": "20:05"},
        {"minutes": moment(f"{FRI} 15:00").time()},
        {"days": None},
        {"quotes": 8},
        {"regular_from": 1.5},
        {"regular_until": 45},
        {"regular_from": 10, "regular_until": 5},
        {"later_on_late_days": 1},
        {"evening_range": "narrow"},
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(given)).split("_")[0]):
        Finality(**given)


def test_connect_takes_no_other_settings() -> None:
    with pytest.raises(BadInput, match="finality is a"):
        kl.connect(finality="20:05")  # type: ignore[arg-type]


class TestTwoHalves:
    def test_prices_in_the_afternoon_and_volume_in_the_evening_make_a_final_bar(self, at: Fixture) -> None:
        market = at(f"{THU} 08:30")
        kw = market.connect()
        for code in CODES:
            kw.daily(code, "2026-09-01")
            kw.daily(code, "2026-09-01", adjusted=False)
        go(market, f"{THU} 15:40")
        first = kw.update_market(CODES)
        assert (set(first["done"]), first.attrs["trs"], first.attrs["quotes"]) == (
            {"provisional"},
            1,
            "prices",
        )
        assert kw.update_market(CODES).attrs["trs"] == 0
        assert days(kw)[-1] == WED
        go(market, f"{THU} 20:05")
        second = kw.update_market(CODES)
        assert (set(second["done"]), second.attrs["trs"], second.attrs["quotes"]) == (
            {"appended"},
            1,
            "volume",
        )
        for code in CODES:
            for adjusted in (True, False):
                pd.testing.assert_frame_equal(
                    stored(kw, code, adjusted),
                    official(market, code, "2026-09-01", THU, adjusted),
                    check_freq=False,
                    check_index_type=False,
                )
        # The cache has it, though the broker's page would still be provisional.
        frame = kw.daily(CODES, WED)
        assert frame.attrs["trs"] == 0
        assert "provisional" not in frame.attrs
        assert kw.update_market(CODES)["done"].unique().tolist() == ["up to date"]
        assert kw.cache.verify() == []

    def test_a_page_of_the_afternoon_brings_the_prices_too(self, at: Fixture) -> None:
        market = at(f"{THU} 15:40")
        kw = market.connect()
        kw.daily([PLAIN, OTHER], "2026-11-02")
        assert kw.update_market([PLAIN, OTHER]).attrs["trs"] == 0
        go(market, f"{THU} 20:05")
        assert kw.update_market([PLAIN, OTHER]).attrs["trs"] == 1
        for code in (PLAIN, OTHER):
            pd.testing.assert_frame_equal(
                stored(kw, code),
                official(market, code, "2026-11-02", THU),
                check_freq=False,
                check_index_type=False,
            )

    @pytest.mark.parametrize("clock", ["15:20", "15:59", "18:00", "20:10"])
    def test_a_page_at_another_hour_brings_no_prices(self, at: Fixture, clock: str) -> None:
        market = at(f"{THU} {clock}")
        kw = market.connect()
        kw.daily(PLAIN, "2026-11-02")
        go(market, f"{THU} 20:15")
        kw.update_market(PLAIN)
        assert days(kw)[-1] == WED

    def test_a_load_of_older_bars_does_not_undo_it(self, at: Fixture) -> None:
        market = at(f"{FRI} 15:40")
        kw = market.connect()
        kw.update_market(PLAIN)
        go(market, f"{FRI} 20:10")
        assert kw.update_market(PLAIN).loc[PLAIN, "done"] == "added"
        frame = kw.daily(PLAIN, "2026-11-02")
        assert not {"provisional", "unfinished"} & set(frame.attrs)
        assert len(kw.daily(PLAIN, "2026-11-02", finished=True)) == len(frame)
        expected = official(market, PLAIN, "2026-11-02", FRI)
        pd.testing.assert_frame_equal(frame, expected, check_freq=False, check_index_type=False)

    @pytest.mark.parametrize("evenings", ["regular"], indirect=True)
    def test_the_next_base_price_is_the_close_at_no_cost(self, at: Fixture) -> None:
        market = at(f"{THU} 08:30")
        kw = market.connect()
        codes = list(kw.codes("KOSPI").index[:30])
        for code in CODES:
            kw.daily(code, "2026-09-01")
        codes = list(dict.fromkeys([*CODES, *codes]))
        go(market, f"{THU} 20:10")
        first = kw.update_market(codes)
        assert first.attrs["trs"] == 1
        assert set(first.loc[CODES, "done"]) == {"provisional"}
        go(market, f"{FRI} 20:10")
        second = kw.update_market(codes)
        assert second.attrs["trs"] == 1
        assert set(second.loc[CODES, "done"]) == {"provisional"}
        for code in CODES:
            expected = official(market, code, "2026-09-01", THU)
            pd.testing.assert_frame_equal(
                stored(kw, code), expected, check_freq=False, check_index_type=False
            )

    @pytest.mark.parametrize("evenings", ["wide"], indirect=True)
    def test_high_and_low_that_may_include_the_after_market_are_not_taken(self, at: Fixture) -> None:
        market = at(f"{THU} 08:30")
        kw = market.connect()
        kw.daily(PLAIN, "2026-09-01")
        for day in (THU, FRI):
            go(market, f"{day} 20:10")
            frame = kw.update_market(PLAIN)
            assert frame.loc[PLAIN, ["done", "trs"]].tolist() == ["provisional", 0]
        assert days(kw)[-1] == WED
        # A page of days is final in the morning, one TR for all of them.
        go(market, f"{SAT} 08:00")
        assert kw.daily(PLAIN, "2026-09-01").attrs["trs"] == 1
        expected = official(market, PLAIN, "2026-09-01", FRI)
        pd.testing.assert_frame_equal(stored(kw, PLAIN), expected, check_freq=False, check_index_type=False)

    def test_before_the_open_it_brings_the_last_session(self, at: Fixture) -> None:
        market = at(f"{FRI} 08:30")
        kw = market.connect()
        frame = kw.update_market(CODES)
        assert (set(frame["done"]), frame.attrs["trs"], frame.attrs["session"]) == ({"added"}, 1, THU)
        for code in CODES:
            expected = official(market, code, THU, THU)
            pd.testing.assert_frame_equal(
                stored(kw, code), expected, check_freq=False, check_index_type=False
            )

    def test_a_split_is_still_noticed(self, at: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corporate, "KNOWN_ACTIONS", (CorporateAction(SPLIT, date(2026, 11, 13), 5.0),))
        market = at(f"{THU} 15:40")
        kw = market.connect()
        kw.daily(SPLIT, "2026-09-01")
        for when, done in [
            (f"{THU} 15:45", "provisional"),
            (f"{THU} 20:10", "appended"),
            (f"{FRI} 15:40", "provisional"),
            (f"{FRI} 20:10", "refetched"),
        ]:
            go(market, when)
            assert kw.update_market([SPLIT, PLAIN]).loc[SPLIT, "done"] == done, when
        expected = official(market, SPLIT, "2026-09-01", FRI)
        pd.testing.assert_frame_equal(stored(kw, SPLIT), expected, check_freq=False, check_index_type=False)

    def test_a_pass_that_was_killed_before_it_stored_the_bar_goes_on_without_a_tr(
        self, at: Fixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        market = at(f"{FRI} 15:40")
        kw = market.connect()
        kw.update_market(PLAIN)
        go(market, f"{FRI} 20:10")
        series = kw._market_update._series
        append_quotes = series.append_quotes
        monkeypatch.setattr(series, "append_quotes", lambda tasks: interrupt() if tasks else [])
        with pytest.raises(KeyboardInterrupt):
            kw.update_market(PLAIN)
        monkeypatch.setattr(series, "append_quotes", append_quotes)
        again = kw.update_market(PLAIN)
        assert (again.loc[PLAIN, "done"], again.attrs["trs"]) == ("added", 0)


def interrupt() -> list[Any]:
    raise KeyboardInterrupt


@pytest.mark.parametrize("evenings", ["wide"], indirect=True)
class TestWhen:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (f"{FRI} 08:30", "both"),
            (f"{FRI} 09:00", f"{FRI} 15:31"),
            (f"{FRI} 15:29", f"{FRI} 15:31"),
            (f"{FRI} 15:31", "prices"),
            (f"{FRI} 15:45", "prices"),
            (f"{FRI} 15:59", f"{FRI} 20:05"),
            (f"{FRI} 16:00", f"{FRI} 20:05"),
            (f"{FRI} 18:00", f"{FRI} 20:05"),
            (f"{FRI} 20:00", f"{FRI} 20:05"),
            (f"{FRI} 20:05", "volume"),
            (f"{SAT} 00:00", "volume"),
            (f"{SAT} 07:59", "volume"),
            (f"{SAT} 08:00", "both"),
            (f"{MON} 08:59", "both"),
            (f"{CSAT} 15:31", f"{CSAT} 16:31"),
            (f"{CSAT} 16:31", "prices"),
            (f"{CSAT} 20:05", f"{CSAT} 21:05"),  # whether a late day ends later is not known
            (f"{CSAT} 21:05", "volume"),
            ("2026-12-31 12:00", "both"),
            ("2027-01-04 09:30", "both"),  # the first session of a year opens at ten
            ("2027-01-04 10:00", "2027-01-04 15:31"),
            ("2026-09-14 08:30", "2026-09-14 15:31"),  # the session before had no after-market
        ],
    )
    def test_which_half_there_is_at_each_hour(self, at: Fixture, now: str, expected: str) -> None:
        market = at(now)
        update = market.connect()._market_update
        if len(expected) > 10:
            with pytest.raises(TooEarly, match=f"from {expected[11:]} on") as early:
                update.session()
            assert early.value.retry_at == moment(expected)
        else:
            assert update.session()[1] == expected


HOURS = ["08:00", "08:40", "15:31", "15:45", "15:58", "16:32", "16:45", "20:05", "20:40", "21:10", "23:59"]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_whatever_the_times_of_the_passes_a_final_bar_is_the_official_one(
    at: Fixture, evenings: str, seed: int
) -> None:
    draw = random.Random(seed)
    market = at("2026-11-09 08:00")
    caches = [market.connect(f"cache{number}") for number in range(3)]
    for kw in caches[1:]:
        for code in CODES[:3]:
            kw.daily(code, "2026-09-01")
    moments = sorted(
        f"2026-11-{day:02} {draw.choice(HOURS)}:{draw.randrange(60):02}"
        for day in range(9, 24)
        for _ in range(3)
    )
    stored_days = 0
    # A final bar stays the official one, so bars that were compared are compared again when they change.
    compared: dict[tuple[Session, str], list[bytes]] = {}
    for when in moments:
        if moment(when).timestamp() <= market.clock.now():
            continue
        go(market, when)
        for kw in caches:
            if draw.random() < 0.3:
                continue
            code = draw.choice(CODES)
            with contextlib.suppress(TooEarly):
                kw.update_market(CODES if draw.random() < 0.8 else [code], catch_up=draw.random() < 0.5)
            if draw.random() < 0.2:
                kw.daily(code, draw.choice(["2026-11-02", "2026-11-09"]))
            for code in CODES:
                bars = final_bars(kw, code)
                stored_days += len(bars)
                content = [getattr(bars, name).tobytes() for name in ["time", *OFFICIAL]]
                if compared.get((kw, code)) == content:
                    continue
                compared[kw, code] = content
                found = as_frame(bars)
                expected = official(market, code, "2026-09-01", when[:10]).loc[
                    lambda frame, found=found: frame.index.isin(found.index)
                ]
                pd.testing.assert_frame_equal(found, expected, check_freq=False, check_index_type=False)
    assert stored_days > 1000
    assert all(kw.cache.verify() == [] for kw in caches)

"""kw.update_market without an after-market: the day's bars, a hundred codes a TR, as a cold load has them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab as kl
from kernel_server import simulated
from kernel_server.clock import KST
from kernel_server.simulated.market import corporate_actions as corporate
from kernel_server.simulated.market.corporate_actions import CorporateAction
from koalab import BadInput
from koalab.errors import TooEarly
from koalab.frames.bars import BarColumns
from koalab.sessions.session import Session
from koalab.store.series import Series
from koalab.transport.base import Page
from tests.support import few_issues
from tests.support.session import Market, start
from tests.support.waiting import eventually

WEDNESDAY = datetime(2026, 9, 9, 20, tzinfo=KST)
THURSDAY = datetime(2026, 9, 10, 20, tzinfo=KST)
FRIDAY = datetime(2026, 9, 11, 20, tzinfo=KST)
DAY = pd.Timestamp("2026-09-11")
SPLIT, PLAIN, OTHER = "035720", "005930", "000660"
AUGUST = "2026-08-24"


@pytest.fixture(autouse=True)
def _a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """One share of 카카오 becomes five on the Friday."""
    split = CorporateAction(SPLIT, date(2026, 9, 11), 5.0)
    monkeypatch.setattr(corporate, "KNOWN_ACTIONS", (split,))


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[..., Market]]:
    """A market whose clock stands at a moment; its sessions share a cache with those before."""
    made: list[Market] = []

    def make(now: datetime, **more: Any) -> Market:
        settings = simulated.BrokerSettings(requests_an_hour=100_000)
        made.append(start(tmp_path, now, settings=settings, **more))
        return made[-1]

    yield make
    for found in made:
        found.close()


def held(kw: Session, code: str, adjusted: bool) -> BarColumns:
    bars, _ = kw.cache.read(
        Series(code, "D", adjusted), np.datetime64("1980-01-01"), np.datetime64(DAY, "us")
    )
    return bars


def same(one: BarColumns, other: BarColumns) -> None:
    for column in fields(BarColumns):
        here, there = getattr(one, column.name), getattr(other, column.name)
        assert here.dtype == there.dtype, column.name
        np.testing.assert_array_equal(here, there, column.name)


def asked(market: Market) -> int:
    """TRs that the server has sent, by its own count."""
    return market.connect("counting")._link.status().trs


def without_trades(kw: Session) -> str:
    """The first issue of the listing that was not traded today."""
    codes = list(kw.names())
    for place in range(0, len(codes), 100):
        quotes = kw.quotes(codes[place : place + 100], progress=False)
        for code in quotes.index[quotes["volume"] == 0]:
            return str(code)
    raise AssertionError("all were traded")


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The whole market, updated on the Friday, where a few codes are cached up to the Thursday."""
    folder = tmp_path_factory.mktemp("whole")
    patch = pytest.MonkeyPatch()
    few_issues.leave_out(patch)
    patch.setattr(corporate, "KNOWN_ACTIONS", (CorporateAction(SPLIT, date(2026, 9, 11), 5.0),))
    settings = simulated.BrokerSettings(requests_an_hour=100_000)
    market = start(folder, FRIDAY, settings=settings)
    elsewhere = market.connect("elsewhere")
    halted = without_trades(elsewhere)
    before = start(folder, THURSDAY, settings=settings)
    first = before.connect()
    for code in (SPLIT, PLAIN, halted):
        first.daily(code)
        first.daily(code, AUGUST, adjusted=False)
    before.close()
    kw = market.connect()
    spent = kw._link.status().trs
    frame = kw.update_market(progress=False)
    spent = kw._link.status().trs - spent
    yield {"market": market, "kw": kw, "frame": frame, "spent": spent, "halted": halted}
    market.close()
    patch.undo()


class TestTheWholeMarket:
    def test_costs_29_trs_and_the_refetches(self, updated: dict[str, Any]) -> None:
        frame = updated["frame"]
        assert len(frame) == 2879
        refetched = frame[frame["done"] == "refetched"]
        assert list(refetched.index) == [SPLIT]
        pages = -(-len(held(updated["kw"], SPLIT, True)) // 600)
        assert refetched["trs"].tolist() == [pages]
        assert updated["spent"] == frame.attrs["trs"] == 29 + pages

    def test_says_what_was_done(self, updated: dict[str, Any]) -> None:
        frame = updated["frame"]
        assert list(frame.columns) == ["name", "done", "trs"]
        assert frame.attrs["session"] == "2026-09-11"
        assert frame.loc[PLAIN, ["name", "done", "trs"]].tolist() == ["삼성전자", "appended", 0]
        assert frame["done"].value_counts().to_dict() == {"added": 2876, "appended": 2, "refetched": 1}

    @pytest.mark.parametrize("which", ["split", "plain", "halted", "new"])
    @pytest.mark.parametrize("adjusted", [True, False])
    def test_what_is_held_then_is_what_a_cold_load_gives(
        self, updated: dict[str, Any], which: str, adjusted: bool
    ) -> None:
        market, kw = updated["market"], updated["kw"]
        code = {"split": SPLIT, "plain": PLAIN, "halted": updated["halted"], "new": OTHER}[which]
        since = DAY if which == "new" else None if adjusted else AUGUST
        warm = kw.daily(code, since, adjusted=adjusted)
        cold = market.connect(f"cold-{which}-{adjusted}")
        expected = cold.daily(code, since, adjusted=adjusted)
        assert warm.attrs["trs"] == 0
        assert warm.index[-1] == DAY
        pd.testing.assert_frame_equal(warm, expected, check_freq=False)
        same(held(kw, code, adjusted), held(cold, code, adjusted))

    def test_again_costs_nothing(self, updated: dict[str, Any]) -> None:
        kw = updated["kw"]
        again = kw.update_market()
        assert again.attrs["trs"] == 0
        assert set(again["done"]) == {"up to date"}


class TestWhen:
    @pytest.mark.parametrize(
        ("now", "from_when"),
        [
            (datetime(2026, 9, 11, 11, tzinfo=KST), "2026-09-11T18:00"),
            (datetime(2026, 9, 11, 17, 59, 59, tzinfo=KST), "2026-09-11T18:00"),
            (datetime(2026, 9, 11, 8, 30, tzinfo=KST), "2026-09-11T18:00"),
            (
                datetime(2025, 11, 13, 18, 30, tzinfo=KST),
                "2025-11-13T19:00",
            ),  # opens and closes an hour later
        ],
    )
    def test_too_early_says_from_when_on(
        self, at: Callable[..., Market], now: datetime, from_when: str
    ) -> None:
        market = at(now)
        kw = market.connect()
        with pytest.raises(TooEarly, match=f"from {from_when[11:]} on") as refused:
            kw.update_market([PLAIN])
        assert refused.value.retry_at == datetime.fromisoformat(from_when).replace(tzinfo=KST)
        assert asked(market) == 0

    @pytest.mark.parametrize(
        "now",
        [
            datetime(2026, 9, 11, 18, 0, 1, tzinfo=KST),
            datetime(2026, 9, 12, 12, tzinfo=KST),
            datetime(2026, 9, 14, 7, tzinfo=KST),
        ],
    )
    def test_from_then_until_the_morning_of_the_next_session(
        self, at: Callable[..., Market], now: datetime
    ) -> None:
        kw = at(now).connect()
        frame = kw.update_market([PLAIN])
        assert (frame.attrs["session"], frame.attrs["trs"]) == ("2026-09-11", 1)
        assert kw.daily(PLAIN, DAY, DAY, adjusted=False).attrs["trs"] == 0
        assert kw.daily(PLAIN, DAY, DAY).attrs["trs"] == 0
        assert kw.update_market([PLAIN]).attrs["trs"] == 0


class TestWhichCodes:
    def test_those_given_by_code_or_name(self, at: Callable[..., Market]) -> None:
        frame = at(FRIDAY).connect().update_market(["SK하이닉스", PLAIN])
        assert list(frame.index) == [OTHER, PLAIN]

    def test_those_of_a_market_or_kind(self, at: Callable[..., Market]) -> None:
        kw = at(FRIDAY).connect()
        assert list(kw.update_market(market="ETF").index) == list(kw.codes("ETF").index)
        with pytest.raises(BadInput, match="not both"):
            kw.update_market(PLAIN, market="ETF")

    def test_one_that_is_listed_no_more_is_told_of_and_costs_nothing(
        self, at: Callable[..., Market], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kw = at(FRIDAY).connect()
        listing = kw._listing()
        monkeypatch.setattr(listing, "markets", {PLAIN: "KOSPI"})
        kw.cache.add(
            Series("999990", "D", True),
            BarColumns.empty("daily"),
            (np.datetime64("2026-01-01"), np.datetime64("2026-02-01")),
        )
        kw.index("KOSPI", "2026-08-24", "2026-09-04")  # an index in the cache is no issue
        frame = kw.update_market()
        assert frame.loc["999990"].tolist() == ["", "not listed", 0]
        assert list(frame.index) == [PLAIN, "999990"]
        assert frame.attrs["trs"] == 1


class TestMoreSessionsMissing:
    def test_are_caught_up_with_at_a_tr_a_series(self, at: Callable[..., Market]) -> None:
        before = at(datetime(2026, 9, 7, 20, tzinfo=KST)).connect()
        before.daily(PLAIN, "2026-06-22")
        before.daily(PLAIN, "2026-06-22", adjusted=False)
        market = at(FRIDAY)
        kw = market.connect()
        frame = kw.update_market(PLAIN)
        assert frame.loc[PLAIN, ["done", "trs"]].tolist() == ["caught up", 2]
        assert asked(market) == 3
        for adjusted in (True, False):
            warm = kw.daily(PLAIN, "2026-06-22", adjusted=adjusted)
            assert warm.attrs["trs"] == 0
            cold = market.connect(f"cold-{adjusted}").daily(PLAIN, "2026-06-22", adjusted=adjusted)
            pd.testing.assert_frame_equal(warm, cold, check_freq=False)

    def test_with_a_split_among_them_everything_adjusted_is_fetched_anew(
        self, at: Callable[..., Market]
    ) -> None:
        before = at(datetime(2026, 9, 7, 20, tzinfo=KST)).connect()
        before.daily(SPLIT, "2026-06-22")
        market = at(FRIDAY)
        kw = market.connect()
        assert kw.update_market(SPLIT).loc[SPLIT, ["done", "trs"]].tolist() == ["refetched", 2]
        warm = kw.daily(SPLIT, "2026-06-22")
        assert warm.attrs["trs"] == 0
        pd.testing.assert_frame_equal(
            warm, market.connect("cold").daily(SPLIT, "2026-06-22"), check_freq=False
        )

    def test_are_left_unless_asked_for(self, at: Callable[..., Market]) -> None:
        at(datetime(2026, 9, 7, 20, tzinfo=KST)).connect().daily(PLAIN, "2026-06-22")
        kw = at(FRIDAY).connect()
        frame = kw.update_market(PLAIN, catch_up=False)
        assert frame.loc[PLAIN, ["done", "trs"]].tolist() == ["behind", 0]
        assert kw.daily(PLAIN, "2026-06-22").attrs["trs"] == 1

    def test_behind_a_few_days_only_stay_a_gap_that_daily_fills(self, at: Callable[..., Market]) -> None:
        at(WEDNESDAY).connect().update_market(PLAIN)
        market = at(FRIDAY)
        kw = market.connect()
        assert kw.update_market(PLAIN).loc[PLAIN, ["done", "trs"]].tolist() == ["added", 0]
        assert kw.daily(PLAIN, DAY).attrs["trs"] == 0
        filled = kw.daily(PLAIN, "2026-09-09")
        assert (len(filled), filled.attrs["trs"]) == (3, 1)
        pd.testing.assert_frame_equal(
            filled, market.connect("cold").daily(PLAIN, "2026-09-09"), check_freq=False
        )


class TestASplit:
    def test_that_the_adjusted_prices_know_of_already_costs_one_page_for_the_raw_ones(
        self, at: Callable[..., Market]
    ) -> None:
        at(THURSDAY).connect().daily(SPLIT, AUGUST, adjusted=False)
        # In the morning of its day adjusted prices are at the new scale, and the day's own bar is not final.
        at(datetime(2026, 9, 11, 10, tzinfo=KST)).connect().daily(SPLIT, AUGUST)
        market = at(FRIDAY)
        kw = market.connect()
        assert kw.update_market(SPLIT).loc[SPLIT, ["done", "trs"]].tolist() == ["asked", 1]
        for adjusted in (True, False):
            cold = market.connect(f"cold-{adjusted}")
            cold.daily(SPLIT, AUGUST, adjusted=adjusted)
            same(held(kw, SPLIT, adjusted), held(cold, SPLIT, adjusted))
        assert held(kw, SPLIT, False).event.tolist()[-2:] == [0, 8]  # type: ignore[union-attr]

    def test_keeps_the_old_prices_until_all_of_the_new_ones_are_there(
        self, at: Callable[..., Market], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at(THURSDAY).connect().daily(SPLIT)
        market = at(FRIDAY)
        kw = market.connect()
        before = held(kw, SPLIT, True)
        load = kw._link.pages
        pages = 0

        def stop(tr: str, *given: Any, **named: Any) -> Iterator[Page]:
            nonlocal pages
            for page in load(tr, *given, **named):
                pages += tr == "opt10081"
                if pages == 3:
                    raise KeyboardInterrupt
                yield page

        monkeypatch.setattr(kw._link, "pages", stop)
        with pytest.raises(KeyboardInterrupt):
            kw.update_market([SPLIT, PLAIN])
        same(held(kw, SPLIT, True), before)
        monkeypatch.undo()
        monkeypatch.setattr(corporate, "KNOWN_ACTIONS", (CorporateAction(SPLIT, date(2026, 9, 11), 5.0),))
        again = kw.update_market([SPLIT, PLAIN])
        assert again["done"].tolist() == ["refetched", "up to date"]
        cold = market.connect("cold")
        cold.daily(SPLIT)
        same(held(kw, SPLIT, True), held(cold, SPLIT, True))


def test_25_codes_are_written_together_or_not_at_all(
    at: Callable[..., Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    market = at(FRIDAY)
    kw = market.connect()
    codes = list(kw.codes("KOSPI").index[:150])
    add = kw.cache.add
    done = 0

    def stop(*given: Any, **more: Any) -> None:
        nonlocal done
        done += 1
        if done > 2 * 110:  # both series of each
            raise KeyboardInterrupt
        add(*given, **more)

    monkeypatch.setattr(kw.cache, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        kw.update_market(codes)
    monkeypatch.undo()
    assert {one.code for one in kw.cache.series()} == set(codes[:100])
    assert kw.cache.verify() == []
    again = kw.update_market(codes)
    assert again.attrs["trs"] == 1
    assert again["done"].value_counts().to_dict() == {"up to date": 100, "added": 50}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_an_update_that_is_killed_leaves_a_sound_cache_and_goes_on_where_it_was(
    at: Callable[..., Market],
) -> None:
    market = at(FRIDAY)
    kw = market.connect()
    code = (
        "import sys; from koalab.sessions.session import Session; from koalab.transport.remote import RemoteTransport\n"
        "kw = Session(RemoteTransport(sys.argv[1]), sys.argv[2]); print('go', flush=True)\n"
        "kw.update_market(market='KOSPI', progress=False)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, market.server.address, str(market.folder / "cache")],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        eventually(lambda: bool(kw.cache.series()) or process.poll() is not None)
        process.kill()
    held = {one.code for one in kw.cache.series()}
    assert held
    assert kw.cache.verify() == []
    again = kw.update_market(market="KOSPI", progress=False)
    assert set(again.index[again["done"] == "up to date"]) == held
    assert again.attrs["trs"] == -(-int((again["done"] != "up to date").sum()) // 100)
    assert kw.cache.verify() == []


LISTING = """code,name,market,shares,listing_date
005930,삼성전자,KOSPI,100,1975-06-11
035720,카카오,KOSPI,100,1999-11-11
"""


def rows(prices: list[tuple[str, int, int, int, int, int]]) -> str:
    lines = [",".join(map(str, row)) for row in prices]
    return "\n".join(["date,open,high,low,close,volume", *lines]) + "\n"


class TestADayWithoutATrade:
    """What opt10081 has of it is not known to be what a quote shows, where that shows prices of 0."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        folder = tmp_path / "data"
        (folder / "daily").mkdir(parents=True)
        (folder / "listing.csv").write_text(LISTING, encoding="utf-8")
        held = [("2026-09-09", 100, 110, 90, 105, 7), ("2026-09-10", 105, 105, 105, 105, 1)]
        halted = [*held, ("2026-09-11", 0, 0, 0, 105, 0)]
        (folder / "daily" / "005930.csv").write_text(rows(halted))
        (folder / "daily" / "035720.csv").write_text(rows(held))
        return folder

    def test_is_asked_of_opt10081_once(self, at: Callable[..., Market], data: Path) -> None:
        at(THURSDAY, market_data=data).connect().daily(PLAIN)
        market = at(FRIDAY, market_data=data)
        kw = market.connect()
        assert kw.update_market(PLAIN).loc[PLAIN, ["done", "trs"]].tolist() == ["asked", 1]
        warm = kw.daily(PLAIN)
        assert warm.attrs["trs"] == 0
        pd.testing.assert_frame_equal(warm, market.connect("cold").daily(PLAIN), check_freq=False)

    def test_of_a_code_that_nothing_is_held_of_is_left_out(
        self, at: Callable[..., Market], data: Path
    ) -> None:
        kw = at(FRIDAY, market_data=data).connect()
        assert kw.update_market(PLAIN).loc[PLAIN, ["done", "trs"]].tolist() == ["no quote", 0]
        assert kw.daily(PLAIN, DAY)["volume"].tolist() == [0]

    def test_that_the_quote_shows_an_older_day_for_is_left_to_daily(
        self, at: Callable[..., Market], data: Path
    ) -> None:
        kw = at(FRIDAY, market_data=data).connect()
        assert kw.update_market("카카오").loc["035720", ["done", "trs"]].tolist() == ["no quote", 0]
        assert len(kw.daily("카카오")) == 2


def test_the_error_is_one_of_koalabs() -> None:
    assert issubclass(kl.TooEarly, kl.KoalabError)

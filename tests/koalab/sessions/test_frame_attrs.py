"""Every frame and Series that a user gets says where it came from and what it cost."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import koalab as kl
from kernel_server.clock import KST
from koalab.alerts.alert import Alert
from koalab.frames.attrs import KEYS
from koalab.frames.generic import Answer
from koalab.live.collecting.collection import Collection
from koalab.live.condition_watch import ConditionWatch
from koalab.live.stream import EventStream
from koalab.live.table import LiveTable
from koalab.orders.order import Order
from koalab.orders.preview import OrderPreview
from koalab.plans.plan import Plan
from koalab.sessions.session import Session
from koalab.store.bars import BarStore
from koalab.widgets.chart import LiveChart
from koalab.widgets.ticker import Ticker
from tests.support.session import Market, start

OPEN = datetime(2026, 11, 17, 10, 30, tzinfo=KST)
CODES = ["005930", "000660"]
CONDITION = "중소형 저평가주"

FRAMES: dict[tuple[type, str], Callable[[Any], Any]] = {
    (Session, "alerts"): lambda kw: kw.alerts,
    (Session, "audit"): lambda kw: kw.audit(),
    (Session, "balances"): lambda kw: kw.balances(),
    (Session, "bars"): lambda kw: kw.bars("005930", "W", "2026-10"),
    (Session, "codes"): lambda kw: kw.codes("KOSPI"),
    (Session, "conditions"): lambda kw: kw.conditions(),
    (Session, "daily"): lambda kw: kw.daily(CODES, "2026-11"),
    (Session, "deposit"): lambda kw: kw.deposit(),
    (Session, "fills"): lambda kw: kw.fills(),
    (Session, "find"): lambda kw: kw.find("삼성"),
    (Session, "flows"): lambda kw: kw.flows(CODES, "2026-11-10"),
    (Session, "index"): lambda kw: kw.index("KOSPI", "2026-11"),
    (Session, "indices"): lambda kw: kw.indices(),
    (Session, "info"): lambda kw: kw.info("005930"),
    (Session, "minute"): lambda kw: kw.minute("005930", 5, "2026-11-17"),
    (Session, "open_orders"): lambda kw: kw.open_orders,
    (Session, "orderbook"): lambda kw: kw.orderbook(CODES),
    (Session, "orders"): lambda kw: kw.orders(),
    (Session, "positions"): lambda kw: kw.positions,
    (Session, "quotes"): lambda kw: kw.quotes(CODES),
    (Session, "returns"): lambda kw: kw.returns(),
    (Session, "screen"): lambda kw: kw.screen(CONDITION),
    (Session, "update_market"): None,  # type: ignore[dict-item]  # it is for the hours after the close, see below
    (BarStore, "info"): lambda kw: kw.cache.info(),
    (Answer, "single"): lambda kw: kw.tr("opt10001", 종목코드="005930").single,
    (Answer, "multi"): lambda kw: kw.tr("opt10081", pages=1, 종목코드="005930", 수정주가구분=1).multi,
    (EventStream, "gaps"): lambda kw: closing(kw.ticks(CODES), lambda one: one.gaps),
    (EventStream, "to_frame"): lambda kw: closing(kw.ticks(CODES), lambda one: one.to_frame()),
    (LiveTable, "frame"): lambda kw: closing(kw.live(CODES), lambda one: one.frame()),
    (LiveTable, "gaps"): lambda kw: closing(kw.live(CODES), lambda one: one.gaps),
    (ConditionWatch, "frame"): lambda kw: closing(kw.watch(CONDITION), lambda one: one.frame()),
    (ConditionWatch, "history"): lambda kw: closing(kw.watch(CONDITION), lambda one: one.history()),
    (ConditionWatch, "gaps"): lambda kw: closing(kw.watch(CONDITION), lambda one: one.gaps),
    (Collection, "frame"): lambda kw: closing(kw.collect(CODES), lambda one: one.frame(), fill=False),
    (Collection, "gaps"): lambda kw: closing(kw.collect(CODES), lambda one: one.gaps, fill=False),
    (Plan, "frame"): lambda kw: kw.plan("daily", CODES, "2026-11").frame(),
    (Plan, "summary"): lambda kw: kw.plan("daily", CODES, "2026-11").summary(),
    (Plan, "run"): lambda kw: kw.plan("daily", CODES, "2026-11").run(progress=False),
    (Plan, "load"): lambda kw: kw.plan("daily", CODES, "2026-11").load(progress=False),
    (Order, "events"): lambda kw: kw.buy("005930", 1).events,
    (Order, "summary"): lambda kw: kw.buy("005930", 2).summary(),
    (OrderPreview, "summary"): lambda kw: kw.buy("005930", 3, dry_run=True).summary(),
    (Alert, "messages"): lambda kw: kw.alert("005930 > 1", to=print).messages(),
    (Ticker, "frame"): lambda kw: closing(kw.ticker(CODES), lambda one: one.frame()),
    (LiveChart, "frame"): lambda kw: closing(kw.chart("005930", live=True), lambda one: one.frame()),
}
"""How a frame of each public method is made."""
ADJUSTED = {
    *((Session, name) for name in ("bars", "daily", "minute")),
    (Plan, "load"),
    (LiveChart, "frame"),
}
"""Those with prices that are adjusted or not."""


def closing(opened: Any, frame: Callable[[Any], Any], **how: Any) -> Any:
    try:
        return frame(opened)
    finally:
        (opened.stop if isinstance(opened, Collection) else opened.close)(**how)


def named(case: object) -> str:
    return f"{case[0].__name__}.{case[1]}" if isinstance(case, tuple) else ""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    market = start(tmp_path_factory.mktemp("market"), OPEN)
    yield market.connect()
    market.close()


def test_no_method_with_a_frame_is_left_out() -> None:
    for owner in {owner for owner, _ in FRAMES}:
        for name, member in inspect.getmembers(owner):
            made = getattr(member, "fget", None) or getattr(member, "func", None) or member
            returns = str(getattr(made, "__annotations__", {}).get("return", ""))
            if not name.startswith("_") and returns.startswith(("pd.DataFrame", "pd.Series")):
                assert (owner, name) in FRAMES, f"{owner.__name__}.{name} is not in FRAMES"


@pytest.mark.parametrize("case", [one for one in FRAMES if FRAMES[one] is not None], ids=named)
def test_a_frame_has_what_every_frame_has(session: Session, case: tuple[type, str]) -> None:
    before = session._link.trs
    attrs = FRAMES[case](session).attrs
    assert [name for name in KEYS if name not in attrs] == []
    assert attrs["source"] == ("" if case == (Session, "audit") else session.cache.source.split("@")[0])
    assert isinstance(attrs["tr"], str)
    assert pd.Timestamp(attrs["fetched_at"]).utcoffset() == pd.Timedelta(hours=9)
    assert attrs["adjusted"] is (True if case in ADJUSTED else None)
    assert attrs["cache_hits"] >= 0
    if case[0] in (Session, Plan):
        assert attrs["trs"] == session._link.trs - before
    else:
        assert attrs["trs"] >= 0


def test_the_listing_says_that_it_was_cached(market: Market) -> None:
    first, again = market.connect().find("삼성전자"), market.connect().find("삼성전자")
    whole = market.connect().codes()
    known = market.connect().codes("KOSPI")
    assert (first.attrs["cache_hits"], again.attrs["cache_hits"], whole.attrs["cache_hits"]) == (0, 0, 0)
    assert known.attrs["cache_hits"] == len(known)
    assert known.attrs["fetched_at"] == whole.attrs["fetched_at"]
    assert market.connect().indices().attrs["cache_hits"] == 0
    indices = market.connect().indices()
    assert indices.attrs["cache_hits"] == len(indices)


def test_the_first_look_at_positions_says_what_it_cost(open_market: Callable[[datetime], Market]) -> None:
    kw = open_market(OPEN).connect()
    first = kw.positions
    assert first.attrs["trs"] == kw._link.trs >= 2
    assert kw.positions.attrs["trs"] == kw.open_orders.attrs["trs"] == 0


def test_an_update_of_the_market_has_them(tmp_path: Path) -> None:
    market = start(tmp_path, datetime(2026, 11, 17, 20, 10, tzinfo=KST))
    kw = market.connect()
    frame = kw.update_market(CODES)
    assert [name for name in KEYS if name not in frame.attrs] == []
    market.close()


def test_trs_are_those_of_the_call_and_not_of_another_thread(slow_market: Market) -> None:
    """Two threads share a session; each frame counts its own."""
    kw = slow_market.connect()
    kw.names()
    costs: dict[str, int] = {}

    def ask(code: str, times: int) -> None:
        costs[code] = sum(kw.orderbook(code, progress=False).attrs["trs"] for _ in range(times))

    threads = [threading.Thread(target=ask, args=(code, 8)) for code in CODES]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert costs == dict.fromkeys(CODES, 8)


class TestInvestorsOfToday:
    """The newest row of ``flows`` grows until the day's bar is final, and says so."""

    @pytest.mark.parametrize(
        ("now", "grows"),
        [
            (datetime(2026, 11, 17, 8, 50, tzinfo=KST), ""),
            (OPEN, "2026-11-17"),
            (datetime(2026, 11, 17, 17, 0, tzinfo=KST), "2026-11-17"),
            (datetime(2026, 11, 18, 7, 0, tzinfo=KST), "2026-11-17"),
            (datetime(2026, 11, 18, 8, 30, tzinfo=KST), ""),
            (datetime(2025, 11, 18, 17, 30, tzinfo=KST), "2025-11-18"),
            (datetime(2025, 11, 18, 18, 30, tzinfo=KST), ""),
        ],
    )
    def test_are_unfinished_until_the_day_is_final(
        self, open_market: Callable[[datetime], Market], now: datetime, grows: str
    ) -> None:
        kw = open_market(now).connect()
        frame = kw.flows("005930", now.strftime("%Y-%m"))
        assert frame.attrs.get("unfinished", "") == grows
        several = kw.flows(CODES, now.strftime("%Y-%m"))
        assert several.attrs.get("unfinished", {}) == (dict.fromkeys(CODES, grows) if grows else {})
        final = kw.flows("005930", now.strftime("%Y-%m"), finished=True)
        assert "unfinished" not in final.attrs
        pd.testing.assert_frame_equal(final, frame.iloc[:-1] if grows else frame, check_freq=False)


class TestTheTimeOfAQuote:
    """``time`` is that of the trade whose price is shown, which the tick chart and the day's trades show too."""

    @pytest.mark.parametrize(
        "now",
        [
            datetime(2026, 11, 17, 14, 0, tzinfo=KST),
            datetime(2026, 11, 17, 15, 35, tzinfo=KST),
            datetime(2026, 11, 17, 19, 0, tzinfo=KST),
            datetime(2026, 11, 17, 22, 0, tzinfo=KST),
            datetime(2026, 11, 18, 4, 30, tzinfo=KST),
        ],
    )
    def test_is_that_of_the_newest_trade(
        self, open_market: Callable[[datetime], Market], now: datetime
    ) -> None:
        kw = open_market(now).connect()
        codes = list(kw.codes("KOSPI").index[:40])
        frame = kw.quotes(codes)
        until = pd.Timestamp(frame.attrs["fetched_at"]).strftime("%H%M%S")
        compared = 0
        for code in codes:
            trades = kw.tr("opt10003", pages=1, 종목코드=code).multi
            if 5 < now.hour < 20:  # the clock goes on while they are asked for
                trades = trades[trades["시간"] < until]
            if len(trades) and trades["현재가"].iloc[0] == frame.price[code]:
                shown = f"{frame.time[code]:%H%M%S}"
                assert shown == trades["시간"].iloc[0] or shown == until, code
                compared += 1
        assert compared > len(codes) // 2

    def test_is_that_of_the_close_when_the_official_price_is_back(
        self, open_market: Callable[[datetime], Market]
    ) -> None:
        kw = open_market(datetime(2026, 11, 18, 7, 30, tzinfo=KST)).connect()
        frame, close = kw.quotes(CODES), kw.daily(CODES, "2026-11-17").close
        assert list(frame.price) == list(close)
        assert [f"{time:%Y-%m-%d %H:%M:%S}" for time in frame.time] == ["2026-11-17 15:30:00"] * 2


class TestInvestorsFromBeforeTheFirstDay:
    def test_say_where_they_begin(self, kw: Session) -> None:
        with pytest.warns(kl.ShortHistory, match="2022-01-27"):
            frame = kw.flows(["373220", "005930"], "2021-12-01", "2022-03-31")
        assert frame.attrs["history_from"] == {"373220": "2022-01-27"}
        assert frame.loc["373220"].index[0] == pd.Timestamp("2022-01-27")
        with pytest.warns(kl.ShortHistory, match="2022-01-27"):
            assert kw.flows("373220", "2021-12-01", "2022-03-31").attrs["history_from"] == "2022-01-27"
        assert "history_from" not in kw.flows("373220", "2022-01-27", "2022-03-31").attrs
        assert "history_from" not in kw.flows("373220", "2022-02-01", "2022-03-31").attrs

    def test_cost_nothing_where_there_is_no_session(self, kw: Session) -> None:
        frame = kw.flows(CODES, "2026-11-14", "2026-11-15")
        assert (len(frame), frame.attrs["trs"]) == (0, 0)
        assert frame.index.names == ["code", "date"]

"""An issue at Nextrade and at both exchanges: bars in separate series, quotes, books, live data, orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from kernel_server.clock import KST
from koalab import BadInput, MissingData, OrderGuarded, OrderRejected
from koalab.sessions.session import Session
from tests.support.session import Market
from tests.support.waiting import HANGS_AFTER

OWN, NX, AL = "005930", "005930_NX", "005930_AL"
PRE_MARKET = datetime(2026, 11, 17, 8, 20, tzinfo=KST)
MORNING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture
def morning(open_market: Callable[[datetime], Market]) -> Market:
    return open_market(MORNING)


def go(market: Market, kw: Session, seconds: int) -> None:
    for _ in range(seconds):
        market.clock.advance(1.0)
        market.thread.post(lambda: None).result(HANGS_AFTER)
    kw._hub.sync(HANGS_AFTER)


def test_bars_of_nextrade_and_of_both_exchanges(kw: Session) -> None:
    asked = {"start": "2026-11-02", "end": "2026-11-13"}
    own, nextrade, both = (kw.daily(code, **asked) for code in ("005930", "005930_NX", "005930_AL"))
    assert list(nextrade.index) == list(own.index) == list(both.index)
    assert np.array_equal(both["volume"], own["volume"] + nextrade["volume"])
    assert (nextrade["close"] != own["close"]).any()

    again = kw.daily("005930_NX", **asked)
    assert again.attrs["trs"] == 0
    assert again.equals(nextrade)


def test_minutes_of_nextrade_begin_before_the_exchange_opens(kw: Session) -> None:
    frame = kw.minute("005930_NX", 1, start="2026-11-12", end="2026-11-12")
    hours = frame.index.hour + frame.index.minute / 60
    assert hours.min() < 8.5
    assert hours.max() > 19.5


@pytest.mark.usefixtures("whole_market")
def test_the_codes_that_nextrade_trades(kw: Session) -> None:
    codes = str(kw.call.GetCodeListByMarket("NXT")).rstrip(";").split(";")
    assert len(codes) == 650
    assert {"005930", "000660"} <= set(codes)


def test_quotes_of_each_exchange_are_rows_of_their_own(morning: Market) -> None:
    frame = morning.connect().quotes([OWN, NX, AL])
    assert list(frame.index) == [OWN, NX, AL]
    assert len(set(frame["base_price"])) == 1
    assert frame.loc[AL, "volume"] == frame.loc[OWN, "volume"] + frame.loc[NX, "volume"]
    assert 0 < frame.loc[NX, "volume"] < frame.loc[OWN, "volume"]


def test_an_issue_that_nextrade_does_not_trade_is_missing_there(morning: Market) -> None:
    kw = morning.connect()
    with pytest.warns(MissingData, match="069500_NX"):
        frame = kw.quotes(["069500", "069500_NX", NX])
    assert list(frame.index) == ["069500", NX]
    assert list(frame.attrs["missing"]) == ["069500_NX"]


def test_the_pre_market_is_open_before_the_exchange(open_market: Callable[[datetime], Market]) -> None:
    market = open_market(PRE_MARKET)
    kw = market.connect()
    with kw.ticks([OWN, NX, AL]) as trades, kw.books([NX, AL]) as books:
        go(market, kw, 120)
        found, quotes = trades.to_frame(), books.to_frame()
    codes = found.index.get_level_values("code")
    assert set(codes) == {NX, AL}
    assert found.loc[NX]["volume"].sum() == found.loc[AL]["volume"].sum()
    assert set(found["session"]) == {"P"}
    assert set(quotes.index.get_level_values("code")) == {NX, AL}


def test_a_live_table_and_a_book_at_another_exchange(morning: Market) -> None:
    kw = morning.connect()
    table = kw.live([OWN, NX])
    go(morning, kw, 60)
    frame = table.frame()
    assert frame["name"].to_dict() == {OWN: "삼성전자", NX: "삼성전자 NXT"}
    assert frame.loc[NX, "volume"] < frame.loc[OWN, "volume"]
    table.close()
    assert len(kw.orderbook(AL)) == 20


def test_an_order_for_another_exchange_is_stopped_and_refused(morning: Market) -> None:
    kw = morning.connect()
    price = int(kw.quotes(NX).loc[NX, "price"])
    for code in (NX, AL):
        with pytest.raises(OrderGuarded, match=f"{code} is not known") as stopped:
            kw.buy(code, 1, price)
        assert stopped.value.guard == "exchange"
    kw.guards.exchange = False
    with pytest.raises(OrderRejected, match="RC9000"):
        kw.buy(NX, 1, price)
    assert not len(kw.orders())


def test_daily_bars_of_another_exchange_are_not_made_of_quotes(morning: Market) -> None:
    with pytest.raises(BadInput, match=r'kw\.daily\("005930_NX"\)'):
        morning.connect().update_market([OWN, NX])


@pytest.mark.parametrize("code", [NX, AL])
@pytest.mark.parametrize(
    "early", [datetime(2026, 9, 10, 18, 30, tzinfo=KST), datetime(2025, 11, 13, 19, 30, tzinfo=KST)]
)
def test_the_evening_is_in_bars_of_a_day_before_the_after_market_of_the_exchange(
    open_market: Callable[[datetime], Market], code: str, early: datetime
) -> None:
    """Nextrade traded until 20:00, also on the day of the 수능, whose regular session ends at 16:30."""
    market = open_market(early)
    kw, start = market.connect(), f"{early:%Y-%m-%d}"
    daily = kw.daily(code, start=start, end=start)
    minutes = kw.minute(code, 1, start=start, end=start)
    assert list(daily.attrs["provisional"]) == list(daily.index)
    assert kw.daily(code, start=start, end=start, finished=True).empty
    market.clock.advance((early.replace(hour=20, minute=6) - early).total_seconds())
    cold = market.connect("cold")
    for get, before in ((Session.daily, daily), (Session.minute, minutes)):
        found = get(kw, code, start=start, end=start)
        assert found.attrs["trs"] > 0
        assert found.equals(get(cold, code, start=start, end=start))
        assert found["volume"].sum() > before["volume"].sum()
        assert get(kw, code, start=start, end=start).attrs["trs"] == 0


def test_minutes_of_the_pre_market_are_there_while_it_lasts(
    open_market: Callable[[datetime], Market],
) -> None:
    kw = open_market(PRE_MARKET).connect()
    frame = kw.minute(NX, 1, start="2026-11-17")
    assert frame.index[0].strftime("%H:%M") < "08:10" < frame.index[-1].strftime("%H:%M") <= "08:20"

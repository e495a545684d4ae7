"""A session in the evening of the simulated broker: its status, orders, live trades and daily bar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from kernel_server import simulated
from kernel_server.clock import KST
from koalab import OrderGuarded, OrderRejected
from koalab.sessions.session import Session
from tests.koalab.orders.test_orders import go
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes

CODE, FUND = "005930", "069500"
DAY = "2026-11-17"


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Market]:
    """17:00 of a day with an after-market."""
    settings = simulated.BrokerSettings(limited=False)
    found = start(tmp_path, datetime(2026, 11, 17, 17, tzinfo=KST), settings=settings)
    yield found
    found.close()


@pytest.fixture
def kw(evening: Market) -> Session:
    return evening.connect()


def test_the_status_names_the_phase(kw: Session) -> None:
    assert kw.status()["market"] == {"session": DAY, "phase": "애프터마켓"}


def test_a_limit_order_is_filled(evening: Market, kw: Session) -> None:
    limit = int(kw.quotes(CODE)["price"].iloc[0]) + 1000
    order = kw.buy(CODE, 3, price=limit)
    go(evening, 5)
    order.wait(HANGS_AFTER)
    assert (order.status, order.filled) == ("filled", 3)
    assert order.average_price <= limit
    becomes(lambda: kw.positions["quantity"].to_dict(), {CODE: 3})


def test_an_order_of_the_evening_is_void_at_its_end(evening: Market, kw: Session) -> None:
    low = int(str(kw.call.GetMasterLastPrice(CODE))) * 8 // 10 // 1000 * 1000
    order = kw.buy(CODE, 1, price=low)
    go(evening, 2)
    assert order.left == 1
    assert len(kw.open_orders) == 1
    go(evening, 3 * 3600, step=600.0)
    inputs = {"계좌번호": "8000000011", "전체종목구분": "0", "매매구분": "0", "종목코드": "", "체결구분": "1"}
    becomes(lambda: kw.tr("opt10075", **inputs).multi.empty, True)


def test_the_guard_stops_what_is_not_traded_and_the_broker_refuses_it_too(kw: Session) -> None:
    for code, given in ((CODE, {}), (FUND, {"price": int(kw.call.GetMasterLastPrice(FUND))})):
        with pytest.raises(OrderGuarded, match=r"17:0\d"):
            kw.buy(code, 1, **given)  # type: ignore[arg-type]
    kw.guards.session = False
    with pytest.raises(OrderRejected, match="해당 호가유형은 주문 불가능한 시간입니다"):
        kw.buy(CODE, 1)


def test_trades_come_live_and_the_daily_bar_is_provisional_until_the_morning(
    evening: Market, kw: Session
) -> None:
    first = kw.daily(CODE, "2026-11-10")
    table = kw.live([CODE])
    go(evening, 120)
    becomes(lambda: bool(table.frame()["volume"].notna().all()), True)
    table.close()
    assert first.attrs["provisional"]
    assert first.index[-1] == pd.Timestamp(DAY)
    go(evening, 15 * 3600, step=1800.0)  # 08:02 of the next day
    settled = kw.daily(CODE, "2026-11-10", DAY)
    assert settled.attrs["trs"] == 1
    assert "provisional" not in settled.attrs
    regular = kw.minute(CODE, 1, DAY, DAY)
    assert settled["close"].iloc[-1] == regular["close"].iloc[-1]
    assert settled["high"].iloc[-1] == regular["high"].max()
    assert settled["volume"].iloc[-1] > regular["volume"].sum()
    assert kw.daily(CODE, "2026-11-10", DAY).attrs["trs"] == 0

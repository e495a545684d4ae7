"""kw.account_panel: what its page is sent, and how an order is cancelled from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from koalab.widgets.account_panel import AccountPanel
from tests.koalab.live.test_streams import ONE, Trading
from tests.koalab.widgets.pages import Page, StillPainter
from tests.support.waiting import HANGS_AFTER, becomes, wait_until


@pytest.fixture
def page(trading: Trading, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(AccountPanel.__init__, "__defaults__", (StillPainter(),))
    found = Page(trading.kw.account_panel())
    found.say(hello="a")
    yield found
    found.say(gone="a")
    found.widget.close()
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "koalab-account"])


def values(page: Page) -> dict[str, Any]:
    return page.widget._board.values()


def test_a_position_appears_with_its_live_profit(trading: Trading, page: Page) -> None:
    trading.kw.buy(ONE, 10).wait(HANGS_AFTER)
    becomes(lambda: [one["code"] for one in values(page)["positions"]], [ONE])
    wait_until(lambda: page.widget._board._followed == (ONE,))
    trading.go(60)
    (position,) = values(page)["positions"]
    price = int(trading.kw.quotes(ONE)["price"].iloc[0])
    assert position["value"] == position["price"] * 10
    assert position["profit"] == position["value"] - position["cost"]
    assert abs(position["price"] / price - 1) < 0.01
    ((message, _),) = page.paint(page.now + 0.1)
    assert message["k"] == "all"
    assert message["positions"] == values(page)["positions"]


def test_the_deposit_is_that_of_the_broker(trading: Trading, page: Page) -> None:
    deposit = trading.kw.deposit()
    becomes(
        lambda: values(page)["deposit"],
        {name: int(deposit[name]) for name in ("deposit", "orderable", "d2_deposit")},
    )


def test_an_open_order_is_cancelled_by_its_number_alone(trading: Trading, page: Page) -> None:
    limit = int(trading.kw.info(ONE)["lower_limit"])
    order = trading.kw.buy(ONE, 1, price=limit)
    becomes(lambda: [one["number"] for one in values(page)["orders"]], [order.number])
    page.say(cancel="9999999")
    page.say(cancel={"order": order.number})
    assert not order.done
    page.say(cancel=order.number)
    wait_until(lambda: order.status == "cancelled")
    becomes(lambda: values(page)["orders"], [])
    wait_until(lambda: order.number in values(page)["notice"])


def test_a_refused_cancellation_is_said(trading: Trading, page: Page) -> None:
    order = trading.kw.buy(ONE, 1).wait(HANGS_AFTER)
    page.widget._board.cancel(order.number)
    wait_until(lambda: "취소 안 됨" in values(page)["notice"])


def test_a_saved_notebook_has_the_account_as_plain_tables(trading: Trading, page: Page) -> None:
    trading.kw.buy(ONE, 1, price=int(trading.kw.info(ONE)["lower_limit"]))
    becomes(lambda: len(values(page)["orders"]), 1)
    html = page.widget.snapshot()
    assert f"예수금 {trading.kw.deposit()['deposit']:,}원" in html
    assert "평가손익" in html
    assert html.count("삼성전자") == 1
    assert trading.kw.accounts[0] not in html
    assert "<script" not in html


def test_nothing_is_sent_while_nothing_changes(page: Page) -> None:
    wait_until(lambda: bool(values(page)["deposit"]))
    page.paint(page.now + 0.1)
    assert page.paint(page.now + 0.2) == []


def test_it_ends_with_the_session(trading: Trading, page: Page) -> None:
    trading.kw.close()
    assert str(page.widget._board.state) == "closed"

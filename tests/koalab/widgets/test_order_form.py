"""The order form: an order is checked first and sent in a second step, once, and only as it was checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from koalab.widgets.order_entry import SENT_WITHIN
from koalab.widgets.order_form import OrderForm
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.koalab.widgets.pages import Page, StillPainter
from tests.support.waiting import becomes


class Desk:
    """A form of a session, its page, and the orders of the session."""

    def __init__(self, trading: Trading) -> None:
        self.kw = trading.kw
        self.now = 0.0
        self.entry = trading.kw._order_entry(trading.kw.accounts[0])
        self.entry._monotonic = lambda: self.now
        line = trading.kw._state_line(lambda: trading.kw.live(ONE).state, "계좌")
        self.page = Page(OrderForm(self.entry, ONE, "삼성전자", False, line, StillPainter()))
        self.price = int(trading.kw.quotes(ONE)["bid"].iloc[0])

    def check(self, **order: Any) -> dict[str, str]:
        self.page.say(check={"side": "매수", "quantity": 10, "price": self.price, **order})
        becomes(lambda: self.entry.busy, False)
        return self.entry.answer

    def send(self, token: object) -> dict[str, str]:
        self.page.say(send=token)
        becomes(lambda: self.entry.busy, False)
        return self.entry.answer

    @property
    def orders(self) -> int:
        return len(self.kw.orders())


@pytest.fixture
def desk(trading: Trading) -> Iterator[Desk]:
    found = Desk(trading)
    found.page.say(hello="a")
    yield found
    found.page.widget.close()


def test_the_check_shows_fee_and_total_and_sends_nothing(desk: Desk) -> None:
    answer = desk.check()
    expected = desk.kw.buy(ONE, 10, desk.price, dry_run=True)
    assert answer["costs"] == expected.costs
    assert answer["order"] == "매수 삼성전자 10주 지정가"
    assert desk.orders == 0


def test_the_second_step_sends_that_order_once(desk: Desk) -> None:
    token = desk.check()["token"]
    answer = desk.send(token)
    assert answer["sent"].startswith("주문 ")
    sent = desk.kw.orders().iloc[0]
    assert (sent["code"], sent["quantity"], sent["order_price"]) == (ONE, 10, desk.price)
    assert "다시 확인하세요" in desk.send(token)["error"]
    assert desk.orders == 1


@pytest.mark.parametrize("token", [None, "", "0000000000000000", 1, True])
def test_nothing_is_sent_without_the_token_of_a_check(desk: Desk, token: object) -> None:
    desk.check()
    assert "error" in desk.send(token)
    assert desk.orders == 0


def test_what_was_changed_after_its_check_cannot_be_sent(desk: Desk) -> None:
    token = desk.check()["token"]
    desk.page.say(edited=True)
    assert "error" in desk.send(token)
    token = desk.check()["token"]
    desk.page.widget.show(OTHER, "SK하이닉스")
    assert "error" in desk.send(token)
    assert desk.orders == 0


def test_a_check_lasts_thirty_seconds(desk: Desk) -> None:
    token = desk.check()["token"]
    desk.now += SENT_WITHIN + 1
    assert "error" in desk.send(token)
    assert desk.orders == 0


def test_the_guards_of_the_session_stop_it(desk: Desk) -> None:
    desk.kw.guards.max_quantity = 5
    answer = desk.check()
    assert "token" not in answer
    assert "5" in answer["error"]
    assert desk.orders == 0


@pytest.mark.parametrize(
    "order",
    [
        {"side": "buy"},
        {"quantity": 0},
        {"quantity": 1.5},
        {"quantity": None},
        {"price": -1},
        {"price": "70000"},
    ],
)
def test_what_is_no_order_is_refused(desk: Desk, order: dict[str, Any]) -> None:
    assert "token" not in desk.check(**order)
    assert desk.entry.answer["error"]


def test_without_a_price_it_is_at_market(desk: Desk) -> None:
    assert desk.check(price=None)["order"].endswith("시장가")


def test_the_page_gets_what_became_of_it(desk: Desk) -> None:
    desk.page.paint(desk.page.now)
    desk.check()
    (message,) = desk.page.paint(desk.page.now + 1)
    assert message[0]["answer"]["token"]
    assert not message[0]["busy"]


def test_a_price_that_it_was_filled_with_before_fills_it_again(desk: Desk) -> None:
    form = desk.page.widget
    assert isinstance(form, OrderForm)
    form.fill(70_000)
    assert form.price == 70_000
    desk.page.sent.clear()
    form.fill(70_000)
    assert [content for content, _ in desk.page.sent] == [{"k": "fill"}]

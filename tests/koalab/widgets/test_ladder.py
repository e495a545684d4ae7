"""kw.ladder: what its page is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from koalab import BadInput
from koalab.widgets.book_board import FILLS, QUOTED
from koalab.widgets.ladder import Ladder
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.koalab.widgets.pages import Page, StillPainter, array
from tests.support.waiting import becomes


@pytest.fixture
def page(trading: Trading, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(Ladder.__init__, "__defaults__", (StillPainter(),))
    found = Page(trading.kw.ladder(ONE))
    yield found
    found.widget.close()


def test_a_page_gets_the_broker_s_book_first(trading: Trading, page: Page) -> None:
    book = trading.kw.orderbook(ONE)
    page.say(hello="a")
    (everything,) = page.paint(page.now)
    assert everything[0]["k"] == "all"
    for side in ("ask", "bid"):
        assert array(everything, f"{side}_prices") == book.xs(side).sort_index()["price"].tolist()
        assert array(everything, f"{side}_volumes") == book.xs(side).sort_index()["volume"].tolist()
    assert array(everything, "totals")[:2] == [book.attrs["total_ask"], book.attrs["total_bid"]]
    shown = dict(zip(QUOTED, array(everything, "quote"), strict=True))
    quote = trading.kw.quotes(ONE).iloc[0]
    fixed = ("base_price", "upper_limit", "lower_limit", "open")
    assert [shown[name] for name in fixed] == [quote[name] for name in fixed]
    assert "체결강도" in everything[0]["say"]


def test_then_every_change_of_it_and_the_last_trades(trading: Trading, page: Page) -> None:
    page.say(hello="a")
    page.paint(page.now)
    with trading.kw.books(ONE) as books, trading.kw.ticks(ONE) as ticks:
        trading.go(60)
        book, trades = next(books.to_frame(1).itertuples()), ticks.to_frame(FILLS)
    (changed,) = page.paint(page.now + 0.1)
    assert changed[0]["k"] == "d"
    assert array(changed, "ask_prices")[0] == book.ask_price_1
    assert array(changed, "bid_volumes")[9] == book.bid_volume_10
    assert array(changed, "totals") == [book.total_ask, book.total_bid, 0, 0]  # no auction runs
    newest = trades.iloc[::-1]
    assert array(changed, "fills")[::2] == newest["price"].tolist()
    assert array(changed, "fills")[1::2] == (newest["volume"] * newest["side"]).tolist()
    assert page.paint(page.now + 0.2) == []


def test_a_chosen_price_is_passed_on(page: Page) -> None:
    seen: list[int] = []
    page.widget.on_select(seen.append)
    page.widget.selected_price = 70_000
    assert seen == [70_000]
    page.say(again=True)
    assert seen == [70_000, 70_000]
    with pytest.raises(BadInput):
        page.widget.on_select("print")


def test_a_saved_notebook_has_the_book_as_a_plain_table(page: Page) -> None:
    html = page.widget.snapshot()
    assert html.count("<tr") == 22
    assert "삼성전자 005930" in html
    assert "총잔량" in html
    assert "<script" not in html


def test_it_is_of_one_issue_and_leaves_nothing_registered(trading: Trading, page: Page) -> None:
    for wrong in ([ONE, OTHER], []):
        with pytest.raises(BadInput, match="one issue"):
            trading.kw.ladder(wrong)
    page.widget.close()
    becomes(lambda: trading.kw.status()["streams"], 0)

"""kw.account_panel in JupyterLab: one notebook, whose tests go on where the one before stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import CONNECT, Lab, OpenNotebook

# A position, and an order to buy far below the market that stays open.
ORDERS = """kw.buy("삼성전자", 30).wait(60)
price = int(kw.quotes("000660")["price"].iloc[0] * 0.9) // 1000 * 1000
order = kw.buy("SK하이닉스", 2, price=price)
order"""
PANEL = "panel = kw.account_panel()\npanel"


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    opened = OpenNotebook(lab, page, "account", [CONNECT, ORDERS, PANEL, "order.status", "panel.close()"])
    for cell in range(3):
        opened.run(cell)
    assert "접수" in opened.text(1)
    return opened


@pytest.fixture
def widget(notebook: OpenNotebook) -> Locator:
    return notebook.output(2).locator(".koalab-live")


def test_it_shows_positions_open_orders_and_the_deposit(notebook: OpenNotebook, widget: Locator) -> None:
    expect(widget).to_have_attribute("data-state", "live")
    expect(widget.locator(".koalab-sums")).to_contain_text("예수금")
    expect(widget.locator(".koalab-sums b").first).to_contain_text("원")
    expect(widget.get_by_role("row", name="삼성전자")).to_have_count(1)
    expect(widget.get_by_role("row", name="SK하이닉스")).to_contain_text("접수")
    notebook.theme(dark=False)
    notebook.picture("account-light", widget)
    notebook.theme(dark=True)
    expect(widget).to_have_attribute("data-dark", "yes")
    notebook.picture("account-dark", widget)


def test_an_order_is_cancelled_only_after_a_question(notebook: OpenNotebook, widget: Locator) -> None:
    cancel = widget.get_by_role("button", name="취소")
    cancel.focus()
    cancel.press("Enter")
    question = widget.get_by_role("alertdialog")
    expect(question.get_by_role("button", name="아니요")).to_be_focused()
    notebook.picture("account-question", widget)
    notebook.page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    notebook.run(3)
    assert notebook.text(3).endswith("'accepted'")
    cancel.click()
    question.get_by_role("button", name="예", exact=True).click()
    expect(widget.get_by_role("row", name="SK하이닉스")).to_have_count(0)
    notebook.run(3)
    assert notebook.text(3).endswith("'cancelled'")


def test_closed_it_keeps_its_last_values(notebook: OpenNotebook, widget: Locator) -> None:
    notebook.run(4)
    expect(widget).to_have_attribute("data-state", "closed")
    expect(widget.get_by_role("row", name="삼성전자")).to_have_count(1)
    notebook.picture("account-closed", widget)

"""kw.dashboard in JupyterLab: one notebook, whose tests go on where the one before stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.lab import CONNECT, PARTS, Lab, OpenNotebook, part

DASHBOARD = """desk = kw.dashboard(["삼성전자", "SK하이닉스", "NAVER", "카카오"], name="browser", progress=False)
desk"""
ORDERS = "len(kw.orders())"
AGAIN = "desk.close()\ndesk = kw.dashboard(name='browser', progress=False)\ndesk"


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    page.set_viewport_size({"width": 1600, "height": 1500})
    opened = OpenNotebook(lab, page, "dashboard", [CONNECT, DASHBOARD, ORDERS, AGAIN])
    opened.run(0)
    opened.run(1)
    return opened


@pytest.fixture
def desk(notebook: OpenNotebook) -> Locator:
    return notebook.output(1)


def orders(notebook: OpenNotebook) -> int:
    notebook.run(2)
    return int(notebook.text(2).splitlines()[-1])


def test_it_shows_all_parts_in_both_themes_without_faults_of_accessibility(
    notebook: OpenNotebook, desk: Locator
) -> None:
    expect(desk.locator(".koalab-live")).to_have_count(6)
    for name in PARTS:
        expect(part(desk, name)).to_have_attribute("data-state", "live")
    expect(part(desk, "chart").locator(".koalab-facts")).to_contain_text("종")
    found = {}
    for dark in (False, True):
        notebook.theme(dark=dark)
        for name in ("bar", *PARTS):
            expect(part(desk, name)).to_have_attribute("data-dark", "yes" if dark else "no")
        notebook.page.wait_for_timeout(3_000)
        notebook.picture(f"dashboard-{'dark' if dark else 'light'}", desk)
        found[dark] = violations(desk.locator(".koalab-dashboard"))
    assert found == {False: [], True: []}


def test_a_chosen_row_moves_ladder_chart_and_form(desk: Locator) -> None:
    field = part(desk, "order").get_by_label("가격")
    field.fill("1")
    part(desk, "ticker").locator(".koalab-row").nth(1).click()
    expect(part(desk, "ladder").locator(".koalab-ladder-head")).to_contain_text("SK하이닉스 000660")
    expect(part(desk, "chart").locator(".koalab-chart-head")).to_contain_text("SK하이닉스 000660")
    expect(part(desk, "order").locator(".koalab-form-title")).to_contain_text("SK하이닉스 000660")
    expect(field).to_have_value("")
    for name in ("ladder", "chart"):
        expect(part(desk, name)).to_have_attribute("data-state", "live")
    expect(part(desk, "ladder").locator("[data-side=ask]")).to_have_count(10)


def test_an_order_is_filled_by_the_ladder_and_sent_in_two_steps(
    notebook: OpenNotebook, desk: Locator
) -> None:
    ladder, form = part(desk, "ladder"), part(desk, "order")
    level = ladder.locator(".koalab-level").nth(14)
    level.click()
    price = ladder.locator("[aria-selected=true] .price").inner_text().replace(",", "")
    field = form.get_by_label("가격")
    expect(field).to_have_value(price)
    field.fill("1")
    level.click()  # the same price once more
    expect(field).to_have_value(ladder.locator("[aria-selected=true] .price").inner_text().replace(",", ""))
    form.get_by_label("수량").fill("3")
    assert orders(notebook) == 0
    form.get_by_role("button", name="주문 확인").click()
    send = form.get_by_role("button", name="매수 보내기")
    expect(send).to_be_visible()
    expect(form.get_by_role("button", name="고치기")).to_be_focused()
    expect(form.locator(".koalab-order-question")).to_contain_text("수수료")
    notebook.picture("dashboard-order", form)
    assert violations(form) == []
    assert orders(notebook) == 0
    form.get_by_label("수량").fill("4")
    expect(send).not_to_be_visible()
    form.get_by_role("button", name="주문 확인").click()
    send.click()
    expect(form.locator(".koalab-notice")).to_contain_text("주문 ")
    assert orders(notebook) == 1
    expect(part(desk, "account")).to_contain_text("SK하이닉스")


def test_a_part_is_hidden_and_the_layout_comes_back(notebook: OpenNotebook, desk: Locator) -> None:
    bar = part(desk, "bar")
    bar.get_by_role("button", name="계좌").click()
    expect(part(desk, "account")).not_to_be_visible()
    bar.get_by_role("combobox").select_option("5min")
    expect(part(desk, "chart").locator(".koalab-chart-head")).to_contain_text("5분봉")
    notebook.run(3)
    again = notebook.output(3)
    expect(part(again, "chart").locator(".koalab-chart-head")).to_contain_text("SK하이닉스 000660 5분봉")
    expect(part(again, "account")).not_to_be_visible()
    expect(part(again, "bar").get_by_role("button", name="계좌")).to_have_attribute("aria-pressed", "false")

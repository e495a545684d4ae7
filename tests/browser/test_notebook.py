"""The notebook of the dashboard in JupyterLab, all cells run at once."""

from __future__ import annotations

import nbformat
from playwright.sync_api import Page, expect

from tests.browser.lab import ROOT, Lab, OpenNotebook


def test_the_dashboard_s_notebook_runs_in_a_page(lab: Lab, page: Page) -> None:
    given = nbformat.read(ROOT / "notebooks" / "live-dashboard.ipynb", as_version=4)
    code = {cell.id: cell.source for cell in given.cells if cell.cell_type == "code"}
    at = list(code).index
    page.set_viewport_size({"width": 1600, "height": 1500})
    notebook = OpenNotebook(lab, page, "live-dashboard", list(code.values())[: at("close")])
    notebook.run_all()
    assert page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    desk = notebook.output(at("dashboard")).locator(".koalab-live")
    expect(desk).to_have_count(6)
    # A cell of the notebook has chosen the second row.
    expect(desk.nth(2).locator(".koalab-ladder-head")).to_contain_text("SK하이닉스")
    expect(desk.nth(3).locator(".koalab-chart-head")).to_contain_text("SK하이닉스")
    desk.nth(1).locator(".koalab-row").nth(2).click()
    expect(desk.nth(2).locator(".koalab-ladder-head")).to_contain_text("NAVER")
    chart = notebook.output(at("chart")).locator(".koalab-live")
    expect(chart).to_have_attribute("data-state", "live")
    notebook.picture("notebook-dashboard", notebook.output(at("dashboard")))

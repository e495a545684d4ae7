"""Each notebook of the project in JupyterLab, all cells run at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import ROOT, Lab, OpenNotebook, part

NOTEBOOKS: Final = sorted((ROOT / "notebooks").glob("*.ipynb"))
STDERR: Final = ".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']"


def code(path: Path) -> dict[str, str]:
    """Its cells of code by id."""
    given = nbformat.read(path, as_version=4)
    return {cell.id: cell.source for cell in given.cells if cell.cell_type == "code"}


@pytest.mark.parametrize(
    "path", [pytest.param(one, id=one.stem) for one in NOTEBOOKS if one.stem != "live-dashboard"]
)
def test_run_all_goes_through_a_notebook(lab: Lab, page: Page, path: Path) -> None:
    cells = list(code(path).values())
    notebook = OpenNotebook(lab, page, path.stem, cells)
    notebook.run_all()
    prompts = page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.executionCount)"""
    )
    assert prompts == list(range(1, len(cells) + 1))
    assert page.locator(STDERR).count() == 0
    lab.end_kernels()


def test_the_dashboard_s_notebook_runs_in_a_page(lab: Lab, page: Page) -> None:
    found = code(ROOT / "notebooks" / "live-dashboard.ipynb")
    at = list(found).index
    page.set_viewport_size({"width": 1600, "height": 1500})
    notebook = OpenNotebook(lab, page, "live-dashboard", list(found.values())[: at("close")])
    notebook.run_all()
    assert page.locator(STDERR).count() == 0
    desk = notebook.output(at("dashboard"))
    # A cell of the notebook has chosen the second row.
    expect(part(desk, "ladder").locator(".koalab-ladder-head")).to_contain_text("SK하이닉스")
    expect(part(desk, "chart").locator(".koalab-chart-head")).to_contain_text("SK하이닉스")
    part(desk, "ticker").locator(".koalab-row").nth(2).click()
    expect(part(desk, "ladder").locator(".koalab-ladder-head")).to_contain_text("NAVER")
    chart = notebook.output(at("chart")).locator(".koalab-live")
    expect(chart).to_have_attribute("data-state", "live")
    notebook.picture("notebook-dashboard", desk)

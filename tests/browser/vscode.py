"""VS Code's widget manager in a page of the Jupyter server, without the editor around it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page

from tests.browser import packages
from tests.browser.lab import Lab, keep_picture

SERVED: Final = packages.PLACE / "served"
"""Its files, which the Jupyter server has under /static."""
_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>VS Code's widget manager</title>
<body class="vscode-light"><script src="/static/require.js"></script><script src="/static/vscode_page.js"></script>"""


@cache
def served() -> Path:
    """Builds what is served; the test is skipped, with the reason, where that is not possible."""
    place = packages.installed()
    packages.npm("run", "build")
    SERVED.mkdir(exist_ok=True)
    (SERVED / "vscode.html").write_text(_PAGE, encoding="utf-8")
    shutil.copy(place / "vscode_page.js", SERVED)
    shutil.copy(place / "node_modules" / "requirejs" / "require.js", SERVED)
    # VS Code serves the AMD module that a widget's package has beside its lab extension.
    with (SERVED / "anywidget.js").open("wb") as amd:
        amd.write(files("anywidget").joinpath("nbextension", "index.js").read_bytes())
    return SERVED


class VsCodeNotebook:
    """Cells of code, run by VS Code's widget manager; has what ``OpenNotebook`` has.

    Args:
        cells: code.
    """

    def __init__(self, lab: Lab, page: Page, cells: Sequence[str]) -> None:
        served()
        self.lab = lab
        self.page = page
        self._cells = list(cells)
        page.goto(f"{lab.url}/static/vscode.html?token={lab.token}")
        page.wait_for_function("() => window.vscode")

    def run(self, cell: int) -> None:
        """Runs a cell, counted from 0, and waits until its outputs are shown."""
        self.page.evaluate("([cell, code]) => window.vscode.run(cell, code)", [cell, self._cells[cell]])

    def clear(self, cell: int) -> None:
        self.page.evaluate("(cell) => window.vscode.clear(cell)", cell)

    def restart(self) -> None:
        self.page.evaluate("() => window.vscode.kernel.restart()")

    def output(self, cell: int) -> Locator:
        """What a cell has put out: cells appear in the order in which they were run first."""
        return self.page.locator("section").nth(cell)

    def text(self, cell: int) -> str:
        return "\n".join(self.output(cell).locator("pre").all_inner_texts()).strip()

    def theme(self, dark: bool) -> None:
        """The editor's own colours and classes."""
        self.page.evaluate(
            """(dark) => { document.body.className = dark ? "vscode-dark" : "vscode-light";
                 const style = document.documentElement.style;
                 style.setProperty("--vscode-editor-background", dark ? "#1e1e1e" : "#ffffff");
                 style.setProperty("--vscode-editor-foreground", dark ? "#d4d4d4" : "#000000"); }""",
            dark,
        )

    def picture(self, name: str, of: Locator) -> Path:
        return keep_picture(name, of)

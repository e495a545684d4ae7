"""Takes the pictures of the widgets for README and documentation, over the simulated broker: `make pictures`.

python scripts/pictures.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from scripts.browser import NoBrowser, require
from tests.browser.lab import CONNECT, ROOT, Lab, OpenNotebook

FOLDER: Final = ROOT / "docs" / "pictures"
_CODES: Final = (
    '"삼성전자", "SK하이닉스", "NAVER", "카카오", "셀트리온", "현대차", "LG에너지솔루션", "KB금융"'
)
_ORDERS: Final = """kw.buy("삼성전자", 30).wait(60)
below = int(kw.quotes("000660")["price"].iloc[0] * 0.9) // 1000 * 1000
kw.buy("SK하이닉스", 5, price=below)"""
WIDGETS: Final = {
    "ticker": f"kw.ticker({_CODES}, progress=False)",
    "ladder": 'kw.ladder("삼성전자", progress=False)',
    "chart": 'kw.chart("삼성전자", 1, live=True, progress=False)',
    "account": "kw.account_panel()",
    "dashboard": f'kw.dashboard([{_CODES}], name="pictures", progress=False)',
}
"""What each picture shows."""
_CLOCK: Final = "2026-11-19T10:00"
_LATER: Final = "2026-11-19T14:20"
_SETTLE: Final = 12_000
"""Milliseconds in which trends and last trades grow."""
_REPAINT: Final = 1_500
_HIDE: Final = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  const state = hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""A hidden page gets no messages: what a picture shows is then of one moment, as canvases are captured a frame late."""


def take(page: Page, lab: Lab, folder: Path) -> None:
    """Opens a notebook with all widgets and takes two pictures of each, light and dark."""
    cells = [CONNECT.replace(_CLOCK, _LATER), _ORDERS, *WIDGETS.values()]
    notebook = OpenNotebook(lab, page, "pictures", cells)
    notebook.theme(dark=False)
    for number, name in enumerate(("", "", *WIDGETS)):
        notebook.run(number)
        if not name:
            continue
        shown = notebook.output(number)
        part: Locator = shown.locator(".koalab-dashboard" if name == "dashboard" else ".koalab-live")
        expect(part).to_have_count(1)
        part.scroll_into_view_if_needed()
        page.wait_for_timeout(_SETTLE)
        for dark in (False, True):
            notebook.theme(dark=dark)
            page.wait_for_timeout(_REPAINT)
            page.evaluate(_HIDE, True)
            page.wait_for_timeout(_REPAINT)
            print(_small(notebook.picture(f"{name}-dark" if dark else name, part, folder)))
            page.evaluate(_HIDE, False)
        notebook.theme(dark=False)


def _small(path: Path) -> Path:
    """With a palette: few colours, many of them text, take a third of the room then."""
    with Image.open(path) as full:
        full.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main(folder: Path) -> int:
    """Writes the pictures; 1 where there is no browser."""
    try:
        path = require()
    except NoBrowser as error:
        print(f"no pictures: {error}")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        lab = Lab(Path(place))
        try:
            browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1440, "height": 1500}, locale="ko-KR")
            take(page, lab, folder)
            browser.close()
        finally:
            lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))

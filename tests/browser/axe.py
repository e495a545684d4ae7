"""axe-core, which finds faults of accessibility in a part of a page; from the lock in js/."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator

from tests.browser.lab import ROOT

_INSTALL_WITHIN: Final = 120
_PLACE: Final = ROOT / "build" / "axe"


@cache
def source() -> str:
    """axe-core's code; the test is skipped, with the reason, where it cannot be installed."""
    built = _PLACE / "node_modules" / "axe-core" / "axe.min.js"
    if not built.exists():
        if shutil.which("npm") is None:
            pytest.skip("there is no npm here: accessibility was not checked")
        _PLACE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ROOT / "js" / name, _PLACE)
        done = subprocess.run(
            ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
            cwd=_PLACE,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_WITHIN,
        )
        if done.returncode:
            pytest.skip(f"npm could not install axe-core: {done.stderr[-200:]}")
    return Path(built).read_text(encoding="utf-8")


def violations(part: Locator) -> list[str]:
    """What axe finds wrong within a part of the page, a line for each."""
    page = part.page
    if not page.evaluate("() => 'axe' in window"):
        # As text in a function: the page's policy may refuse a script element.
        page.evaluate(f"() => {{ {source()} ; window.axe = window.axe || axe; }}")
    found = part.evaluate(
        """async (root) => {
             const { violations } = await axe.run(root, { resultTypes: ['violations'] });
             return violations.map(({ id, help, nodes }) =>
               `${id}: ${help}: ` +
               nodes.map((one) => `${one.html.slice(0, 160)} ${one.failureSummary}`).join(' | ')); }"""
    )
    return list(found)

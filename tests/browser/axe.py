"""axe-core, which finds faults of accessibility in a part of a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Locator

from tests.browser.packages import installed


@cache
def source() -> str:
    """axe-core's code; the test is skipped, with the reason, where it cannot be installed."""
    return (installed() / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


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

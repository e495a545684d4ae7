"""What a chart has drawn, by the colours on its canvases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from playwright.sync_api import Locator

_COLOURS: Final = """(root) => { const seen = {}; for (const canvas of root.querySelectorAll('canvas')) {
  const { width, height } = canvas; if (!width || !height) continue;
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 250) {
    const key = [data[at], data[at + 1], data[at + 2]].join(); seen[key] = (seen[key] || 0) + 1; } }
  return seen; }"""
_LOOKS: Final = 120

Colours = Mapping[str, int]
"""Points by colour, ``"200,16,46"``; enough of them are more than 20."""


def until_drawn(widget: Locator, drawn: Callable[[Colours], bool]) -> None:
    """Looks at the colours until they are as they should be: a page is drawn anew some frames after its theme."""
    for _ in range(_LOOKS):
        if drawn(found := widget.evaluate(_COLOURS)):
            return
        widget.page.wait_for_timeout(250)
    raise AssertionError(found)

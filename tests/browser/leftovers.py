"""What is left in a kernel after its cells were run again or cleared."""

from __future__ import annotations

import time
from typing import Final

from tests.browser.lab import OpenNotebook
from tests.browser.vscode import VsCodeNotebook

LEFT: Final = """import gc, threading
from ipywidgets.widgets.widget import _instances
gc.collect()
kw.positions  # from here on the session follows its account
ours = ("koalab-chart", "koalab-account", "koalab-dashboard", "koalab-order-form")
[len(_instances), kw.status()["streams"], sum(one.name in ours for one in threading.enumerate())]"""
"""A cell that counts widgets with their layouts, streams, threads."""


def left(notebook: OpenNotebook | VsCodeNotebook, at: int) -> str:
    """What the cell at that place counts, which is ``LEFT``."""
    notebook.run(at)
    return notebook.text(at).splitlines()[-1]


def becomes_left(
    notebook: OpenNotebook | VsCodeNotebook, at: int, expected: str, within: float = 60.0
) -> None:
    """Counts until it is that: what a page says of views that are gone is heard between two cells only."""
    until = time.monotonic() + within
    while (found := left(notebook, at)) != expected and time.monotonic() < until:
        notebook.page.wait_for_timeout(1_000)
    assert found == expected

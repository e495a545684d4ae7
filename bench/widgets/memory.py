"""Memory of page and kernel while the dashboard is open over the simulated broker, minute by minute."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.timing import Row
from bench.widgets.goals import DASHBOARD
from bench.widgets.probe import Memory, Probe, started

PAGE, KERNEL = 2.0, 5.0
"""MB by which page and kernel may grow."""
_FILLED: Final = 5
"""Minutes after which what is kept of trades, bars and trends has come: growth is counted from there."""
_SHOWN_EVERY: Final = 5


def measure(minutes: int) -> Iterator[Row]:
    """Yields the rows of the report, as they come."""
    with tempfile.TemporaryDirectory() as place, started(Path(place)) as (lab, browser):
        cells = ["from bench.widgets import shown", DASHBOARD.format(cache=f"{lab.folder}/cache")]
        probe = Probe(lab, browser, "memory", cells)
        for cell in range(2):
            probe.notebook.run(cell)
        found: list[Memory] = []
        began = time.monotonic()
        for minute in range(minutes + 1):
            probe.page.wait_for_timeout(max(0.0, began + 60 * minute - time.monotonic()) * 1000)
            found.append(probe.memory())
            if minute % _SHOWN_EVERY == 0 or minute == minutes:
                now = found[-1]
                figure = f"{now.page:.1f} and {now.kernel:.1f} MB"
                yield Row(f"page and kernel after {minute} minutes", figure, f"{now.nodes:,} nodes")
        first, last = found[min(_FILLED, minutes // 2)], found[-1]
        for what, grown, limit in (
            ("page", last.page - first.page, PAGE),
            ("kernel", last.kernel - first.kernel, KERNEL),
        ):
            met = "met" if grown <= limit else "MISSED"
            yield Row(
                f"  {what}: growth since minute {_FILLED}", f"{grown:+.1f} MB", f"goal ≤ {limit:g} MB: {met}"
            )
        probe.close()

"""The widgets in a real JupyterLab against other ways to show the same, and their memory over an hour."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from bench.timing import Row


def run(options: Sequence[str] = ()) -> Iterator[Row]:
    """``--hour``: an hour of simulated trading in place of the comparison; ``--minutes N`` of it. ``--only A,B``."""
    from bench.widgets import goals, memory  # a kernel that is measured imports this package too

    parser = argparse.ArgumentParser(prog="python -m bench widgets", description=__doc__)
    parser.add_argument("--hour", action="store_true", help="memory over an hour of simulated trading")
    parser.add_argument("--minutes", type=int, default=60, metavar="N", help="of that hour; default: 60")
    parser.add_argument(
        "--only", default="", metavar="A,B", help="of the ways to show values, those with A or B"
    )
    given = parser.parse_args(options)
    yield from memory.measure(given.minutes) if given.hour else goals.measure(given.only)

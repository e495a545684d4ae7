"""A market in its session whose time passes while a command runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tests.support.session import Market


@contextlib.contextmanager
def moving(market: Market, step: float = 5.0) -> Iterator[None]:
    """Time passes on another thread, ``step`` seconds at a time, until the block ends."""
    over = threading.Event()

    def pass_time() -> None:
        while not over.wait(0.02):
            market.clock.advance(step)

    passing = threading.Thread(target=pass_time)
    passing.start()
    try:
        yield
    finally:
        over.set()
        passing.join()

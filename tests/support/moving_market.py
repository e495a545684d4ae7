"""A market in its session whose time passes while a command runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tests.support.session import Market
from tests.support.waiting import HANGS_AFTER


@contextlib.contextmanager
def moving(market: Market, step: float = 5.0) -> Iterator[None]:
    """Time passes on another thread until the block ends: ``step`` seconds, then the broker follows, and so on."""
    over = threading.Event()

    def pass_time() -> None:
        while not over.wait(0.02):
            market.clock.advance(step)
            market.thread.post(lambda: None).result(HANGS_AFTER)

    passing = threading.Thread(target=pass_time)
    passing.start()
    try:
        yield
    finally:
        over.set()
        passing.join()

"""The fixtures of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from koalab.sessions.session import Session
from koalab.sessions.shared import SESSIONS
from tests.support import few_issues, generated_once
from tests.support.recorded_data import RECORDED_DATA
from tests.support.session import Market, start


@pytest.fixture(scope="package", autouse=True)
def _histories_are_generated_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        generated_once.install(patch)
        few_issues.install(patch)
        yield


@pytest.fixture(autouse=True)
def no_session_is_left() -> Iterator[None]:
    """Each test begins without an open session, as a process does."""
    yield
    while (left := SESSIONS.current()) is not None:
        left.close()


@pytest.fixture
def whole_market() -> Iterator[None]:
    """Markets that are made after this fixture have all issues, for what is about the number of them."""
    with few_issues.whole_market():
        yield


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    found = start(tmp_path)
    yield found
    found.close()


@pytest.fixture
def slow_market(tmp_path: Path) -> Iterator[Market]:
    """A market whose clock runs as real ones do: the sixth TR waits a second."""
    found = start(tmp_path, running=True)
    yield found
    found.close()


@pytest.fixture
def kw(market: Market) -> Session:
    return market.connect()


@pytest.fixture
def open_market(tmp_path: Path) -> Iterator[Callable[[datetime], Market]]:
    """A market at another time."""
    made: list[Market] = []

    def make(now: datetime) -> Market:
        made.append(start(tmp_path, now))
        return made[-1]

    yield make
    for found in made:
        found.close()


@pytest.fixture(scope="session")
def market_data() -> Path:
    if not RECORDED_DATA.is_dir():
        pytest.skip("no recorded market data: set KOALAB_MARKET_DATA to its folder")
    return RECORDED_DATA

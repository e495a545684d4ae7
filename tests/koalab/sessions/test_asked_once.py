"""What many threads and sessions want at once is asked for once, and ``cache.clear()`` makes it be asked for anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from koalab.sessions.session import Session
from tests.support.few_issues import whole_market
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER

THREADS = 24


class Counted:
    """Counts the control functions that are called; last prices cost nothing, since nothing here is about them."""

    def __init__(self, market: Market) -> None:
        self.calls: Counter[tuple[str, Any]] = Counter()
        self.blank = False
        self._call = market.broker.call
        market.broker.call = self  # type: ignore[method-assign]

    def __call__(self, name: str, arguments: Any) -> Any:
        self.calls[name, tuple(arguments)] += 1
        if name == "GetMasterLastPrice":
            return "1000"
        value = self._call(name, arguments)
        return "x" if self.blank and name == "GetMasterCodeName" else value

    def asked(self, *names: str) -> dict[str, int]:
        """How often the most frequent call of each function was made since the last look."""
        found = {
            name: max((n for (one, _), n in self.calls.items() if one == name), default=0) for name in names
        }
        self.calls.clear()
        return found


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with whole_market():
        found = start(tmp_path_factory.mktemp("many"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def counted(market: Market) -> Counted:
    return Counted(market)


def at_once(asks: list[Callable[[], Any]]) -> list[Any]:
    """The results of all, which begin together."""
    ready = Barrier(len(asks))

    def run(ask: Callable[[], Any]) -> Any:
        ready.wait(HANGS_AFTER)
        return ask()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(run, asks))


def test_threads_that_ask_for_all_codes_of_a_cold_cache_get_them_from_one_question(
    market: Market, counted: Counted
) -> None:
    kw = market.connect("threads")
    counted.asked()
    frames = at_once([kw.codes] * THREADS)
    functions = ("GetMasterCodeName", "GetMasterListedStockDate", "GetMasterLastPrice", "GetMasterStockState")
    assert counted.asked(*functions) == dict.fromkeys(functions, 1)
    assert all(frame.equals(frames[0]) for frame in frames)
    assert len(frames[0]) > 2000


@pytest.mark.parametrize(
    ("ask", "function"),
    [
        (lambda kw: kw.names(), "GetMasterCodeName"),
        (lambda kw: kw.indices()["name"].to_dict(), "KOA_Functions"),
    ],
    ids=["listing", "indices"],
)
def test_sessions_that_share_a_cold_cache_ask_once_together(
    market: Market, counted: Counted, tmp_path: Path, ask: Callable[[Session], Any], function: str
) -> None:
    sessions = [market.connect(str(tmp_path / "shared")) for _ in range(4)]
    counted.asked()
    found = at_once([lambda kw=kw: ask(kw) for kw in sessions for _ in range(3)])
    assert counted.asked(function) == {function: 1}
    assert found == [found[0]] * 12


class TestClear:
    def test_mends_a_stored_listing_that_is_wrong_in_the_same_session(
        self, market: Market, counted: Counted, tmp_path: Path
    ) -> None:
        kw = market.connect(str(tmp_path / "wrong"))
        counted.blank = True
        assert kw.names()["005930"] == "x"
        counted.blank = False
        assert kw.names()["005930"] == "x"
        assert kw.cache.clear() == 0
        assert kw.names()["005930"] == "삼성전자"
        assert market.connect(str(tmp_path / "wrong")).names()["005930"] == "삼성전자"

    def test_of_one_code_leaves_the_listing(self, market: Market, counted: Counted, tmp_path: Path) -> None:
        kw = market.connect(str(tmp_path / "some"))
        kw.names()
        kw.indices()
        counted.asked()
        kw.cache.clear("005930")
        kw.names()
        kw.indices()
        assert counted.asked("GetMasterCodeName", "KOA_Functions") == {
            "GetMasterCodeName": 0,
            "KOA_Functions": 0,
        }

    def test_forgets_indices_and_values_of_the_market_too(
        self, market: Market, counted: Counted, tmp_path: Path
    ) -> None:
        kw = market.connect(str(tmp_path / "all"))
        kw.codes()
        kw.indices()
        kw.cache.clear()
        counted.asked()
        kw.codes()
        kw.indices()
        functions = ("GetMasterCodeName", "GetMasterLastPrice", "KOA_Functions")
        assert counted.asked(*functions) == dict.fromkeys(functions, 1)

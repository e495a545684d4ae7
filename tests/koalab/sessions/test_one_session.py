"""A process has one session for each broker: ``kl.connect()``, ``%kiwoom`` and ``kl.session()`` are the same."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import koalab as kl
from koalab.sessions.shared import SESSIONS
from tests.support.cache_folder import with_calendar
from tests.support.session import SATURDAY, start
from tests.support.waiting import HANGS_AFTER


@pytest.fixture(autouse=True)
def online(market: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default sessions are with the test's server."""
    monkeypatch.setenv("KOALAB_TARGET", market.server.address)
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "cache")))


def test_connect_returns_the_session_that_is_open(market: Any, tmp_path: Path) -> None:
    kw = kl.connect()

    assert kl.connect() is kw
    assert kl.session() is kw
    assert kl.connect(market.server.address, cache_dir=tmp_path / "cache", allow_real_orders=False) is kw


def test_without_an_open_session_there_is_none() -> None:
    with pytest.raises(kl.NotConnected, match=r"kl\.connect\(\) or %kiwoom connect"):
        kl.session()
    kw = kl.connect()
    kw.close()

    assert kw.closed
    with pytest.raises(kl.NotConnected):
        kl.session()
    assert kl.connect() is not kw


def test_other_arguments_are_another_session_beside_the_first(tmp_path: Path) -> None:
    kw = kl.connect()
    other = kl.connect(cache_dir=tmp_path / "other")

    assert other is not kw
    assert kl.session() is other
    assert kl.connect(cache_dir=tmp_path / "cache") is kw  # and is then the one asked for last
    assert kl.session() is kw
    other.close()
    kw.status()


def test_the_session_before_is_there_again_once_another_is_closed(tmp_path: Path) -> None:
    kw = kl.connect()
    with kl.connect(cache_dir=tmp_path / "other") as other:
        assert kl.session() is other

    assert kl.session() is kw


def test_a_session_of_ones_own_is_nobody_elses() -> None:
    with kl.connect(shared=False) as own:
        with pytest.raises(kl.NotConnected):
            kl.session()
        assert kl.connect() is not own


def test_wrong_arguments_are_refused_though_a_session_is_open() -> None:
    kl.connect()

    with pytest.raises(kl.BadInput, match="belong to an embedded server"):
        kl.connect(seed=7)
    with pytest.raises(kl.BadInput, match="shared"):
        kl.connect(shared="perhaps")  # type: ignore[arg-type]


# -- with


def test_with_closes_the_session_that_it_opened() -> None:
    with kl.connect() as kw:
        kw.status()

    assert kw.closed


def test_with_leaves_a_session_open_that_another_connect_has_returned() -> None:
    kw = kl.connect()
    with kl.connect() as same, kl.connect() as again:
        assert same is again is kw
    assert not kw.closed

    with kw:
        kw.status()
    assert kw.closed


def test_close_ends_it_for_all() -> None:
    kw = kl.connect()
    with kl.connect() as same:
        same.close()

    with pytest.raises(kl.NotConnected, match="closed"):
        kw.status()


def test_threads_share_one_session_and_the_last_with_closes_it() -> None:
    found: list[kl.Session] = []
    together = threading.Barrier(6)

    def work() -> None:
        together.wait()
        with kl.connect() as kw:
            found.append(kw)
            together.wait()
            assert not kw.closed

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANGS_AFTER)

    assert len({id(kw) for kw in found}) == 1
    assert found[0].closed


def test_the_newest_stays_open_without_a_variable_and_older_ones_do_not(tmp_path: Path) -> None:
    older = weakref.ref(kl.connect())
    gc.collect()
    assert older() is kl.session()

    newest = weakref.ref(kl.connect(cache_dir=tmp_path / "other"))
    gc.collect()

    assert older() is None
    assert newest() is kl.session()


# -- servers that change


def test_another_server_in_the_environment_is_another_session(
    market: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kw = kl.connect()
    monkeypatch.setenv("KOALAB_TARGET", market.server.address.replace("127.0.0.1", "localhost"))

    assert kl.connect() is not kw


def test_a_server_that_is_gone_or_has_other_prices_is_connected_anew(tmp_path: Path, market: Any) -> None:
    port = int(market.server.address.rpartition(":")[2])
    kw = kl.connect()
    market.server.stop(0)
    with pytest.raises(kl.NotConnected, match="no kernel server answers"):
        kl.connect(timeout=0.5)

    other = start(tmp_path, SATURDAY, seed=9, port=port)
    try:
        anew = kl.connect()
        assert anew is not kw
        assert "seed=9" in anew.status()["server"]["source"]
        assert kl.connect() is anew
    finally:
        SESSIONS.current().close()  # type: ignore[union-attr]
        other.close()


_FORKS = """
import os
from types import SimpleNamespace
from koalab.sessions.shared import SharedSessions

class Session(SimpleNamespace):
    __hash__ = object.__hash__

sessions = SharedSessions()
session = sessions.connect({}, lambda: (Session(closed=False), {}))
assert sessions.current() is session
child = os.fork()
if not child:
    os._exit(0 if sessions.current() is None else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert sessions.current() is session
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_none_of_its_parents_sessions() -> None:
    subprocess.run([sys.executable, "-c", _FORKS], check=True)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_can_be_neither_copied_nor_sent_to_another_process(way: Callable[[Any], object]) -> None:
    kw = kl.connect()
    with pytest.raises(kl.BadInput, match=r"in each process kl\.connect\(\)"):
        way(kw)


def test_nor_can_its_methods() -> None:
    with pytest.raises(kl.BadInput, match="belongs to its process"):
        pickle.dumps(kl.connect().daily)

"""A server that has lost its broker is waited for, whatever was asked of it; the wait is shown and can be ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from kernel_server.clock import SteppedClock
from koalab import ServerLost
from koalab.progress import Progress
from koalab.sessions.session import Session
from tests.support.session import SATURDAY, start

CODE = "005930"
WEEK = ("2026-11-09", "2026-11-13")

WAYS_IN: Final[Mapping[str, Callable[[Session], Any]]] = {
    "bars": lambda kw: kw.daily(CODE, *WEEK),
    "bars of several": lambda kw: kw.daily([CODE, "000660"], *WEEK),
    "minutes": lambda kw: kw.minute(CODE, start="2026-11-20", end="2026-11-20"),
    "a TR": lambda kw: kw.tr("opt10001", 종목코드=CODE).single,
    "the listing": lambda kw: kw.codes("REIT"),
    "a name": lambda kw: kw.find("삼성전자"),
    "quotes": lambda kw: kw.quotes([CODE]),
    "indices": lambda kw: kw.indices(),
    "an index": lambda kw: kw.index("KOSPI", start="2026-11-09", end="2026-11-13"),
    "the order book": lambda kw: kw.orderbook(CODE),
    "conditions": lambda kw: kw.conditions(),
    "accounts": lambda kw: kw.accounts,
    "a deposit": lambda kw: kw.deposit(),
    "a plan": lambda kw: kw.plan("daily", [CODE], start="2026-11-09", end="2026-11-13").run(),
}


class HeldMarket:
    """A market whose clock leaps over waits, but stands still while it is held."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock(SATURDAY.timestamp())
        self.market = start(folder, clock=self.clock)
        self._running = threading.Event()
        self._running.set()
        self._stepping = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._step, daemon=True)
        self._thread.start()

    def hold(self) -> None:
        """From here on the clock stands: no step that has been decided on is still to come."""
        with self._stepping:
            self._running.clear()

    def release(self) -> None:
        self._running.set()

    def _step(self) -> None:
        while not self._over:
            self._running.wait()
            with self._stepping:
                due = self.clock.next_foreground_due() if self._running.is_set() else None
                if due is not None:
                    self.clock.advance(due - self.clock.now())
            if due is None:
                time.sleep(0.001)

    def close(self) -> None:
        self._over = True
        self.release()
        self._thread.join()
        self.market.close()


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeldMarket]:
    found = HeldMarket(tmp_path_factory.mktemp("broker"))
    yield found
    found.close()


class Cut:
    """A lost connection, and no login before the session has waited for one.

    Attributes:
        waits: how often it has slept.
    """

    def __init__(self, held: HeldMarket, session: Session) -> None:
        self.waits = 0
        self._held = held
        session._link._sleep = self.sleep
        held.hold()
        held.market.look(lambda broker: broker.faults.cut())

    def sleep(self, _seconds: float) -> None:
        self.waits += 1
        self.end()
        time.sleep(0.01)

    def end(self) -> None:
        self._held.release()


_CACHES = count()


@pytest.fixture
def kw(market: HeldMarket) -> Session:
    return market.market.connect(f"cache{next(_CACHES)}")


@pytest.mark.parametrize("way", WAYS_IN)
def test_it_is_waited_for_by(market: HeldMarket, kw: Session, way: str) -> None:
    cut = Cut(market, kw)
    assert len(WAYS_IN[way](kw))
    assert cut.waits
    assert kw.status()["connected"]


def test_collecting_waits_for_it(market: HeldMarket, kw: Session) -> None:
    kw.find("삼성전자")
    cut = Cut(market, kw)
    with kw.collect([CODE]) as collection:
        assert collection.running
    assert cut.waits


class Notes(Progress):
    """Keeps its notes."""

    def __init__(self) -> None:
        super().__init__("", show=False)
        self.notes: list[str] = []

    def set_note(self, note: str) -> None:
        self.notes.append(note)


def test_the_wait_says_when_the_next_login_is_and_how_long_it_may_take(
    market: HeldMarket, kw: Session
) -> None:
    Cut(market, kw)
    kw.status()
    shown = Notes()
    kw._link.recover(shown, ServerLost("the broker is gone"), kw._link.connection_epoch)
    assert any("재접속 대기 중" in note and "최대 30분 0초 더" in note for note in shown.notes)


def test_it_ends_with_an_error_that_says_so(
    market: HeldMarket, kw: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = Cut(market, kw)
    monkeypatch.setattr("koalab.link.recovery.BROKER_TIMEOUT", 0.0)
    with pytest.raises(ServerLost, match=r"waiting for its broker.*ask again later"):
        kw.daily(CODE, *WEEK)
    cut.end()


def test_an_interrupt_ends_it_and_the_next_load_waits_again(market: HeldMarket, kw: Session) -> None:
    cut = Cut(market, kw)

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    kw._link._sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        kw.daily(CODE, *WEEK)
    kw._link._sleep = cut.sleep
    assert len(kw.daily(CODE, *WEEK)) == 5


def test_the_next_request_after_a_cut_touches_no_connection_of_the_session(
    market: HeldMarket, kw: Session
) -> None:
    Cut(market, kw)
    before = kw._link.transport._channel  # type: ignore[attr-defined]
    kw.daily(CODE, *WEEK)
    assert kw._link.transport._channel is before  # type: ignore[attr-defined]
    assert kw._link.connection_epoch == 0


def test_a_cut_during_one_session_does_not_hold_up_the_cached_bars_of_another(
    market: HeldMarket, kw: Session
) -> None:
    held = kw.daily(CODE, *WEEK)
    cut = Cut(market, kw)
    assert kw.daily(CODE, *WEEK).attrs["trs"] == 0
    assert len(held) == 5
    assert not cut.waits
    cut.end()

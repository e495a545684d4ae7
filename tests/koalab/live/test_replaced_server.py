"""A live stream whose server was replaced: one with the same prices is a gap, one with others ends the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from kernel_server.clock import KST, seoul
from koalab import OtherPrices
from koalab.sessions.session import Session
from tests.support.session import start
from tests.support.waiting import HANGS_AFTER, becomes, eventually, wait_until

CODE = "005930"
OPEN = datetime(2026, 11, 20, 10, tzinfo=KST)


class Replaced:
    """A market in its session, whose server can be replaced by another on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.market = folder, start(folder, OPEN)
        self.kw: Session = self.market.connect()
        self._all = [self.market]

    def trade(self) -> None:
        """A minute of trading passes, and what it brings has been received."""
        for _ in range(12):
            self.market.clock.advance(5)
            self.market.thread.post(lambda: None).result(HANGS_AFTER)
        self.kw._hub.sync(HANGS_AFTER)

    def by(self, seed: int) -> None:
        self.market.server.stop(0)
        port, now = int(self.market.server.address.rpartition(":")[2]), seoul(self.market.clock.now())
        self.market = start(self.folder, now, seed=seed, port=port)
        self._all.append(self.market)

    def close(self) -> None:
        for market in self._all:
            market.close()


@pytest.fixture
def replaced(tmp_path: Path) -> Iterator[Replaced]:
    found = Replaced(tmp_path)
    yield found
    found.close()


def test_other_prices_end_every_stream_with_its_gap_and_the_reason(replaced: Replaced) -> None:
    kw = replaced.kw
    stream, books, table = kw.ticks(CODE), kw.books(CODE), kw.live([CODE])
    replaced.trade()
    received = len(stream)
    assert received
    replaced.by(seed=9)
    for one in (stream, books, table):
        becomes(lambda one=one: str(one.state), "closed")  # type: ignore[misc]
        assert "came back with other prices" in one.state.why
        assert "seed=9" in one.state.why
        assert one.gaps["until"].isna().tolist() == [True]
    replaced.trade()
    assert len(stream) == received
    for _ in range(received):
        stream.next(HANGS_AFTER)
    with pytest.raises(OtherPrices, match=r"seed=9.*seed=1.*kl.connect\(\)"):
        next(stream)


@pytest.mark.parametrize("open_stream", [lambda kw: kw.ticks(CODE), lambda kw: kw.live([CODE])])
def test_a_new_stream_is_refused_too(replaced: Replaced, open_stream: Callable[[Session], object]) -> None:
    replaced.by(seed=9)
    assert eventually(lambda: "other prices" in repr(replaced.kw))
    with pytest.raises(OtherPrices, match=r"seed=9.*seed=1"):
        open_stream(replaced.kw)


def test_the_same_prices_are_a_gap_with_its_reason_after_which_the_stream_goes_on(replaced: Replaced) -> None:
    stream = replaced.kw.ticks(CODE)
    replaced.trade()
    received = len(stream)
    replaced.by(seed=1)
    wait_until(lambda: len(stream.gaps) and str(stream.state) == "live")
    assert len(stream.gaps) == 1
    assert stream.gaps["until"].notna().all()
    assert stream.gaps["why"].ne("").all()
    replaced.trade()
    assert len(stream) > received

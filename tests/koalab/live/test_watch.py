"""kw.watch: a condition that stays live, over the real server."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from koalab import NoAnswer, UnknownCode
from koalab.live.condition_watch import ConditionWatch, MemberChange
from koalab.sessions.session import Session
from tests.koalab.live.test_streams import Trading, fault
from tests.support.session import Market
from tests.support.waiting import HANGS_AFTER, becomes, wait_until


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path, "10:00:00")
    yield found
    found.market.close()
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "koalab-watch"])


def changing(trading: Trading) -> tuple[ConditionWatch, str]:
    """A live condition whose members change, after some have."""
    for name in trading.kw.conditions()["name"]:
        try:
            watch = trading.kw.watch(name)
        except NoAnswer:
            continue
        trading.go(600, step=20)
        if len(watch):
            return watch, name
        watch.close()
    raise AssertionError("no condition has an entry or exit within ten minutes")


def test_members_are_those_at_the_start_and_every_change_since(trading: Trading) -> None:
    watch, name = changing(trading)
    with watch:
        members = set(watch.codes)
        history = watch.history()
        for code, group in history.groupby("code"):
            entered = list(group["entered"])
            assert all(before != after for before, after in itertools.pairwise(entered))
            assert (code in members) == entered[-1]
        change = watch.next(HANGS_AFTER)
        assert isinstance(change, MemberChange)
        assert change.name
        assert str(change.time.tz) == "Asia/Seoul"
        assert watch.frame()["name"].map(bool).all()
        assert name in repr(watch)


def test_a_callback_gets_entries_and_exits(trading: Trading) -> None:
    watch, _ = changing(trading)
    seen: list[MemberChange] = []
    with watch:
        watch.on(seen.append)
        trading.go(900, step=20)
        wait_until(lambda: bool(seen))
    changes = [(one.code, one.entered) for one in list(seen)]
    history = watch.history()
    everything = list(zip(history["code"], history["entered"], strict=True))
    assert any(everything[at : at + len(changes)] == changes for at in range(len(everything)))


def test_an_unknown_condition_is_refused(trading: Trading) -> None:
    with pytest.raises(UnknownCode):
        trading.kw.watch("없는 조건")
    assert "koalab-watch" not in [one.name for one in threading.enumerate()]


def test_one_without_references_ends_at_the_broker(trading: Trading) -> None:
    watch = trading.kw.watch(0)
    becomes(lambda: trading.kw.status()["streams"], 1)
    del watch
    gc.collect()
    becomes(lambda: trading.kw.status()["streams"], 0)


def test_after_a_cut_it_is_sent_again_and_the_gap_is_named(trading: Trading) -> None:
    with trading.kw.watch(0) as watch:
        trading.kw._link.transport._stub.Fault(fault("cut", 20))
        wait_until(lambda: len(watch.gaps) == 1)
        trading.go(180)
        becomes(lambda: str(watch.state), "live")
        assert len(watch.gaps) == 1
        assert watch.gaps["until"].notna().all()


class TestTheBrokersLimits:
    def test_a_condition_again_waits_for_the_broker_s_minute(self, market: Market, kw: Session) -> None:
        with kw.watch(0):
            first = market.clock.now()
            with kw.watch(0) as again:
                assert again.state == "live"
                assert 55 <= market.clock.now() - first <= 65

    def test_ten_are_live_and_the_eleventh_is_refused(self, kw: Session) -> None:
        watches = [kw.watch(number % 2) for number in range(10)]
        with pytest.raises(NoAnswer, match="as many conditions are live as the broker follows"):
            kw.watch(2)
        assert {str(watch.state) for watch in watches} == {"live"}
        watches.pop().close()
        becomes(lambda: kw.status()["streams"], 9)
        with kw.watch(1) as another:
            assert another.state == "live"


def test_a_condition_of_more_issues_than_the_broker_follows_is_refused(trading: Trading) -> None:
    with pytest.raises(
        NoAnswer, match=r"전체 대형주 has [0-9]+ issues, and the broker follows a condition of at most 100"
    ):
        trading.kw.watch("전체 대형주")
    becomes(lambda: trading.kw.status()["streams"], 0)


def test_closing_the_session_ends_it(trading: Trading) -> None:
    watch = trading.kw.watch(0)
    trading.kw.close()
    assert watch.state == "closed"
    assert list(watch) == []

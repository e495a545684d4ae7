"""The progress bar: nothing for a load that is over at once, and the broker's own pace for one that is not."""

from __future__ import annotations

from datetime import datetime

import pytest

from kernel_server.clock import KST
from koalab.progress import Progress
from koalab.transport.base import QueuePosition


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_load_that_takes_less_than_a_second_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    with Progress("삼성전자 일봉", clock=watch) as progress:
        progress.expect(2)
        watch.now += 0.9
        progress.page("2026-01-02")
        progress.page("2024-01-02")
    assert capsys.readouterr().err == ""


def test_a_longer_one_shows_what_is_done_and_how_long_the_rest_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = Watch()
    with Progress("삼성전자 일봉", wait=lambda trs, queued=0: 65.0 * trs, clock=watch) as progress:
        progress.expect(3)
        watch.now += 1.0
        progress.page("2024-01-02")
        progress.waiting(QueuePosition(ahead=0, expected_wait=16.4))
        shown = capsys.readouterr().err
    assert "삼성전자 일봉:  33%" in shown
    assert "1/3 TR" in shown
    assert "약 2분 10초 남음, 2024-01-02" in shown
    assert "약 2분 10초 남음, 다음 TR 16초 뒤" in shown


def test_more_trs_than_were_expected_do_not_upset_it(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    with Progress("기본정보", clock=watch) as progress:
        progress.expect(1)
        watch.now += 2.0
        for _ in range(3):
            progress.page()
        assert "3/3 TR" in capsys.readouterr().err


def test_where_none_is_wanted_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    with Progress("기본정보", show=False, clock=watch) as progress:
        progress.expect(5)
        watch.now += 10.0
        progress.page()
    assert capsys.readouterr().err == ""


def test_where_the_brokers_time_is_known_it_shows_the_rate_and_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch, broker = Watch(), Watch()
    broker.now = datetime(2026, 11, 20, 23, 50, tzinfo=KST).timestamp()
    with Progress("950종목 일봉", wait=lambda trs, queued=0: 3.6 * trs, clock=watch, now=broker) as progress:
        progress.set_counts(0, 1000, 8)
        watch.now += 1.0
        progress.set_counts(0, 1000, 8)
        assert "11-21 00:50 끝, 약 1시간 0분 남음" in capsys.readouterr().err
        broker.now += 19.0
        progress.set_counts(5, 1000, 8, "삼성전자")
        assert "분당" not in capsys.readouterr().err  # a burst is no rate
        broker.now += 281.0
        progress.set_counts(85, 1000, 8, "삼성전자")
        shown = capsys.readouterr().err
    assert "85/1000 TR" in shown
    assert "분당 17 TR, 11-21 00:49 끝, 약 54분 54초 남음, 삼성전자" in shown


def test_what_is_queued_already_is_told_apart_from_what_is_not() -> None:
    watch, asked = Watch(), []

    def wait(trs: int, queued: int = 0) -> float:
        asked.append((trs, queued))
        return 1.0

    with Progress("기본정보", wait=wait, clock=watch) as progress:
        progress.expect(3)
        watch.now += 1.0
        progress.waiting(QueuePosition(ahead=0, expected_wait=16.4))
        progress.page()
        progress.set_counts(1, 9, 4)
    assert asked == [(3, 1), (2, 0), (8, 4)]

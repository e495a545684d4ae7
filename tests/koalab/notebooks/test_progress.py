"""The progress bar: nothing for a load that is over at once, and the broker's own pace for one that is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from _pytest.capture import CaptureIO

from kernel_server.clock import KST
from koalab import progress as progress_module
from koalab.progress import Progress
from koalab.sessions.session import Session
from koalab.transport.base import QueuePosition


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error, as ``capsys`` captures it, is a terminal."""
    monkeypatch.setattr(CaptureIO, "isatty", lambda _: True)


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


def test_what_is_queued_already_is_told_apart_from_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "3 TR" in capsys.readouterr().err


# -- a list of codes


def _drawn(text: str) -> list[tuple[int, int]]:
    """TRs done and in all, each time that the bar was drawn."""
    return [(int(done), int(total)) for done, total in re.findall(r"(\d+)/(\d+) TR", text)]


def test_items_are_counted_once_in_a_total_that_is_known_from_the_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = Watch()
    with Progress("", wait=lambda trs, queued=0: 10.0 * trs, clock=watch) as progress:
        progress.expect(5)
        watch.now += 1.0
        for trs, expected_by_itself, taken in ((2, 7, 2), (1, 1, 2), (2, 1, 1)):
            with progress.item(trs) as part:
                part.expect(expected_by_itself)
                for _ in range(taken):
                    part.page()
        progress.set_note("")
        shown = capsys.readouterr().err
    assert "0/5 TR" in shown and "약 50초 남음" in shown
    # The second takes one more than expected, the third one less.
    assert _drawn(shown)[-1] == (5, 5)
    assert {total for _, total in _drawn(shown)} == {5, 6}


def test_a_list_of_codes_has_one_bar_that_ends_at_100_percent(
    kw: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "DELAY", 0.0)

    frame = kw.daily(["005930", "000660", "247540"], start="2016-01-04")

    drawn = _drawn(capsys.readouterr().err)
    assert {total for _, total in drawn} == {frame.attrs["trs"]}
    assert [done for done, _ in drawn] == sorted(done for done, _ in drawn)
    assert drawn[-1] == (frame.attrs["trs"], frame.attrs["trs"])


@pytest.mark.parametrize(
    "load",
    [
        lambda kw: kw.minute(["005930", "000660"], 30, start="2026-09-01"),
        lambda kw: kw.index(["KOSPI", "KOSDAQ"], start="2020-01-02"),
        lambda kw: kw.flows(["005930", "000660"], start="2026-01-02"),
        lambda kw: kw.info(["005930", "000660"]),
        lambda kw: kw.orderbook(["005930", "000660"]),
    ],
)
def test_so_have_other_lists(
    load: Callable[[Session], object],
    kw: Session,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress_module, "DELAY", 0.0)

    load(kw)

    drawn = _drawn(capsys.readouterr().err)
    assert len({total for _, total in drawn}) == 1
    assert drawn[-1][0] == drawn[-1][1]


def test_what_was_expected_and_not_needed_is_no_longer_missing_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = Watch()
    with Progress("삼성전자 일봉", clock=watch) as progress:
        progress.expect(25)
        watch.now += 1.0
        for _ in range(24):
            progress.page()
        assert " 96%|" in capsys.readouterr().err
    assert "100%|" in capsys.readouterr().err


def test_a_load_that_fails_does_not_end_at_100_percent(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    with pytest.raises(KeyboardInterrupt), Progress("삼성전자 일봉", clock=watch) as progress:
        progress.expect(4)
        watch.now += 1.0
        progress.page()
        raise KeyboardInterrupt
    assert "100%" not in capsys.readouterr().err


# -- where no bar can be drawn

_LOADS = """
import sys
from koalab.progress import Progress

def load():
    now = [100.0]
    with Progress("삼성전자 일봉", clock=lambda: now[0]) as progress:
        progress.expect(3)
        now[0] += 2.0
        for _ in range(3):
            progress.page("2024-01-02")
            progress.relabel("SK하이닉스 일봉")
    print("done")

sys.stderr.isatty = lambda: True
{loads}
"""
_STREAMS = """
load()
sys.stderr.close()
load()
del sys.stderr.isatty
load()
sys.stderr = None
load()
"""


@pytest.mark.parametrize(
    ("environment", "loads"),
    [
        ({"TQDM_DISABLE": "1"}, "load()"),
        ({"TQDM_MININTERVAL": "often", "TQDM_NCOLS": "wide", "TQDM_POSITION": "top"}, "load()"),
        ({}, _STREAMS),
        ({}, "sys.modules['ipywidgets'] = sys.modules['tqdm.auto'] = None; load()"),
    ],
)
def test_a_load_goes_on_where_no_bar_can_be_drawn(environment: dict[str, str], loads: str) -> None:
    ran = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-W", "error", "-c", _LOADS.format(loads=loads)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("done\n" * loads.count("load()"), 0), ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_log_file_gets_no_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CaptureIO, "isatty", lambda _: False)
    watch = Watch()
    with Progress("삼성전자 일봉", clock=watch) as progress:
        progress.expect(2)
        watch.now += 2.0
        progress.page()
    assert capsys.readouterr().err == ""

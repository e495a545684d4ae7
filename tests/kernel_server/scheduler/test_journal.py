"""What was called before a restart still counts, whatever happened to the file, the clock or the folder."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.scheduler import PRESETS, Limits, StateTaken, Window, keys
from kernel_server.scheduler.journal import Journal
from tests.support.examples import examples
from tests.support.scheduler_bench import START, Bench, drive

OFFICIAL = PRESETS["official"]
GOLDEN = keys.of_condition(0, "골든\n크로스")  # a name is whatever its owner called it
# Times that are written and read as they are.
MINUTE = Limits("minute", {"tr": (Window(5, 60.0),), "condition": (Window(1, 600.0),)})


class Watch:
    """The clock on the wall."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def journal(folder: Path, now: float = START, watch: Watch | None = None) -> Journal:
    return Journal(folder, now, MINUTE.reach, watch or Watch(now))


async def called(bench: Bench, count: int, also: tuple[str, ...] = ()) -> None:
    jobs = [bench.submit(str(number), also=also) for number in range(count)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    await bench.scheduler.close()


async def test_calls_before_a_restart_still_count(tmp_path: Path) -> None:
    await called(Bench(OFFICIAL, state_dir=tmp_path), 5)
    after = Bench(OFFICIAL, state_dir=tmp_path)
    used = {(quota.key, quota.window.limit): quota.used for quota in after.scheduler.quotas()}
    assert used == {("tr", 5): 5, ("tr", 1000): 5, ("order", 5): 0}
    await called(after, 1)
    assert after.called == [("0", 1.0)]


async def test_the_minute_of_a_condition_goes_on_over_a_restart(tmp_path: Path) -> None:
    await called(Bench(OFFICIAL, state_dir=tmp_path), 1, GOLDEN)
    after = Bench(OFFICIAL, state_dir=tmp_path, start=START + 20.0)
    await called(after, 1, GOLDEN)
    assert after.called == [("0", 60.0)]


async def test_every_restart_remembers_what_those_before_did(tmp_path: Path) -> None:
    for number in range(4):
        await called(Bench(MINUTE, state_dir=tmp_path, start=START + number), 1)
    last = Bench(MINUTE, state_dir=tmp_path, start=START + 4)
    await called(last, 2)
    assert [time for _, time in last.called] == [4.0, 60.0]


async def test_what_counts_no_more_is_forgotten(tmp_path: Path) -> None:
    await called(Bench(MINUTE, state_dir=tmp_path), 3, ())
    after = journal(tmp_path, START + 60.0)
    assert after.times("tr") == []
    after.close()
    assert (tmp_path / "calls").read_bytes() == b""


def test_a_file_that_has_grown_long_is_written_anew_while_it_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel_server.scheduler.journal._REWRITE", 100)
    watch = Watch(START)
    kept = journal(tmp_path, START, watch)
    for number in range(1000):
        watch.now = START + number
        kept.record(["tr"])
    assert len((tmp_path / "calls").read_bytes().splitlines()) <= 200
    kept.close()
    again = journal(tmp_path, START + 999.0)
    assert again.times("tr") == [START + number for number in range(940, 1000)]
    again.close()


@settings(
    max_examples=examples(40, 100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5), st.integers(0, 10_000))
def test_damage_costs_the_lines_that_it_hit_and_no_others(
    tmp_path: Path, flips: list[tuple[int, int]], end: int
) -> None:
    (tmp_path / "calls").write_bytes(b"")
    watch = Watch(START)
    kept = journal(tmp_path, START, watch)
    whole = [(START + number, ["tr", *GOLDEN] if number % 3 == 0 else ["tr"]) for number in range(20)]
    for watch.now, each in whole:
        kept.record(each)
    kept.close()
    raw = bytearray((tmp_path / "calls").read_bytes())
    lines = raw.split(b"\n")
    for place, value in flips:
        raw[place % len(raw)] = value
    raw = raw[: max(0, len(raw) - end % 60)]
    (tmp_path / "calls").write_bytes(raw)
    sound = [number for number, line in enumerate(raw.split(b"\n")) if line and line in lines]
    logging.disable(logging.WARNING)
    try:
        read = journal(tmp_path, START + 19.0)
    finally:
        logging.disable(logging.NOTSET)
    found = read.times("tr")
    read.close()
    assert set(found) <= {time for time, _ in whole}
    assert len(found) == len(sound)


def test_a_file_of_something_else_altogether_is_as_good_as_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "kernel_server")
    (tmp_path / "calls").write_bytes(bytes(range(256)) * 40)
    kept = journal(tmp_path)
    assert kept.times("tr") == []
    assert "cannot be read" in caplog.text
    kept.record(["tr"])
    kept.close()
    again = journal(tmp_path)
    assert again.times("tr") == [START]
    again.close()


def lines(*texts: bytes) -> bytes:
    """Lines of a right CRC."""
    return b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{}", b"[]", b"null", b"1", b'"tr"', b"[null]", b'["tr"]', b"[[], []]", b'[true, "tr"]'),
        *(b'[NaN, "tr"]', b'[Infinity, "tr"]', b'[-1e400, "tr"]', b'["1", "tr"]', b'{"1": 2}'),
        *(b"[1, 2]", b'[1, ["tr"]]', b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000),
        *(b"1" * 5000, b"[" + b"1" * 5000 + b', "tr"]', b"[" + b"1" * 400 + b', "tr"]'),
    ],
    ids=range(24),
)
def test_a_line_that_is_no_call_costs_itself(
    tmp_path: Path, text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "kernel_server")
    whole = lines(json.dumps([START - 1, "tr"]).encode())
    (tmp_path / "calls").write_bytes(lines(text) + whole + lines(text))
    kept = journal(tmp_path)
    assert kept.times("tr") == [START - 1]
    kept.close()
    assert "2 of 3 calls" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="a folder of Windows has no pipes, and links need rights")
def test_what_is_no_file_in_its_place_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "kernel_server")
    (tmp_path / "diary").write_bytes(b"dear diary")
    for number, make in enumerate(
        (
            os.mkfifo,
            lambda calls: calls.symlink_to(tmp_path / "diary"),
            lambda calls: calls.symlink_to("none"),
        )
    ):
        calls = tmp_path / str(number) / "calls"
        calls.parent.mkdir()
        make(calls)
        kept = journal(calls.parent)
        assert kept.times("tr") == []
        kept.record(["tr"])
        kept.close()
        again = journal(calls.parent)
        assert again.times("tr") == [START]
        again.close()
    assert (tmp_path / "diary").read_bytes() == b"dear diary"
    assert caplog.text.count("no file of calls") == 3


def test_a_link_in_the_way_of_rewriting_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "diary").write_bytes(b"dear diary")
    (tmp_path / "calls.new").symlink_to(tmp_path / "diary")
    kept = journal(tmp_path)
    kept.record(["tr"])
    kept.close()
    assert (tmp_path / "diary").read_bytes() == b"dear diary"
    again = journal(tmp_path)
    assert again.times("tr") == [START]
    again.close()


def test_of_a_file_too_long_to_be_ours_the_end_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel_server.scheduler.journal._LARGEST", 1000)
    calls = [json.dumps([START - 50 + number, "tr"]).encode() for number in range(50)]
    (tmp_path / "calls").write_bytes(lines(*calls))
    kept = journal(tmp_path)
    assert 0 < len(kept.times("tr")) < 50
    assert kept.times("tr")[-1] == START - 1
    kept.close()


async def test_a_clock_set_back_between_two_runs_frees_no_window(tmp_path: Path) -> None:
    await called(Bench(OFFICIAL, state_dir=tmp_path, start=START + 500.0), 5)
    after = Bench(OFFICIAL, state_dir=tmp_path)
    await called(after, 1)
    assert after.called == [("0", 1.0)]


async def test_a_clock_set_back_while_it_runs_frees_no_window() -> None:
    bench = Bench(Limits("test", {"tr": (Window(2, 10.0),)}))

    first = bench.submit("first")
    await drive(bench.clock, first.done.done)
    bench.clock._now -= 100.0  # no clock of ours does that
    second = bench.submit("second")
    await drive(bench.clock, second.done.done)
    bench.clock.advance(105.0)
    assert bench.scheduler.quotas()[0].used == 2
    third = bench.submit("third")
    await drive(bench.clock, third.done.done)
    await bench.scheduler.close()
    assert bench.called == [("first", 0.0), ("second", -100.0), ("third", 10.0)]


def test_the_machines_time_set_back_while_it_runs_frees_no_window_after_a_restart(tmp_path: Path) -> None:
    watch = Watch(START)
    kept = journal(tmp_path, START, watch)
    kept.record(["tr"])
    watch.now = START - 50.0
    kept.record(["tr"])
    kept.close()
    again = journal(tmp_path, START + 20.0)
    assert again.times("tr") == [START, START]
    again.close()


@pytest.mark.parametrize("days", [0, -2, 2])
async def test_time_between_two_servers_is_wall_clock_time_on_any_clock(tmp_path: Path, days: int) -> None:
    watch = Watch(START)
    await called(Bench(OFFICIAL, state_dir=tmp_path, wall=watch), 1)
    watch.now += 100.0
    after = Bench(OFFICIAL, state_dir=tmp_path, start=START + days * 86_400.0, wall=watch)
    (hour,) = (quota for quota in after.scheduler.quotas() if quota.window.seconds == 3600.0)
    assert hour.used == 1
    after.clock.advance(3500.0)
    assert all(quota.used == 0 for quota in after.scheduler.quotas())


async def test_a_folder_serves_one_server_at_a_time(tmp_path: Path) -> None:
    first = Bench(OFFICIAL, state_dir=tmp_path)
    with pytest.raises(StateTaken, match="--state-dir"):
        Bench(OFFICIAL, state_dir=tmp_path)
    await called(first, 1)
    await called(Bench(OFFICIAL, state_dir=tmp_path), 1)


def test_a_server_that_was_killed_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, kernel_server.scheduler.journal as journal\n"
        "kept = journal.Journal(pathlib.Path(sys.argv[1]), 0.0, lambda key: 60.0, lambda: 0.0)\n"
        "kept.record(['tr'])\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(StateTaken):
            journal(tmp_path, 1.0)
        other.kill()
    after = journal(tmp_path, 1.0)
    assert after.times("tr") == [0.0]
    after.close()


async def test_a_folder_that_cannot_be_used_costs_the_memory_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "kernel_server")
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    bench = Bench(OFFICIAL, state_dir=blocked / "state")
    assert "not kept" in caplog.text
    await called(bench, 6)
    assert len(bench.called) == 6

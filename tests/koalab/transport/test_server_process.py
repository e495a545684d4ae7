"""``python -m kernel_server`` as a process: it says where it listens, stops cleanly, and refuses what cannot be."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import koalab as kl
from kernel_server.__main__ import main as server_main
from tests.support.forked import FORKED
from tests.support.waiting import HANGS_AFTER


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server's process, and the address it says it listens on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kernel_server", "--control", "simulated", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        match = re.search(r"listening on (\S+),", said)
        assert match is not None, said
        yield process, match[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=HANGS_AFTER)


def _serve(options: tuple[str, ...], folder: str, sender: Connection) -> None:
    """Sends the exit code of a server with those options, and what it wrote."""
    os.chdir(folder)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            server_main(options)
        except SystemExit as ended:
            sender.send((ended.code, said.getvalue()))


def refused(*options: str) -> str:
    """What a server's process says of such options; it is forked from one with all modules, so it costs little."""
    receiver, sender = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=_serve, args=(options, str(Path.cwd()), sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(HANGS_AFTER)
        code, said = receiver.recv()
    finally:
        process.kill()
        process.join(HANGS_AFTER)
    assert code
    said += code if isinstance(code, str) else ""
    assert "Traceback" not in said
    return str(said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_when_asked_to(number: signal.Signals, tmp_path: Path) -> None:
    with served() as (process, address), kl.connect(address, cache_dir=tmp_path) as kw:
        assert kw.status()["connected"] is False
        assert len(kw.daily("005930", "2026-11-09", "2026-11-13")) == 5
        process.send_signal(number)
        out, errors = process.communicate(timeout=HANGS_AFTER)
    assert process.returncode == 0
    assert out.strip().endswith("stopped")
    assert errors == ""


def test_it_stops_though_a_stream_is_open(tmp_path: Path) -> None:
    with served("--limits", "safe") as (process, address), kl.connect(address, cache_dir=tmp_path) as kw:
        kw.find("삼성전자")
        pages = kw._link.transport.pages("opt10081", {"종목코드": "005930", "수정주가구분": "1"})
        for _ in range(6):  # five pages, and then the first word of the wait for the sixth
            next(pages)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANGS_AFTER)
        assert process.returncode == 0
        with pytest.raises(kl.ServerLost):
            next(pages)


@pytest.mark.parametrize(
    ("options", "clock"),
    [
        ((), "clock market, "),
        (("--clock", "real"), "clock real, "),
        (("--clock", "stepped@2026-11-19"), "clock stepped@2026-11-19, 2026-11-19 09:30 there"),
    ],
)
def test_it_says_what_time_it_is_there(options: tuple[str, ...], clock: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kernel_server", "--control", "simulated", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert clock in process.stdout.readline()
    finally:
        process.kill()
        process.communicate(timeout=HANGS_AFTER)


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with served() as (_, address):
        assert "another program" in refused("--control", "simulated", "--port", address.split(":")[1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "TLS"),
        (["--host", "192.168.0.10"], "TLS"),
        (["--clock", "slow"], "fast:N"),
        (["--clock", "market@noon"], "2026-11-19T08:50"),
        (["--clock", "market@2126-11-19"], "1986 to"),
        (["--port", "70000"], "0 to 65535"),
        (["--log-level", "LOUD"], "DEBUG"),
        (["--market-data", "/no/such/folder"], "/no/such/folder"),
        (["--limits", "none"], "safe"),
        (["--control", "ocx"], "Windows"),
        (["--control", "ocx", "--clock", "fast:2"], "simulated"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="there the OCX may be installed")
def test_what_cannot_be_is_refused_in_one_sentence(options: list[str], said: str) -> None:
    assert said in refused("--control", "simulated", "--port", "0", *options)


def test_broken_market_data_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "005930.csv").write_text("date,open,high,low,close,volume\nnever,1,1,1,1,1\n")
    said = refused("--control", "simulated", "--port", "0", "--market-data", str(tmp_path))
    assert "005930.csv" in said
    assert "2" in said


def test_it_remembers_its_calls_over_a_restart(tmp_path: Path) -> None:
    for used in (1, 2):
        with served("--state-dir", str(tmp_path / "state")) as (process, address):
            with kl.connect(address, cache_dir=tmp_path / str(used)) as kw:
                kw.tr("opt10001", 종목코드="005930")
                hourly = next(one for one in kw.status()["quota"] if one["limit"] == 1000)
                assert hourly["used"] == used
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=HANGS_AFTER)


def test_its_accelerated_clock_hurries_the_limits_too(tmp_path: Path) -> None:
    with kl.connect(clock="fast:1000", limits="safe", cache_dir=tmp_path) as kw:
        frame = kw.daily("005930", end="2026-11-13")  # 17 TRs under `safe` take 54 s of the broker's time
        assert frame.attrs["trs"] == -(-len(frame) // 600)

"""Kills client or server at random points of loads, and looks at what is left: ``python -m bench killing``.

After every kill the cache has to verify, and of the pages that the server served only one may have been
asked for twice: the one that was in flight. Server and client are forked from a process that has everything
imported, so that a kill costs no start of Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.timing import Row
from kernel_server import simulated
from kernel_server.clock import KST, SteppedClock
from kernel_server.control.seam import Control
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.simulated.market.synthetic.market import source_name
from koalab.errors import NotConnected, ServerLost
from koalab.sessions.session import Session
from koalab.store.bars import BarStore
from koalab.transport import remote

KILLS = 200
CODES = ("005930", "000660", "035420", "005380")
_NOW = datetime(2026, 11, 21, 12, tzinfo=KST)
_START = "2015-01-01"
_PATIENCE = 120.0


# ---- the processes


def _serve(port: int, log: str) -> None:
    """A server over the simulated broker that writes down each page it is asked for, before it gives it."""
    clock, thread = SteppedClock(_NOW.timestamp(), jump=True), PlainThread()
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def make() -> Control:
        control = simulated.build(None, 1, clock, simulated.BrokerSettings(), thread.hand_over)
        whole: Any = control.call
        inputs: dict[str, str] = {}

        def call(name: str, arguments: Any = ()) -> Any:
            if name == "SetInputValue":
                inputs[str(arguments[0])] = str(arguments[1])
            elif name == "CommRqData":
                os.write(file, (json.dumps([inputs, arguments[2]], ensure_ascii=False) + "\n").encode())
            return whole(name, arguments)

        control.call = call  # type: ignore[method-assign]
        return control

    server = BackgroundServer(make, clock, ServerSettings(PRESETS["official"], port=port), thread)
    print(json.dumps({"listening": server.address}), flush=True)
    signal.pause()


def _load(port: int, cache: str, codes: list[str]) -> None:
    while True:
        try:
            with Session(remote.connect(f"127.0.0.1:{port}", _PATIENCE), cache) as kw:
                kw.login()
                for code in codes:
                    kw.daily(code, _START, progress=False)
        except (ServerLost, NotConnected):
            continue  # before the load began; what is under way is waited for
        return


_JOBS: dict[str, Callable[..., None]] = {"serve": _serve, "load": _load}


def nursery() -> None:
    """Forks a process for every line it reads, and says when it has ended."""
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            code = 1
            try:
                _JOBS[what](*arguments)
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(status)}), flush=True)


@dataclass
class _Nursery:
    """A nursery and its present child."""

    process: subprocess.Popen[str] = field(init=False)
    _lines: queue.SimpleQueue[str] = field(init=False, default_factory=queue.SimpleQueue)
    pid: int = 0
    ended: int | None = None

    def __post_init__(self) -> None:
        program = "from bench.killing import nursery; nursery()"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            cwd=Path(__file__).resolve().parents[1],
        )
        # By a thread: of several lines that come at once all but the first lie in Python's buffer, unseen by select.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def start(self, *what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        self.ended = None
        self.pid = int(self.hears("pid"))

    def hears(self, name: str, timeout: float = _PATIENCE) -> Any:
        """Waits for a line that says that."""
        until = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no {name} within {timeout:g} s") from None
            said = json.loads(line)
            if name in said:
                return said[name]

    def over(self, timeout: float) -> bool:
        """Whether the child ends within so many seconds."""
        if self.ended is None:
            with contextlib.suppress(TimeoutError):
                self.ended = int(self.hears("ended", timeout))
        return self.ended is not None

    def kill(self) -> bool:
        """Whether there was anybody left to kill."""
        if self.over(0):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.ended = int(self.hears("ended"))
        return self.ended == -signal.SIGKILL

    def close(self) -> None:
        if self.ended is None and self.pid:
            self.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


# ---- the killing


@dataclass
class Killed:
    """What came of it.

    Attributes:
        clients: how many clients were killed.
        servers: how many servers.
        pages: how many different pages were asked for.
        again: how many pages were asked for another time, over all.
        problems: what the cache found wrong with itself after a kill.
        different: codes whose frame in the end is not that of a cold load.
        seconds: how long it took.
    """

    clients: int = 0
    servers: int = 0
    pages: int = 0
    again: int = 0
    problems: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    seconds: float = 0.0


def kill(times: int, folder: Path, seed: int = 1) -> Killed:
    """Kills that many clients and servers, three clients for each server, and loads to the end each time.

    A load goes on over kills until it is done; then the next begins with another cache.
    """
    begun, draw, found = time.monotonic(), random.Random(seed), Killed()
    log, port = folder / "pages", _free_port()
    servers, clients = _Nursery(), _Nursery()
    try:
        servers.start("serve", port, str(log))
        servers.hears("listening")
        clients.start("load", port, str(folder / "cold"), CODES)
        since = time.monotonic()
        assert clients.over(_PATIENCE)
        assert clients.ended == 0
        usual = time.monotonic() - since
        cold = _held(folder / "cold")
        expected = sorted(log.read_text().splitlines())
        round_ = 0
        while found.clients + found.servers < times:
            log.write_text("")
            cache = folder / f"warm{round_}"
            round_ += 1
            before = found.clients + found.servers
            while True:
                if clients.ended is not None:
                    clients.start("load", port, str(cache), CODES)
                left = found.clients + found.servers < times
                if clients.over(draw.uniform(0, usual) if left else _PATIENCE):
                    assert clients.ended == 0, "a load failed"
                    break
                if draw.random() < 0.25:
                    found.servers += servers.kill()
                    servers.start("serve", port, str(log))
                    servers.hears("listening")
                else:
                    found.clients += clients.kill()
                found.problems += _store(cache).verify()
            asked = log.read_text().splitlines()
            found.pages += len(set(asked))
            found.again += max(0, len(asked) - len(expected))
            assert len(asked) - len(expected) <= found.clients + found.servers - before, (
                "more than the pages in flight were asked for again",
                Counter(asked).most_common(3),
            )
            found.problems += _store(cache).verify()
            held = _held(cache)
            found.different += [code for code in CODES if held[code] != cold[code]]
    finally:
        clients.close()
        servers.close()
    found.seconds = time.monotonic() - begun
    return found


def _store(cache: Path) -> BarStore:
    return BarStore(cache, f"simulated:{source_name(1)}")


def _held(cache: Path) -> dict[str, bytes]:
    from koalab.store.packing import pack
    from koalab.store.parquet import EVER

    store = _store(cache)
    return {series.code: pack(store.read(series, *EVER)[0]) for series in store.series()}


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        found = kill(KILLS, Path(folder))
    if found.problems or found.different:
        raise RuntimeError(f"killing left damage: {found}")
    killed = found.clients + found.servers
    return [
        Row(
            f"kill -9 of {found.clients} clients and {found.servers} servers in the middle of loads",
            f"{len(found.problems)} problems",
            f"{found.pages} pages, {found.again} asked for again (at most {killed}), {found.seconds:.0f} s",
        )
    ]

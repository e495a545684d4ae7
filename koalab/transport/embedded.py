"""The embedded server: a kernel server process with the simulated broker, which lives as long as its session."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import kernel_server
from koalab.errors import BadInput, NotConnected, ServerLost
from koalab.transport import closing, forking
from koalab.transport.remote import RemoteTransport

log = logging.getLogger(__name__)

START_TIMEOUT = 20.0
STOP_TIMEOUT = 1.5
# Seconds between two looks at the process while it is waited for.
_LOOK_EVERY = 0.5
# The server's packages come from our path; -P keeps modules in the notebook's folder from shadowing them.
# No collection looks at modules while they load; the server allows them once it has started.
_START = """
import gc, sys
gc.disable()
sys.path.append(sys.argv.pop(1))
from kernel_server.__main__ import main
main()
"""


class ServerProcess:
    """The server's process; it is ended when this object is garbage-collected, or at exit."""

    def __init__(self, arguments: Sequence[str]) -> None:
        packages = str(Path(kernel_server.__file__).parent.parent)
        own_group: dict[str, Any] = (
            {
                "start_new_session": True
            }  # so that Ctrl-C in the terminal or notebook does not reach the server
            if os.name == "posix"
            else {"creationflags": 0x08000000 | 0x00000200}  # CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP
        )
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own package
            [sys.executable, "-P", "-c", _START, packages, "--parent", str(os.getpid()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUTF8": "1"},
            **own_group,
        )
        self._finalizer = weakref.finalize(self, _end_process, self._process)
        forking.watch(self)
        self._stderr_lines: deque[str] = deque(maxlen=30)
        self._stdout_lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._start_reader(self._process.stdout, self._stdout_lines.put)
        self._stderr_reader = self._start_reader(self._process.stderr, self._stderr_lines.append)

    def _start_reader(self, pipe: IO[bytes], consume: Any) -> threading.Thread:
        def read() -> None:
            with contextlib.suppress(OSError, ValueError):
                for line in pipe:
                    consume(line.decode("utf-8", "replace").rstrip())
            consume("")

        thread = threading.Thread(target=read, name="koalab-embedded", daemon=True)
        thread.start()
        return thread

    def address(self, timeout: float) -> str:
        """Waits until the server listens; returns its address.

        Raises:
            NotConnected: it did not start within ``timeout`` seconds.
        """
        try:
            line = self._stdout_lines.get(timeout=timeout)
            if line:
                return str(json.loads(line)["listening"])
            self._stderr_reader.join(1)
            reason = next((text for text in reversed(self._stderr_lines) if text), "it ended without a word")
        except queue.Empty:
            reason = f"it was not ready within {timeout:g} s"
        self.stop()
        raise NotConnected(f"the embedded server did not start: {reason.removeprefix('kernel_server: ')}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._finalizer()

    def after_fork(self) -> None:
        """Leaves the server to the parent, and gives up our copy of its standard input, whose end ends it."""
        self._finalizer.detach()
        self._process.returncode = 0  # so that nothing waits for it
        if self._process.stdin is not None and not self._process.stdin.closed:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._process.stdin.fileno(), inheritable=False)
            os.close(nothing)


def _end_process(process: subprocess.Popen[bytes]) -> None:
    """Closes the server's standard input, which asks it to exit; terminates, then kills it if it does not."""
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    for force in (None, process.terminate, process.kill):
        if force is not None:
            force()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            continue
        break
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


class EmbeddedTransport(RemoteTransport):
    """The transport to an embedded server. ``recover`` starts a new one if its process is dead."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = tuple(arguments)
        self._process = ServerProcess(self._arguments)
        super().__init__(self._process.address(START_TIMEOUT))

    @property
    def pid(self) -> int:
        return self._process.pid

    def recover(self, timeout: float) -> None:
        """Reconnects; starts a new server only if the process is dead, because accounts and streams end with it.

        Raises:
            ServerLost: the process lives, but does not answer within ``timeout`` seconds.
        """
        self._require_open()
        if self._process.running and self._reconnected(timeout):
            return
        log.warning("the embedded server has ended; a new one is started")
        closing.close(self._channel)
        self._process.stop()
        self._process = ServerProcess(self._arguments)
        self._target = self._process.address(timeout)
        self._open()
        self.wait_ready(timeout)

    def _reconnected(self, timeout: float) -> bool:
        """Whether the process answers over a new channel; False as soon as it is dead."""
        self._reopen()
        until = time.monotonic() + timeout
        while self._process.running:
            left = until - time.monotonic()
            try:
                self.wait_ready(max(min(left, _LOOK_EVERY), 0.0))
            except ServerLost:
                if left <= _LOOK_EVERY and self._process.running:
                    raise ServerLost(
                        f"the embedded server (process {self.pid}) lives but has not answered for {timeout:g} s."
                        " Its account would be lost with it, so it is not restarted: ask again later, or end it"
                    ) from None
            else:
                return True
        return False

    def close(self) -> None:
        super().close()
        self._process.stop()


def start(
    market_data: str | os.PathLike[str] | None = None,
    seed: int = 1,
    clock: str | None = None,
    limits: str = "official",
    account_file: str | os.PathLike[str] | None = None,
    edited_account: bool = False,
) -> EmbeddedTransport:
    """Starts a server over the simulated broker and connects to it.

    Args:
        market_data: folder with recorded prices, served in place of synthetic ones.
        seed: of the synthetic market; the same seed gives the same prices.
        clock: its name, as for ``kl.connect``; None: the server's default.
        limits: the broker's windows, ``official`` or ``safe``.
        account_file: a file that keeps accounts and orders beyond the server's life.
        edited_account: take an account file that was edited by hand.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise BadInput(f"seed must be a whole number, not {seed!r}")
    arguments = [
        "--control",
        "simulated",
        "--port",
        "0",
        "--limits",
        limits,
        f"--seed={seed}",
    ]
    if clock is not None:
        arguments.append(f"--clock={clock}")
    if market_data is not None:
        folder = Path(market_data).expanduser()
        if not _is_folder(folder):
            raise BadInput(f"market_data={str(market_data)!r} is no folder")
        arguments += ["--market-data", str(folder.resolve())]
    if account_file is not None:
        file = Path(os.path.realpath(Path(account_file).expanduser()))
        if _is_folder(file) or not _is_folder(file.parent):
            raise BadInput(
                f"account_file={str(account_file)!r} should be a file, in a folder that there is; it is made if need be"
            )
        arguments += ["--account-file", str(file), *(["--edited-account"] if edited_account else [])]
    transport = EmbeddedTransport(arguments)
    transport.wait_ready(START_TIMEOUT)
    return transport


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, for example
        return False

"""The server as a child process: its log goes into files that rotate, and it ends when its standard input does."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from kernel_server.observe.logs import LineFormatter

LOG: Final = "server.log"
LARGEST: Final = 5_000_000
"""Bytes of a log file, of which the last six are kept."""

_END_WITHIN = 30.0
_SERVER = "server"
"""Name in the records of the server's lines."""


class _Lines(LineFormatter):
    """The server's lines as they are, and the supervisor's own in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if record.name == _SERVER else super().format(record)


def log_handler(folder: Path) -> RotatingFileHandler:
    """Writes lines into the folder's ``server.log``."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        folder / LOG, maxBytes=LARGEST, backupCount=5, encoding="utf-8", errors="replace"
    )
    handler.setFormatter(_Lines())
    return handler


class ServerProcess:
    """A kernel server that has been started.

    Args:
        options: its options.
        lines: gets every line that it writes.
        on_login: called with the code of each OnEventConnect.

    Attributes:
        address: where it listens; blank until it says so.
        login: the code of the last OnEventConnect; None until there is one.
    """

    def __init__(
        self, options: Sequence[str], lines: logging.Handler, on_login: Callable[[int], None] = lambda _: None
    ) -> None:
        self.address = ""
        self.login: int | None = None
        self._lines = lines
        self._on_login = on_login
        ours = ["--parent", str(os.getpid()), "--supervised"]
        command = [sys.executable, "-m", "kernel_server", *ours, *options]
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="server-log", daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self.wait(_END_WITHIN) is None:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_WITHIN)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = _said(line)
            if not self.address:
                self.address = str(said.get("listening", ""))
            if said.keys() == {"login"}:
                self.login = int(said["login"])
                self._on_login(self.login)
            self._lines.handle(logging.LogRecord(_SERVER, logging.INFO, "", 0, line.rstrip(), None, None))


def _said(line: str) -> dict[str, Any]:
    """What the server says to its supervisor in that line; empty for any other."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

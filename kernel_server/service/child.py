"""The server as a child process: its log goes into files that rotate, and it ends when its standard input does."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

LOG: Final = "server.log"
LARGEST: Final = 5_000_000
"""Bytes of a log file, of which the last six are kept."""

_END_WITHIN = 30.0


def log_handler(folder: Path) -> RotatingFileHandler:
    """Writes lines into the folder's ``server.log``."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        folder / LOG, maxBytes=LARGEST, backupCount=5, encoding="utf-8", errors="replace"
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


class ServerProcess:
    """A kernel server that has been started.

    Args:
        options: its options.
        lines: gets every line that it writes.

    Attributes:
        address: where it listens; blank until it says so.
    """

    def __init__(self, options: Sequence[str], lines: logging.Handler) -> None:
        self.address = ""
        self._lines = lines
        command = [sys.executable, "-m", "kernel_server", "--parent", str(os.getpid()), *options]
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
            if not self.address:
                self.address = _address(line)
            record = logging.LogRecord("server", logging.INFO, "", 0, line.rstrip(), None, None)
            self._lines.handle(record)


def _address(line: str) -> str:
    """The address in the line that says where the server listens; blank for any other."""
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return str(found.get("listening", "")) if isinstance(found, dict) else ""

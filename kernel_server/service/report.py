"""The file in which the supervisor says how the server is; by its age ``status`` sees whether there is a supervisor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from kernel_server import files
from kernel_server.service.supervisor import Running

FILE: Final = "service.json"
FRESH: Final = 30.0
"""Seconds after which a report is out of date: the supervisor writes one every few seconds."""


@dataclass(frozen=True)
class ServiceState:
    """How the server was.

    Attributes:
        time: when it was written, seconds since the epoch.
        address: where the server listens; blank where it does not yet.
        up: whether it runs.
        restarts: how often it was started again.
        last_exit: its last exit code; None where it has not ended yet.
    """

    time: float
    address: str
    up: bool
    restarts: int
    last_exit: int | None

    def __str__(self) -> str:
        again = "" if not self.restarts else f", started again {self.restarts} times"
        last = "" if self.last_exit is None else f", last exit code {self.last_exit}"
        where = f"listens on {self.address}" if self.address else "starts"
        return f"the server {where if self.up else 'is down and will be started again'}{again}{last}"


def writer(folder: Path, address: Callable[[], str], now: Callable[[], float]) -> Callable[[Running], None]:
    """Writes reports into that folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(running: Running) -> None:
        report = ServiceState(now(), address() if running.up else "", **asdict(running))
        # The next report comes in some seconds, and one that cannot be written is no reason to end a server.
        with contextlib.suppress(OSError):
            files.replace(folder / FILE, json.dumps(asdict(report)).encode())

    return write


def read(folder: Path, now: float) -> ServiceState | None:
    """The last report; None where there is none that is fresh."""
    try:
        report = ServiceState(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return report if abs(now - report.time) <= FRESH else None

"""The file in which the supervisor says how the server is; by its age ``status`` sees whether there is a supervisor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

from kernel_server import files
from kernel_server.service.supervisor import Running

FILE: Final = "service.json"
FRESH: Final = 30.0
"""Seconds after which a report is out of date: the supervisor writes one every few seconds."""
LONG: Final = 900.0
"""The same while something is done for which the server does not run: a version update takes minutes."""


class ServerNews(NamedTuple):
    """What the supervisor knows of the server beside whether it runs.

    Attributes:
        address: where it listens; blank where it does not yet.
        login: the code of its last OnEventConnect; None where there was none.
        problem: what waits for a person, and what to do; blank where nothing does.
    """

    address: str = ""
    login: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class ServiceState:
    """How the server was.

    Attributes:
        time: when it was written, seconds since the epoch.
        address, login, problem: of ``ServerNews``.
        up, restarts, last_exit, interrupted, doing: of ``Running``.
    """

    time: float
    address: str
    up: bool
    restarts: int
    last_exit: int | None
    interrupted: int = 0
    doing: str = ""
    login: int | None = None
    problem: str = ""

    def __str__(self) -> str:
        if not self.up:
            what = f"is down for {self.doing}" if self.doing else "is down and will be started again"
        elif not self.address:
            what = "starts"
        else:
            logins = {None: "", 0: ", logged in"}
            what = f"listens on {self.address}{logins.get(self.login, f', not logged in ({self.login})')}"
        again = f", started again {self.restarts} times" if self.restarts else ""
        last = "" if self.last_exit is None else f", last exit code {self.last_exit}"
        ended = f", ended {self.interrupted} times for an update or a restart" if self.interrupted else ""
        return f"the server {what}{again}{last}{ended}{f'; {self.problem}' if self.problem else ''}"


def writer(
    folder: Path, news: Callable[[], ServerNews], now: Callable[[], float]
) -> Callable[[Running], None]:
    """Writes reports into that folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(running: Running) -> None:
        known = news() if running.up else ServerNews(problem=news().problem)
        report = ServiceState(time=now(), **known._asdict(), **asdict(running))
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
    return report if abs(now - report.time) <= (LONG if report.doing else FRESH) else None

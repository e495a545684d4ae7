"""Runs the supervisor over a server, with the desktop where this process can use it."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from kernel_server.service import report
from kernel_server.service.child import ServerProcess, log_handler
from kernel_server.service.desktop.credential import Credential, CredentialStore, NoStore
from kernel_server.service.desktop.login import LoginWindow
from kernel_server.service.desktop.pywinauto_desktop import NoDesktop, PywinautoDesktop
from kernel_server.service.desktop.seam import Desktop
from kernel_server.service.desktop.update import VersionUpdate
from kernel_server.service.desktop.watch import DesktopWatch
from kernel_server.service.maintenance import DailyRestart, UpdateOfOpenApi
from kernel_server.service.report import ServerNews
from kernel_server.service.supervisor import Maintenance, Pauses, Supervisor

log = logging.getLogger(__name__)


def run(folder: Path, options: Sequence[str], restart_at: str | None = None) -> int:
    """Supervises a server with those options until Ctrl-C, Ctrl-Break or SIGTERM; its last exit code.

    Args:
        folder: of the log and the report.
        options: of the server.
        restart_at: HH:MM in Seoul at which it is restarted every day; None: it is not.

    Raises:
        ValueError: ``restart_at`` is no time of day.
    """
    daily = [] if restart_at is None else [DailyRestart(restart_at, time.time)]
    lines = log_handler(folder)
    logging.getLogger("kernel_server").addHandler(lines)
    stopped = threading.Event()
    login = LoginWindow(_credential)
    desktop = _desktop()
    update = None if desktop is None else VersionUpdate(desktop, stopped.wait, time.monotonic)
    watch = None if desktop is None or update is None else DesktopWatch(desktop, login, update)
    maintenance: list[Maintenance] = [UpdateOfOpenApi(update), *daily]
    current: list[ServerProcess] = []

    def start() -> ServerProcess:
        current[:] = [ServerProcess(options, lines, login.on_login)]
        return current[0]

    def news() -> ServerNews:
        problem = "" if watch is None else watch.problem
        return ServerNews(current[0].address, current[0].login, problem) if current else ServerNews()

    supervisor = Supervisor(
        start,
        report.writer(folder, news, time.time),
        Pauses(),
        time.monotonic,
        stopped,
        (lambda: None) if watch is None else watch.look,
        maintenance,
    )
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: supervisor.stop())
    try:
        return supervisor.run()
    finally:
        (folder / report.FILE).unlink(missing_ok=True)
        logging.getLogger("kernel_server").removeHandler(lines)
        lines.close()


def _desktop() -> Desktop | None:
    try:
        return PywinautoDesktop()
    except NoDesktop as error:
        log.warning("Kiwoom's windows are left to a person: %s", error)
        return None


def _credential() -> Credential | None:
    try:
        return CredentialStore().read()
    except NoStore as error:
        log.warning("no credential: %s", error)
    except Exception:  # keyring raises what Windows' own functions do
        log.exception("the stored credential cannot be read")
    return None

"""``python -m kernel_server.service install | start | stop | status | doctor | remove | run``."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from kernel_server.__main__ import default_state_dir
from kernel_server.__main__ import parser as server_parser
from kernel_server.service import report
from kernel_server.service.child import ServerProcess, log_handler
from kernel_server.service.doctor import Doctor
from kernel_server.service.supervisor import Pauses, Supervisor
from kernel_server.service.task import ScheduledTask, TaskFailed, definition


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m kernel_server.service",
        description="The kernel server as a task that starts at logon and is started again when it fails.",
        epilog="Options of the server follow --: install -- --port 5943 --login",
    )
    found.add_argument("action", choices=["install", "start", "stop", "status", "doctor", "remove", "run"])
    found.add_argument(
        "--state-dir", type=Path, default=default_state_dir(), help="its log and state (%(default)s)"
    )
    return found


def main(arguments: Sequence[str] | None = None, task: ScheduledTask | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    end = given.index("--") if "--" in given else len(given)
    options, of_server = parser().parse_args(given[:end]), given[end + 1 :]
    if of_server and options.action not in ("install", "run"):
        sys.exit(f"{options.action} takes no options of the server: install again to change them")
    if options.action == "run":
        return run(options.state_dir, of_server)
    if options.action == "status":
        return status(options.state_dir, task or ScheduledTask())
    if options.action == "doctor":
        return examine(options.state_dir, task or ScheduledTask())
    if task is None and sys.platform != "win32":
        sys.exit(f"the task is one of Windows, this is {sys.platform}: use your system's own services")
    chosen = task or ScheduledTask()
    try:
        if options.action == "install":
            install(chosen, options.state_dir, of_server)
        else:
            getattr(chosen, options.action)()
    except TaskFailed as error:
        sys.exit(str(error))
    return 0


def install(task: ScheduledTask, folder: Path, options: Sequence[str]) -> None:
    """Makes the task. The server's options are checked first: a task with wrong ones would fail at each logon."""
    server_parser().parse_args(options)
    program = Path(sys.executable)
    without_console = program.with_name("pythonw.exe")
    arguments = ["-m", "kernel_server.service", "run", "--state-dir", str(folder.absolute()), "--", *options]
    user = "\\".join(filter(None, [os.environ.get("USERDOMAIN"), getpass.getuser()]))
    chosen = without_console if without_console.exists() else program
    task.install(definition(user, chosen, arguments, Path.cwd()))
    print(f"installed; it starts at the next logon, or now with start. Its log is in {folder}")  # noqa: T201


def status(folder: Path, task: ScheduledTask) -> int:
    """Says how the server is; 0 where it runs."""
    found = report.read(folder, time.time())
    if found is not None:
        print(found)  # noqa: T201
        return 0 if found.up else 1
    installed = sys.platform == "win32" and task.exists()
    print("not running; start starts it" if installed else "not installed; install does that")  # noqa: T201
    return 1


def examine(folder: Path, task: ScheduledTask) -> int:
    """Prints what the doctor finds; 0 where all is well."""
    findings = list(Doctor(folder, task.exists, report.read(folder, time.time())).findings())
    print("\n".join(map(str, findings)))  # noqa: T201
    return 0 if all(finding.well for finding in findings) else 1


def run(folder: Path, options: Sequence[str]) -> int:
    """Supervises the server until Ctrl-C, Ctrl-Break or SIGTERM."""
    lines = log_handler(folder)
    current: list[ServerProcess] = []

    def start() -> ServerProcess:
        current[:] = [ServerProcess(options, lines)]
        return current[0]

    write = report.writer(folder, lambda: current[0].address if current else "", time.time)
    supervisor = Supervisor(start, write, Pauses(), time.monotonic, threading.Event())
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: supervisor.stop())
    try:
        return supervisor.run()
    finally:
        (folder / report.FILE).unlink(missing_ok=True)
        lines.close()


if __name__ == "__main__":
    sys.exit(main())

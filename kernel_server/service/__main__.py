"""``python -m kernel_server.service install | start | stop | status | doctor | remove | run``, and the credential."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kernel_server.__main__ import default_state_dir
from kernel_server.__main__ import parser as server_parser
from kernel_server.service import report
from kernel_server.service.desktop.credential import Credential, CredentialStore, NoStore
from kernel_server.service.doctor import Doctor
from kernel_server.service.maintenance import DailyRestart
from kernel_server.service.running import run
from kernel_server.service.task import ScheduledTask, TaskFailed, definition

ACTIONS = (
    "install",
    "start",
    "stop",
    "status",
    "doctor",
    "store-credential",
    "delete-credential",
    "remove",
    "run",
)


def parser(program: str = "python -m kernel_server.service") -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog=program,
        description="The kernel server as a task that starts at logon and is started again when it fails.",
        epilog="Options of the server follow --: install -- --port 5943 --login",
    )
    found.add_argument("action", choices=ACTIONS)
    found.add_argument(
        "--state-dir", type=Path, default=default_state_dir(), help="its log and state (%(default)s)"
    )
    found.add_argument(
        "--restart-at",
        metavar="HH:MM",
        help="install, run: restart the server every day at that time in Seoul",
    )
    found.add_argument(
        "--elevated",
        action="store_true",
        help="install: with administrator rights, where Kiwoom's login window takes no input without them",
    )
    return found


def main(
    arguments: Sequence[str] | None = None,
    task: ScheduledTask | None = None,
    store: Callable[[], CredentialStore] = CredentialStore,
    program: str = "python -m kernel_server.service",
) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    end = given.index("--") if "--" in given else len(given)
    options, of_server = parser(program).parse_args(given[:end]), given[end + 1 :]
    _check(options, of_server)
    if options.action == "run":
        return run(options.state_dir, of_server, options.restart_at)
    if options.action == "status":
        return status(options.state_dir, task or ScheduledTask())
    if options.action == "doctor":
        return examine(options.state_dir, task or ScheduledTask(), store)
    if options.action in ("store-credential", "delete-credential"):
        try:
            return (store_credential if options.action == "store-credential" else delete_credential)(store())
        except NoStore as error:
            sys.exit(str(error))
    if task is None and sys.platform != "win32":
        sys.exit(f"the task is one of Windows, this is {sys.platform}: use your system's own services")
    chosen = task or ScheduledTask()
    try:
        if options.action == "install":
            install(chosen, options.state_dir, of_server, options.restart_at, options.elevated)
        else:
            getattr(chosen, options.action)()
    except TaskFailed as error:
        sys.exit(str(error))
    return 0


def _check(options: argparse.Namespace, of_server: Sequence[str]) -> None:
    """Ends the program where options are given that mean nothing to the action, or are wrong."""
    action = options.action
    if of_server and action not in ("install", "run"):
        sys.exit(f"{action} takes no options of the server: install again to change them")
    if options.restart_at is not None and action not in ("install", "run"):
        sys.exit(f"{action} takes no --restart-at: install again to change it")
    if options.elevated and action != "install":
        sys.exit(f"{action} takes no --elevated: install again to change it")
    if options.restart_at is not None:
        try:
            DailyRestart(options.restart_at, time.time)
        except ValueError as error:
            sys.exit(f"--restart-at: {error}")


def install(
    task: ScheduledTask, folder: Path, options: Sequence[str], restart_at: str | None, elevated: bool
) -> None:
    """Makes the task. The server's options are checked first: a task with wrong ones would fail at each logon."""
    server_parser().parse_args(options)
    program = Path(sys.executable)
    without_console = program.with_name("pythonw.exe")
    daily = [] if restart_at is None else ["--restart-at", restart_at]
    ours = ["-m", "kernel_server.service", "run", "--state-dir", str(folder.absolute()), *daily]
    user = "\\".join(filter(None, [os.environ.get("USERDOMAIN"), getpass.getuser()]))
    chosen = without_console if without_console.exists() else program
    task.install(definition(user, chosen, [*ours, "--", *options], Path.cwd(), elevated))
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


def examine(folder: Path, task: ScheduledTask, store: Callable[[], CredentialStore]) -> int:
    """Prints what the doctor finds; 0 where all is well."""
    doctor = Doctor(folder, task.exists, report.read(folder, time.time()), credential=lambda: store().read())
    findings = list(doctor.findings())
    print("\n".join(map(str, findings)))  # noqa: T201
    return 0 if all(finding.well for finding in findings) else 1


def store_credential(store: CredentialStore) -> int:
    """Asks for the ID and the passwords and stores them; they are never shown."""
    if not sys.stdin.isatty():
        sys.exit("standard input is no terminal, so that a password would be shown: use a command window")
    user = input("ID: ").strip()
    password = getpass.getpass("비밀번호: ")
    if not user or not password:
        sys.exit("nothing is stored: the login needs an ID and a password")
    store.write(Credential(user, password, getpass.getpass("인증비밀번호 (blank for 모의투자): ")))
    print("stored in Windows' credential manager, under koalab; the service fills in the login window")  # noqa: T201
    return 0


def delete_credential(store: CredentialStore) -> int:
    """Deletes the stored credential."""
    print("deleted" if store.delete() else "nothing was stored")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

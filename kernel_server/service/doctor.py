"""Checks of the Windows machine: what is there, what is missing, and what to do."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kernel_server.control import ocx
from kernel_server.control.installed import ControlMissing
from kernel_server.service.desktop.credential import NEEDED, Credential, NoStore
from kernel_server.service.report import ServiceState

LEAST_FREE: Final = 1_000_000_000
"""Bytes that should be free: the logs take 30 MB at most, and OpenAPI+ updates itself."""
AUTO_FILE: Final = Path("system", "Autologin.dat")
"""In the control's folder while AUTO is ticked in the window 계좌비밀번호 저장."""


class Finding(NamedTuple):
    """One check: what was looked at, whether it is well, and what was found or what to do."""

    what: str
    well: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok' if self.well else '!!'}  {self.what}: {self.found}"


def has_desktop() -> bool:
    """Whether pywinauto is installed."""
    return importlib.util.find_spec("pywinauto") is not None


def free_bytes(folder: Path) -> int:
    """Bytes that are free where that folder is."""
    return shutil.disk_usage(folder).free


class Doctor:
    """Looks at the machine.

    Args:
        folder: of the service's log and state.
        task_exists: whether there is the task.
        state: what the supervisor said last; None where there is none.
        machine: raises ControlMissing where the control cannot run in this process.
        control: the installed control's file and what differs in its types, or raises ControlMissing.
        credential: the stored one; None where there is none, or raises NoStore.
        desktop: whether the service can fill in the login window.
        free: bytes that are free where a folder is.
    """

    def __init__(
        self,
        folder: Path,
        task_exists: Callable[[], bool],
        state: ServiceState | None,
        machine: Callable[[], None] = ocx.check_machine,
        control: Callable[[], tuple[Path, list[str]]] = ocx.check_control,
        credential: Callable[[], Credential | None] = lambda: None,
        desktop: Callable[[], bool] = has_desktop,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = folder
        self._task_exists = task_exists
        self._state = state
        self._machine = machine
        self._control = control
        self._credential = credential
        self._desktop = desktop
        self._free = free

    def findings(self) -> Iterator[Finding]:
        """One after the other; on a machine that is not the control's only the first."""
        try:
            self._machine()
        except ControlMissing as error:
            yield Finding("Python", False, str(error))
            return
        yield Finding("Python", True, "32-bit on Windows, with Qt")
        try:
            path, differences = self._control()
        except ControlMissing as error:
            yield Finding("OpenAPI+", False, str(error))
        else:
            yield Finding("OpenAPI+", True, "; ".join([str(path), *differences]))
            yield self._of_login(path.parent / AUTO_FILE)
        yield self._of_folder()
        yield self._of_disk()
        there = self._task_exists()
        yield Finding("start at logon", there, "the task is there" if there else "no task: install makes it")
        yield self._of_server()

    def _of_login(self, auto_file: Path) -> Finding:
        what = "automatic login"
        try:
            stored, reason = self._credential(), ""
        except NoStore as error:
            stored, reason = None, f" ({error})"
        if auto_file.exists():
            skipped = (
                "so OpenAPI+ skips its version updates: untick it, or log in once a week with KOA Studio"
            )
            return Finding(what, True, f"AUTO is ticked in 계좌비밀번호 저장, {skipped}")
        if stored is None:
            return Finding(
                what, False, f"no credential{reason}: store-credential, or tick AUTO in 계좌비밀번호 저장"
            )
        if not self._desktop():
            return Finding(what, False, f"a credential is stored and pywinauto is missing: {NEEDED}")
        return Finding(what, True, "a credential is stored, and the service fills in the login window")

    def _of_folder(self) -> Finding:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            return Finding(
                "log and state", False, f"{self._folder} cannot be written ({error.strerror}): --state-dir"
            )
        return Finding("log and state", True, str(self._folder))

    def _of_disk(self) -> Finding:
        try:
            free = self._free(self._folder)
        except OSError as error:
            return Finding(
                "disk", False, f"{self._folder} cannot be looked at ({error.strerror}): --state-dir"
            )
        text = f"{free / 1e9:.1f} GB are free"
        if free >= LEAST_FREE:
            return Finding("disk", True, text)
        return Finding("disk", False, f"{text}: make room, or choose another --state-dir")

    def _of_server(self) -> Finding:
        state = self._state
        if state is None:
            return Finding("server", False, "not running under the service: start starts it")
        return Finding("server", state.up and state.login in (None, 0) and not state.problem, str(state))

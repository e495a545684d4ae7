"""Checks of the Windows machine: what is there, what is missing, and what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from kernel_server.control import ocx
from kernel_server.control.installed import ControlMissing
from kernel_server.service.report import ServiceState


class Finding(NamedTuple):
    """One check: what was looked at, whether it is well, and what was found or what to do."""

    what: str
    well: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok' if self.well else '!!'}  {self.what}: {self.found}"


class Doctor:
    """Looks at the machine.

    Args:
        folder: of the service's log and state.
        task_exists: whether there is the task.
        state: what the supervisor said last; None where there is none.
        machine: raises ControlMissing where the control cannot run in this process.
        control: the installed control's file and what differs in its types, or raises ControlMissing.
    """

    def __init__(
        self,
        folder: Path,
        task_exists: Callable[[], bool],
        state: ServiceState | None,
        machine: Callable[[], None] = ocx.check_machine,
        control: Callable[[], tuple[Path, list[str]]] = ocx.check_control,
    ) -> None:
        self._folder = folder
        self._task_exists = task_exists
        self._state = state
        self._machine = machine
        self._control = control

    def findings(self) -> Iterator[Finding]:
        """One after the other; on a machine that is not the control's only the first."""
        try:
            self._machine()
        except ControlMissing as error:
            yield Finding("Python", False, str(error))
            return
        yield Finding("Python", True, "32-bit on Windows, with Qt")
        yield self._of_control()
        yield self._of_folder()
        there = self._task_exists()
        yield Finding("start at logon", there, "the task is there" if there else "no task: install makes it")
        if self._state is None:
            yield Finding("server", False, "not running under the service: start starts it")
        else:
            yield Finding("server", self._state.up, str(self._state))

    def _of_control(self) -> Finding:
        try:
            path, differences = self._control()
        except ControlMissing as error:
            return Finding("OpenAPI+", False, str(error))
        return Finding("OpenAPI+", True, "; ".join([str(path), *differences]))

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

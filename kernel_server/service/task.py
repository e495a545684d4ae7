"""The task in Windows' Task Scheduler: its definition, and the commands that make, start, end and remove it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

NAME: Final = "koalab"
WITHIN: Final = 60.0
"""Seconds for one command."""

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class TaskFailed(RuntimeError):
    """The Task Scheduler refused a command."""


def run_command(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command of Windows and returns what it said."""
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, errors="replace", check=False, timeout=WITHIN
    )


def definition(
    user: str, program: Path, arguments: Sequence[str], folder: Path, elevated: bool = False
) -> str:
    """The task as XML.

    It starts when that user logs on, at the desktop, once, without a limit of time, also on battery; where it ends with
    an error, again after a minute.

    Args:
        user: as in ``DOMAIN\\user``.
        program: what is started, with an absolute path.
        arguments: its arguments.
        folder: the folder in which it runs.
        elevated: whether it has administrator rights.
    """
    task = ElementTree.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
    trigger = _inside(task, "Triggers", "LogonTrigger")
    _texts(trigger, Enabled="true", UserId=user)
    principal = _inside(task, "Principals", "Principal")
    principal.set("id", "Author")
    level = "HighestAvailable" if elevated else "LeastPrivilege"
    _texts(principal, UserId=user, LogonType="InteractiveToken", RunLevel=level)
    settings = _inside(task, "Settings")
    _texts(
        settings,
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        StartWhenAvailable="true",
        ExecutionTimeLimit="PT0S",
    )
    _texts(_inside(settings, "RestartOnFailure"), Interval="PT1M", Count="999")
    actions = _inside(task, "Actions")
    actions.set("Context", "Author")
    line = subprocess.list2cmdline(arguments)
    _texts(_inside(actions, "Exec"), Command=str(program), Arguments=line, WorkingDirectory=str(folder))
    return ElementTree.tostring(task, encoding="unicode")


def _inside(parent: ElementTree.Element, *names: str) -> ElementTree.Element:
    for name in names:
        parent = ElementTree.SubElement(parent, name)
    return parent


def _texts(parent: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text


class ScheduledTask:
    """The task of this machine's user.

    Args:
        run: runs a command.
        name: the task's name.
    """

    def __init__(self, run: Run = run_command, name: str = NAME) -> None:
        self._run = run
        self._name = name

    def install(self, xml: str) -> None:
        """Makes the task, in place of one of that name.

        Raises:
            TaskFailed: with what the Task Scheduler says.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "task.xml"
            file.write_text(xml, encoding="utf-16")  # schtasks takes no other encoding
            self._command("/Create", "/XML", str(file), "/F")

    def start(self) -> None:
        """Starts it now. Raises TaskFailed."""
        self._command("/Run")

    def stop(self) -> None:
        """Ends it now; it starts again at the next logon. Raises TaskFailed."""
        self._command("/End")

    def remove(self) -> None:
        """Removes the task. Raises TaskFailed."""
        self._command("/Delete", "/F")

    def exists(self) -> bool:
        """Whether there is the task; whether it runs cannot be read, as Windows writes that in its own language."""
        return self._run(["schtasks", "/Query", "/TN", self._name]).returncode == 0

    def _command(self, action: str, *more: str) -> None:
        done = self._run(["schtasks", action, "/TN", self._name, *more])
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
            raise TaskFailed(f"schtasks {action} failed: {said}")

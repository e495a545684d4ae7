"""Wine: the environment of its programs, a display, and the folder that stands for a Windows machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.ocx.command import run
from scripts.ocx.parts import BuildFailed, NotPossible, made

WINE: Final = "wine"
START_WITHIN: Final = 300.0
"""Seconds for one start of a program, after which it hangs; the first of all makes the machine's folder."""


def environment(prefix: Path, display: str) -> dict[str, str]:
    """The variables of a program under Wine, beside those of this process.

    Args:
        prefix: the folder of the Windows machine.
        display: the X display, ``:99``.
    """
    return {
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win32",
        "WINEDEBUG": "-all",
        # No browser, no .NET and no debugger that waits for a person.
        "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe=",
        "DISPLAY": display,
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def windows_path(path: Path) -> str:
    """The path as a program under Wine sees it."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


@contextmanager
def display() -> Iterator[str]:
    """A display without a screen: a control needs one, and offscreen Qt ends in a stack overflow."""
    reading, writing = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(
        arguments,
        pass_fds=[writing],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        try:
            if not number:
                raise NotPossible("Xvfb, the display without a screen, did not start")
            yield f":{number}"
        finally:
            server.terminate()


def require(folder: Path, python: Path, control: Path) -> Path:
    """The folder of the Windows machine, in which that Python runs and that control is registered.

    Raises:
        NotPossible: it cannot be made.
        BuildFailed: the control does not register itself.
    """
    version = run([WINE, "--version"], 60)
    return made(folder, [version, str(python), str(control)], lambda target: _prepare(target, control))


def _prepare(target: Path, control: Path) -> None:
    with display() as shown:
        variables = environment(target, shown)
        run([WINE, "wineboot", "--init"], START_WITHIN, environment=variables)
        register(control, variables)
        run(["wineserver", "--wait"], START_WITHIN, environment=variables)


def register(control: Path, variables: Mapping[str, str]) -> None:
    """Registers a control's file, as its installation does.

    Raises:
        BuildFailed: it does not register itself.
    """
    run(
        [WINE, "regsvr32", "/s", windows_path(control)],
        START_WITHIN,
        environment=variables,
        failure=BuildFailed,
    )

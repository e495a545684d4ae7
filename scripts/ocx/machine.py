"""The Windows machine of the tests, whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.ocx import control_build, debian, windows_python, wine

FOLDER: Final = Path(__file__).resolve().parents[2] / ".tools" / "ocx"


@dataclass(frozen=True)
class Machine:
    """Where its parts are.

    Attributes:
        folder: of all of them.
        python: the program of the Windows Python.
        control: the file of the test control, which is registered.
        prefix: Wine's folder.
    """

    folder: Path
    python: Path
    control: Path
    prefix: Path

    @classmethod
    def require(cls, folder: Path = FOLDER) -> Machine:
        """The machine; what is missing of it is installed and built.

        Raises:
            NotPossible: it cannot be made here; the message says why.
            BuildFailed: the control does not build or register.
        """
        debian.require(folder / "apt")
        python = windows_python.require(folder / "python")
        control = control_build.require(folder / "control")
        return cls(folder, python, control, wine.require(folder / "machine", python, control))

    def register(self) -> None:
        """Registers the control again: tests that were broken off may have left another in its place.

        Raises:
            BuildFailed: it does not register itself.
        """
        with wine.display() as shown:
            wine.register(self.control, wine.environment(self.prefix, shown))

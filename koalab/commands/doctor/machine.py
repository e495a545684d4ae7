"""Checks of this machine: Python, packages, cache folder, calendar, time zone."""

from __future__ import annotations

import importlib.metadata
import platform
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from kernel_server.reference import holidays
from koalab.commands.doctor.finding import Finding

_OLDEST = (3, 11)
_EXTRA = "notebook"
_MARKET = "Asia/Seoul"


def python(version: tuple[int, int, int]) -> Finding:
    """Checks the interpreter's version."""
    text = f"Python {'.'.join(map(str, version))} on {platform.platform(terse=True)}"
    if version < _OLDEST:
        return Finding(text, "the notebook's side needs Python 3.11 or later")
    return Finding(text)


def requirements() -> list[Requirement]:
    """What the installed koalab requires, the notebook extra included.

    Raises:
        importlib.metadata.PackageNotFoundError: koalab is not installed.
    """
    found = []
    for text in importlib.metadata.requires("koalab") or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": _EXTRA}):
            found.append(requirement)
    return found


def packages(
    wanted: list[Requirement], version_of: Callable[[str], str] = importlib.metadata.version
) -> Iterator[Finding]:
    """Checks the packages: all good ones in one finding, one finding for each other."""
    right = []
    for requirement in wanted:
        name = requirement.name
        # A requirement whose marker fails without the extra belongs to the extra alone.
        optional = requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})
        install = (
            f'pip install "koalab[{_EXTRA}]"'
            if optional
            else f'pip install -U "{name}{requirement.specifier}"'
        )
        try:
            version = version_of(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(f"{name} is not installed", install, optional)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            right.append(f"{name} {version}")
        else:
            yield Finding(f"{name} {version}, {requirement.specifier} is needed", install, optional)
    yield Finding(", ".join(sorted(right, key=str.lower)))


def cache_folder(folder: Path) -> Finding:
    """Checks that the cache folder is writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"koalab")
    except OSError as error:
        return Finding(
            f"cache folder {folder}: {error.strerror or error}",
            "set KOALAB_CACHE_DIR to a folder you can write to",
        )
    return Finding(f"cache folder {folder}")


def holidays_file() -> Finding:
    """Reads the user's changes to the calendar."""
    try:
        changes = holidays.read()
    except holidays.BadHolidays as error:
        return Finding("calendar", str(error))
    file = holidays.default_file()
    return Finding(f"calendar with {len(changes)} changes of {file}" if changes else f"calendar, no {file}")


def time_zone(here: str, load: Callable[[str], object] = zoneinfo.ZoneInfo) -> Finding:
    """Checks that the market's time zone is known; ``here`` is the name of this machine's."""
    try:
        load(_MARKET)
    except zoneinfo.ZoneInfoNotFoundError:
        return Finding(f"no time zone {_MARKET}", "pip install tzdata")
    return Finding(f"time zone {_MARKET}, in which all times are; this machine is in {here}")


def local_zone() -> str:
    """The name of this machine's time zone."""
    return time.tzname[time.localtime().tm_isdst > 0]

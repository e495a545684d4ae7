"""``koalab doctor``: checks Python, packages, cache folder and server, with advice for each failure."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from packaging.requirements import InvalidRequirement, Requirement

from kernel_server.reference import holidays
from koalab.commands.runner import CommandRunner
from koalab.errors import KoalabError
from koalab.inputs.text import printable

if TYPE_CHECKING:
    from koalab.sessions.session import Session

_OLDEST = (3, 11)
_EXTRA = "notebook"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``advice`` is what to do, blank if it passed; ``optional``: failing is no error."""

    text: str
    advice: str = ""
    optional: bool = False

    @property
    def wrong(self) -> bool:
        return bool(self.advice) and not self.optional

    def __str__(self) -> str:
        mark = "!!" if self.wrong else "--" if self.advice else "ok"
        return f"{mark}  {self.text}" + (f": {self.advice}" if self.advice else "")


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check this machine: Python, packages, cache folder, server. Exit code 1 where something is wrong."""
    wrong = 0
    for finding in findings(ctx.obj):
        click.echo(printable(str(finding)))
        wrong += finding.wrong
    if wrong:
        ctx.exit(1)


def findings(runner: CommandRunner) -> Iterator[Finding]:
    """All checks, in order."""
    yield python(sys.version_info[:3])
    try:
        yield from packages(requirements())
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "koalab runs from a folder: its packages are not checked", "pip install -e .", optional=True
        )
    yield cache_folder(runner)
    yield holidays_file()
    yield server(lambda: runner.connect(None))


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


def cache_folder(runner: CommandRunner) -> Finding:
    """Checks that the cache folder is writable."""
    folder = runner.cache_folder()
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


def server(connect: Callable[[], Session], clock: Callable[[], float] = time.perf_counter) -> Finding:
    """Checks that the server starts or answers and is logged in, and measures how long that took."""
    started = clock()
    try:
        session = connect()
        status = session.status()
    except KoalabError as error:
        # koalab's errors already contain the advice.
        return Finding("session", str(error))
    took = clock() - started
    about: dict[str, Any] = status["server"]
    kind = "모의투자" if status["simulation"] else "실서버"
    text = f"{about['control']} server {about['version']} at {about['target']}, {kind}, in {took:.1f} s"
    if status["problems"]:
        return Finding(text, "; ".join(status["problems"]))
    if not status["connected"]:
        return Finding(f"{text}, not logged in", f"koalab --target {about['target']} login")
    return Finding(text)

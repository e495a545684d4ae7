"""Wine, a display without a screen and the compiler for Windows, from Debian."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.ocx.command import run
from scripts.ocx.parts import NotPossible

PACKAGES: Final = (
    "wine",
    "wine32:i386",
    "xvfb",
    "xauth",
    "gcc-mingw-w64-i686-win32",
    "g++-mingw-w64-i686-win32",
    "mingw-w64-tools",
)
INSTALL_WITHIN: Final = 480.0
"""Seconds for one call of apt-get: 330 MB are downloaded."""

_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_RELEASE_FILE: Final = re.compile(r"'(\S+?)/?dists/([^/']+)/InRelease'")


def require(folder: Path) -> None:
    """Installs the packages that are missing.

    Args:
        folder: for apt's own lists of these packages, which the machine's do not mix with.

    Raises:
        NotPossible: they are not there and cannot be installed.
    """
    missing = [name for name in PACKAGES if not is_installed(name)]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotPossible(f"there is no {', no '.join(missing)} here, and only root on Debian can install it")
    options = own_sources(folder)
    run(["dpkg", "--add-architecture", "i386"], 60)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "--quiet", *options, "update"], INSTALL_WITHIN, environment=environment)
    install = ["install", "--yes", "--no-install-recommends", *missing]
    run(["apt-get", "--quiet", *options, *install], INSTALL_WITHIN, environment=environment)
    # They are not needed again, and the next package of the machine's own comes from its own lists.
    shutil.rmtree(folder, ignore_errors=True)


def is_installed(package: str) -> bool:
    """Whether Debian's package is there."""
    if shutil.which("dpkg-query") is None:
        return False
    asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}", package]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.startswith("ii")


def own_sources(folder: Path) -> list[str]:
    """apt's options for sources and lists in that folder: the machine's mirrors for both architectures.

    The security suite stays out: where its mirror has no complete index of i386, apt installs nothing at all.

    Raises:
        NotPossible: apt knows no mirror.
    """
    lists, sources = folder / "lists", folder / "koalab.sources"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    signed = f"Signed-By: {_KEYRING}\n" if _KEYRING.exists() else ""
    stanzas = [
        f"Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nArchitectures: amd64 i386\n{signed}"
        for mirror, suite in mirrors(run(["apt-get", "--print-uris", "update"], 60), codename())
    ]
    if not stanzas:
        raise NotPossible("apt has no mirror of this Debian")
    sources.write_text("\n".join(stanzas))
    return [
        f"--option=Dir::Etc::SourceList={sources}",
        "--option=Dir::Etc::SourceParts=/dev/null",
        f"--option=Dir::State::lists={lists}",
        "--option=DPkg::Lock::Timeout=300",
        "--option=Acquire::Retries=3",
    ]


def mirrors(uris: str, release: str) -> Iterator[tuple[str, str]]:
    """The mirrors and suites of that release but for the security suite, from what apt would fetch."""
    for mirror, suite in dict.fromkeys(_RELEASE_FILE.findall(uris)):
        if suite in (release, f"{release}-updates"):
            yield f"{mirror}/", suite


def codename() -> str:
    """The release of this Debian: bookworm."""
    try:
        text = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError as error:
        raise NotPossible(f"/etc/os-release cannot be read: {error.strerror}") from error
    found = re.search(r"^VERSION_CODENAME=(\S+)", text, re.MULTILINE)
    if found is None:
        raise NotPossible("/etc/os-release names no release")
    return found[1]

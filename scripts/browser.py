"""Finds Chromium and a Korean font for the browser tests, and installs Debian's where they are missing.

python scripts/browser.py    prints the path of the browser; exit code 1, with the reason, where there is none
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_WITHIN: Final = 240.0
"""Seconds for one call of apt-get."""


class NoBrowser(Exception):
    """Raised where the browser tests cannot run; the message says why."""


def find() -> str | None:
    """The path of Chromium or Chrome; ``KOALAB_BROWSER`` names another."""
    given = os.environ.get("KOALAB_BROWSER")
    return given or next(filter(None, map(shutil.which, BROWSERS)), None)


def has_korean() -> bool:
    """Whether a font has Hangul; where that cannot be asked, the system is taken to have one."""
    if shutil.which("fc-list") is None:
        return sys.platform != "linux"
    listed = subprocess.run(["fc-list", ":lang=ko"], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())


def require() -> str:
    """The path of the browser, after Debian's packages were installed where they were missing.

    Raises:
        NoBrowser: there is none, and none could be installed.
    """
    missing = [name for name, there in (("chromium", find()), ("fonts-nanum", has_korean())) if not there]
    if missing:
        install(missing)
    found = find()
    if found is None or not has_korean():
        raise NoBrowser(f"{' and '.join(missing)} could not be found after its installation")
    return found


def install(packages: list[str]) -> None:
    """Installs Debian's packages.

    Raises:
        NoBrowser: that is not possible here, or failed.
    """
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NoBrowser(
            f"there is no {' and no '.join(packages)} here, and only root on Debian can install it:"
            " KOALAB_BROWSER names a Chromium or Chrome that is somewhere else"
        )
    # One index may be out of reach while those that are needed are not: only the installation decides.
    apt_get("update")
    answer = apt_get("install", "--yes", "--no-install-recommends", *packages)
    if answer:
        raise NoBrowser(f"apt-get could not install {' and '.join(packages)}: {answer}")


def apt_get(*arguments: str) -> str:
    """Runs apt-get; returns the last line of its error, blank where it went well."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", "--quiet", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_WITHIN,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {INSTALL_WITHIN:.0f} s"
    if not done.returncode:
        return ""
    return (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]


if __name__ == "__main__":
    try:
        print(require())
    except NoBrowser as error:
        print(error)
        sys.exit(1)

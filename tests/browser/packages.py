"""The npm packages that these tests run, from the lock in js/: installed once, into the build folder."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.browser.lab import ROOT

PLACE: Final = ROOT / "build" / "browser-js"
_GIVEN: Final = Path(__file__).parent / "js"
_WITHIN: Final = 180


@cache
def installed() -> Path:
    """The folder with ``node_modules``; the test is skipped, with the reason, where npm cannot install them."""
    lock = (_GIVEN / "package-lock.json").read_bytes()
    done = PLACE / "installed.json"
    PLACE.mkdir(parents=True, exist_ok=True)
    for one in _GIVEN.iterdir():
        shutil.copy(one, PLACE)
    if done.exists() and done.read_bytes() == lock:
        return PLACE
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here: what needs its packages was not checked")
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done.write_bytes(lock)
    return PLACE


def npm(*arguments: str) -> None:
    """Runs npm there; the test is skipped, with the reason, where that fails."""
    done = subprocess.run(
        ("npm", *arguments), cwd=PLACE, capture_output=True, text=True, check=False, timeout=_WITHIN
    )
    if done.returncode:
        pytest.skip(f"npm {arguments[0]} failed: {(done.stderr or done.stdout)[-300:]}")

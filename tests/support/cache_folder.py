"""A cache folder for a test, with the exchange's sessions in it."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from platformdirs import user_cache_dir

from kernel_server.reference import sessions


def with_calendar(folder: Path) -> Path:
    """The folder, with the file of the exchange's sessions: a process that has to build it takes three seconds."""
    shutil.copytree(_calendar(), folder / "calendar", dirs_exist_ok=True)
    return folder


@cache
def _calendar() -> Path:
    folder = Path(user_cache_dir("koalab"))
    sessions.load(folder)
    return folder / "calendar"

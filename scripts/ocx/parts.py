"""Parts that are made once: a folder each, made anew when the inputs of the part have changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

STAMP: Final = ".inputs"
"""The file in a part's folder that says what it was made of; it is written when the part is whole."""


class NotPossible(Exception):
    """Raised where the tests of the OCX cannot run here, for want of packages; the message says why."""


class BuildFailed(Exception):
    """Raised where what the project has for these tests does not build or register: that is a failure."""


def made(folder: Path, inputs: Iterable[str | Path], make: Callable[[Path], None]) -> Path:
    """The folder of a part.

    Args:
        folder: where it is.
        inputs: all that it depends on, texts and files.
        make: makes the part in that folder, which is empty.
    """
    key = digest(inputs)
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(key)
    return folder


def digest(inputs: Iterable[str | Path]) -> str:
    """A digest of texts, and of files by their contents."""
    found = hashlib.sha256()
    for one in inputs:
        content = one.read_bytes() if isinstance(one, Path) else one.encode()
        found.update(len(content).to_bytes(8, "little") + content)
    return found.hexdigest()

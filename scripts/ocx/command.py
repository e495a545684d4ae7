"""Runs a program with a limit of time; its failure is one sentence."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.ocx.parts import NotPossible


def run(
    arguments: Sequence[str | Path],
    within: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    failure: type[Exception] = NotPossible,
) -> str:
    """Its output.

    Args:
        arguments: the program and its arguments.
        within: seconds that it may take.
        folder: the folder in which it runs.
        environment: variables beside those of this process.
        failure: the exception where it fails, NotPossible or BuildFailed.

    Raises:
        NotPossible: it is not there, failed, or took too long; or BuildFailed, if that was chosen.
    """
    name = Path(arguments[0]).name
    try:
        done = subprocess.run(
            list(map(str, arguments)),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            timeout=within,
        )
    except subprocess.TimeoutExpired:
        raise failure(f"{name} took longer than {within:.0f} s") from None
    except OSError as error:
        raise failure(f"{name} cannot be run: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise failure(f"{name} failed: {said}")
    return done.stdout

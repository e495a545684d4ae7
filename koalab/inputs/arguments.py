"""Checks of arguments: what a method cannot use raises BadInput before anything is sent."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path

import numpy as np

from koalab.errors import BadInput
from koalab.inputs.text import shown

# Eleven days: more than any wait, and less than what the operating system's timers take.
_LONGEST = 1e6
_PATH = 4096


def flag(name: str, given: object) -> bool:
    """True or False, numpy's too, or 1 or 0."""
    if isinstance(given, (bool, np.bool_)):
        return bool(given)
    whole = _integer(given)
    if whole not in (0, 1):
        raise BadInput(f"{name} is True or False, not {shown(given)}")
    return bool(whole)


def flag_or_none(name: str, given: object) -> bool | None:
    """The same; None where none is given."""
    return None if given is None else flag(name, given)


def whole_number(name: str, given: object, least: int, most: int) -> int:
    """A whole number between two others, both included."""
    found = _integer(given)
    if found is None or not least <= found <= most:
        raise BadInput(f"{name} must be a whole number from {least} to {most}, not {shown(given)}")
    return found


def seconds(name: str, given: object) -> float:
    """A number of seconds above 0."""
    number = isinstance(given, (Real, np.floating)) and not isinstance(given, (bool, np.timedelta64))
    try:
        found = float(given) if number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        found = math.nan
    if not (math.isfinite(found) and found > 0):
        raise BadInput(f"{name} is a number of seconds above 0, not {shown(given)}")
    return min(found, _LONGEST)


def one_of(name: str, given: object, known: Iterable[str]) -> None:
    """Refuses a text that is none of those."""
    *others, last = known
    if not isinstance(given, str) or given not in (*others, last):
        raise BadInput(f"{name} is {', '.join(map(repr, others))} or {last!r}, not {shown(given)}")


def path(name: str, given: object) -> Path:
    """A path, ``~`` expanded; blank ones, bytes and what no file can be called are refused."""
    text = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    try:
        if isinstance(text, str) and text.strip() and b"\0" not in os.fsencode(text) and len(text) <= _PATH:
            return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(f"{name}={shown(text)}: there is no home folder of that user") from None
    except UnicodeEncodeError:
        pass
    raise BadInput(f"{name} is a path, as a text or a Path, not {shown(given)}")


def path_or_none(name: str, given: object) -> Path | None:
    """The same; None where none is given."""
    return None if given is None else path(name, given)


def _integer(given: object) -> int | None:
    if isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.bool_, np.timedelta64)):
        return int(given)
    return None

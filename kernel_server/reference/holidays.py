"""The user's changes to the calendar: holidays and hours that are announced after a release.

A UTF-8 text file, one day a line: the date, then ``closed`` or the hours, then a reason if you like. ``#`` starts a
comment::

    2027-06-30  closed       임시공휴일
    2027-11-25  10:00-16:30  수능
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

VARIABLE: Final = "KOALAB_HOLIDAYS"
"""The environment variable that names the file."""

_LINE: Final = re.compile(r"(\S+)\s+(closed|\d{2}:\d{2}-\d{2}:\d{2})(?:\s.*)?")
_LONGEST: Final = 80
_FORM: Final = '"2027-06-30 closed" or "2027-11-25 10:00-16:30", and a reason behind it if you like'


class BadHolidays(ValueError):
    """Raised for a file of holidays that cannot be read; the message names the file and the line."""


class DayChange(NamedTuple):
    """Other hours of a day (``HH:MM``), both blank where it has no session."""

    day: date
    opens: str = ""
    closes: str = ""


def default_file() -> Path:
    """The file that ``KOALAB_HOLIDAYS`` names, else ``holidays.txt`` in the platform's configuration folder."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    from platformdirs import user_config_path

    return Path(user_config_path("koalab", appauthor=False)) / "holidays.txt"


def read(file: Path | None = None) -> tuple[DayChange, ...]:
    """The changes of a file, oldest first; none without a file at the default place.

    Args:
        file: by default ``default_file()``.

    Raises:
        BadHolidays: the file cannot be read, a named one is missing, or a line is damaged.
    """
    wanted = file is not None or bool(os.environ.get(VARIABLE))
    file = file or default_file()
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        if wanted:
            raise BadHolidays(
                f"there is no file of holidays {file}: correct {VARIABLE} or unset it"
            ) from None
        return ()
    except (OSError, ValueError) as error:
        raise BadHolidays(f"the file of holidays {str(file)!r} cannot be read: {error}") from None
    found: dict[date, DayChange] = {}
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            change = _change(line)
            if change is not None and change.day in found:
                raise ValueError(f"{change.day} is there a second time")
        except ValueError as error:
            raise BadHolidays(f"line {number} of the file of holidays {file}: {error}") from None
        if change is not None:
            found[change.day] = change
    return tuple(found[day] for day in sorted(found))


def digest(changes: tuple[DayChange, ...]) -> str:
    """A short name of those changes, blank for none."""
    return hashlib.sha256(repr(changes).encode()).hexdigest()[:12] if changes else ""


def _change(line: bytes) -> DayChange | None:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8: save the file as UTF-8") from None
    text = text.partition("#")[0].strip()
    if not text:
        return None
    parts = _LINE.fullmatch(text)
    if parts is None or not text.replace("\t", " ").isprintable():
        raise ValueError(f"{text[:_LONGEST]!r} is not {_FORM}")
    day = _day(parts[1])
    if parts[2] == "closed":
        return DayChange(day)
    opens, _, closes = parts[2].partition("-")
    if not _clock(opens) < _clock(closes):
        raise ValueError(f"the session would close at {closes}, before it opens at {opens}")
    return DayChange(day, opens, closes)


def _day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise ValueError(f"{text[:_LONGEST]!r} is no date like 2027-06-30")
    return found


def _clock(text: str) -> tuple[int, int]:
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 23 or minute > 59:
        raise ValueError(f"{text} is no time of day from 00:00 to 23:59")
    return hour, minute

"""The files of a folder of recorded data: which there are, and of which code; names that mean nothing are refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel_server.simulated.market.listing import known_listing
from kernel_server.simulated.market.recorded import file_kinds
from kernel_server.simulated.market.recorded.csv_files import BadMarketData

log = logging.getLogger(__name__)

CODE: Final = re.compile(r"[0-9A-Z]{6}")
PARTS: Final = ("daily", "daily_unadjusted", "minute", "ticks")

_ALL: Final = "listing.csv, daily/, daily_unadjusted/, minute/ and ticks/"
_ENDINGS: Final = (".csv", ".csv.gz")
# What systems and spreadsheets leave in folders.
_LEFTOVERS: Final = ("thumbs.db", "desktop.ini")
_BEGINS_WITH_CODE: Final = re.compile(r"(?=[A-Z]*\d)[0-9A-Z]{6}(?![0-9A-Za-z])")
_OF_A_CODE: Final = re.compile(r"([0-9A-Z]{6})(?:[^0-9A-Za-z].*)?", re.DOTALL)
_DATE_FIRST: Final = re.compile(r"(\d{8})[^0-9A-Za-z]+([0-9A-Z]{6})")
_TWO_CODES: Final = re.compile(r"(\d{6})[^0-9A-Za-z]+([0-9A-Z]{6})")


@dataclass(frozen=True, slots=True)
class RecordedFolder:
    """The listing, if there is one, and the CSV files of each part, in the order of their names."""

    listing: Path | None
    parts: dict[str, list[Path]]
    ticks: Path

    def files(self) -> Iterator[Path]:
        """All of them."""
        if self.listing is not None:
            yield self.listing
        for files in self.parts.values():
            yield from files


def scan(folder: Path) -> RecordedFolder:
    """Looks at names only. Capitals do not count, in names of folders and in endings.

    Raises:
        BadMarketData: there is no such folder; or a file or folder would not be read that looks as if it should be.
    """
    if not folder.is_dir():
        what = "a folder, and this is a file: unpack an archive" if folder.is_file() else "a folder"
        raise BadMarketData(folder, 0, f"expected {what}; it has {_ALL}")
    listing: Path | None = None
    parts: dict[str, Path] = {}
    passed = []
    for entry in _entries(folder):
        name = entry.name.lower()
        if name in PARTS:
            if not entry.is_dir():
                raise BadMarketData(entry, 0, "expected a folder of CSV files, and this is a file")
            if name in parts:
                raise BadMarketData(
                    entry, 0, f"there is {parts[name].name}/ too: put the files into one folder"
                )
            parts[name] = entry
        elif name in ("listing.csv", "listing.csv.gz"):
            if listing is not None:
                raise BadMarketData(entry, 0, f"there is {listing.name} too: keep one of them")
            listing = entry
        elif entry.is_dir():
            _check_unknown_folder(entry)
            passed.append(f"{entry.name}/")
        else:
            _check_unknown_file(entry)
            passed.append(entry.name)
    if passed:
        log.info("%s: not market data, and not read: %s", folder, ", ".join(passed))
    return RecordedFolder(
        listing,
        {name: csv_files_in(parts[name]) if name in parts else [] for name in PARTS},
        parts.get("ticks", folder / "ticks"),
    )


def code_of(file: Path) -> str:
    """The code of a file of daily bars, CODE.csv or CODE.csv.gz.

    Raises:
        BadMarketData: its name is no code.
    """
    stem = stem_of(file)
    if not CODE.fullmatch(stem):
        raise BadMarketData(file, 0, f"expected a name that is a code, {_code_advice(stem)}")
    return stem


def code_of_minutes(file: Path) -> str:
    """The code of a file of minutes: CODE.csv, or CODE, a sign such as _ and anything else.

    Raises:
        BadMarketData: its name does not begin with a code, or begins with a date or another number.
    """
    stem = stem_of(file)
    check_order(file)
    found = _OF_A_CODE.fullmatch(stem)
    if found is None:
        raise BadMarketData(file, 0, f"expected a name that begins with a code, {_code_advice(stem)}")
    return found[1]


def check_order(file: Path) -> None:
    """Refuses a name with a date before the code.

    Raises:
        BadMarketData: it is one.
    """
    stem = stem_of(file)
    dated = _DATE_FIRST.fullmatch(stem)
    if dated is not None:
        raise BadMarketData(
            file, 0, f"expected the code first in the name: {dated[2]}_{dated[1]}.csv, a code and a day"
        )
    two = _TWO_CODES.fullmatch(stem)
    known = known_listing().issues
    if two is not None and two[2] in known and two[1] not in known:
        raise BadMarketData(
            file,
            0,
            f"is it of {two[1]} or of {two[2]}? expected the code first in the name: {two[2]}_{two[1]}.csv",
        )


def stem_of(file: Path) -> str:
    """The name without .csv or .csv.gz."""
    name = file.name
    for ending in (".gz", ".csv"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, without what is hidden or left there by a system or spreadsheet."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise BadMarketData(folder, 0, f"expected a folder that can be read: {error.strerror}") from error
    return [
        entry
        for entry in found
        if not entry.name.startswith((".", "~$", "__")) and entry.name.lower() not in _LEFTOVERS
    ]


def csv_files_in(folder: Path) -> list[Path]:
    """The CSV files of a part, packed or not, in the order of their names.

    Raises:
        BadMarketData: there is something else of an issue's, or data of another kind, which would not be read.
    """
    found = []
    for entry in _entries(folder):
        name = entry.name
        if entry.is_dir():
            if any(each.name.lower().endswith(_ENDINGS) for each in _entries(entry)):
                raise BadMarketData(
                    entry, 0, f"expected its files directly in {folder.name}/: move them there"
                )
        elif name.lower().endswith(_ENDINGS):
            found.append(entry)
        elif advice := file_kinds.by_ending(name):
            if not name.lower().endswith((".txt", ".json")) or _BEGINS_WITH_CODE.match(name):
                raise BadMarketData(entry, 0, f"expected CSV files, .csv or .csv.gz: {advice}")
        elif _BEGINS_WITH_CODE.match(name):
            raise BadMarketData(entry, 0, "expected CSV files, whose names end with .csv or .csv.gz")
    return found


def _check_unknown_folder(folder: Path) -> None:
    try:
        names = [entry.name for entry in _entries(folder)]
    except BadMarketData:
        return  # it is not ours to read
    if any(_BEGINS_WITH_CODE.match(name) and name.lower().endswith(_ENDINGS) for name in names):
        raise BadMarketData(
            folder,
            0,
            f"it has files of issues and would not be read; expected {_ALL}: rename it, or move it away",
        )


def _check_unknown_file(file: Path) -> None:
    name = file.name
    if _BEGINS_WITH_CODE.match(name) and name.lower().endswith(_ENDINGS):
        raise BadMarketData(
            file, 0, "expected files of issues in daily/, daily_unadjusted/, minute/ or ticks/"
        )
    if name.lower().startswith("listing"):
        raise BadMarketData(file, 0, "it would not be read; expected the name listing.csv")
    if name.lower().startswith(PARTS) and file_kinds.by_ending(name):
        raise BadMarketData(file, 0, f"it would not be read; expected {_ALL}: {file_kinds.by_ending(name)}")


def _code_advice(stem: str) -> str:
    """What a code is, and which one may be meant."""
    plain = stem.upper().removesuffix(".KS").removesuffix(".KQ")
    meant = plain[1:] if len(plain) == 7 and plain[0] in "AQJ" else plain
    meant = meant.zfill(6) if meant.isdecimal() and len(meant) < 6 else meant
    hint = f": {meant}.csv?" if CODE.fullmatch(meant) and meant != stem else ""
    return f"six digits or capitals{hint}"

"""What a file is that is no CSV text in UTF-8, and what to do with it."""

from __future__ import annotations

from typing import Final

_UTF8: Final = "save it as CSV in UTF-8 (in Excel: CSV UTF-8)"

# By first bytes.
_KINDS: Final = (
    (b"PK\x03\x04", f"it is a zip archive or an Excel workbook: unpack it, or {_UTF8}"),
    (b"\xd0\xcf\x11\xe0", f"it is an Excel workbook: {_UTF8}"),
    (b"\x1f\x8b", "it is packed with gzip: let its name end with .csv.gz"),
    (b"BZh", "it is packed with bzip2: unpack it"),
    (b"\xfd7zXZ", "it is packed with xz: unpack it"),
    (b"7z\xbc\xaf", "it is packed with 7-Zip: unpack it"),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd: unpack it"),
    (b"PAR1", f"it is Parquet: {_UTF8}"),
    (b"%PDF", f"it is a PDF: {_UTF8}"),
)

# By the end of the name.
_ENDINGS: Final = {
    ".zip": "unpack it",
    ".7z": "unpack it",
    ".rar": "unpack it",
    ".tar": "unpack it",
    ".tgz": "unpack it",
    ".bz2": "unpack it",
    ".xz": "unpack it",
    ".zst": "unpack it",
    ".gz": "unpack it, or let its name end with .csv.gz",
    ".xlsx": _UTF8,
    ".xls": _UTF8,
    ".ods": _UTF8,
    ".numbers": _UTF8,
    ".parquet": _UTF8,
    ".feather": _UTF8,
    ".json": _UTF8,
    ".tsv": "save it with commas as .csv",
    ".txt": "with commas, and let its name end with .csv",
    ".dat": "with commas, and let its name end with .csv",
}


def by_first_bytes(head: bytes) -> str | None:
    """What to do with a file that begins so; None if it may be text."""
    return next((advice for start, advice in _KINDS if head.startswith(start)), None)


def by_ending(name: str) -> str | None:
    """What to do with a file of that name; None if it is of no known kind of data."""
    lower = name.lower()
    return next((advice for ending, advice in _ENDINGS.items() if lower.endswith(ending)), None)


def by_content(data: bytes) -> tuple[int, str]:
    """The line at which a file is no text in UTF-8, and what it is instead."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:200]:
        return 1, f"expected text in UTF-8, and this is UTF-16, Excel's Unicode text: {_UTF8}"
    line = 1
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        data.decode("cp949")
    except UnicodeDecodeError:
        return line, f"expected text in UTF-8, and this is none: {_UTF8}"
    return line, f"expected text in UTF-8, and this is CP949, the CSV of Korean Windows: {_UTF8}"

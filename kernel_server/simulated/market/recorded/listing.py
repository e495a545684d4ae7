"""Issues of a folder of recorded files: those of its listing, and those that have files only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from kernel_server.reference.short_repr import shown
from kernel_server.simulated.market import listing
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.recorded import csv_files
from kernel_server.simulated.market.recorded.folder import CODE

_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")
_KINDS = ("stock", "etf", "etn", "reit")
_UNKNOWN_DATE = date(1985, 1, 4)


def issues(file: Path | None, codes: Iterable[str], firsts: Mapping[str, date]) -> dict[str, Issue]:
    """The issues by code.

    Args:
        file: ``listing.csv``, None without one.
        codes: codes with files; one that the listing lacks gets what is known of it otherwise.
        firsts: first day of each code's files, for issues without a listing date.

    Raises:
        BadMarketData: a row is not as ``RecordedMarket`` describes it.
    """
    found = {issue.code: issue for issue in _rows(file, firsts)} if file is not None else {}
    for code in sorted(set(codes) - set(found)):
        first = firsts.get(code, _UNKNOWN_DATE)
        found[code] = listing.known_listing().issues.get(code) or Issue(
            code, code, "KOSPI", _kind(code, code), 0, first, 0, ""
        )
    return found


def _rows(file: Path, firsts: Mapping[str, date]) -> Iterator[Issue]:
    table = csv_files.read(file, csv_files.LISTING)
    shares = table.integers("shares").tolist()
    blank = [""] * len(table.lines)
    kinds, faces, industries = (table.columns.get(name, blank) for name in ("kind", "face_value", "industry"))
    columns = (table.columns[name] for name in ("code", "name", "market", "listing_date"))
    seen: set[str] = set()
    for row, (code, name, market, listed) in enumerate(zip(*columns, strict=True)):
        if not CODE.fullmatch(code) or code in seen:
            expected = f"code should be six digits or capitals, each once, not {code!r}"
            lost = code.isdecimal() and len(code) < 6
            raise table.wrong(
                row,
                f"{expected}; a spreadsheet took its zeros: {code.zfill(6)}" if lost else expected,
                "code",
            )
        seen.add(code)
        if not name.strip() or not name.isprintable():
            raise table.wrong(
                row, f"name should be text without control characters, not {shown(name)}", "name"
            )
        board = market.split(" ")[0]
        if board not in _MARKETS:
            raise table.wrong(row, f"market should be {', '.join(_MARKETS)}, not {market!r}", "market")
        try:
            day = date.fromisoformat(listed) if listed else firsts.get(code, _UNKNOWN_DATE)
            face = int(faces[row] or "0")
        except ValueError:
            expected = "listing_date should be YYYY-MM-DD and face_value a whole number"
            raise table.wrong(row, expected, "listing_date") from None
        kind = kinds[row] or _kind(code, name)
        if kind not in _KINDS:
            raise table.wrong(row, f"kind should be {', '.join(_KINDS)}, not {kind!r}", "kind")
        yield Issue(code, name, board, kind, shares[row], day, face, industries[row])


def _kind(code: str, name: str) -> str:
    """The likely kind of an issue if the listing has none."""
    known = listing.known_listing().issues.get(code)
    if known is not None:
        return known.kind
    if code[0] in "567":  # the range of the ETNs
        return "etn"
    return "reit" if name.endswith("리츠") else "stock"

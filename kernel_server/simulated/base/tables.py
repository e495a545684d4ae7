"""Reader of the tables in ``data/``: tab-separated text below one line of column names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_DATA = Path(__file__).parent.parent / "data"


def rows(table: str) -> Iterator[list[str]]:
    """The rows of the table of that name, without its header."""
    lines = (_DATA / f"{table}.tsv").read_text(encoding="utf-8").split("\n")
    return (line.split("\t") for line in lines[1:] if line)

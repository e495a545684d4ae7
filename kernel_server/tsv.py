"""Reader of the tables of facts: tab-separated UTF-8 text below one line of column names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def rows(file: Path) -> Iterator[list[str]]:
    """The rows of that table, without its header and without blank lines.

    >>> from kernel_server import reference
    >>> next(rows(Path(reference.__file__).parent / "data" / "error.tsv"))
    ['1', 'OP_ERR_SUCCESS', '정상처리 (조건검색 함수)']
    """
    lines = file.read_text(encoding="utf-8").split("\n")
    return (line.split("\t") for line in lines[1:] if line)

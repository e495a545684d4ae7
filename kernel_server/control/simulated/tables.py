"""Reader of the broker's own tables in ``data/``: tab-separated, a header in the first line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``data/<name>.tsv`` by column name."""
    header, *lines = (_DATA / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    return tuple(dict(zip(columns, line.split("\t"), strict=True)) for line in lines)


@cache
def message(key: str) -> str:
    """A text of OnReceiveMsg."""
    return {row["key"]: row["text"] for row in table("message")}[key]

"""Joins the pages of one TR field by field, so that each field is parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from koalab.frames.errors import UnreadableValue
from koalab.transport.base import Page


def non_empty(pages: Iterable[Page]) -> list[Page]:
    """The pages that have data. Without data the broker may send rows of blanks."""
    return [page for page in pages if page.rows and not all(map(_blank, page.columns))]


def row_count(pages: Iterable[Page]) -> int:
    return sum(page.rows for page in pages)


def column(pages: Sequence[Page], position: int) -> str:
    """The text of one field over all pages (none of them empty)."""
    if len(pages) == 1:
        return pages[0].columns[position]
    return "\n".join([page.columns[position] for page in pages])


def check(tr: str, pages: Iterable[Page], fields: int) -> None:
    """Requires every page to have as many columns as the TR has fields in the reference table.

    Raises:
        UnreadableValue: one has not, so its columns cannot be assigned to fields.
    """
    for page in pages:
        if len(page.columns) != fields:
            raise UnreadableValue(str(len(page.columns)), None, f"{fields}, the number of columns", tr)


def _blank(text: str) -> bool:
    return not text or text.isspace()


def by_row(page: Page) -> list[Page]:
    """A page a row, so that one that cannot be read leaves the others."""
    cells = [text.split("\n") for text in page.columns]
    return [replace(page, columns=list(row), rows=1) for row in zip(*cells, strict=True)]

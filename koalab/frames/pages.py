"""The pages of one TR as one: every field's texts of all pages in a row, so that each is read in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from koalab.frames.errors import UnreadableValue
from koalab.transport.base import Page


def non_empty(pages: Iterable[Page]) -> list[Page]:
    """The pages with something in them. A broker that has nothing may send rows of nothing but blanks."""
    return [page for page in pages if page.rows and not all(map(_blank, page.columns))]


def row_count(pages: Iterable[Page]) -> int:
    return sum(page.rows for page in pages)


def column(pages: Sequence[Page], position: int) -> str:
    """The text of one field over all of the pages (none of them empty)."""
    if len(pages) == 1:
        return pages[0].columns[position]
    return "\n".join([page.columns[position] for page in pages])


def check(tr: str, pages: Iterable[Page], fields: int) -> None:
    """Every page has as many columns as the TR has fields in our table.

    Raises:
        UnreadableValue: one has not, so that no column could be told from the next.
    """
    for page in pages:
        if len(page.columns) != fields:
            raise UnreadableValue(str(len(page.columns)), None, f"{fields}, the number of columns", tr)


def _blank(text: str) -> bool:
    return not text or text.isspace()

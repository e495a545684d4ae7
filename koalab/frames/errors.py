"""Errors about the broker's data; ``koalab.errors`` draws the whole hierarchy."""

from __future__ import annotations

from koalab.errors import KoalabError


class UnreadableValue(KoalabError, ValueError):
    """Raised when a text from the broker does not fit its field: "12+5" for a number, say.

    Attributes:
        value: the text as received, blanks included.
        row: its position in the column from 0, in the broker's order; None for a whole column.
        expected: what the field holds (``"a number"``, say).
        where: TR and field, blank if unknown to the reader.
    """

    def __init__(self, value: str, row: int | None, expected: str, where: str = "") -> None:
        self.value, self.row, self.expected, self.where = value, row, expected, where
        place = ", ".join(part for part in (where, "" if row is None else f"row {row}") if part)
        super().__init__(
            f"{f'{place}: ' if place else ''}{value!r} is not {expected}; "
            "what the broker sent can be seen with kw.tr(…).pages"
        )

    def within(self, where: str) -> UnreadableValue:
        """The same error with its TR and field."""
        return UnreadableValue(self.value, self.row, self.expected, where)


class ConflictingBars(KoalabError, ValueError):
    """Raised when bars overlap or run backwards, so that they do not form one series; load the range again."""

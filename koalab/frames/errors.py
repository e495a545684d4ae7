"""What can be wrong with what a broker sent.

KoalabError
├── UnreadableValue    a text that is not what its field holds
└── ConflictingBars    bars that do not stand in one order in time
"""

from __future__ import annotations

from koalab.errors import KoalabError


class UnreadableValue(KoalabError, ValueError):
    """A text of the broker's cannot be what its field holds.

    Attributes:
        value: the text as it came, blanks included.
        row: where it stood in its column, from 0, newest first as the broker gives it; None for a whole column.
        expected: what should have stood there (``"a number"``, say).
        where: TR and field, where the reader knew them.
    """

    def __init__(self, value: str, row: int | None, expected: str, where: str = "") -> None:
        self.value, self.row, self.expected, self.where = value, row, expected, where
        place = ", ".join(part for part in (where, "" if row is None else f"row {row}") if part)
        super().__init__(
            f"{f'{place}: ' if place else ''}{value!r} is not {expected}; "
            "what the broker sent can be seen with kw.tr(…).pages"
        )

    def within(self, where: str) -> UnreadableValue:
        """The same error with the TR and field it came from."""
        return UnreadableValue(self.value, self.row, self.expected, where)


class ConflictingBars(KoalabError, ValueError):
    """Bars overlap or run backwards, so no one series can be made of them; load the range again."""

"""``Selection``: the functions that are called with what is chosen in a widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import traitlets

from koalab.errors import BadInput
from koalab.inputs.text import shown

AGAIN: Final = "again"
"""The key of a page's message that the value of the trait was chosen once more: the trait does not change then."""


class Selection:
    """Calls its functions with each value that is chosen, also with the same one twice in a row.

    Args:
        widget: has the trait.
        trait: the value that was chosen last.
        what: the argument of the functions, for the message that refuses others.
    """

    def __init__(self, widget: traitlets.HasTraits, trait: str, what: str) -> None:
        self._what = what
        self._functions: list[Callable[[Any], object]] = []
        widget.observe(lambda change: self.call(change["new"]), trait)

    def add(self, fn: Callable[[Any], object]) -> None:
        """Calls ``fn`` from now on.

        Raises:
            BadInput: it is no function.
        """
        if not callable(fn):
            raise BadInput(f"a function that takes a {self._what}, not {shown(fn)}")
        self._functions.append(fn)

    def call(self, value: object) -> None:
        """Calls the functions, unless nothing is chosen."""
        if value:
            for fn in list(self._functions):
                fn(value)

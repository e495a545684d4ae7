"""The desktop as the service needs it: its open windows, and their texts, fields and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class WindowGone(RuntimeError):
    """The window, or the field or button in it, is not there, or Windows does not let this process use it."""


class DesktopWindow(Protocol):
    """A visible top-level window. Fields and buttons are named by their numbers in the dialog.

    Every method raises WindowGone.
    """

    @property
    def handle(self) -> int:
        """Its number, which no other open window has."""

    @property
    def title(self) -> str:
        """Its title."""

    def texts(self) -> Sequence[str]:
        """The texts in it that are no fields: labels, and the message of a message box."""

    def buttons(self) -> Sequence[int]:
        """The numbers of its buttons."""

    def enabled(self, control: int) -> bool:
        """Whether that field or button can be used."""

    def write(self, control: int, text: str) -> None:
        """Puts the text into that field, in place of what is in it."""

    def press(self, control: int) -> None:
        """Presses that button."""

    def close(self) -> None:
        """Closes it, as its X does."""


class Desktop(Protocol):
    """The desktop of the user that is logged on."""

    def windows(self) -> Sequence[DesktopWindow]:
        """Its visible top-level windows."""

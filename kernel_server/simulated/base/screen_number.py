"""Screen numbers."""

from __future__ import annotations


def is_screen(number: str) -> bool:
    """Whether it is a valid screen number: four digits, not 0000."""
    return len(number) == 4 and number.isascii() and number.isdigit() and number != "0000"

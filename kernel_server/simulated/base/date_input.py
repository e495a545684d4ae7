"""Dates in the inputs of a TR."""

from __future__ import annotations

from datetime import date

from kernel_server.simulated.base.tr import TrRejected


def date_input(text: str) -> int:
    """YYYYMMDD as a number, 0 for a blank.

    Raises:
        TrRejected: it is not a date.
    """
    if not text:
        return 0
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise TrRejected("bad_input")
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise TrRejected("bad_input") from None
    return int(text)

"""A repr for errors: short, and there for every value."""

from __future__ import annotations

_LONGEST = 80


def shown(given: object) -> str:
    """The repr of what was given, at most 80 characters long; its type's name where it has none.

    >>> shown("005930"), shown(10**5000)
    ("'005930'", 'a value of type int')
    """
    try:
        text = repr(given[: _LONGEST + 1] if isinstance(given, (str, bytes, list, tuple)) else given)
    except Exception:  # noqa: BLE001 - a number of more than 4,300 digits, or a class of the caller's
        return f"a value of type {type(given).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"

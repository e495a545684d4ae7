"""Text as users write it: composed Hangul, plain digits, and a short repr for errors."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from kernel_server.reference.short_repr import shown

__all__ = ["composed", "encodable", "folded", "plain", "printable", "shown"]

# Full-width forms (U+FF01 to U+FF5E) of ASCII, as Korean and Japanese input methods write them; and marks
# without width, which come along when text is copied from a page.
_PLAIN: dict[int, int | None] = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_PLAIN |= dict.fromkeys((0x200B, 0x2060, 0xFEFF))

# They change the order in which a terminal or an editor shows what follows.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def composed(text: str) -> str:
    """The text in NFC, with full-width digits, letters and signs as ASCII.

    >>> composed("００５９３０"), len(composed("삼성")), len(composed("\u1109\u1161\u11b7"))
    ('005930', 2, 1)
    """
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def plain(text: str) -> str:
    """``composed``, without blanks around it."""
    return composed(text).strip()


def folded(name: str) -> str:
    """A name for comparison: ``composed``, without blanks, in lower case."""
    return "".join(composed(name).split()).lower()


def encodable(text: str) -> bool:
    """Whether the text can be sent: a lone surrogate has no UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


@lru_cache(4096)
def printable(text: str) -> str:
    r"""The text with control characters, line ends and changes of direction as escapes: names come from others' files.

    >>> print(printable("\x1b[31m삼성\u202e"))
    \x1b[31m삼성\u202e
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode() if _is_control(letter) else letter for letter in text
    )


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _DIRECTIONS

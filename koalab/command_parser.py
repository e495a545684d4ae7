"""Splits a line or a cell of text into the words of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from koalab.errors import BadInput

# A run of non-blanks, blanks within quotes included; the last quote may still be open.
_RAW = re.compile(r"""(?:[^\s"']|"[^"]*(?:"|$)|'[^']*(?:'|$))+""")


def split(line: str) -> list[str]:
    """The words of one line: blanks within quotes do not separate, ``#`` begins a comment.

    >>> split('daily "KODEX 200" --raw  # not adjusted')
    ['daily', 'KODEX 200', '--raw']

    Raises:
        BadInput: a quote is not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # a backslash separates folders on Windows
    try:
        words = list(lexer)
    except ValueError:
        raise BadInput(f"a quote is not closed in: {line.strip()}") from None
    comment = next((place for place, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]


def commands(body: str) -> list[list[str]]:
    """The commands of a cell, one a line.

    Lines after a ``tr`` that are ``name=value`` or options belong to it; such a value may contain blanks.

    >>> commands("tr opt10001\\n종목코드=005930\\nfind 삼성")
    [['tr', 'opt10001', '종목코드=005930'], ['find', '삼성']]
    """
    found: list[list[str]] = []
    for line in body.splitlines():
        words = split(line)
        if not words:
            continue
        if found and found[-1][0] == "tr" and _continues_tr(words[0]):
            separate = all(_continues_tr(word) for word in words) or words[0].startswith("-")
            found[-1] += words if separate else [" ".join(words)]
        else:
            found.append(words)
    return found


def split_at_cursor(text: str) -> tuple[list[str], str]:
    """The complete words before the cursor, and the word being typed, with its quotes.

    >>> split_at_cursor('daily "KODEX 2')
    (['daily'], '"KODEX 2')
    >>> split_at_cursor("daily ")
    (['daily'], '')
    """
    raw = [(match.group(), match.end()) for match in _RAW.finditer(text)]
    last = raw.pop()[0] if raw and raw[-1][1] == len(text) else ""
    return [unquoted(word) for word, _ in raw], last


def unquoted(word: str) -> str:
    return word.replace('"', "").replace("'", "")


def quoted(word: str) -> str:
    """The word as ``split`` reads it: in quotes if it contains a blank."""
    return f'"{word}"' if any(letter.isspace() for letter in word) else word


def _continues_tr(word: str) -> bool:
    return "=" in word or word.startswith("-")


def last_command(body: str) -> Sequence[str]:
    """The words of the last command of an unfinished cell; empty if it cannot be parsed yet."""
    try:
        found = commands(body)
    except BadInput:
        return ()
    return found[-1] if found else ()

"""From the text of a line or a cell to the words of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from koalab.errors import BadInput

# What stands between blanks, a blank in quotes being part of it; the last quote may still be open.
_RAW = re.compile(r"""(?:[^\s"']|"[^"]*(?:"|$)|'[^']*(?:'|$))+""")


def split(line: str) -> list[str]:
    """The words of one line: quotes hold blanks together, ``#`` begins a comment.

    >>> split('daily "KODEX 200" --raw  # not adjusted')
    ['daily', 'KODEX 200', '--raw']

    Raises:
        BadInput: a quote is not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""  # a backslash is part of a folder's name
    try:
        words = list(lexer)
    except ValueError:
        raise BadInput(f"a quote is not closed in: {line.strip()}") from None
    comment = next((place for place, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]


def commands(body: str) -> list[list[str]]:
    """The commands of a cell, one a line.

    The lines after a ``tr`` that hold ``name=value`` or options are its own, and a value may then have blanks.

    >>> commands("tr opt10001\\n종목코드=005930\\nfind 삼성")
    [['tr', 'opt10001', '종목코드=005930'], ['find', '삼성']]
    """
    found: list[list[str]] = []
    for line in body.splitlines():
        words = split(line)
        if not words:
            continue
        if found and found[-1][0] == "tr" and _goes_on(words[0]):
            alone = all(_goes_on(word) for word in words) or words[0].startswith("-")
            found[-1] += words if alone else [" ".join(words)]
        else:
            found.append(words)
    return found


def unfinished(text: str) -> tuple[list[str], str]:
    """The whole words before the cursor, and the one it stands at the end of as it is written, with its quotes.

    >>> unfinished('daily "KODEX 2')
    (['daily'], '"KODEX 2')
    >>> unfinished("daily ")
    (['daily'], '')
    """
    raw = [(match.group(), match.end()) for match in _RAW.finditer(text)]
    last = raw.pop()[0] if raw and raw[-1][1] == len(text) else ""
    return [unquoted(word) for word, _ in raw], last


def unquoted(word: str) -> str:
    return word.replace('"', "").replace("'", "")


def quoted(word: str) -> str:
    """The word as ``split`` reads it back."""
    return f'"{word}"' if any(letter.isspace() for letter in word) else word


def _goes_on(word: str) -> bool:
    return "=" in word or word.startswith("-")


def last_command(body: str) -> Sequence[str]:
    """The words of the last command of an unfinished cell; none where it cannot be read yet."""
    try:
        found = commands(body)
    except BadInput:
        return ()
    return found[-1] if found else ()

"""Masks account numbers and tokens in log texts; passwords are never logged in the first place."""

from __future__ import annotations

import re

from kernel_server.security.tokens import PREFIX

_TOKEN = re.compile(rf"{PREFIX}[\w-]{{20,}}|(?i:bearer)\s+\S+")
# Ten digits, as an account has, that are not a part of a longer number.
_ACCOUNT = re.compile(r"(?<![0-9.])[0-9]{10}(?![0-9.])")


def account(number: str) -> str:
    """An account number, masked.

    >>> account("8000000011")
    '80****11'
    """
    return f"{number[:2]}****{number[-2:]}" if len(number) > 4 else "****" if number else ""


def masked(text: str) -> str:
    """The text with account numbers and tokens masked.

    >>> masked("8000000011: Bearer abc")
    '80****11: ****'
    """
    return _ACCOUNT.sub(lambda found: account(found[0]), _TOKEN.sub("****", text))

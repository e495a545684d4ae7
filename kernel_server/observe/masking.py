"""Secrets out of what is written: account numbers, tokens. Passwords are never written in the first place."""

from __future__ import annotations

import re

from kernel_server.security.tokens import PREFIX

_TOKEN = re.compile(rf"{PREFIX}[\w-]{{20,}}|(?i:bearer)\s+\S+")
# Ten digits, as an account has; what stands in a longer number is none.
_ACCOUNT = re.compile(r"(?<![\d.])\d{10}(?![\d.])")


def account(number: str) -> str:
    """An account number as it may be shown.

    >>> account("8000000011")
    '80****11'
    """
    return f"{number[:2]}****{number[-2:]}" if len(number) > 4 else "****" if number else ""


def masked(text: str) -> str:
    """A text without the account numbers and tokens that may be in it.

    >>> masked("8000000011: Bearer abc")
    '80****11: ****'
    """
    return _ACCOUNT.sub(lambda found: account(found[0]), _TOKEN.sub("****", text))

"""The question before an order for real money, in notebook and terminal."""

from __future__ import annotations

import builtins
import sys
import threading
from types import BuiltinFunctionType
from typing import Final

from koalab.errors import OrderGuarded

_YES: Final = frozenset({"y", "yes", "예", "네", "ㅇ"})
_ADVICE: Final = "confirm=False, or --yes of a command, sends it without being asked"


def ask(question: str) -> None:
    """Asks, and returns where the answer is yes.

    Raises:
        OrderGuarded: it is not, or this process has no input to ask in; it never waits for an input that cannot come.
    """
    if not can_ask():
        raise OrderGuarded(f"there is no terminal here to confirm the order in: {_ADVICE}", "confirm")
    try:
        answer = _answer(f"{question} [y/N] ")
    except (EOFError, NotImplementedError):  # IPython's StdinNotImplementedError is the latter
        raise OrderGuarded(f"this notebook or terminal takes no input: {_ADVICE}", "confirm") from None
    if answer.strip().lower() not in _YES:
        raise OrderGuarded(f"the order was not confirmed, so it was not sent: {_ADVICE}", "confirm")


def _answer(question: str) -> str:
    """The line typed; the question stays out of a standard output that goes elsewhere."""
    if isinstance(builtins.input, BuiltinFunctionType) and not sys.stdout.isatty():
        sys.stderr.write(question)
        sys.stderr.flush()
        question = ""
    return str(builtins.input(question))


def can_ask() -> bool:
    """Whether a question can be answered here: in a notebook or a terminal, on the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return False
    if not isinstance(builtins.input, BuiltinFunctionType):  # a notebook's own
        return True
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False

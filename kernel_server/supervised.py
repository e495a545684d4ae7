"""A server under a supervisor: it says each login's result in one line, and ends where OpenAPI+ has to be updated."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

UPDATE_EXIT: Final = 75
"""Exit code of a server that ended because OpenAPI+ has to be updated, which replaces the control's file."""
VERSION_UPDATE: Final = -102
"""The code of OnEventConnect for a login that failed for want of that update."""


class SupervisedLogins:
    """Passes the results of logins to the supervisor. It is called on the control thread.

    Args:
        say: writes a line to the supervisor.

    Attributes:
        exit_code: the exit code of this process where a login ended it, else 0.
        stop: stops the server; set once it runs.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.exit_code = 0
        self.stop: Callable[[], None] = lambda: None

    def __call__(self, code: int) -> None:
        self._say(json.dumps({"login": code}))
        if code == VERSION_UPDATE:
            self.exit_code = UPDATE_EXIT
            self.stop()

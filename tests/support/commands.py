"""The magics' commands without IPython."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from koalab.commands import NOTEBOOK, CommandGroup
from koalab.commands import run as run_command
from koalab.errors import NoAnswer
from koalab.sessions.session import Session


class NotebookRunner:
    """The ``CommandRunner`` of a notebook whose session is that one."""

    columns, progress = "en", False

    def __init__(self, session: Session) -> None:
        self._session = session

    def session(self) -> Session:
        return self._session

    def account_session(self) -> Session:
        return self._session

    def names(self) -> Mapping[str, str]:
        return {}

    def conditions(self) -> Sequence[str]:
        return self._session._known_conditions()

    def open_orders(self) -> Mapping[str, str]:
        return self._session._known_open_orders()

    def confirm(self, yes: bool) -> bool | None:
        return False if yes else None

    def unfinished(self, _code: int, why: str) -> None:
        raise NoAnswer(why)


def kiwoom(session: Session, *words: str) -> Any:
    """``%kiwoom`` with those words."""
    return run_command(CommandGroup(NOTEBOOK), words, NotebookRunner(session), "%kiwoom")  # type: ignore[arg-type]

"""``CommandRunner``: what a command asks of the place that runs it, notebook or terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from koalab.frames.fields import Columns
    from koalab.sessions.session import Session


class CommandRunner(Protocol):
    """Runs the commands: the notebook's magics (``KiwoomMagics``) or the command line (``Terminal``).

    Attributes:
        columns: language of the column names where a command has no ``--columns``.
        progress: whether long loads show a bar.
    """

    @property
    def columns(self) -> Columns: ...

    @property
    def progress(self) -> bool: ...

    def session(self) -> Session:
        """The session, made at first use."""
        ...

    def connect(self, target: str | None, **options: Any) -> Session:
        """A new session in place of the current one; arguments as for ``kl.connect``."""
        ...

    def cache_folder(self) -> Path:
        """The folder of the caches."""
        ...

    def names(self) -> Mapping[str, str]:
        """Names by code, for completion, without a server: those in memory, or in the cache; possibly none."""
        ...

    def conditions(self) -> Sequence[str]:
        """Names of the user's conditions, for completion, without a server: those last seen; possibly none."""
        ...

    def open_orders(self) -> Mapping[str, str]:
        """What is known of open orders by number, for completion, without a server; possibly none."""
        ...

    def account_session(self) -> Session:
        """The session, for a command about an account."""
        ...

    def confirm(self, yes: bool) -> bool | None:
        """``confirm=`` of an order's method: whether it asks, given ``--yes``.

        Raises:
            OrderGuarded: it has to ask, and cannot.
        """
        ...

    def unfinished(self, code: int, why: str) -> None:
        """An order did not come to the end that was asked for: an exit code for scripts, or an error.

        Raises:
            NoAnswer: in a notebook.
        """
        ...

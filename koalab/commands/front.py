"""What every command needs: who runs it, and the arguments and options that many share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from koalab import completion
from koalab.errors import BadInput

if TYPE_CHECKING:
    from koalab.frames.fields import Columns
    from koalab.session import Session

Callback = TypeVar("Callback", bound=Callable[..., Any])


class Front(Protocol):
    """Who runs the commands: the notebook's magics or the command line.

    Attributes:
        columns: names of columns where a command says nothing.
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
        """A new session in the place of the old one; arguments as for ``kl.connect``."""
        ...

    def cache_folder(self) -> Path:
        """Where the caches lie."""
        ...

    def names(self) -> Mapping[str, str]:
        """Names by code, for completion: at once, from what is at hand, so possibly none."""
        ...


codes_argument = click.argument(
    "codes", nargs=-1, required=True, metavar="CODE...", shell_complete=completion.complete_codes
)


def chosen(words: Sequence[str]) -> str | list[str]:
    """The codes or names meant: one as a text, several as a list.

    A list from Python reads too: ``%kiwoom daily {codes}`` gives ``['005930',`` and ``'000660']``.

    >>> chosen(["005930"]), chosen(["[005930,", "000660]"])
    ('005930', ['005930', '000660'])
    """
    pieces = [piece.strip() for word in words for piece in word.strip("[]").split(",")]
    found = [piece for piece in pieces if piece]
    if not found:
        raise BadInput('which? give a code like 005930 or a name, "KODEX 200" for example')
    return found[0] if found == [word.strip() for word in words] and len(found) == 1 else found


def columns_option(command: Callback) -> Callback:
    """``--columns en|ko``."""
    return click.option(
        "--columns",
        type=click.Choice(["en", "ko"]),
        help="English column names, or the broker's Korean ones.",
    )(command)


def range_options(command: Callback) -> Callback:
    """``--start`` and ``--end``, ``--raw`` and ``--columns``: how bars of issues are asked for."""
    raw = click.option("--raw", is_flag=True, help="As they were: not adjusted for splits and the like.")
    return day_options(raw(columns_option(command)))


def day_options(command: Callback) -> Callback:
    """``--start`` and ``--end``."""
    for option in (
        click.option("--end", metavar="DAY", help="Last day wanted, included; now where left out."),
        click.option(
            "--start",
            metavar="DAY",
            help='First day, 2024-01-02 or "2024-01-02 09:00"; else from the beginning.',
        ),
    ):
        command = option(command)
    return command


def embedded_options(command: Callback) -> Callback:
    """The options of an embedded server, as ``kl.connect`` takes them."""
    for option in (
        click.option(
            "--account-file",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Embedded: where accounts and orders outlive the server.",
        ),
        click.option("--limits", metavar="NAME", help="Embedded: the broker's windows, official or safe."),
        click.option(
            "--clock",
            metavar="CLOCK",
            help="Embedded: market, real, fast:N (N times as fast) or stepped, each also with @MOMENT.",
        ),
        click.option("--seed", type=int, metavar="N", help="Embedded: seed of the synthetic market."),
        click.option(
            "--market-data",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Embedded: serve the files of DIR in place of synthetic prices.",
        ),
    ):
        command = option(command)
    return command

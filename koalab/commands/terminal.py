"""The terminal as a place to run commands: its options, and the session that they ask for."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from koalab.commands.access import ACCESS, access_options
from koalab.commands.front import embedded_options
from koalab.commands.output import FORMATS, chosen_format

if TYPE_CHECKING:
    from koalab.frames.fields import Columns
    from koalab.session import Session

EMBEDDED: Final = ("market_data", "seed", "clock", "limits", "account_file")


class Terminal:
    """Who runs the commands here: a session at most, open until the command has ended."""

    columns: Columns = "en"

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self._session: Session | None = None

    @property
    def progress(self) -> bool:
        # Nobody watches a bar in a log file.
        return sys.stderr.isatty()

    def session(self) -> Session:
        return self._session or self.connect(None)

    def connect(self, target: str | None, **options: Any) -> Session:
        from koalab.connecting import connect

        # What is wrong with the output is told before anything is spent on it.
        chosen_format(self.options.get("format"), self.options.get("output"))
        self.close()
        self._session = connect(
            target or self.options.get("target"),
            cache_dir=self.options.get("cache_dir"),
            **{**self.embedded(), **self._access(), **options},
        )
        return self._session

    def embedded(self) -> dict[str, Any]:
        """What was said of an embedded server."""
        return {name: self.options[name] for name in EMBEDDED if name in self.options}

    def _access(self) -> dict[str, Any]:
        """What was said of how to show who one is."""
        return {name: self.options[name] for name in ACCESS if name in self.options}

    def cache_folder(self) -> Path:
        from koalab.store.disk import default_folder

        return default_folder(self.options.get("cache_dir"))

    def names(self) -> Mapping[str, str]:
        return {}  # completion starts no server

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keeps an option for whoever makes the session or writes the output."""
    if value is not None and isinstance(ctx.obj, Terminal) and param.name is not None:
        ctx.obj.options[param.name] = value


@click.command()
@click.option(
    "--target", metavar="HOST[:PORT]", help="Kernel server; else KOALAB_TARGET, else one of your own."
)
@access_options
@embedded_options
@click.option(
    "--cache-dir", type=click.Path(file_okay=False), metavar="DIR", help="Where loaded data is kept."
)
@click.option("--format", type=click.Choice(FORMATS), help="Of what is written; table where left out.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write there; its ending says the format.",
)
def _common() -> None:
    """Holds the options that may stand before a command and after it."""


def options(hidden: bool) -> list[click.Parameter]:
    """The common options; ``hidden`` leaves all but those of the output out of the help."""
    found: list[click.Parameter] = []
    for option in _common.params:
        one = copy.copy(option)
        assert isinstance(one, click.Option)
        one.callback, one.expose_value = _keep, False
        one.hidden = hidden and one.name not in ("format", "output")
        found.append(one)
    return found


def taking_options(command: click.Command) -> click.Command:
    """The command, with the common options after it too: people write them where they think of them."""
    own = copy.copy(command)
    if isinstance(own, click.Group):
        own.commands = {name: taking_options(each) for name, each in own.commands.items()}
    else:
        own.params = [*own.params, *options(hidden=True)]
    return own

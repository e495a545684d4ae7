"""``Terminal``: runs commands on the command line, with the session that the common options describe."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from koalab.commands.access import ACCESS, access_options
from koalab.commands.options import embedded_options
from koalab.commands.output.files import ENDINGS, FORMATS, chosen_format
from koalab.errors import KoalabError, OrderGuarded
from koalab.inputs.text import printable

if TYPE_CHECKING:
    from koalab.frames.fields import Columns
    from koalab.sessions.session import Session
    from koalab.transport.access import Access

EMBEDDED: Final = ("market_data", "seed", "clock", "limits", "account_file", "edited_account")


class Terminal:
    """The ``CommandRunner`` of the command line: at most one session, open until the command has ended.

    Attributes:
        options: the common options that were given.
        exit_code: of a command whose result was written.
    """

    columns: Columns = "en"

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.exit_code = 0
        self._session: Session | None = None

    @property
    def progress(self) -> bool:
        # A log file gets no progress bar.
        return sys.stderr.isatty()

    def session(self) -> Session:
        return self._session or self.connect(None)

    def connect(self, target: str | None, **options: Any) -> Session:
        from koalab.connecting import connect

        # A wrong --output fails here, before any TR is spent.
        chosen_format(self.options.get("format"), self.options.get("output"))
        self.close()
        self._session = connect(
            target or self.options.get("target"),
            cache_dir=self.options.get("cache_dir"),
            shared=False,
            **{**self.embedded(), **self._access_options(), **options},
        )
        return self._session

    def embedded(self) -> dict[str, Any]:
        """The given options of an embedded server."""
        return {name: self.options[name] for name in EMBEDDED if name in self.options}

    def access(self) -> Access:
        """Token and TLS, from the options or the environment."""
        from koalab.transport.access import access_from

        given = self._access_options()
        return access_from(given.get("token"), given.get("tls"), given.get("allow_real_orders", False))

    def _access_options(self) -> dict[str, Any]:
        """The given options for authentication."""
        return {name: self.options[name] for name in ACCESS if name in self.options}

    def cache_folder(self) -> Path:
        from koalab.store.disk import default_folder

        return default_folder(self.options.get("cache_dir"))

    def names(self) -> Mapping[str, str]:
        from koalab.commands.known import cached_names

        with contextlib.suppress(KoalabError, OSError):  # a completion has no place for errors
            return cached_names(self.cache_folder())
        return {}

    def conditions(self) -> Sequence[str]:
        from koalab.commands.known import cached_conditions

        with contextlib.suppress(KoalabError, OSError):
            return cached_conditions(self.cache_folder())
        return []

    def open_orders(self) -> Mapping[str, str]:
        from koalab.commands.known import logged_open_orders

        with contextlib.suppress(KoalabError, OSError):
            return logged_open_orders(self._target())
        return {}

    def account_session(self) -> Session:
        if self._target() is None and "account_file" not in self.options:
            click.echo(
                "this simulated broker and its account end with the command: --target HOST names one that stays, "
                "--account-file FILE keeps the account",
                err=True,
            )
        return self.session()

    def confirm(self, yes: bool) -> bool:
        from koalab.orders import confirmation

        if not yes and not confirmation.can_ask():
            raise OrderGuarded(
                "standard input is no terminal, so the order cannot be confirmed: --yes sends it without being asked",
                "confirm",
            )
        return not yes

    def unfinished(self, code: int, why: str) -> None:
        click.echo(printable(why), err=True)
        self.exit_code = max(code, self.exit_code)

    def _target(self) -> str | None:
        return self.options.get("target") or os.environ.get("KOALAB_TARGET") or None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _store_option(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Callback of the common options: stores the value in the ``Terminal``."""
    if value is not None and isinstance(ctx.obj, Terminal) and param.name is not None:
        ctx.obj.options[param.name] = value


@click.command()
@click.option(
    "--target",
    metavar="HOST[:PORT]",
    help="Kernel server; else KOALAB_TARGET, else one that is started for you.",
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
    help=f"Write there; its ending says the format: {' '.join(ENDINGS)}.",
)
def _option_carrier() -> None:
    """Carries the options that may stand before or after a command."""


def common_options(hidden: bool) -> list[click.Parameter]:
    """Copies of the common options; ``hidden`` shows only those of the output in the help."""
    found: list[click.Parameter] = []
    for option in _option_carrier.params:
        one = copy.copy(option)
        assert isinstance(one, click.Option)
        one.callback, one.expose_value = _store_option, False
        one.hidden = hidden and one.name not in ("format", "output")
        found.append(one)
    return found


def with_common_options(command: click.Command) -> click.Command:
    """The command, also taking the common options after its name."""
    own = copy.copy(command)
    if isinstance(own, click.Group):
        own.commands = {name: with_common_options(each) for name, each in own.commands.items()}
    else:
        own.params = [*own.params, *common_options(hidden=True)]
    return own

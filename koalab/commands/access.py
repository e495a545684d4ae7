"""The options for authentication at a server: ``--token``, ``--tls``, ``--allow-real-orders``."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from kernel_server.security.tokens import PREFIX
from koalab.errors import BadInput

Callback = TypeVar("Callback", bound=Callable[..., Any])

ACCESS: Final = ("token", "tls", "allow_real_orders")
"""The options' names, the same as in ``kl.connect``."""


class TokenSource(click.ParamType[Any]):
    """A file that holds the token, or ``-`` for a prompt. The token itself is refused: command lines are not secret."""

    name = "file"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> Any:
        if isinstance(value, Path):
            return value
        if value == "-":
            return getpass.getpass("token: ")
        if value.startswith(PREFIX) and not Path(value).exists():
            raise BadInput(
                "--token takes a file that holds the token, or - to be asked for it: what stands on a command line"
                " stays in histories and lists of processes (as this one does by now: have another one made)"
            )
        return Path(value)


class TlsSource(click.ParamType[Any]):
    """One file, or three separated by the system's path separator."""

    name = "file"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> Any:
        from koalab.transport.access import parse_tls

        return parse_tls(value) if isinstance(value, str) else value


def access_options(command: Callback) -> Callback:
    """``--token``, ``--tls``, ``--allow-real-orders``."""
    for option in (
        click.option(
            "--allow-real-orders",
            is_flag=True,
            default=None,
            help="Let orders go to a broker that is not 모의투자; the server has to allow them too.",
        ),
        click.option(
            "--tls",
            type=TlsSource(),
            metavar="FILE",
            help="CA of the server; your certificate and key behind it, separated as paths are; else KOALAB_TLS.",
        ),
        click.option(
            "--token",
            type=TokenSource(),
            metavar="FILE",
            help="File that holds your token for the server, or - to be asked; else KOALAB_TOKEN.",
        ),
    ):
        command = option(command)
    return command

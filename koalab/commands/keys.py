"""``certificates`` and ``token``: the keys of a server on another machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from kernel_server.security import rights, tokens
from kernel_server.security.files import create_private
from kernel_server.security.rights import TOKEN_RIGHTS
from kernel_server.security.tokens import BadTokens
from koalab.errors import BadInput


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Name or address of the server, as its clients write it.",
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="NAME",
    help="A certificate for this client, too (mutual TLS).",
)
@click.option("--days", type=int, metavar="N", help="How long they are valid; 825 where left out.")
def certificates(folder: Path, hosts: Sequence[str], clients: Sequence[str], days: int | None) -> None:
    """Make a private CA, and certificates under it for a server and its clients, in FOLDER.

    --host and --client may be given more than once. A CA that is in FOLDER already is used again; no file is written
    over.
    """
    from koalab.certificates import DAYS, make

    for file in make(folder, hosts, clients, DAYS if days is None else days):
        click.echo(file)
    click.echo(
        "The server's machine gets server.pem and server.key; clients get ca.pem, and their own pair if there is one."
        " Keep ca.key where neither is: with it certificates can be made that all of them trust.",
        err=True,
    )


@click.group()
def token() -> None:
    """The tokens of a server's clients: add, list, remove."""


tokens_option = click.option(
    "--tokens",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("tokens.tsv"),
    show_default=True,
    metavar="FILE",
    help="The server's table of tokens.",
)


@token.command()
@click.argument("name")
@click.option(
    "--rights",
    "right",
    type=click.Choice(list(TOKEN_RIGHTS)),
    required=True,
    help="read: data and accounts; trade: orders, too; admin: logging in and everything else.",
)
@tokens_option
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the token into this new file, readable by you alone, and not to the terminal.",
)
def add(name: str, right: str, file: Path, save: Path | None) -> None:
    """Make a token for NAME. It is shown once: the table holds only what can check it."""
    if save is not None and save.exists():
        raise BadInput(f"{save} is there already, and nothing is written over")
    with _bad_input():
        made = tokens.add(file, name, rights.TOKEN_RIGHTS[right])
    if save is None:
        click.echo(made)
        return
    try:
        create_private(save, f"{made}\n".encode())
    except OSError as error:
        tokens.remove(file, name)
        raise BadInput(f"{save} cannot be written: {error.strerror}") from None


@token.command("list")
@tokens_option
def list_tokens(file: Path) -> None:
    """Whose tokens the table holds, and their rights."""
    with _bad_input():
        for entry in tokens.read(file):
            click.echo(f"{entry.name}\t{entry.right}")


@token.command()
@click.argument("name")
@tokens_option
def remove(name: str, file: Path) -> None:
    """Take NAME's token out of the table; the server knows it no more from the next call on."""
    with _bad_input():
        tokens.remove(file, name)


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except BadTokens as error:
        raise BadInput(str(error)) from None

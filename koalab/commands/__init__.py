"""The commands: one table, for ``%kiwoom`` in a notebook and for ``koalab`` in a terminal.

A command is a click command whose callback returns what the session's method returns. Who runs it (a ``Front``)
gives the session and does with the value what fits its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from koalab.commands import collect
from koalab.commands.accounts import accounts, balances, deposit, fills, orders, returns
from koalab.commands.explain import help_command
from koalab.commands.front import Front
from koalab.commands.market import conditions, flows, index, orderbook, screen
from koalab.commands.market_data import bars, codes, daily, find, info, minute, quotes, tr
from koalab.commands.market_update import update_market
from koalab.commands.plan import plan
from koalab.commands.reference import reference
from koalab.commands.session import connect, login, status
from koalab.commands.upkeep import cache
from koalab.errors import BadInput

__all__ = ["NOTEBOOK", "SHARED", "Front", "run"]

SHARED: tuple[click.Command, ...] = (
    login,
    status,
    daily,
    minute,
    bars,
    info,
    quotes,
    orderbook,
    index,
    flows,
    codes,
    find,
    conditions,
    screen,
    accounts,
    deposit,
    balances,
    orders,
    fills,
    returns,
    tr,
    update_market,
    plan,
    cache,
    reference,
    help_command,
)
"""The commands of both places, in the order in which help lists them."""

NOTEBOOK: tuple[click.Command, ...] = (connect, *SHARED, collect.beside)
"""Those of the magics: there a session stays, so that it can be chosen once."""


class Table(click.Group):
    """A group that lists its commands in the order given."""

    def __init__(self, commands: Iterable[click.Command], **settings: Any) -> None:
        super().__init__(commands=list(commands), **settings)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


def run(table: click.Group, words: Sequence[str], front: Front, program: str) -> Any:
    """Runs one command and returns its value; None where it only printed help.

    Raises:
        BadInput: no such command, or it does not take these words. A command itself raises as its method does.
    """
    try:
        with table.make_context(program, list(words), obj=front) as ctx:
            return table.invoke(ctx)
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        raise BadInput(complaint(error)) from None


def complaint(error: click.UsageError) -> str:
    """What click has against the words, and where the right ones are written, in one line."""
    text = " ".join(error.format_message().split())
    if error.ctx is None:
        return text
    program, *path = error.ctx.command_path.split()
    return f"{text.rstrip('.')} (see {' '.join([program, 'help', *path])})"

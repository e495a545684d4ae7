"""The commands: one table, for ``%kiwoom`` in a notebook and for ``koalab`` in a terminal.

A command is a click command whose callback returns what the session's method returns. A ``CommandRunner`` (magics or
terminal) provides the session and displays the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from koalab.commands import alerts, collect
from koalab.commands.accounts import accounts, balances, deposit, fills, orders, returns
from koalab.commands.cache import cache
from koalab.commands.help import help_command
from koalab.commands.live.pictures import chart
from koalab.commands.live.watch import watch_in_background
from koalab.commands.live.widgets import dashboard, ladder, ticker
from koalab.commands.market import conditions, flows, index, orderbook, screen
from koalab.commands.market_data import bars, codes, daily, find, info, minute, quotes, tr
from koalab.commands.market_update import update_market
from koalab.commands.plan import plan
from koalab.commands.reference import reference
from koalab.commands.runner import CommandRunner
from koalab.commands.session import connect, login, status
from koalab.commands.trading.orders import buy, cancel, modify, sell
from koalab.commands.trading.state import open_orders, positions
from koalab.errors import BadInput

__all__ = ["NOTEBOOK", "SHARED", "CommandRunner", "run"]

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
    positions,
    open_orders,
    buy,
    sell,
    modify,
    cancel,
    tr,
    update_market,
    plan,
    cache,
    reference,
    help_command,
)
"""The commands of notebook and terminal, in the order in which help lists them."""

NOTEBOOK: tuple[click.Command, ...] = (
    connect,
    *SHARED,
    chart,
    ticker,
    ladder,
    dashboard,
    watch_in_background,
    collect.collect_in_background,
    alerts.alert_in_background,
)
"""The commands of the magics. Only there a session outlives a command, and only there are widgets."""


class CommandGroup(click.Group):
    """A group that lists its commands in the order given."""

    def __init__(self, commands: Iterable[click.Command], **settings: Any) -> None:
        super().__init__(commands=list(commands), **settings)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


def run(table: click.Group, words: Sequence[str], runner: CommandRunner, program: str) -> Any:
    """Runs one command and returns its value; None if it only printed help.

    Raises:
        BadInput: no such command, or wrong arguments. The command itself raises what its method raises.
    """
    try:
        with table.make_context(program, list(words), obj=runner) as ctx:
            return table.invoke(ctx)
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        raise BadInput(usage_message(error)) from None


def usage_message(error: click.UsageError) -> str:
    """click's message for a wrong command line, with the help command to look at, in one line."""
    text = " ".join(error.format_message().split())
    if error.ctx is None:
        return text
    program = error.ctx.find_root().info_name or ""
    command = error.ctx.command_path.removeprefix(program)
    return f"{text.rstrip('.')} (see {program} help{command})"

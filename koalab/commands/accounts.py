"""Account commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import pandas as pd

from koalab import completion
from koalab.commands.options import codes_from, columns_option
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    from koalab.frames.fields import Columns

Callback = TypeVar("Callback", bound=Callable[..., Any])


def account_options(command: Callback) -> Callback:
    """``--account`` and ``--columns``."""
    option = click.option("--account", metavar="NUMBER", help="Which account; the first where left out.")
    return option(columns_option(command))


@click.command()
@click.option("--show", is_flag=True, help="The numbers in full.")
@click.pass_obj
def accounts(runner: CommandRunner, show: bool) -> list[str]:
    """The account numbers, with stars in them."""
    found = runner.session().accounts
    return list(found) if show else found.masked()


@click.command()
@account_options
@click.pass_obj
def deposit(runner: CommandRunner, account: str | None, columns: Columns | None) -> pd.Series[Any]:
    """The money of an account (opw00001)."""
    return runner.session().deposit(
        account=account, columns=columns or runner.columns, progress=runner.progress
    )


@click.command()
@account_options
@click.pass_obj
def balances(runner: CommandRunner, account: str | None, columns: Columns | None) -> pd.DataFrame:
    """What an account holds (opw00018)."""
    return runner.session().balances(
        account=account, columns=columns or runner.columns, progress=runner.progress
    )


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.complete_codes)
@click.option("--open", "state", flag_value="open", help="Only those with something left to fill.")
@click.option("--filled", "state", flag_value="filled", help="Only those with a fill.")
@account_options
@click.pass_obj
def orders(
    runner: CommandRunner, codes: Sequence[str], state: Any, account: str | None, columns: Columns | None
) -> pd.DataFrame:
    """Today's orders (opt10075), of some issues or of all."""
    return runner.session().orders(
        codes_from(codes) if codes else None,
        state=state or "all",
        account=account,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.complete_codes)
@account_options
@click.pass_obj
def fills(
    runner: CommandRunner, codes: Sequence[str], account: str | None, columns: Columns | None
) -> pd.DataFrame:
    """What was filled today (opt10076), of some issues or of all."""
    return runner.session().fills(
        codes_from(codes) if codes else None,
        account=account,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@account_options
@click.pass_obj
def returns(runner: CommandRunner, account: str | None, columns: Columns | None) -> pd.DataFrame:
    """How what an account holds has done (opt10085)."""
    return runner.session().returns(
        account=account, columns=columns or runner.columns, progress=runner.progress
    )

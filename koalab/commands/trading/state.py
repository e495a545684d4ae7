"""``positions`` and ``open-orders``: the state of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.pass_obj
def positions(runner: CommandRunner) -> pd.DataFrame:
    """The positions of the first account, in step with the broker's events."""
    return _current(runner.account_session().positions)


@click.command("open-orders")
@click.pass_obj
def open_orders(runner: CommandRunner) -> pd.DataFrame:
    """The open orders of the first account, those of other programs included."""
    return _current(runner.account_session().open_orders)


def _current(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.attrs["stale"]:
        click.echo(f"events may be missing since {frame.attrs['stale']}", err=True)
    return frame

"""``update-market``: daily bars of a whole market, brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from koalab import completion
from koalab.commands.options import codes_from
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    import pandas as pd


@click.command("update-market")
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.complete_codes)
@click.option(
    "--market",
    shell_complete=completion.complete_markets,
    help="Only that market or kind: KOSPI, KOSDAQ, KONEX, ETF …",
)
@click.option(
    "--no-catch-up", is_flag=True, help="Leave codes behind that lack more than the latest session."
)
@click.option("--each", is_flag=True, help="Write a line a code; else how many were done how.")
@click.pass_obj
def update_market(
    runner: CommandRunner, codes: Sequence[str], market: str | None, no_catch_up: bool, each: bool
) -> pd.DataFrame:
    """Bring the daily bars of all codes up to date after the close, 100 codes a TR (OPTKWFID).

    Twice a day: between 15:31 and 15:59 for the official prices, and from 20:05 on for the volume; or once from 08:00
    of the next morning on. What was stopped goes on when it is called again; what is up to date costs nothing. In a
    crontab, for Seoul:

    \b
    40 15 * * 1-5  koalab --target HOST update-market
    10 20 * * 1-5  koalab --target HOST update-market

    It ends with 0 when everything is up to date, with 1 when something failed or it is too early.
    """
    found = runner.session().update_market(
        codes_from(codes) if codes else None,
        market=market,
        catch_up=not no_catch_up,
        progress=runner.progress,
    )
    if each:
        return found
    summed = found.groupby("done", sort=False).agg(codes=("trs", "size"), trs=("trs", "sum"))
    summed.attrs = found.attrs
    return summed

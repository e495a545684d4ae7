"""``plan``: what a bulk load needs, and its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from koalab import completion
from koalab.commands.options import codes_from
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    import pandas as pd

    from koalab.plans import Plan
    from koalab.sessions.plan import Kind


@click.command()
@click.argument("kind", type=click.Choice(["daily", "minute", "bars"]))
@click.argument(
    "codes", nargs=-1, required=True, metavar="CODE|MARKET...", shell_complete=completion.complete_issues
)
@click.option(
    "--interval",
    help="minute: 1, 3, 5 …; bars: W, M, Y, 5min …",
    shell_complete=completion.complete_intervals,
)
@click.option("--start", metavar="DAY", help="First day; else from the beginning.")
@click.option("--end", metavar="DAY", help="Last day wanted, included; now where left out.")
@click.option("--raw", is_flag=True, help="As they were: not adjusted for splits and the like.")
@click.option("--run", is_flag=True, help="Load it; stopped, it goes on from there the next time.")
@click.pass_obj
def plan(
    runner: CommandRunner,
    kind: Kind,
    codes: Sequence[str],
    interval: str | None,
    start: str | None,
    end: str | None,
    raw: bool,
    run: bool,
) -> Plan | pd.DataFrame:
    """What a bulk load needs: TRs, wait, end, share in the cache. --run loads it.

    Codes, names, or markets: KOSPI, KOSDAQ, ETF …, or ALL.

    \b
    plan daily KOSPI --start 2016-01-01
    plan minute 삼성전자 SK하이닉스 --interval 5 --run
    """
    size = int(interval) if interval is not None and interval.isdecimal() and len(interval) < 10 else interval
    found = runner.session().plan(kind, codes_from(codes), start, end, interval=size, adjusted=not raw)
    return found.run(progress=runner.progress) if run else found

"""Market commands: order books, indices, investors, conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from koalab import completion
from koalab.commands.options import codes_argument, codes_from, columns_option, day_options, finished_option
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    from koalab.frames.fields import Columns


@click.command()
@codes_argument
@columns_option
@click.pass_obj
def orderbook(runner: CommandRunner, codes: Sequence[str], columns: Columns | None) -> pd.DataFrame:
    """The ten best asks and bids (opt10004)."""
    return runner.session().orderbook(
        codes_from(codes), columns=columns or runner.columns, progress=runner.progress
    )


@click.command()
@click.argument("names", nargs=-1, metavar="[INDEX]...", shell_complete=completion.complete_indices)
@click.option(
    "--interval",
    default="D",
    show_default=True,
    shell_complete=completion.complete_index_intervals,
    help="D, W, M, Y, 5min …",
)
@day_options
@finished_option
@columns_option
@click.pass_obj
def index(
    runner: CommandRunner,
    names: Sequence[str],
    interval: str,
    start: str | None,
    end: str | None,
    finished: bool,
    columns: Columns | None,
) -> pd.DataFrame:
    """Bars of one or several indices (opt20006); without INDEX, which there are.

    \b
    index KOSPI --start 2024-01-01
    index 코스닥 KOSPI200 --interval W
    """
    if not names:
        return runner.session().indices()
    return runner.session().index(
        codes_from(names),
        start,
        end,
        interval=interval,
        finished=finished,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@codes_argument
@day_options
@click.option("--shares", is_flag=True, help="Shares in place of KRW.")
@click.option(
    "--side",
    type=click.Choice(["net", "buy", "sell"]),
    default="net",
    show_default=True,
    help="Bought less sold, bought, or sold.",
)
@finished_option
@columns_option
@click.pass_obj
def flows(
    runner: CommandRunner,
    codes: Sequence[str],
    start: str | None,
    end: str | None,
    shares: bool,
    side: Any,
    finished: bool,
    columns: Columns | None,
) -> pd.DataFrame:
    """Who bought and sold, by day and investor (opt10059).

    \b
    flows 삼성전자 --start 2024-01-01 --columns ko
    """
    return runner.session().flows(
        codes_from(codes),
        start,
        end,
        what="shares" if shares else "amount",
        side=side,
        finished=finished,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@click.pass_obj
def conditions(runner: CommandRunner) -> pd.DataFrame:
    """The user's conditions (조건식)."""
    return runner.session().conditions()


@click.command()
@click.argument("condition", nargs=-1, required=True, shell_complete=completion.complete_conditions)
@click.option("--info", is_flag=True, help="With quotes, 100 codes a TR.")
@columns_option
@click.pass_obj
def screen(
    runner: CommandRunner, condition: Sequence[str], info: bool, columns: Columns | None
) -> pd.DataFrame:
    """The issues that fulfil a condition (조건검색), by its name or number.

    The broker takes one search a minute of each.

    \b
    screen 중소형 저평가주 --info
    """
    return runner.session().screen(
        " ".join(condition), info=info, columns=columns or runner.columns, progress=runner.progress
    )

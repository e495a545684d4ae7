"""Commands that look at the market: order books, indices, investors, and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from koalab import completion
from koalab.commands.front import Front, chosen, codes_argument, columns_option, day_options

if TYPE_CHECKING:
    from koalab.frames.fields import Columns


@click.command()
@codes_argument
@columns_option
@click.pass_obj
def orderbook(front: Front, codes: Sequence[str], columns: Columns | None) -> pd.DataFrame:
    """The ten best asks and bids (opt10004)."""
    return front.session().orderbook(chosen(codes), columns=columns or front.columns, progress=front.progress)


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
@columns_option
@click.pass_obj
def index(
    front: Front,
    names: Sequence[str],
    interval: str,
    start: str | None,
    end: str | None,
    columns: Columns | None,
) -> pd.DataFrame:
    """Bars of one or several indices (opt20006); without INDEX, which there are.

    \b
    index KOSPI --start 2024-01-01
    index 코스닥 KOSPI200 --interval W
    """
    if not names:
        return front.session().indices()
    return front.session().index(
        chosen(names),
        start,
        end,
        interval=interval,
        columns=columns or front.columns,
        progress=front.progress,
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
@columns_option
@click.pass_obj
def flows(
    front: Front,
    codes: Sequence[str],
    start: str | None,
    end: str | None,
    shares: bool,
    side: Any,
    columns: Columns | None,
) -> pd.DataFrame:
    """Who bought and sold, by day and investor (opt10059).

    \b
    flows 삼성전자 --start 2024-01-01 --columns ko
    """
    return front.session().flows(
        chosen(codes),
        start,
        end,
        what="shares" if shares else "amount",
        side=side,
        columns=columns or front.columns,
        progress=front.progress,
    )


@click.command()
@click.pass_obj
def conditions(front: Front) -> pd.DataFrame:
    """The user's conditions (조건식)."""
    return front.session().conditions()


@click.command()
@click.argument("condition", nargs=-1, required=True)
@click.option("--info", is_flag=True, help="With quotes, 100 codes a TR.")
@columns_option
@click.pass_obj
def screen(front: Front, condition: Sequence[str], info: bool, columns: Columns | None) -> pd.DataFrame:
    """The issues that fulfil a condition (조건검색), by its name or number.

    The broker takes one search a minute of each.

    \b
    screen 중소형 저평가주 --info
    """
    return front.session().screen(
        " ".join(condition), info=info, columns=columns or front.columns, progress=front.progress
    )

"""``chart``, and what a terminal says of it and of widgets, which it cannot draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from koalab import completion
from koalab.commands.options import codes_from
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from koalab.widgets.chart import LiveChart

INSTEAD: Final = {
    "chart": "kw.picture(code, FILE) writes a PNG",
    "ticker": "koalab watch draws a table of live quotes",
    "ladder": "koalab orderbook writes an order book",
    "dashboard": "koalab watch, orderbook, positions and buy have its parts",
}
"""What a terminal has in place of these."""


@click.command()
@click.argument("code", nargs=-1, required=True, metavar="CODE...", shell_complete=completion.complete_codes)
@click.option(
    "--interval",
    default="D",
    show_default=True,
    shell_complete=completion.complete_intervals,
    help="D, W, M, Y, 5min …",
)
@click.option("--start", metavar="DATE", help="First day or time.")
@click.option("--end", metavar="DATE", help="Last day or time.")
@click.option("--ma", metavar="BARS,…", default="", help="Moving averages over so many bars: 5,20,60.")
@click.option("--live", is_flag=True, help="A widget whose last bar follows every trade, of one issue.")
@click.option("--raw", is_flag=True, help="As they were: not adjusted for splits and the like.")
@click.option(
    "--theme", type=click.Choice(["light", "dark"]), help="Colours; plotly's default where left out."
)
@click.pass_obj
def chart(
    runner: CommandRunner,
    code: Sequence[str],
    interval: str,
    start: str | None,
    end: str | None,
    ma: str,
    live: bool,
    raw: bool,
    theme: Any,
) -> Figure | LiveChart:
    """A chart of an issue or an index, or several compared from 100.

    \b
    chart 삼성전자 --interval 1min --live
    chart 삼성전자 --ma 5,20,60
    chart 삼성전자 000660 KOSPI --start 2026-01
    """
    given = codes_from(code)
    averages: list[Any] = [
        int(one) if one.strip().isdecimal() else one for one in ma.split(",") if one.strip()
    ]
    session: Any = runner.session()  # the type of chart() depends on live=
    found: Figure | LiveChart = session.chart(
        given[0] if len(given) == 1 else given,
        interval,
        start,
        end,
        live=live,
        ma=averages or None,
        adjusted=not raw,
        theme=theme,
        progress=runner.progress,
    )
    return found

"""``watch``: in a notebook a widget, in a terminal a table that is redrawn, or a line an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from koalab import completion
from koalab.commands.live.limit import WatchLimit
from koalab.commands.options import codes_from
from koalab.commands.runner import CommandRunner
from koalab.commands.terminal import Terminal
from koalab.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from koalab.live.condition_watch import ConditionWatch
    from koalab.widgets.ticker import Ticker

Callback = TypeVar("Callback", bound=Callable[..., Any])


def watch_arguments(command: Callback) -> Callback:
    """Codes, or ``--condition``."""
    codes = click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.complete_codes)
    condition = click.option(
        "--condition",
        metavar="NAME",
        help="A 조건식 in place of codes: its issues, entries and exits.",
        shell_complete=completion.complete_conditions,
    )
    return codes(condition(command))


@click.command("watch")
@watch_arguments
@click.pass_obj
def watch_in_background(
    runner: CommandRunner, codes: Sequence[str], condition: str | None
) -> Ticker | ConditionWatch:
    """Follow live quotes in a widget, or a live condition.

    \b
    %kiwoom watch 삼성전자 000660
    found = %kiwoom watch --condition "중소형 저평가주"
    """
    _check(codes, condition)
    session = runner.session()
    if condition is not None:
        return session.watch(condition, progress=runner.progress)
    return session.ticker(codes_from(codes), progress=runner.progress)


@click.command("watch")
@watch_arguments
@click.option("--for", "duration", type=float, metavar="SECONDS", help="End after so long.")
@click.option("--count", type=int, metavar="N", help="End after so many trades, or entries and exits.")
@click.pass_obj
def watch_until_stopped(
    runner: Terminal, codes: Sequence[str], condition: str | None, duration: float | None, count: int | None
) -> pd.DataFrame | None:
    """Follow live quotes in a table, or a live condition, until Ctrl-C.

    Where standard output is no terminal, and with --format json or csv, it writes a line for each trade, entry or exit
    as it comes. In JSON each line has an "event": trade, entered or left, and state or gap for what may be missing.
    With --output the trades are written there at the end.

    \b
    koalab watch 삼성전자 000660
    koalab --target HOST watch 005930 --format json --for 60 | jq 'select(.event == "trade").price'
    koalab --target HOST watch --condition "중소형 저평가주"
    """
    # Imported here, for rich: every command would load it.
    from koalab.commands.live.watching import watch_condition, watch_quotes

    _check(codes, condition)
    limit = WatchLimit(duration, count)
    if condition is not None:
        return watch_condition(runner, condition, limit)
    return watch_quotes(runner, codes_from(codes), limit)


def _check(codes: Sequence[str], condition: str | None) -> None:
    if condition is not None and codes:
        raise BadInput("--condition takes the place of codes: leave one of them out")
    if condition is None and not codes:
        raise BadInput('which? give codes or names, or --condition NAME: "watch 005930", for example')

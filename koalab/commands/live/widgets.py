"""Commands of a notebook that give a widget: ``ticker``, ``ladder`` and ``dashboard``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from koalab import completion
from koalab.commands.options import codes_from
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    from koalab.widgets.dashboard import Dashboard
    from koalab.widgets.ladder import Ladder
    from koalab.widgets.ticker import Ticker

_several = click.argument(
    "codes", nargs=-1, required=True, metavar="CODE...", shell_complete=completion.complete_codes
)
_one = click.argument("code", shell_complete=completion.complete_codes)


@click.command("ticker")
@_several
@click.pass_obj
def ticker(runner: CommandRunner, codes: Sequence[str]) -> Ticker:
    """Live quotes as a widget.

    \b
    %kiwoom ticker 삼성전자 000660
    """
    return runner.session().ticker(codes_from(codes), progress=runner.progress)


@click.command("ladder")
@_one
@click.pass_obj
def ladder(runner: CommandRunner, code: str) -> Ladder:
    """The order book of an issue as a widget.

    \b
    %kiwoom ladder 삼성전자
    """
    return runner.session().ladder(code, progress=runner.progress)


@click.command("dashboard")
@click.argument("codes", nargs=-1, metavar="[CODE]...", shell_complete=completion.complete_codes)
@click.option("--name", default="default", show_default=True, help="Of the saved layout.")
@click.pass_obj
def dashboard(runner: CommandRunner, codes: Sequence[str], name: str) -> Dashboard:
    """Ticker, ladder, chart, account and order form together; without codes the one saved last.

    \b
    %kiwoom dashboard 삼성전자 000660 035420
    """
    given = codes_from(codes) if codes else None
    return runner.session().dashboard(given, name=name, progress=runner.progress)

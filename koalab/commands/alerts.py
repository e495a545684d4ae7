"""``alert``: in a notebook it watches in the background, in a terminal until it is over or Ctrl-C."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from koalab import completion
from koalab.commands.runner import CommandRunner
from koalab.errors import BadInput
from koalab.inputs.text import printable

if TYPE_CHECKING:
    import pandas as pd

    from koalab.alerts.alert import Alert
    from koalab.alerts.message import AlertMessage

Callback = TypeVar("Callback", bound=Callable[..., Any])

TO_VARIABLE: Final = "KOALAB_ALERT_TO"


def alert_options(command: Callback) -> Callback:
    """The options of an alert."""
    for option in (
        click.option("--account", metavar="NUMBER", help="For 체결; the first where left out."),
        click.option("--every", type=float, metavar="SECONDS", help="Least time between two messages."),
        click.option("--once/--repeat", default=None, help="One message, as for comparisons, or each time."),
        click.option(
            "--to",
            multiple=True,
            metavar="URL",
            help=f"An Apprise target; else those in {TO_VARIABLE}, with blanks between. Shown here without any.",
        ),
    ):
        command = option(command)
    return command


@click.command("alert")
@click.argument("text", nargs=-1, shell_complete=completion.complete_alerts)
@alert_options
@click.option("--stop", type=int, metavar="NUMBER", help="End the alert of that number.")
@click.pass_obj
def alert_in_background(
    runner: CommandRunner, /, text: Sequence[str], stop: int | None, to: Sequence[str], **options: Any
) -> Alert | pd.DataFrame:
    """Send a message when something happens, in the background; without a text, list the alerts.

    \b
    alert 005930 > 80000 --to discord://…
    alert 삼성전자 등락률 >= 5 --repeat --every 300
    alert 체결
    alert 조건:중소형 저평가주
    alert 연결
    alert --stop 1
    """
    session = runner.session()
    if stop is not None:
        if text:
            raise BadInput("--stop ends an alert by its number: leave the text out")
        return session.stop_alert(stop)
    if not text:
        return session.alerts
    return session.alert(" ".join(text), to=_targets(to) or None, progress=runner.progress, **options)


@click.command("alert")
@click.argument("text", nargs=-1, required=True, shell_complete=completion.complete_alerts)
@alert_options
@click.pass_obj
def alert_until_over(
    runner: CommandRunner, /, text: Sequence[str], to: Sequence[str], **options: Any
) -> pd.DataFrame:
    """Send a message when something happens, until it has or, with --repeat, until Ctrl-C.

    Messages are shown on standard error as they come; what is written at the end are all of them.

    \b
    koalab --target HOST alert "005930 > 80000" --to discord://…
    koalab --target HOST alert "삼성전자 등락률 >= 5" --repeat --every 300
    koalab --target HOST alert 체결

    A target on the command line can be seen by other users of the machine: KOALAB_ALERT_TO keeps it out of it.
    """
    found = runner.session().alert(
        " ".join(text), to=[*_targets(to), _show], progress=runner.progress, **options
    )
    with contextlib.suppress(KeyboardInterrupt):
        found.wait()
    messages, problem = found.messages(), found.problem
    found.stop()
    if problem:
        click.echo(f"{found.rule}: {problem}", err=True)
    return messages


def _targets(given: Sequence[str]) -> list[Any]:
    return list(given) or os.environ.get(TO_VARIABLE, "").split()


def _show(message: AlertMessage) -> None:
    click.echo(f"{message.time:%H:%M:%S} {printable(message.text)}", err=True)

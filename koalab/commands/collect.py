"""``collect``: in a notebook it runs in the background, in a terminal until Ctrl-C or the close."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from koalab.commands.options import codes_argument, codes_from
from koalab.commands.runner import CommandRunner
from koalab.errors import KoalabError

if TYPE_CHECKING:
    import pandas as pd

    from koalab.live.collecting.collection import Collection

_POLL_INTERVAL: Final = 1.0


@click.command("collect")
@codes_argument
@click.pass_obj
def collect_in_background(runner: CommandRunner, codes: Sequence[str]) -> Collection:
    """Collect minute bars from live trades into the cache, in the background.

    \b
    minutes = %kiwoom collect 005930 000660
    minutes.frame(); minutes.fill(); minutes.stop()
    """
    return runner.session().collect(codes_from(codes), progress=runner.progress)


@click.command("collect")
@codes_argument
@click.option("--until-close", is_flag=True, help="End by itself when all events of the session have come.")
@click.option(
    "--no-fill", is_flag=True, help="Leave what is missing; else opt10080 is asked for it at the end."
)
@click.pass_obj
def collect_until_stopped(
    runner: CommandRunner, codes: Sequence[str], until_close: bool, no_fill: bool
) -> pd.DataFrame:
    """Collect minute bars from live trades into the cache, until Ctrl-C.

    What is missing at the end, because it began in the middle of the session or the connection was lost, is taken from
    opt10080: one TR a code. In a crontab, for Seoul:

    \b
    50 8 * * 1-5  koalab --target HOST collect 005930 000660 --until-close
    """
    collection = runner.session().collect(codes_from(codes), progress=runner.progress)
    with contextlib.suppress(KeyboardInterrupt):
        _watch(collection, runner.progress, until_close)
    collection.stop(fill=not no_fill)
    return collection.frame()


def _watch(collection: Collection, show: bool, until_close: bool) -> None:
    """Shows a status line until the collection ends or Ctrl-C."""
    from tqdm.auto import tqdm

    with tqdm(bar_format="{desc}", leave=False, disable=not show) as line:
        while collection.running and not (until_close and collection.over):
            began = time.monotonic()
            status = collection.status()
            line.set_description_str(
                f"{str(status['until'])[11:19] or '--:--:--'}까지 {status['codes']}종목, 완성 {status['complete']}분, "
                f"누락 {status['holes']}분, 끊김 {status['gaps']}회"
            )
            # Reading the status of a whole market takes a while, and blocks the collector.
            time.sleep(max(_POLL_INTERVAL, 20 * (time.monotonic() - began)))
    if not collection.running:
        raise KoalabError(f"nothing is collected any more: {collection.status()['error']}")

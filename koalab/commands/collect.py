"""The minute archive: in a notebook it runs beside, in a terminal until somebody ends it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from koalab.commands.front import Front, chosen, codes_argument
from koalab.errors import KoalabError

if TYPE_CHECKING:
    import pandas as pd

    from koalab.live.collection import Collection

_LOOK_EVERY: Final = 1.0


@click.command("collect")
@codes_argument
@click.pass_obj
def beside(front: Front, codes: Sequence[str]) -> Collection:
    """Collect minute bars from live trades into the cache, in the background.

    \b
    minutes = %kiwoom collect 005930 000660
    minutes.frame(); minutes.fill(); minutes.stop()
    """
    return front.session().collect(chosen(codes), progress=front.progress)


@click.command("collect")
@codes_argument
@click.option("--until-close", is_flag=True, help="End by itself when the session has been heard to its end.")
@click.option(
    "--no-fill", is_flag=True, help="Leave what is missing; else opt10080 is asked for it at the end."
)
@click.pass_obj
def waiting(front: Front, codes: Sequence[str], until_close: bool, no_fill: bool) -> pd.DataFrame:
    """Collect minute bars from live trades into the cache, until Ctrl-C.

    What is missing at the end, because it began in the middle of the session or the connection was lost, is taken from
    opt10080: one TR a code. In a crontab, for Seoul:

    \b
    50 8 * * 1-5  koalab --target HOST collect 005930 000660 --until-close
    """
    collection = front.session().collect(chosen(codes), progress=front.progress)
    with contextlib.suppress(KeyboardInterrupt):
        _watch(collection, front.progress, until_close)
    collection.stop(fill=not no_fill)
    return collection.frame()


def _watch(collection: Collection, show: bool, until_close: bool) -> None:
    """Shows how it goes, until it ends or is interrupted."""
    from tqdm.auto import tqdm

    with tqdm(bar_format="{desc}", leave=False, disable=not show) as line:
        while collection.running and not (until_close and collection.over):
            began = time.monotonic()
            how = collection.status()
            line.set_description_str(
                f"{str(how['until'])[11:19] or '--:--:--'}까지 {how['codes']}종목, 완성 {how['complete']}분, "
                f"누락 {how['holes']}분, 끊김 {how['gaps']}회"
            )
            # Of a whole market it takes a while, and looking must not keep it from listening.
            time.sleep(max(_LOOK_EVERY, 20 * (time.monotonic() - began)))
    if not collection.running:
        raise KoalabError(f"nothing is collected any more: {collection.status()['error']}")

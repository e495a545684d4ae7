"""``cache``: info, verify, clear, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from koalab.commands.runner import CommandRunner
from koalab.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


@click.group()
def cache() -> None:
    """What the cache of bars holds: info, verify, clear, export."""


@cache.command()
@click.pass_obj
def info(runner: CommandRunner) -> pd.DataFrame:
    """One row a series: code, interval, from when to when, bars, bytes."""
    return runner.session().cache.info()


@cache.command()
@click.pass_obj
def verify(runner: CommandRunner) -> list[str]:
    """Read everything and report what is wrong, a sentence each."""
    return runner.session().cache.verify()


@cache.command()
@click.option("--code", help="Only this code's series.")
@click.option("--interval", help="Only series of this interval: D, W, 5min …")
@click.option("--all", "everything", is_flag=True, help="All that is cached of this broker's prices.")
@click.pass_obj
def clear(runner: CommandRunner, code: str | None, interval: str | None, everything: bool) -> int:
    """Forget series; gives how many that were."""
    if everything == (code is not None or interval is not None):
        raise BadInput("say what is to be forgotten: --code, --interval or both, or else --all")
    return runner.session().cache.clear(code, interval)


@cache.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def export(runner: CommandRunner, folder: Path) -> list[Path]:
    """Write all that is cached into FOLDER as Parquet, for DuckDB, Polars, Dask; gives the files."""
    return runner.session().cache.export(folder)

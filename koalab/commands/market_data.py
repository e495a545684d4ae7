"""Market data commands: bars, info, quotes, the listing, any TR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from koalab import completion
from koalab.commands.options import codes_argument, codes_from, columns_option, range_options
from koalab.commands.runner import CommandRunner
from koalab.errors import BadInput

if TYPE_CHECKING:
    from koalab.frames.fields import Columns
    from koalab.frames.generic import Answer
    from koalab.frames.halted import Halted


@click.command()
@codes_argument
@range_options
@click.pass_obj
def daily(
    runner: CommandRunner,
    codes: Sequence[str],
    start: str | None,
    end: str | None,
    raw: bool,
    finished: bool,
    halted: Halted,
    columns: Columns | None,
) -> pd.DataFrame:
    """Daily bars (opt10081) of one or several codes or names.

    \b
    daily 005930 --start 2024-01-01
    daily 삼성전자 "KODEX 200" --columns ko
    """
    return runner.session().daily(
        codes_from(codes),
        start,
        end,
        adjusted=not raw,
        finished=finished,
        halted=halted,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@codes_argument
@click.option(
    "--interval", type=int, default=1, show_default=True, help="Minutes: 1, 3, 5, 10, 15, 30, 45 or 60."
)
@range_options
@click.pass_obj
def minute(
    runner: CommandRunner,
    codes: Sequence[str],
    interval: int,
    start: str | None,
    end: str | None,
    raw: bool,
    finished: bool,
    halted: Halted,
    columns: Columns | None,
) -> pd.DataFrame:
    """Minute bars (opt10080).

    \b
    minute 삼성전자 --interval 5 --start "2026-11-02 09:00"
    """
    return runner.session().minute(
        codes_from(codes),
        interval,
        start,
        end,
        adjusted=not raw,
        finished=finished,
        halted=halted,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@codes_argument
@click.option(
    "--interval",
    default="D",
    show_default=True,
    shell_complete=completion.complete_intervals,
    help="D, W, M, Y, 5min, 30tick …",
)
@range_options
@click.pass_obj
def bars(
    runner: CommandRunner,
    codes: Sequence[str],
    interval: str,
    start: str | None,
    end: str | None,
    raw: bool,
    finished: bool,
    halted: Halted,
    columns: Columns | None,
) -> pd.DataFrame:
    """Bars of any interval the broker has.

    \b
    bars 005930 --interval W
    """
    return runner.session().bars(
        codes_from(codes),
        interval,
        start,
        end,
        adjusted=not raw,
        finished=finished,
        halted=halted,
        columns=columns or runner.columns,
        progress=runner.progress,
    )


@click.command()
@codes_argument
@columns_option
@click.pass_obj
def info(
    runner: CommandRunner, codes: Sequence[str], columns: Columns | None
) -> pd.Series[Any] | pd.DataFrame:
    """Basic info (opt10001): price, limits, ratios, shares."""
    return runner.session().info(
        codes_from(codes), columns=columns or runner.columns, progress=runner.progress
    )


@click.command()
@codes_argument
@columns_option
@click.pass_obj
def quotes(runner: CommandRunner, codes: Sequence[str], columns: Columns | None) -> pd.DataFrame:
    """Quotes (OPTKWFID), one row a code, 100 codes a TR."""
    return runner.session().quotes(
        codes_from(codes), columns=columns or runner.columns, progress=runner.progress
    )


@click.command()
@click.argument("market", required=False, shell_complete=completion.complete_markets)
@click.pass_obj
def codes(runner: CommandRunner, market: str | None) -> pd.DataFrame:
    """The listing of a MARKET, or of all.

    KOSPI, KOSDAQ, KONEX, or a kind: ETF, ETN, REIT, ELW, FUND, WARRANT."""
    return runner.session().codes(market)


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def find(runner: CommandRunner, text: Sequence[str]) -> pd.DataFrame:
    """Issues by a part of their name or code: find 삼성."""
    return runner.session().find(" ".join(text))


@click.command()
@click.argument("code", shell_complete=completion.complete_trs)
@click.argument("inputs", nargs=-1, metavar="[NAME=VALUE]...", shell_complete=completion.complete_inputs)
@click.option("--pages", type=int, metavar="N", help="At most N pages; all where left out.")
@click.pass_obj
def tr(runner: CommandRunner, code: str, inputs: Sequence[str], pages: int | None) -> Answer:
    """Any TR, with its inputs by Kiwoom's names.

    What a TR takes and gives: reference tr CODE.

    \b
    tr opt10001 종목코드=005930
    tr opt10081 종목코드=005930 수정주가구분=1 --pages 1
    """
    return runner.session().tr(code, pages=pages, progress=runner.progress, **_inputs(inputs))


def _inputs(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.UsageError(
                f"{word!r} is no input: write NAME=VALUE, 종목코드=005930 for example",
                click.get_current_context(),
            )
        if name in found:
            raise BadInput(f"{name} is given twice: {found[name]!r} and {value!r}")
        if name in ("tr", "pages", "progress"):  # parameters of Session.tr; no TR has such an input
            raise BadInput(
                f"no TR has an input {name!r}" + ("; --pages N says how many" if name == "pages" else "")
            )
        found[name] = value
    return found

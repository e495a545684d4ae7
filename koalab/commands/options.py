"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from koalab import completion
from koalab.errors import BadInput
from koalab.frames.halted import HALTED

Callback = TypeVar("Callback", bound=Callable[..., Any])

codes_argument = click.argument(
    "codes", nargs=-1, required=True, metavar="CODE...", shell_complete=completion.complete_codes
)


def codes_from(words: Sequence[str]) -> str | list[str]:
    """Codes or names from the words of a command: one as a string, several as a list.

    Accepts the repr of a Python list: ``%kiwoom daily {codes}`` gives the words ``['005930',`` and ``'000660']``.

    >>> codes_from(["005930"]), codes_from(["[005930,", "000660]"])
    ('005930', ['005930', '000660'])
    """
    pieces = [piece.strip() for word in words for piece in word.strip("[]").split(",")]
    found = [piece for piece in pieces if piece]
    if not found:
        raise BadInput('which? give a code like 005930 or a name, "KODEX 200" for example')
    return found[0] if found == [word.strip() for word in words] and len(found) == 1 else found


def columns_option(command: Callback) -> Callback:
    """``--columns en|ko``."""
    return click.option(
        "--columns",
        type=click.Choice(["en", "ko"]),
        help="English column names, or the broker's Korean ones.",
    )(command)


def range_options(command: Callback) -> Callback:
    """The options of commands that load bars of issues: the range, and how the bars are given."""
    raw = click.option("--raw", is_flag=True, help="As they were: not adjusted for splits and the like.")
    halted = click.option(
        "--halted",
        type=click.Choice(HALTED),
        default="keep",
        help="Days without trades: as the broker gives them, with all prices at the close, or none.",
    )
    return day_options(raw(finished_option(halted(columns_option(command)))))


def finished_option(command: Callback) -> Callback:
    """``--finished``."""
    return click.option("--finished", is_flag=True, help="Without the bar that is still growing.")(command)


def day_options(command: Callback) -> Callback:
    """``--start`` and ``--end``."""
    for option in (
        click.option("--end", metavar="DAY", help="Last day wanted, included; now where left out."),
        click.option(
            "--start",
            metavar="DAY",
            help='First day, 2024-01-02 or "2024-01-02 09:00"; else from the beginning.',
        ),
    ):
        command = option(command)
    return command


def embedded_options(command: Callback) -> Callback:
    """The options of an embedded server, as ``kl.connect`` takes them."""
    for option in (
        click.option(
            "--edited-account",
            is_flag=True,
            default=None,
            help="Embedded: take an account file that was edited by hand.",
        ),
        click.option(
            "--account-file",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Embedded: where accounts and orders outlive the server.",
        ),
        click.option("--limits", metavar="NAME", help="Embedded: the broker's windows, official or safe."),
        click.option(
            "--clock",
            metavar="CLOCK",
            help="Embedded: market, real, fast:N (N times as fast) or stepped, each also with @MOMENT.",
        ),
        click.option("--seed", type=int, metavar="N", help="Embedded: seed of the synthetic market."),
        click.option(
            "--market-data",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Embedded: serve the files of DIR in place of synthetic prices.",
        ),
    ):
        command = option(command)
    return command

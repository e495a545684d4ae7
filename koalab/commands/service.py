"""``koalab service``: the server as a task of Windows, from the Python that the control needs."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from koalab.errors import KoalabError

CONTROL_PYTHON: Final = ("py", "-3.10-32")
"""Windows' launcher with the Python in which the control runs."""


class UnparsedCommand(click.Command):
    """A command that gets its words as they are, ``--`` and ``--help`` included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.params["words"] = tuple(args)
        return []


@click.command(cls=UnparsedCommand, add_help_option=False, options_metavar="ACTION [-- OPTIONS]")
@click.pass_context
def service(ctx: click.Context, words: Sequence[str]) -> None:
    """The server as a task of Windows: install, start, stop, status, doctor, store-credential, remove.

    Options of the server follow --. On the control's machine it runs in the 32-bit Python 3.10, through Windows'
    launcher.
    """
    ctx.exit(run(words))


def run(
    words: Sequence[str],
    platform: str = sys.platform,
    pointer: int = struct.calcsize("P"),
    call: Callable[[Sequence[str]], int] = subprocess.call,
) -> int:
    """Runs an action of the service; its exit code.

    Args:
        words: of the command line.
        platform: this Python's.
        pointer: bytes of a pointer of this Python.
        call: runs a program; its exit code.

    Raises:
        KoalabError: Windows has no launcher of Pythons.
    """
    if platform == "win32" and pointer != 4:
        # The control and so its task belong to another Python than the one that has pandas.
        try:
            return call([*CONTROL_PYTHON, "-m", "kernel_server.service", *words])
        except FileNotFoundError:
            raise KoalabError(
                "there is no py launcher: install the 32-bit Python 3.10 and koalab in it, see the guide for Windows"
            ) from None
    from kernel_server.service.__main__ import main

    found: Any = main(words, program="koalab service")
    return int(found)

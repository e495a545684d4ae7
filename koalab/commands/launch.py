"""``serve`` and ``notebook``: the terminal's commands that launch a server or JupyterLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from koalab.commands.terminal import Terminal
from koalab.errors import KoalabError


# The server parses its own options, --help included.
@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
@click.pass_context
def serve(ctx: click.Context, options: Sequence[str]) -> None:
    """Serve the broker's control, or a simulated one."""
    from kernel_server.__main__ import main, parser

    terminal: Terminal = ctx.obj
    if "target" in terminal.options:
        raise click.UsageError(
            "a server of one's own has no --target; --host and --port say where it listens", ctx
        )
    words = [*_words(terminal.embedded()), *options]
    server_parser = parser()
    server_parser.prog = "koalab serve"
    server_parser.parse_args(words)  # parsed here first: --help and errors then name this command
    main(words)


def _words(options: Mapping[str, Any]) -> list[str]:
    """The options as the server's command line has them."""
    names = {name: f"--{name.replace('_', '-')}" for name in options}
    return [names[name] if value is True else f"{names[name]}={value}" for name, value in options.items()]


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
def notebook(folder: Path) -> None:
    """Open JupyterLab on FOLDER (here, where left out)."""
    if not folder.is_dir():
        raise KoalabError(f"there is no folder {folder}")
    try:
        from jupyterlab.labapp import main  # type: ignore[import-untyped]
    except ImportError:
        raise KoalabError('JupyterLab is not installed here: pip install "koalab[notebook]"') from None
    main([str(folder)])

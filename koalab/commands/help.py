"""The ``help`` command."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    here = ctx.parent.command if ctx.parent is not None else None
    for word in ctx.params.get("words") or ():
        here = here.commands.get(word) if isinstance(here, click.Group) else None
    names = here.list_commands(ctx) if isinstance(here, click.Group) else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...", shell_complete=_complete)
@click.pass_context
def help_command(ctx: click.Context, words: Sequence[str]) -> None:
    """What a COMMAND does and takes."""
    assert ctx.parent is not None
    here = ctx.parent
    for word in words:
        if not isinstance(here.command, click.Group):
            raise click.UsageError(f"{here.command_path} has no subcommands", here)
        # For an unknown name it raises a UsageError that lists similar ones.
        name, command, _ = here.command.resolve_command(here, [word])
        assert command is not None
        here = click.Context(command, info_name=name, parent=here)
    click.echo(here.get_help())

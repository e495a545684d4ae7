"""``koalab`` and ``python -m koalab``: the commands in a terminal."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from kernel_server import __version__
from koalab.commands import SHARED, CommandGroup, usage_message
from koalab.commands.alerts import alert_until_over
from koalab.commands.collect import collect_until_stopped
from koalab.commands.doctor import doctor
from koalab.commands.keys import certificates, token
from koalab.commands.launch import notebook, serve
from koalab.commands.live.pictures import INSTEAD
from koalab.commands.live.watch import watch_until_stopped
from koalab.commands.output.files import chosen_format, write
from koalab.commands.output.rendering import render
from koalab.commands.service import service
from koalab.commands.terminal import Terminal, common_options, with_common_options
from koalab.commands.trading.outcome import REJECTED
from koalab.errors import BadInput, KoalabError, OrderGuarded, OrderRejected
from koalab.inputs.text import printable

PROGRAM: Final = "koalab"
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130  # the shells' exit code for Ctrl-C
UNTIL_STOPPED: Final = (watch_until_stopped, collect_until_stopped, alert_until_over)
"""Commands that go on until Ctrl-C in a terminal, and in the background in a notebook."""

WITHOUT_OUTPUT: Final = (serve, service, certificates, token, doctor, notebook)
"""Commands that print by themselves, so that ``--format`` and ``--output`` mean nothing to them."""


class Program(CommandGroup):
    """The group of all commands: writes their results, and turns every error into one line and an exit code."""

    def main(  # type: ignore[override]  # always ends the process, as click's does by default
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        terminal = Terminal()
        extra.pop("standalone_mode", None)
        words = [_decoded(one) for one in (sys.argv[1:] if args is None else args)]
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _write_warning
                code = super().main(words, prog_name or PROGRAM, standalone_mode=False, obj=terminal, **extra)
        except click.UsageError as error:
            _write_error(usage_message(error))
            code = MISUSED
        except click.ClickException as error:
            _write_error(error.format_message())
            code = FAILED
        except (click.Abort, KeyboardInterrupt) as stopped:
            _add_notes(stopped.__cause__ or stopped)
            code = INTERRUPTED
        except UnicodeEncodeError as error:
            _write_error(
                f"standard output is {error.encoding}, which has no {error.object[error.start]!r}:"
                " --output FILE writes UTF-8, and PYTHONIOENCODING=utf-8 makes standard output so"
            )
            code = FAILED
        except (KoalabError, OSError) as error:
            _write_error(_in_a_terminal(error))
            _add_notes(error)
            code = REJECTED if isinstance(error, OrderRejected) else FAILED
        finally:
            terminal.close()
        sys.exit(code if isinstance(code, int) and code else terminal.exit_code)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0] if args else ""
        if word in INSTEAD and not ctx.resilient_parsing:
            raise click.ClickException(
                f"{word} is for a notebook, %kiwoom {word}: a terminal shows no widgets and figures; {INSTEAD[word]}"
            )
        name, command, rest = super().resolve_command(ctx, args)
        options = ctx.obj.options if isinstance(ctx.obj, Terminal) else {}  # completion has no terminal
        given = [option for option in ("format", "output") if option in options]
        if given and command in WITHOUT_OUTPUT:
            raise click.UsageError(f"{name} writes no result: it takes no --{given[0]}", ctx)
        return name, command, rest


def _decoded(word: str) -> str:
    """An argument as UTF-8 where Python took its bytes for another encoding, as it may in the C locale."""
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _add_notes(error: BaseException) -> None:
    """Writes the notes of an error: how to continue a stopped plan, for example."""
    for note in getattr(error, "__notes__", ()):
        _write_error(note)


def _in_a_terminal(error: Exception) -> str:
    """The message, with the option of a command in place of the setting of a session."""
    if not isinstance(error, OrderGuarded) or not error.allows:
        return str(error)
    option = f"--guard {error.guard}={error.allows}"
    return str(error).replace(f"kw.guards.{error.guard} = {error.allows}", option)


def _write_warning(message: Warning | str, *_: object, **__: object) -> None:
    """In place of Python's own, which shows a line of this package."""
    _write_error(str(message))


def _write_error(message: str) -> None:
    click.echo(f"{PROGRAM}: {printable(' '.join(message.split()))}", err=True)


program = Program(
    [*map(with_common_options, (*SHARED, *UNTIL_STOPPED)), *WITHOUT_OUTPUT],
    name=PROGRAM,
    params=common_options(hidden=False),
    help="Kiwoom's market data: cached, within the broker's limits, over a kernel server or a simulated broker.",
    epilog="The same commands as %kiwoom in a notebook. `koalab help COMMAND` explains one.",
    invoke_without_command=True,
    context_settings={"max_content_width": 110},
)
program = click.version_option(__version__, message="koalab %(version)s")(program)


@program.result_callback()
@click.pass_context
def _write_result(ctx: click.Context, value: Any) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return
    terminal: Terminal = ctx.obj
    output: Path | None = terminal.options.get("output")
    if value is None:
        if output is not None:
            raise BadInput(f"{ctx.invoked_subcommand} has no result to write into {output}")
        return
    kind = chosen_format(terminal.options.get("format"), output)
    if output is not None:
        write(value, kind, output)
    else:
        click.echo(render(value, kind))


def main() -> NoReturn:
    """The console script."""
    program.main()

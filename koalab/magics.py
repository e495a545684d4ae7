"""``%kiwoom`` and ``%%kiwoom``: the commands in a notebook.

>>> get_ipython().run_line_magic("load_ext", "koalab")  # doctest: +SKIP
>>> df = get_ipython().run_line_magic("kiwoom", "daily 005930 --start 2024-01-01")  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from IPython.core.completer import context_matcher
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.utils.text import DollarFormatter
from traitlets import Bool, Enum, Unicode

from koalab.errors import BadInput, KoalabError, NoAnswer
from koalab.sessions.shared import SESSIONS
from koalab.short_traceback import shorten

if TYPE_CHECKING:
    import click
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from koalab.completion import ListingNames
    from koalab.sessions.session import Session

PROGRAM = "%kiwoom"


@magics_class
class KiwoomMagics(Magics):
    """The magics of one notebook. ``%config KiwoomMagics`` shows what can be set."""

    target = Unicode(
        "", help="Kernel server, host or host:port; blank: KOALAB_TARGET, else a simulated broker."
    ).tag(config=True)
    cache_dir = Unicode(
        "", help="Where loaded data is kept; blank: KOALAB_CACHE_DIR, else the platform's folder."
    ).tag(config=True)
    short_errors = Bool(
        True,
        help="Show errors of koalab's, of methods too, as your own lines and the message; %tb shows all.",
    ).tag(config=True)
    progress = Bool(True, help="Show a bar when a load takes longer than a second.").tag(config=True)
    columns: Any = Enum(["en", "ko"], "en", help="English column names, or the broker's Korean ones.").tag(
        config=True
    )

    @line_cell_magic
    def kiwoom(self, line: str, cell: str | None = None) -> Any:
        """Kiwoom's market data.

        ``%kiwoom COMMAND …`` runs a command and gives what it found, a DataFrame mostly:

            df = %kiwoom daily 005930 --start 2024-01-01

        ``%kiwoom`` alone shows how things stand and lists the commands, ``%kiwoom help COMMAND`` explains one.

        ``%%kiwoom [VARIABLE]`` runs the commands of the cell, one a line, or a TR with its inputs one a line; what
        the last one found goes into the variable, or is shown:

            %%kiwoom df
            tr opt10081
            종목코드=005930
            수정주가구분=1
        """
        try:
            return self._line(line) if cell is None else self._cell(line, cell)
        except KeyboardInterrupt as stopped:
            shorten(stopped)
            raise

    def _line(self, line: str) -> Any:
        from koalab.command_parser import split
        from koalab.commands import run

        # As elsewhere in IPython, a trailing semicolon suppresses the output.
        plain = line.rstrip().removesuffix(";")
        words = split(plain)
        if not words:
            self._overview()
            return None
        value = run(self.table, words, self, PROGRAM)
        return value if plain == line.rstrip() else None

    def _cell(self, line: str, cell: str) -> Any:
        from koalab.command_parser import commands, split
        from koalab.commands import run

        variable = split(line)
        if len(variable) > 1 or (variable and not variable[0].isidentifier()):
            raise BadInput(
                f"%%kiwoom takes the name of one variable, not {line.strip()!r}; commands go below it"
            )
        assert self.shell is not None
        value = None
        body = "\n".join(expand_variables(one, self.shell.user_ns) for one in cell.splitlines())
        for words in commands(body):
            try:
                value = run(self.table, words, self, PROGRAM)
            except KoalabError as error:
                error.add_note(f"in: {' '.join(words)}")
                raise
        if not variable:
            return value
        self.shell.user_ns[variable[0]] = value
        return None

    def _overview(self) -> None:
        import click

        session = SESSIONS.current()
        if session is None:
            where = self.target or os.environ.get("KOALAB_TARGET")
            does = f"connects to {where}" if where else "starts a simulated broker"
            click.echo(f"not connected yet: the first command {does}\n")
        else:
            click.echo(f"{session!r}\n")
        click.echo(self.table.get_help(click.Context(self.table, info_name=PROGRAM)))

    # High priority: Jedi would parse the line as Python.
    @context_matcher(identifier="koalab", priority=100)  # type: ignore[untyped-decorator]
    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """Completions at the cursor of a ``%kiwoom`` line or ``%%kiwoom`` cell, for IPython's completer."""
        if PROGRAM not in context.full_text:
            return {"completions": []}
        from koalab.completion import complete_cell

        return complete_cell(self.table, self, context)

    @cached_property
    def table(self) -> click.Group:
        """The commands."""
        from koalab.commands import NOTEBOOK, CommandGroup

        return CommandGroup(
            NOTEBOOK,
            help="Kiwoom's market data. `%kiwoom help COMMAND` explains a command.",
        )

    @cached_property
    def _names(self) -> ListingNames:
        from koalab.completion import ListingNames

        return ListingNames()

    # -- koalab.commands.runner.CommandRunner

    def session(self) -> Session:
        """The session of this process, opened at first use."""
        from koalab.connecting import attach

        return attach(self.target or None, self.cache_dir or None)

    def connect(self, target: str | None, **options: Any) -> Session:
        """The session with these arguments; the one before is closed once this one is connected."""
        from koalab.connecting import connect

        before = SESSIONS.current()
        session = connect(target or self.target or None, cache_dir=self.cache_dir or None, **options)
        if before is not None and before is not session:
            before.close()
        return session

    def cache_folder(self) -> Path:
        from koalab.store.disk import default_folder

        return default_folder(self.cache_dir or None)

    def names(self) -> Mapping[str, str]:
        return self._names.of(SESSIONS.current())

    def conditions(self) -> Sequence[str]:
        session = SESSIONS.current()
        return [] if session is None else session._known_conditions()

    def open_orders(self) -> Mapping[str, str]:
        session = SESSIONS.current()
        return {} if session is None else session._known_open_orders()

    def account_session(self) -> Session:
        return self.session()

    def confirm(self, yes: bool) -> bool | None:
        return False if yes else None

    def unfinished(self, _code: int, why: str) -> None:
        raise NoAnswer(why)


def register(shell: Any) -> KiwoomMagics:
    """Adds the magics and their completion to an InteractiveShell; idempotent."""
    magics = _loaded(shell)
    if magics is None:
        magics = KiwoomMagics(shell=shell)
        shell.register_magics(magics)
        shell.Completer.custom_matchers.append(magics.complete)
    return magics


def _loaded(shell: InteractiveShell) -> KiwoomMagics | None:
    return cast("KiwoomMagics | None", shell.magics_manager.registry.get(KiwoomMagics.__name__))


def expand_variables(text: str, names: Mapping[str, Any]) -> str:
    """Expands ``{expression}`` and ``$name`` as IPython does in lines; on an error the text stays as it is."""
    try:
        return DollarFormatter().vformat(text, args=[], kwargs=names)
    except Exception:  # noqa: BLE001 - as IPython: any expression is allowed, so any exception is possible
        return text

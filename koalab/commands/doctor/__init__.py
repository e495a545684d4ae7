"""``koalab doctor``: checks this machine, the server and the way to it, with advice for each failure."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator

import click

from koalab.commands.doctor import connection, machine
from koalab.commands.doctor.finding import Finding
from koalab.commands.terminal import Terminal
from koalab.inputs.text import printable


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check this machine and the server: Python, packages, cache folder, login, clocks, certificates.

    Exit code 1 where something is wrong. `koalab service doctor` checks the control's machine.
    """
    wrong = 0
    for finding in findings(ctx.obj):
        click.echo(printable(str(finding)))
        wrong += finding.wrong
    if wrong:
        ctx.exit(1)


def findings(terminal: Terminal) -> Iterator[Finding]:
    """All checks, in order."""
    from koalab.transport.diagnosis import certificate_ends

    yield machine.python(sys.version_info[:3])
    try:
        yield from machine.packages(machine.requirements())
    except importlib.metadata.PackageNotFoundError:
        yield Finding(
            "koalab runs from a folder: its packages are not checked", "pip install -e .", optional=True
        )
    yield machine.cache_folder(terminal.cache_folder())
    yield machine.holidays_file()
    yield machine.time_zone(machine.local_zone())
    yield from connection.server(
        lambda: terminal.connect(None), lambda target: certificate_ends(target, terminal.access().tls)
    )

"""Session commands: ``connect``, ``login``, ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from koalab.commands.access import access_options
from koalab.commands.options import embedded_options
from koalab.commands.runner import CommandRunner

if TYPE_CHECKING:
    from koalab.sessions.session import Session


@click.command()
@click.argument("target", required=False)
@access_options
@embedded_options
@click.pass_obj
def connect(runner: CommandRunner, /, target: str | None, **options: Any) -> Session:
    """Connect to a kernel server, or start one.

    TARGET is host or host:port of a kernel server; without it, KiwoomMagics.target, then KOALAB_TARGET, and
    without those a simulated broker is started. A session that is open with these arguments stays. Another one takes
    the place of the session before, which is closed. For two at once, use kl.connect().
    """
    return runner.connect(target, **{name: value for name, value in options.items() if value is not None})


@click.command()
@click.option("--timeout", type=float, metavar="SECONDS", help="How long the login window may take.")
@click.pass_obj
def login(runner: CommandRunner, timeout: float | None) -> Session:
    """Log in at the broker (CommConnect)."""
    session = runner.session()
    if timeout is None:
        session.login()
    else:
        session.login(timeout)
    return session


@click.command()
@click.pass_obj
def status(runner: CommandRunner) -> pd.Series[Any]:
    """How things stand: server, login, clock and market, TRs spent, limits, cache."""
    return flat_status(runner.session().status())


def flat_status(status: Mapping[str, Any]) -> pd.Series[Any]:
    """The nested mapping of ``Session.status`` as one Series: ``server.target``, ``quota.tr 1s`` …"""
    found: dict[str, Any] = {}
    for name, value in status.items():
        if name == "quota":
            for one in value:
                key, wait = f"quota.{one['kind']} {one['seconds']:g}s", one["next_free"]
                found[key] = f"{one['used']} of {one['limit']}" + (
                    f", free in {wait:.1f} s" if wait > 0 else ""
                )
        elif isinstance(value, Mapping):
            found.update({f"{name}.{inner}": each for inner, each in value.items()})
        elif name == "problems":
            found[name] = "; ".join(value) or "none"
        else:
            found[name] = value
    return pd.Series(found, dtype=object, name="status")

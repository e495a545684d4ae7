"""Forked processes: what belongs to the parent is neither used, ended nor waited for in a child.

After ``os.fork()`` gRPC's threads are missing in the child, so that every wait for them hangs, and its copy of an
embedded server's process would end the parent's.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

from koalab.errors import NotConnected


class Forkable(Protocol):
    """Something with a process or a connection of its own."""

    def after_fork(self) -> None:
        """Gives them up, in a child."""
        ...


def forked() -> NotConnected:
    """The error for a session in a child of the process that made it."""
    return NotConnected(
        "this process was forked from the one that the session belongs to: kl.connect() makes a new one here"
        ' (processes started with multiprocessing\'s "spawn" are safer)'
    )


def require_process(pid: int) -> None:
    """Raises NotConnected unless that is this process: in a child nothing comes any more, and locks may be held."""
    if os.getpid() != pid:
        raise forked()


_watched: WeakSet[Forkable] = WeakSet()


def watch(one: Forkable) -> None:
    """Calls its ``after_fork`` in every child that is forked from here on."""
    _watched.add(one)


def _in_child() -> None:
    for one in list(_watched):
        one.after_fork()


if hasattr(os, "register_at_fork"):  # there is no fork on Windows
    os.register_at_fork(after_in_child=_in_child)

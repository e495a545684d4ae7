"""``koalab`` in a terminal: all commands on Python 3.11 and later, those of the server on 3.10, the control's machine.

The commands of a notebook's machine come from the other package, as the entry point ``koalab.program``.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from kernel_server import __version__, gc_tuning

GROUP: Final = "koalab.program"
OLDEST: Final = (3, 11)
INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""


def _serve(words: Sequence[str]) -> int:
    from kernel_server.__main__ import main as serve

    serve(words)
    return 0


def _service(words: Sequence[str], program: str) -> int:
    from kernel_server.service.__main__ import main as service

    return service(words, program=program)


COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {
    "serve": _serve,
    "service": lambda words: _service(words, "koalab service"),
    "doctor": lambda words: _service(["doctor", *words], "koalab"),
}
"""The commands of the control's machine."""

HELP: Final = """usage: koalab COMMAND ...

The commands of the control's machine; all others need Python 3.11 or later.

  serve     a kernel server; serve --help has its options
  service   install | start | stop | status | doctor | store-credential | delete-credential | remove
  doctor    check this machine"""


def main() -> None:
    """The console script. Ctrl-C ends it without a traceback, also while modules load, which takes a second."""
    try:
        if sys.version_info >= OLDEST:
            with gc_tuning.loading():
                program = next(iter(importlib.metadata.entry_points(group=GROUP))).load()
            program()
            return
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run(words: Sequence[str]) -> int:
    """Runs a command of the control's machine; its exit code."""
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name in COMMANDS:
        return COMMANDS[name](rest)
    if name == "--version":
        print(f"koalab {__version__}")  # noqa: T201
        return 0
    print(HELP, file=sys.stdout if name == "--help" else sys.stderr)
    return 0 if name == "--help" else 2

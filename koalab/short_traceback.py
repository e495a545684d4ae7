"""Short tracebacks in notebooks: the user's own lines and the message, without the frames of koalab and of libraries.

IPython asks an exception for ``_render_traceback_`` when it shows it. Plain Python does not, and shows everything; so
does ``%tb``.
"""

from __future__ import annotations

import linecache
import os
import site
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

# Lines of the user's that are shown at most, the innermost: a recursion has thousands.
_MOST = 5
_PACKAGES = Path(__file__).parent.parent
_LIBRARIES = {
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *site.getsitepackages(),
    site.getusersitepackages(),
}
_NOT_THE_USERS = tuple(
    f"{folder}{os.sep}" for folder in (_PACKAGES / "koalab", _PACKAGES / "kernel_server", *_LIBRARIES)
)
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"
_CAUSED = "The above exception was the direct cause of the following one:"
_WHILE = "During handling of the above exception, another one occurred:"


def render(error: BaseException) -> list[str]:
    """The lines that IPython shows for the error: short while it is being handled, all of it for ``%tb``."""
    shell: Any = running_shell()
    if shell is None:
        return traceback.format_exception(error)
    # %tb shows an error of before: it is no longer being handled.
    if sys.exception() is not error or not _wants_short(shell):
        return shell.InteractiveTB.structured_traceback(  # type: ignore[no-any-return]
            type(error), error, error.__traceback__
        )
    return list(_short(error, shell.compile.format_code_name))


def shorten(error: BaseException) -> None:
    """Makes IPython show an exception that is not koalab's in the short form: an interrupt of a load."""
    error._render_traceback_ = lambda: render(error)  # type: ignore[attr-defined]


def _short(error: BaseException, code_name: Callable[[str], Any]) -> Iterator[str]:
    """The error after those that led to it, each with its lines."""
    chain: list[tuple[BaseException, str]] = []
    one: BaseException | None = error
    while one is not None and all(one is not seen for seen, _ in chain):
        before, link = one.__cause__, _CAUSED
        if before is None and not one.__suppress_context__:
            before, link = one.__context__, _WHILE
        chain.append((one, link))
        one = before
    for place, (each, link) in reversed(list(enumerate(chain))):
        if place < len(chain) - 1:
            yield f"\n{link}\n"
        yield from _short_of_one(each, code_name)


def _short_of_one(error: BaseException, code_name: Callable[[str], Any]) -> Iterator[str]:
    yield from _users_lines(error.__traceback__, code_name)
    message = str(error)
    yield f"{_RED}{type(error).__name__}{_PLAIN}" + (f": {message}" if message else "")
    yield from (f"  {note}" for note in getattr(error, "__notes__", ()))


def _users_lines(trace: TracebackType | None, code_name: Callable[[str], Any]) -> list[str]:
    """A line for each frame of the user's own code, outermost first: where it is, and what it says."""
    found = []
    for frame, number in traceback.walk_tb(trace):
        file = frame.f_code.co_filename
        if file.startswith(_NOT_THE_USERS):
            continue
        text = linecache.getline(file, number, frame.f_globals).strip()
        # The line of a magic has been shown as the cell; code without a source is generated.
        if not text or "run_line_magic(" in text or "run_cell_magic(" in text:
            continue
        cell = code_name(file)
        where = " ".join(cell) if cell else file
        name = "" if frame.f_code.co_name == "<module>" else f", in {frame.f_code.co_name}"
        found.append(f"{where}, line {number}{name}: {text}")
    return found[-_MOST:]


def _wants_short(shell: Any) -> bool:
    magics = shell.magics_manager.registry.get("KiwoomMagics")
    return magics is None or bool(magics.short_errors)


def running_shell() -> Any:
    """IPython's shell; None outside of IPython."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()

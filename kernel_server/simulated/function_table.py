"""Functions of the control by name, as they answer with and without a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kernel_server import reference
from kernel_server.control.seam import Value
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

Function = Callable[..., Value]


def function_tables(
    parts: Sequence[object], not_connected: int
) -> tuple[dict[str, Function], dict[str, Function]]:
    """Tables of all functions by name: after login, and before it.

    Args:
        parts: objects that implement the functions under Kiwoom's names; the first one that has a name is used.
        not_connected: what request functions return before login.
    """
    online: dict[str, Function] = {}
    offline: dict[str, Function] = {}
    blanks: dict[str, Value] = {"str": "", "int": 0, "none": None, "table": None}
    for name, login, constant, _why in rows(_DATA / "function.tsv"):
        returns = reference.function(name).returns
        if constant == "-":
            online[name] = next(getattr(part, name) for part in parts if hasattr(part, name))
        else:
            online[name] = _always(int(constant) if returns == "int" else blanks[returns])
        if login == "no":
            offline[name] = online[name]
        else:
            offline[name] = _always(not_connected if login == "request" else blanks[returns])
    return online, offline


def _always(answer: Value) -> Function:
    return lambda *_arguments: answer

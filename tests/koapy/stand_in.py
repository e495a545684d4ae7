"""What KOAPY's client imports and only Windows has, so that the released client itself runs here, unmodified.

Its own modules stay as they were released. What it reads from the control's type library comes from our tables.
"""

from __future__ import annotations

import csv
import ctypes
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

_TABLES = Path(__file__).parents[2] / "kernel_server" / "reference" / "data"
_DISPATCH = "{CF20FBB6-EDD4-4BE5-A473-FEF91977DEB6}"
_EVENTS = "{7335F12D-8973-4BD5-B7F0-12DF03D175B7}"
# Type codes of COM.
_TYPES = {"int": 3, "str": 8, "": 24, "None": 24}


def _module(name: str, **contents: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(contents)
    sys.modules[name] = module


def _members(table: str) -> SimpleNamespace:
    """The functions or events of the control, as a type library describes them."""
    found = {}
    with (_TABLES / table).open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            pairs = [pair.split(":") for pair in row["arguments"].split(",") if pair]
            arguments = [(_TYPES.get(kind, 12),) for _, kind in pairs]
            result = (_TYPES.get(row.get("returns") or "", 12),)
            found[row["name"]] = SimpleNamespace(
                names=[row["name"], *(name for name, _ in pairs)],
                desc=[1, 0, arguments, 4, 0, 0, 0, 0, result, 0],
            )
    return SimpleNamespace(mapFuncs=found)


def install() -> None:
    """Puts them where KOAPY imports them from."""
    windows = {"error": Exception, "com_error": Exception}
    for name in ("win32api", "win32con", "winreg"):
        _module(name, **windows)
    _module("pywintypes", IID=lambda text: text, IIDType=type("IIDType", (), {}), **windows)
    _module(
        "pythoncom",
        VT_I4=3,
        VT_BSTR=8,
        VT_VARIANT=12,
        VT_VOID=24,
        FUNCFLAG_FRESTRICTED=1,
        DISPID_NEWENUM=-4,
        FUNC_DISPATCH=4,
    )
    items = {_DISPATCH: _members("function.tsv"), _EVENTS: _members("event.tsv")}
    _module(
        "koapy.utils.pywin32",
        GetTypelibSpecs=lambda _iid: [],
        GetLatestTypelibSpec=lambda _iid: None,
        LoadTypeLib=lambda _spec: None,
        BuildOleItems=lambda _spec, _library: (items, {}, {}, {}),
    )
    # It would tie the server that it starts to itself, and here it starts none.
    _module("koapy.utils.subprocess", Popen=None, function_to_subprocess_args=None, quote=str)
    shell = SimpleNamespace(IsUserAnAdmin=lambda: 0)
    ctypes.windll = SimpleNamespace(shell32=shell)  # type: ignore[attr-defined]

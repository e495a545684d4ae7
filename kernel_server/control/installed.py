"""The installed control: where its file is, and whether its type library has the functions and events of the tables.

Qt detects none of that: a function that the control lacks answers None, and an event that it lacks connects and never
fires.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from kernel_server import reference

_PE_OFFSET = 0x3C
_PE_I386 = b"PE\0\0\x4c\x01"

# VARTYPEs by the tables' types; Kiwoom's control declares whole numbers as long.
_VARTYPES: Final[Mapping[str, frozenset[int]]] = {
    "str": frozenset({8}),
    "int": frozenset({3, 22}),
    "table": frozenset({12}),
    "none": frozenset({24}),
}
_NAMES: Final[Mapping[int, str]] = {
    2: "short",
    3: "long",
    8: "BSTR",
    11: "VARIANT_BOOL",
    12: "VARIANT",
    22: "int",
    24: "void",
}
_SHOWN = 5


class ControlMissing(RuntimeError):
    """The OCX is not installed, cannot be loaded into this process, or lacks what the server calls."""


class Declared(NamedTuple):
    """A function or event as a type library declares it: the VARTYPEs of its result and its arguments."""

    result: int
    arguments: tuple[int, ...]

    def __str__(self) -> str:
        return f"{_name(self.result)} ({', '.join(map(_name, self.arguments))})"


class Differences(NamedTuple):
    """How a control differs from the tables.

    Attributes:
        lacking: functions and events that it does not have, or that take another number of arguments.
        other_types: those whose types differ, which Qt converts.
    """

    lacking: list[str]
    other_types: list[str]


def file_of(prog_id: str) -> Path:
    """The file that is registered for that ProgID, for 32-bit programs.

    Raises:
        ControlMissing: none is registered, it is not there, or it is not a 32-bit library.
    """
    try:
        clsid = _registered(rf"{prog_id}\CLSID")
        path = Path(_registered(rf"CLSID\{clsid}\InprocServer32").strip('"'))
    except OSError as error:
        raise ControlMissing(
            f"{prog_id} is not registered: install Kiwoom OpenAPI+ (32-bit) on this machine"
        ) from error
    check_file(path, prog_id)
    return path


def check_file(path: Path, prog_id: str) -> None:
    """Checks that the file is a 32-bit library.

    Raises:
        ControlMissing: it is not.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise ControlMissing(
            f"{prog_id} is registered, but its file {path} cannot be read ({error.strerror}): install Kiwoom OpenAPI+"
            " again"
        ) from error
    at = int.from_bytes(head[_PE_OFFSET : _PE_OFFSET + 4], "little")
    if head[:2] != b"MZ" or head[at : at + len(_PE_I386)] != _PE_I386:
        raise ControlMissing(
            f"{path}, which is registered as {prog_id}, is not a 32-bit library: install Kiwoom OpenAPI+ again"
        )


def _registered(key: str) -> str:
    winreg: Any = importlib.import_module("winreg")  # only Windows has it
    with winreg.OpenKey(winreg.HKEY_CLASSES_ROOT, key, 0, winreg.KEY_READ | winreg.KEY_WOW64_32KEY) as opened:
        return str(winreg.QueryValueEx(opened, "")[0])


def check_functions(found: Mapping[str, Declared], path: Path) -> list[str]:
    """Checks that a control with these functions and events can be served; returns what differs in its types.

    Raises:
        ControlMissing: it lacks some, and which.
    """
    differences = compare(found)
    if differences.lacking:
        shown = "; ".join(differences.lacking[:_SHOWN])
        more = len(differences.lacking) - _SHOWN
        raise ControlMissing(
            f"{path} is not the control that this server needs: {shown}{f' and {more} more' if more > 0 else ''};"
            " update Kiwoom OpenAPI+ on this machine"
        )
    return differences.other_types


def compare(found: Mapping[str, Declared]) -> Differences:
    """The differences of a control with these functions and events from the reference tables; more is none."""
    differences = Differences([], [])
    wanted = [(one.name, one.arguments, one.returns) for one in reference.functions().values()]
    wanted += [(one.name, one.arguments, "none") for one in reference.events().values()]
    for name, arguments, returns in wanted:
        declared = found.get(name)
        if declared is None:
            differences.lacking.append(f"{name} is missing")
        elif len(declared.arguments) != len(arguments):
            differences.lacking.append(
                f"{name} takes {len(declared.arguments)} arguments and not {len(arguments)}"
            )
        elif not all(
            one in _VARTYPES[kind]
            for one, kind in zip(
                (declared.result, *declared.arguments),
                (returns, *(kind for _, kind in arguments)),
                strict=True,
            )
        ):
            differences.other_types.append(f"{name} is declared as {declared}")
    return differences


def _name(vartype: int) -> str:
    return _NAMES.get(vartype, f"VARTYPE {vartype}")

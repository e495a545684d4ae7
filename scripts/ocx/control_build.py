"""The test control: its type library and table of functions from the reference tables, and the build of its file."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from kernel_server import reference
from scripts.ocx.command import run
from scripts.ocx.parts import BuildFailed, made

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "tests" / "ocx" / "control"
FILE_NAME: Final = "khopenapi.ocx"
STANDARD_TYPES: Final = Path("/usr/lib/i386-linux-gnu/wine/i386-windows")
"""The folder of stdole2.tlb, which wine32 has."""

_TARGET = "i686-w64-mingw32"
_IDL_TYPES = {"str": "BSTR", "int": "long", "none": "void", "table": "VARIANT"}
_LETTERS = {"str": "s", "int": "i"}

Signature = tuple[str, Sequence[tuple[str, str]], str]  # name, arguments, result


def require(folder: Path, without: Collection[str] = ()) -> Path:
    """The control's file; it is built where that has not been done.

    Args:
        folder: where it is.
        without: functions and events that it lacks, as an older control does.

    Raises:
        BuildFailed: it cannot be built.
    """
    generated = (idl(without), table(without))
    inputs: list[str | Path] = [*sorted(SOURCES.iterdir()), *generated, Path(__file__)]
    return made(folder, inputs, lambda target: _build(target, *generated)) / FILE_NAME


def _build(target: Path, definitions: str, rows: str) -> None:
    for source in SOURCES.iterdir():
        shutil.copy2(source, target)
    (target / "khopenapi.idl").write_text(definitions, encoding="utf-8")
    (target / "functions.inc").write_text(rows, encoding="utf-8")
    types = ["--win32", "-I", ".", "-L", STANDARD_TYPES, "-t", "-o", "khopenapi.tlb", "khopenapi.idl"]
    run([f"{_TARGET}-widl", *map(str, types)], 60, target, failure=BuildFailed)
    run([f"{_TARGET}-windres", "khopenapi.rc", "resources.o"], 60, target, failure=BuildFailed)
    compiled = [
        "-std=c++17",
        "-O2",
        "-s",
        "-shared",
        "-static",
        "-Wall",
        "-Wl,--kill-at,--enable-stdcall-fixup",
    ]
    libraries = [f"-l{name}" for name in ("ole32", "oleaut32", "uuid", "advapi32", "ws2_32")]
    files = ["khopenapi.cpp", "resources.o", "khopenapi.def"]
    run([f"{_TARGET}-g++", *compiled, *files, "-o", FILE_NAME, *libraries], 240, target, failure=BuildFailed)


def functions(without: Collection[str]) -> list[Signature]:
    """The functions of the control, in the order of their numbers."""
    known = reference.functions().values()
    return [(one.name, one.arguments, one.returns) for one in known if one.name not in without]


def events(without: Collection[str]) -> list[Signature]:
    """The events of the control, in the order of their numbers."""
    known = reference.events().values()
    return [(one.name, one.arguments, "none") for one in known if one.name not in without]


def idl(without: Collection[str] = ()) -> str:
    """The interface definition: dispatch numbers are those of the order, for a host asks by name."""
    return f"""import "com.idl";
[uuid(6D8C2B4D-EF41-4750-8AD4-C299033833FB), version(1.2), helpstring("KHOpenAPI test control"), control]
library KHOpenAPILib
{{
    importlib("stdole2.tlb");
    [uuid(CF20FBB6-EDD4-4BE5-A473-FEF91977DEB6)] dispinterface _DKHOpenAPI
    {{
        properties:
        methods:
{_methods(functions(without))}
        [id(-552)] void AboutBox();
    }};
    [uuid(7335F12D-8973-4BD5-B7F0-12DF03D175B7)] dispinterface _DKHOpenAPIEvents
    {{
        properties:
        methods:
{_methods(events(without))}
    }};
    [uuid(A1574A0D-6BFA-4BD7-9020-DED88711818D), control] coclass KHOpenAPI
    {{
        [default] dispinterface _DKHOpenAPI;
        [default, source] dispinterface _DKHOpenAPIEvents;
    }};
}};
"""


def _methods(signatures: Iterable[Signature]) -> str:
    lines = []
    for number, (name, arguments, returns) in enumerate(signatures, 1):
        listed = ", ".join(f"{_IDL_TYPES[kind]} {argument}" for argument, kind in arguments)
        lines.append(f"        [id({number})] {_IDL_TYPES[returns]} {name}({listed});")
    return "\n".join(lines)


def table(without: Collection[str] = ()) -> str:
    """The same as a table in C++, each function with the letters of its arguments: s for text, i for a number."""
    rows = [
        f'    {{"{name}", "{"".join(_LETTERS[kind] for _, kind in arguments)}"}},'
        for name, arguments, _ in functions(without)
    ]
    names = [f'    "{name}",' for name, _, _ in events(without)]
    return "\n".join(
        [
            "struct FunctionRow {",
            "  const char *name, *arguments;",
            "};",
            "static const FunctionRow FUNCTIONS[] = {",
            "    {nullptr, nullptr},",
            *rows,
            "};",
            "static const char *const EVENTS[] = {",
            "    nullptr,",
            *names,
            "};",
            "",
        ]
    )

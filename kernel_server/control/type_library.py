"""Reads the functions and events of a control from its type library, by OLE Automation. Only on Windows."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kernel_server.control.installed import Declared

_DISPATCH = 4  # TKIND_DISPATCH
_REGKIND_NONE = 2
# Indices in the virtual tables of ITypeLib and ITypeInfo.
_RELEASE = 2
_GET_TYPE_INFO_COUNT, _GET_TYPE_INFO, _GET_TYPE_INFO_TYPE = 3, 4, 5
_GET_TYPE_ATTR, _GET_FUNC_DESC, _GET_NAMES, _RELEASE_TYPE_ATTR, _RELEASE_FUNC_DESC = 3, 5, 7, 19, 20


class _TypeDesc(ctypes.Structure):
    _fields_ = (("of", ctypes.c_void_p), ("vartype", ctypes.c_ushort))


class _ElemDesc(ctypes.Structure):
    _fields_ = (("type", _TypeDesc), ("default", ctypes.c_void_p), ("flags", ctypes.c_ushort))


class _FuncDesc(ctypes.Structure):
    _fields_ = (
        ("member", ctypes.c_long),
        ("codes", ctypes.c_void_p),
        ("parameters", ctypes.POINTER(_ElemDesc)),
        ("function_kind", ctypes.c_int),
        ("invocation_kind", ctypes.c_int),
        ("calling_convention", ctypes.c_int),
        ("parameter_count", ctypes.c_short),
        ("optional_count", ctypes.c_short),
        ("offset", ctypes.c_short),
        ("code_count", ctypes.c_short),
        ("result", _ElemDesc),
        ("flags", ctypes.c_ushort),
    )


class _TypeAttr(ctypes.Structure):
    _fields_ = (
        ("guid", ctypes.c_byte * 16),
        ("locale", ctypes.c_ulong),
        ("reserved", ctypes.c_ulong),
        ("constructor", ctypes.c_long),
        ("destructor", ctypes.c_long),
        ("schema", ctypes.c_void_p),
        ("instance_size", ctypes.c_ulong),
        ("kind", ctypes.c_int),
        ("function_count", ctypes.c_ushort),
    )


def functions_of(path: Path) -> Mapping[str, Declared]:
    """The functions and events that the type library in that file declares, by name.

    Raises:
        OSError: it has none.
    """
    windows: Any = ctypes
    ole = windows.OleDLL("oleaut32")
    library = ctypes.c_void_p()
    ole.LoadTypeLibEx(ctypes.c_wchar_p(str(path)), _REGKIND_NONE, ctypes.byref(library))
    found: dict[str, Declared] = {}
    with _released(library):
        for number in range(_call(library, _GET_TYPE_INFO_COUNT)):
            kind = ctypes.c_int()
            _call(library, _GET_TYPE_INFO_TYPE, number, ctypes.byref(kind))
            if kind.value == _DISPATCH:
                info = ctypes.c_void_p()
                _call(library, _GET_TYPE_INFO, number, ctypes.byref(info))
                with _released(info):
                    found.update(_functions(ole, info))
    return found


def _functions(ole: Any, info: ctypes.c_void_p) -> Iterator[tuple[str, Declared]]:
    attributes = ctypes.POINTER(_TypeAttr)()
    _call(info, _GET_TYPE_ATTR, ctypes.byref(attributes))
    count = attributes.contents.function_count
    _call(info, _RELEASE_TYPE_ATTR, attributes)
    for number in range(count):
        described = ctypes.POINTER(_FuncDesc)()
        _call(info, _GET_FUNC_DESC, number, ctypes.byref(described))
        function = described.contents
        declared = Declared(
            function.result.type.vartype,
            tuple(function.parameters[index].type.vartype for index in range(function.parameter_count)),
        )
        name, given = ctypes.c_void_p(), ctypes.c_uint()
        _call(
            info,
            _GET_NAMES,
            function.member,
            ctypes.byref(name),
            1,
            ctypes.byref(given),
        )
        _call(info, _RELEASE_FUNC_DESC, described)
        if given.value and name.value:
            yield ctypes.wstring_at(name.value), declared
            ole.SysFreeString(name)


@contextmanager
def _released(pointer: ctypes.c_void_p) -> Iterator[None]:
    try:
        yield
    finally:
        _call(pointer, _RELEASE)


def _call(pointer: ctypes.c_void_p, index: int, *arguments: Any) -> int:
    """Calls the method at that index of an interface's virtual table."""
    windows: Any = ctypes
    table = ctypes.cast(pointer, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    # Whole numbers too are passed as pointers, which have the same size in this 32-bit process.
    method = windows.WINFUNCTYPE(ctypes.c_long, *[ctypes.c_void_p] * (1 + len(arguments)))(table[index])
    return int(method(pointer, *arguments))

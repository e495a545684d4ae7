"""Whether this process has a desktop that a person sees, which a control with windows needs; on Windows."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any

_UOI_FLAGS = 1
_WSF_VISIBLE = 1


class ObjectFlags(ctypes.Structure):
    """USEROBJECTFLAGS of Windows."""

    _fields_ = [("inherit", wintypes.BOOL), ("reserved", wintypes.BOOL), ("flags", wintypes.DWORD)]


def is_visible() -> bool:
    """Whether this process's window station is the one that is shown; also True where Windows does not say."""
    windll: Any = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    user: Any = windll.user32
    user.GetProcessWindowStation.restype = wintypes.HANDLE
    found, needed = ObjectFlags(), wintypes.DWORD()
    asked = user.GetUserObjectInformationW(
        wintypes.HANDLE(user.GetProcessWindowStation()),
        _UOI_FLAGS,
        ctypes.byref(found),
        ctypes.sizeof(found),
        ctypes.byref(needed),
    )
    return not asked or bool(found.flags & _WSF_VISIBLE)

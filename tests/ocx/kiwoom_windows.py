"""Windows with the titles and numbers of Kiwoom's, for the service to drive: a program of the Windows Python.

``python -m tests.ocx.kiwoom_windows store`` stores a credential, ``login`` shows the login window and prints what was
entered, ``update`` shows the boxes of a version update and prints what became of them.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from ctypes import wintypes
from typing import Any, Final

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.credential import Credential, CredentialStore

STORED: Final = Credential("hong", "비밀 {1}%", "인증+^2")
MESSAGE: Final = "버전처리가 있습니다. OpenAPI를 사용하는 프로그램을 종료한 후 확인을 누르십시오."

_WM_DESTROY, _WM_COMMAND, _WM_SETFONT = 0x0002, 0x0111, 0x0030
_TOP = 0x00CF0000  # WS_OVERLAPPEDWINDOW
_CHILD = 0x50010000  # WS_CHILD, WS_VISIBLE, WS_TABSTOP
_PASSWORD, _CHECK_BOX = 0x0020, 0x0003  # ES_PASSWORD, BS_AUTOCHECKBOX
_BM_GETCHECK = 0x00F0
_SW_SHOW = 5


class LoginDialog:
    """The login window; it begins on the real server, and 모의투자 takes the certificate's field away."""

    def __init__(self) -> None:
        windll: Any = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
        self._user = windll.user32
        self._user.CreateWindowExW.restype = wintypes.HWND
        procedure = ctypes.WINFUNCTYPE(  # type: ignore[attr-defined,unused-ignore]
            ctypes.c_long, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM
        )
        self._procedure = procedure(self._on_message)
        self._register(windll.kernel32.GetModuleHandleW(None), procedure)
        self.entered: dict[str, str] = {}
        top = self._create("KoalabLogin", "Open API Login", _TOP, None, 0)
        self._fields = {
            number: self._create("EDIT", "", _CHILD | style, top, number, place)
            for place, (number, style) in enumerate(
                [(kiwoom.USER, 0), (kiwoom.PASSWORD, _PASSWORD), (kiwoom.CERTIFICATE, _PASSWORD)]
            )
        }
        self._paper = self._create("BUTTON", "모의투자", _CHILD | _CHECK_BOX, top, kiwoom.PAPER, 3)
        self._create("BUTTON", "로그인", _CHILD, top, kiwoom.LOGIN_BUTTON, 4)
        self._user.ShowWindow(top, _SW_SHOW)  # whole, as a dialog is

    def _register(self, instance: int, procedure: Any) -> None:
        class WindowClass(ctypes.Structure):
            _fields_ = [
                ("style", wintypes.UINT),
                ("procedure", procedure),
                ("class_extra", ctypes.c_int),
                ("window_extra", ctypes.c_int),
                ("instance", wintypes.HINSTANCE),
                ("icon", wintypes.HANDLE),
                ("cursor", wintypes.HANDLE),
                ("background", wintypes.HANDLE),
                ("menu", wintypes.LPCWSTR),
                ("name", wintypes.LPCWSTR),
            ]

        described = WindowClass(0, self._procedure, 0, 0, instance, None, None, None, None, "KoalabLogin")
        self._user.RegisterClassW(ctypes.byref(described))

    def _create(
        self, kind: str, text: str, style: int, parent: int | None, number: int, place: int = 0
    ) -> int:
        size = (300, 240) if parent is None else (200, 24)
        where = (0, 0) if parent is None else (20, 20 + 30 * place)
        made: int = self._user.CreateWindowExW(
            0, kind, text, style, *where, *size, parent, number, None, None
        )
        return made

    def _on_message(self, window: int, message: int, first: int, second: int) -> int:
        if message == _WM_COMMAND and first == kiwoom.PAPER:
            ticked = self._user.SendMessageW(self._paper, _BM_GETCHECK, 0, 0)
            self._user.EnableWindow(self._fields[kiwoom.CERTIFICATE], not ticked)
        elif message == _WM_COMMAND and first == kiwoom.LOGIN_BUTTON:
            self.entered = {str(number): self._text(field) for number, field in self._fields.items()}
            self._user.DestroyWindow(window)
        elif message == _WM_DESTROY:
            self._user.PostQuitMessage(0)
        else:
            return int(self._user.DefWindowProcW(window, message, first, wintypes.LPARAM(second)))
        return 0

    def _text(self, field: int) -> str:
        buffer = ctypes.create_unicode_buffer(200)
        self._user.GetWindowTextW(field, buffer, 200)
        return buffer.value

    def run(self) -> dict[str, str]:
        """What was entered, once the button has been pressed."""
        message = wintypes.MSG()
        while self._user.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
            self._user.TranslateMessage(ctypes.byref(message))
            self._user.DispatchMessageW(ctypes.byref(message))
        return self.entered


def box(text: str, title: str) -> int:
    """Shows a message box with one button; what closed it."""
    windll: Any = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    return int(windll.user32.MessageBoxW(None, text, title, 0))


def update() -> list[int]:
    """The boxes of an update, one after the other."""
    first = box(MESSAGE, kiwoom.VERSION_CHECK)
    time.sleep(1)
    return [first, box("업그레이드가 완료되었습니다.", kiwoom.UPDATE_DONE)]


DOES: Final[dict[str, Callable[[], object]]] = {
    "store": lambda: CredentialStore().write(STORED),
    "delete": lambda: CredentialStore().delete(),
    "login": lambda: LoginDialog().run(),
    "update": update,
}

if __name__ == "__main__":
    print(json.dumps(DOES[sys.argv[1]]()), flush=True)

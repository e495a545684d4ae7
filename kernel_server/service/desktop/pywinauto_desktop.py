"""The desktop by pywinauto, which is imported only when this is used.

It has no keyboard and no mouse: fields and buttons get Windows' messages, so that it works on a locked screen as well.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from kernel_server.service.desktop.credential import NEEDED
from kernel_server.service.desktop.seam import WindowGone

T = TypeVar("T")
log = logging.getLogger(__name__)


class NoDesktop(RuntimeError):
    """The desktop cannot be used by this process, with what to do."""


class PywinautoWindow:
    """A window.

    Args:
        wrapper: pywinauto's.
    """

    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper

    @property
    def handle(self) -> int:
        return int(self._wrapper.handle)

    @property
    def title(self) -> str:
        return self._used("its title", lambda: str(self._wrapper.window_text()))

    def texts(self) -> Sequence[str]:
        return self._used("its texts", lambda: [str(one.window_text()) for one in self._all("Static")])

    def buttons(self) -> Sequence[int]:
        return self._used("its buttons", lambda: [int(one.control_id()) for one in self._all("Button")])

    def enabled(self, control: int) -> bool:
        return self._used(f"control {control}", lambda: bool(self._control(control).is_enabled()))

    def write(self, control: int, text: str) -> None:
        self._used(f"control {control}", lambda: self._control(control).set_edit_text(text))

    def press(self, control: int) -> None:
        self._used(f"control {control}", lambda: self._control(control).click())

    def close(self) -> None:
        self._used("its X", self._wrapper.close)

    def _all(self, kind: str) -> list[Any]:
        return [one for one in self._wrapper.children() if one.class_name() == kind]

    def _control(self, number: int) -> Any:
        for one in self._wrapper.children():
            if one.control_id() == number:
                return one
        raise WindowGone("it has none of that number")

    def _used(self, what: str, use: Callable[[], T]) -> T:
        try:
            return use()
        except Exception as error:  # noqa: BLE001 - pywinauto has many for a window that is not there
            # Of any other error the text is left out, since what was written could be in it.
            reason = str(error) if isinstance(error, (RuntimeError, WindowGone)) else type(error).__name__
            raise WindowGone(f"{what} of window {self._wrapper.handle}: {reason}") from None


class PywinautoDesktop:
    """The desktop.

    Raises:
        NoDesktop: this is not Windows, or pywinauto is not installed.
    """

    def __init__(self) -> None:
        if sys.platform != "win32":
            raise NoDesktop(f"Kiwoom's windows are on Windows, and this is {sys.platform}")
        # Without comtypes pywinauto leaves out UI Automation, which is COM and not needed for Windows' messages.
        sys.modules.setdefault("comtypes", cast("Any", None))
        try:
            pywinauto: Any = importlib.import_module("pywinauto")
            actions: Any = importlib.import_module("pywinauto.actionlogger")
        except ImportError as error:
            raise NoDesktop(f"pywinauto is not installed here: {NEEDED}") from error
        actions.disable()  # it would log what is written into fields
        self._desktop: Any = pywinauto.Desktop(backend="win32", allow_magic_lookup=False)

    def windows(self) -> Sequence[PywinautoWindow]:
        try:
            return [PywinautoWindow(one) for one in self._desktop.windows(visible_only=True)]
        except Exception:  # one that was closed while they were listed; the next look comes soon
            log.exception("the windows cannot be listed")
            return []

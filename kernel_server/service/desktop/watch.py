"""Looks at the desktop while the server runs: the login window is filled in, and what waits for a person is named."""

from __future__ import annotations

import logging

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.login import LoginWindow
from kernel_server.service.desktop.seam import Desktop, DesktopWindow, WindowGone
from kernel_server.service.desktop.update import VersionUpdate

log = logging.getLogger(__name__)


class DesktopWatch:
    """Looks at the desktop.

    Args:
        desktop: the desktop.
        login: fills in the login window.
        update: confirms a version update.

    Attributes:
        problem: what waits on the screen, and what to do; blank where nothing does.
    """

    def __init__(self, desktop: Desktop, login: LoginWindow, update: VersionUpdate) -> None:
        self._desktop = desktop
        self._login = login
        self._update = update
        self.problem = ""

    def look(self) -> None:
        """Looks once."""
        waiting, logins = "", 0
        for window in self._desktop.windows():
            try:
                logins += kiwoom.is_login(window)
                waiting = self._see(window) or waiting
            except WindowGone as error:
                log.warning("a window of Kiwoom's could not be used: %s", error)
        if not logins:
            self._login.none_open()
        if waiting and waiting != self.problem:
            log.error("%s", waiting)
        self.problem = waiting

    def _see(self, window: DesktopWindow) -> str:
        """Deals with a window; what waits there for a person."""
        if kiwoom.is_login(window):
            self._login.fill_in(window)
            return self._login.problem
        if self._update.confirms(window):
            return ""
        for known in kiwoom.FOR_A_PERSON:
            if known.title in window.title:
                said = " ".join(text for text in window.texts() if text.strip())
                return f"{window.title} is open{f' ({said})' if said else ''}: {known.advice}"
        return ""

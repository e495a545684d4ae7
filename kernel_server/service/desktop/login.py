"""Fills in Kiwoom's login window with the stored credential."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.credential import Credential
from kernel_server.service.desktop.seam import DesktopWindow

log = logging.getLogger(__name__)

MOST_TRIES: Final = 3
"""Logins with one credential that may fail in a row: Kiwoom locks a user after some wrong passwords."""
NOT_THE_CREDENTIALS: Final = frozenset({-101, -102, -103, -104, -106})
"""Codes of OnEventConnect that say nothing about the password: server, version, firewall, memory, connection."""


class LoginWindow:
    """Fills in each login window once, and stops where the credential seems to be wrong.

    Args:
        credential: the stored one; None: there is none.

    Attributes:
        problem: why nothing is filled in, and what to do; blank while all is well.
    """

    def __init__(self, credential: Callable[[], Credential | None]) -> None:
        self._credential = credential
        self._last: Credential | None = None
        self._filled = 0  # the handle of the window that was filled in last
        self._tries = 0
        self.problem = ""

    def on_login(self, code: int) -> None:
        """Notes the result of a login: the code of OnEventConnect."""
        if code == 0 or code in NOT_THE_CREDENTIALS:
            self._tries = 0

    def none_open(self) -> None:
        """Notes that no login window is open, after which another may have the same handle."""
        self._filled = 0

    def fill_in(self, window: DesktopWindow) -> None:
        """Fills in the window and presses its button, unless that has been done.

        Raises:
            WindowGone: it was closed while that was done.
        """
        if window.handle == self._filled:
            return
        credential = self._credential()
        if credential != self._last:
            self._last, self._tries = credential, 0
        if credential is None:
            self._say(
                "the login window waits for a person: store-credential, or tick AUTO in 계좌비밀번호 저장"
            )
            return
        if self._tries >= MOST_TRIES:
            self._say(
                f"{MOST_TRIES} logins with the stored credential failed, and more could lock the user:"
                " log in on the machine's screen, then store-credential"
            )
            return
        self.problem = ""
        self._filled = window.handle
        self._tries += 1
        _fill(window, credential)
        log.warning("the login window was filled in, try %d", self._tries)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem


def _fill(window: DesktopWindow, credential: Credential) -> None:
    if window.enabled(kiwoom.CERTIFICATE) != bool(credential.certificate):
        window.press(kiwoom.PAPER)
    window.write(kiwoom.USER, credential.user)
    window.write(kiwoom.PASSWORD, credential.password)
    if credential.certificate:
        window.write(kiwoom.CERTIFICATE, credential.certificate)
    window.press(kiwoom.LOGIN_BUTTON)

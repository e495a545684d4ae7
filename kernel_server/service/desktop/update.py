"""The version update of OpenAPI+: it replaces the control's file, so that every program that has it loaded must end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kernel_server.service.desktop import kiwoom
from kernel_server.service.desktop.seam import Desktop, DesktopWindow, WindowGone

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpdateSettings:
    """Seconds.

    Attributes:
        appear: in which the box that asks for the update is there.
        end: in which the update has ended, after that box was confirmed.
        look: between two looks at the desktop.
    """

    appear: float = 60.0
    end: float = 600.0
    look: float = 1.0


class VersionUpdate:
    """Confirms the update's windows, while no program has the control loaded.

    Args:
        desktop: the desktop.
        wait: waits for so many seconds; True where the service is being stopped.
        monotonic: seconds of a clock that only goes forward.
        settings: how long it waits.
    """

    def __init__(
        self,
        desktop: Desktop,
        wait: Callable[[float], bool],
        monotonic: Callable[[], float],
        settings: UpdateSettings | None = None,
    ) -> None:
        self._desktop = desktop
        self._wait = wait
        self._monotonic = monotonic
        self._settings = settings or UpdateSettings()
        self._left = 0  # the handle of a box that could not be confirmed

    def confirms(self, window: DesktopWindow) -> bool:
        """Whether that is the box that asks for the update, and one that has not failed to be confirmed.

        Raises:
            WindowGone: it was closed.
        """
        return kiwoom.asks_for_update(window) and window.handle != self._left

    def asked_for(self) -> bool:
        """Whether such a box is on the desktop."""
        return self._find(self.confirms) is not None

    def perform(self) -> bool:
        """Confirms the update and waits for its end; whether it succeeded."""
        box = self._until(self._settings.appear, lambda: self._find(self.confirms))
        if box is None:
            log.error("no window asks for the update: log in once with KOA Studio, which updates OpenAPI+")
            return False
        log.warning("OpenAPI+ is being updated")
        try:
            box.press(box.buttons()[0])  # it has one, of one number on Windows and another under Wine
        except (WindowGone, IndexError) as error:
            # A person has to, and the server runs until then.
            self._left = box.handle
            log.error("the update cannot be confirmed: %s", error)  # noqa: TRY400 - the message is enough
            return False
        end = self._until(self._settings.end, lambda: self._find(_is_end))
        if end is None:
            log.error("the update has not ended within %.0f s: see the machine's screen", self._settings.end)
            return False
        done, said = end.title == kiwoom.UPDATE_DONE, " ".join(end.texts())
        try:
            end.close()
        except WindowGone:
            log.warning("the window that ends the update was closed, and not by the service")
        if done:
            log.warning("OpenAPI+ was updated")
        else:
            log.error("the update failed (%s): log in once with KOA Studio, which updates OpenAPI+", said)
        return done

    def _until(self, seconds: float, find: Callable[[], DesktopWindow | None]) -> DesktopWindow | None:
        until = self._monotonic() + seconds
        while True:
            found = find()
            if found is not None or self._monotonic() >= until or self._wait(self._settings.look):
                return found

    def _find(self, wanted: Callable[[DesktopWindow], bool]) -> DesktopWindow | None:
        for window in self._desktop.windows():
            try:
                if wanted(window):
                    return window
            except WindowGone:
                continue
        return None


def _is_end(window: DesktopWindow) -> bool:
    return window.title in (kiwoom.UPDATE_DONE, kiwoom.UPDATE_FAILED)

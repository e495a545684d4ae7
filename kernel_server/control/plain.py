"""Control functions as clients call them by name, on screens of their own choice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from kernel_server import failure, reference
from kernel_server.control.screens import OWN
from kernel_server.control.seam import Control, Scalar, Value

_NAMES = frozenset({"sScnNo", "sScreenNo", "strScreenNo", "strScrNo"})
_SCREEN = re.compile(r"[0-9]{4}\Z", re.ASCII)
_ALL = "ALL"


@cache
def _place(function: str) -> int | None:
    """Which argument of the function is a screen."""
    names = [name for name, _ in reference.function(function).arguments]
    return next((place for place, name in enumerate(names) if name in _NAMES), None)


def check(function: str, arguments: Sequence[Scalar]) -> None:
    """Whether a client may name that screen.

    Raises:
        failure.Failure: BadInput for a screen that the server uses itself.
    """
    place = _place(function)
    if place is None:
        return
    screen = str(arguments[place])
    if _SCREEN.match(screen) and int(screen) in OWN:
        raise failure.bad_input(
            f"{function}: the screens {OWN[0]} to {OWN[-1]} are the server's own; take another than {screen}"
        )


class PlainCalls:
    """It is touched on the control thread alone.

    To the control ``SetRealRemove("ALL", code)`` means every screen, also those on which the server has
    registered something for others. Here it means every screen that a plain call has named.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._screens: set[str] = set()

    def call(self, function: str, arguments: Sequence[Scalar]) -> Value:
        """Calls it. The arguments have been checked."""
        place = _place(function)
        if place is None:
            return self._control.call(function, arguments)
        screen = str(arguments[place])
        if function == "SetRealRemove" and screen == _ALL:
            for known in sorted(self._screens):
                self._control.call(function, (known, arguments[1]))
            if arguments[1] == _ALL:
                self._screens.clear()
            return None
        if function == "DisconnectRealData":
            self._screens.discard(screen)
        elif _SCREEN.match(screen):
            self._screens.add(screen)
        return self._control.call(function, arguments)

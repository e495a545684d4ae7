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
def _screen_index(function: str) -> int | None:
    """The index of the argument that is a screen."""
    names = [name for name, _ in reference.function(function).arguments]
    return next((index for index, name in enumerate(names) if name in _NAMES), None)


def check(function: str, arguments: Sequence[Scalar]) -> None:
    """Check that a client may use the screen that it names.

    Raises:
        failure.Failure: BadInput for a screen that the server uses itself.
    """
    index = _screen_index(function)
    if index is None:
        return
    screen = str(arguments[index])
    if _SCREEN.match(screen) and int(screen) in OWN:
        raise failure.bad_input(
            f"{function}: the screens {OWN[0]} to {OWN[-1]} are the server's own; take another than {screen}"
        )


class PlainCalls:
    """Calls of control functions by clients. It is used on the control thread only.

    To the control ``SetRealRemove("ALL", code)`` means every screen, also those on which the server has registered
    codes for other clients. Here it means every screen that a plain call has named.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._screens: set[str] = set()

    def call(self, function: str, arguments: Sequence[Scalar]) -> Value:
        """Calls it. The arguments have been checked."""
        index = _screen_index(function)
        if index is None:
            return self._control.call(function, arguments)
        screen = str(arguments[index])
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

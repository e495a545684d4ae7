"""Where an answer comes from: this process of the server, one login at the broker, and one source of prices."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kernel_server.control.seam import Control, Event

T = TypeVar("T")


class Origin(NamedTuple):
    """The origin of an answer; the answers of two sources of prices must never be mixed.

    Attributes:
        server: a random name of the server's process.
        login: counts logins and lost connections: within one number the connection was the same.
        prices: names the source of prices, with the start of the clock where one was set.
        connected: whether the broker's connection was up, and the same one, from before the answer to after it.
    """

    server: str
    login: int
    prices: str
    connected: bool


class OriginTracker:
    """Follows the connection to the broker. It is used on the control thread only, except for ``last``.

    GetConnectState is compared with OnEventConnect, which may be lost: a connection that came or went unseen
    counts from the next answer on.

    Args:
        control: whose answers they are.
        prices: names the source of prices, with the start of the clock where one was set.
        server: name of the process.

    Attributes:
        last: the origin of the newest answer; it may be read from any thread.
    """

    def __init__(self, control: Control, prices: str, server: str | None = None) -> None:
        self._control = control
        self._announced = False
        self.last = Origin(server or secrets.token_hex(8), 0, prices, connected=False)

    def look(self) -> Origin:
        """The origin of an answer that is read now."""
        connected = self._control.call("GetConnectState", ()) == 1
        if connected != self.last.connected:
            self._change(connected)
            self._announced = False
        return self.last

    def during(self, work: Callable[[], T]) -> tuple[T, Origin]:
        """The result of ``work``, and its origin: connected only if the same connection was up before and after."""
        before = self.look()
        result = work()
        after = self.look()
        return result, after if after == before else after._replace(connected=False)

    def on_event(self, event: Event) -> None:
        """Counts OnEventConnect."""
        if event.name != "OnEventConnect":
            return
        connected = event.arguments[0] == 0
        # A login that was seen in GetConnectState before its event came is one login.
        if connected != self.last.connected or (connected and self._announced):
            self._change(connected)
        self._announced = connected

    def _change(self, connected: bool) -> None:
        self.last = self.last._replace(login=self.last.login + 1, connected=connected)

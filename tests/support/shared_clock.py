"""The broker's time is read from the stepped clock of a server in this process, without a request for its status.

On a clock that runs a session computes the time from the last status. On a stepped one it asks the server each time,
six times for bars that are all cached, which is most of what such a request costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kernel_server.clock import SteppedClock
from koalab.link.connection import Connection

_ask = Connection.now
_clocks: dict[str, SteppedClock] = {}


def share(address: str, clock: Any) -> None:
    """Sessions with the server at ``address`` read that clock, if it is a stepped one."""
    if isinstance(clock, SteppedClock):
        _clocks[address] = clock


def keep(address: str) -> None:
    """The server at ``address`` has ended."""
    _clocks.pop(address, None)


@pytest.fixture(scope="package", autouse=True)
def clocks_are_shared() -> Iterator[None]:
    """For the folder whose conftest imports it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "now", _now)
        yield


def _now(self: Connection) -> float:
    clock = _clocks.get(self.transport.target)
    return _ask(self) if clock is None or self.transport.forked else clock.now()

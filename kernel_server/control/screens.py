"""A pool of screen numbers: the control takes 200 different ones at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

OWN = range(5001, 5210)
"""Screens that the server itself uses at the control: for TRs, real-time data, conditions and orders."""


class Screens:
    """A pool of screen numbers; the one that was returned first is lent first.

    A client's own screen number never reaches the control: each request gets one from here, and its answer carries
    the client's, so that clients that use the same number do not collide.
    """

    def __init__(self, first: int = 5001, count: int = 100) -> None:
        self._free = deque(f"{number:04d}" for number in range(first, first + count))
        self._returned = asyncio.Condition()

    @property
    def free(self) -> int:
        """How many can be lent now."""
        return len(self._free)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[str]:
        """A screen number for the block; waits while all are lent."""
        async with self._returned:
            await self._returned.wait_for(lambda: bool(self._free))
            screen = self._free.popleft()
        try:
            yield screen
        finally:
            self._free.append(screen)
            async with self._returned:
                self._returned.notify()

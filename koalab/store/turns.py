"""Turns: of several threads or processes that need the same answer one requests it, and the others wait for it."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterator
from typing import Final

from koalab.errors import KoalabError
from koalab.store.claims import Claim, Claims

# A wait is cut so that Ctrl-C is noticed on every system.
_WAIT: Final = 0.2


class _Turn:
    """One question: its lock, how often it has been asked, and how the last time failed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting = 0
        self.ended = 0
        self.error: KoalabError | None = None


class Turns:
    """The turns of a session's threads, and of the processes that share its cache.

    Args:
        claims: of the cache; None: the turns are of this session's threads alone.
    """

    def __init__(self, claims: Claims | None) -> None:
        self._claims = claims
        self._turns: dict[str, _Turn] = {}
        self._counting = threading.Lock()

    def waiting(self, question: str) -> int:
        """How many threads wait for their turn."""
        turn = self._turns.get(question)
        return 0 if turn is None else turn.waiting

    @contextlib.contextmanager
    def of(self, question: str) -> Iterator[Claim]:
        """Waits for the turn to ask; then look first whether another thread has brought the answer.

        Yields:
            The claim; ``beat`` is to be called every few seconds.

        Raises:
            KoalabError: another thread asked during the wait, and failed with it: its wait is not repeated.
        """
        turn = self._turns.setdefault(question, _Turn())
        seen = turn.ended
        if not turn.lock.acquire(blocking=False):
            self._wait(turn)
        try:
            if turn.error is not None and turn.ended != seen:
                raise copy.copy(turn.error)
            turn.error = None
            try:
                with self._claim(question) as claim:
                    yield claim
            except KoalabError as error:
                turn.error = copy.copy(error)
                raise
            finally:
                turn.ended += 1
        finally:
            turn.lock.release()

    def _wait(self, turn: _Turn) -> None:
        with self._counting:
            turn.waiting += 1
        try:
            while not turn.lock.acquire(timeout=_WAIT):
                pass
        finally:
            with self._counting:
                turn.waiting -= 1

    @contextlib.contextmanager
    def _claim(self, question: str) -> Iterator[Claim]:
        if self._claims is None:
            yield Claim(None)
            return
        with self._claims.named(question) as claim:
            yield claim or Claim(None)

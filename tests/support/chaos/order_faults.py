"""``OrderFaults``: what goes wrong with server, broker and events while sessions trade, drawn at random."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from tests.support.chaos.failing_server import FailingServer

_CHEJAN: Final = "OnReceiveChejanData"


class OrderFaults:
    """Makes one thing go wrong at a time.

    Args:
        server: of the broker.
        draw: the random numbers of the trial.

    Attributes:
        made: how many of each kind.
    """

    def __init__(self, server: FailingServer, draw: random.Random) -> None:
        self._server = server
        self._draw = draw
        self._at_order: tuple[str, Callable[[], None]] | None = None
        self.made: Counter[str] = Counter()

    def make(self) -> None:
        """Makes the next thing go wrong, at once or around the next order."""
        faults, draw, look = self._server.market.broker.faults, self._draw, self._server.look
        kinds: dict[str, Callable[[], object]] = {
            "cut": lambda: look(lambda _: faults.cut()),
            "restart": lambda: look(lambda _: faults.restart(draw.uniform(60, 180))),
            "silence": lambda: look(lambda _: faults.go_silent(draw.uniform(2, 30))),
            "slowness": lambda: look(lambda _: faults.slow_down(draw.uniform(0.5, 8), 20)),
            "lost events": lambda: look(lambda _: faults.lose(_CHEJAN, draw.randint(1, 6))),
            "lost answer": lambda: look(lambda _: faults.lose("OnReceiveTrData", 1)),
            "doubled events": lambda: look(lambda _: faults.double(_CHEJAN, draw.randint(1, 9))),
            "events first": lambda: look(lambda _: faults.chejan_first()),
            "recovered": self.recover,
            "killed": self._kill,
            "cut when sent": lambda: self._at("sent", self._lose_connection),
            "cut before the answer": lambda: self._at("done", self._cut_unanswered),
            "killed when sent": lambda: self._at("sent", self._kill),
            "killed before the answer": lambda: self._at("done", self._kill),
        }
        kind = draw.choice(list(kinds))
        self.made[kind] += 1
        kinds[kind]()

    def recover(self) -> None:
        """Ends all faults."""
        self._at_order = None
        self._server.look(lambda broker: broker.faults.recover())

    def on_order(self, moment: str) -> None:
        """On the control thread: an order was ``sent`` to the broker, or is ``done`` there and its events begin."""
        if self._at_order is not None and self._at_order[0] == moment:
            _, fault = self._at_order
            self._at_order = None
            fault()

    def _at(self, moment: str, fault: Callable[[], None]) -> None:
        self._at_order = moment, fault

    def _lose_connection(self) -> None:
        self._server.market.broker.lose_connection()

    def _cut_unanswered(self) -> None:
        self._outbox._queued.clear()
        self._lose_connection()

    def _kill(self) -> None:
        self._outbox._queued.clear()
        self._server.kill()

    @property
    def _outbox(self) -> Any:
        return self._server.market.broker._brokerage._outbox

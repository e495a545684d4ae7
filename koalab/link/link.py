"""``Link``: the requests of a session to its broker, and a count of its TRs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Protocol, TypeVar

from koalab.errors import NotConnected, ServerLost
from koalab.link.checked import CallMany, CheckedTicks, OneConnection
from koalab.link.recovery import RecoveringConnection
from koalab.progress import Progress
from koalab.transport.base import (
    ChejanStream,
    ConditionStream,
    FoundCodes,
    OrderAnswer,
    OrderRequest,
    Origin,
    Page,
    Priority,
    QueuePosition,
    Scalar,
    StopCondition,
    TickStream,
    Transport,
)

T = TypeVar("T")


class QueueObserver(Protocol):
    """Shows the wait for the next page."""

    def waiting(self, place: QueuePosition) -> None: ...


class Link(RecoveringConnection):
    """One session's connection to its broker, and every request that it sends; see ``Connection``.

    Attributes:
        trs: how many TRs have been answered.
    """

    def __init__(
        self,
        transport: Transport,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(transport, monotonic, sleep)
        self.trs = 0
        self._here = threading.local()

    def call(
        self, name: str, *arguments: Scalar, needs_login: bool = False
    ) -> Scalar | list[list[str]] | None:
        """One control function; it is sent once.

        Args:
            name: the function.
            arguments: in its order.
            needs_login: a blank or 0 means nothing unless the broker's connection was up.

        Raises:
            NotConnected: it means nothing.
        """
        value, origin = self.transport.call(name, *arguments, expected=Origin("", 0, self._prices, False))
        self._check_prices(origin)
        if needs_login and not origin.connected and not value:
            raise NotConnected(
                f"{name} answers nothing, since the broker's connection was not up: session.login() or %kiwoom login"
                " where no user is logged in, else ask again in a while"
            )
        return value

    def in_one_connection(
        self, ask: Callable[[CallMany], T], at_work: Callable[[], None] = lambda: None
    ) -> T:
        """The result of ``ask``, whose calls of master functions all fell into one connection with the broker.

        Args:
            ask: gets a function that calls many control functions.
            at_work: called with each message that comes.

        Raises:
            NotConnected: no user is logged in, and the server does not log in by itself.
            ServerLost: the server or the connection was lost among the calls, and what they gave means nothing;
                ``retrying`` waits and asks again.
        """
        self.require_login()
        return ask(OneConnection(self, at_work).call_many)

    def order(self, request: OrderRequest, timeout: float) -> OrderAnswer:
        """Sends an order, once, to the server that was asked last and no other; see ``Transport.order``."""
        return self.transport.order(request, timeout, self._expected())

    def chejan(self) -> ChejanStream:
        """The events of all orders, of the server that was asked last and no other."""
        return self.transport.chejan(self._expected())

    def watch(self, index: int, name: str) -> ConditionStream:
        """A condition searched live, by the server that was asked last and no other."""
        return self.transport.watch(index, name, self._expected())

    def ticks(self) -> TickStream:
        """A stream of real-time events, at first without codes; see ``Transport.ticks``."""
        return CheckedTicks(self.transport.ticks(self.now), self.check)

    def pages(
        self,
        tr: str,
        inputs: Mapping[str, str],
        progress: QueueObserver,
        *,
        stop: StopCondition | None = None,
        priority: Priority = "interactive",
        max_pages: int = 0,
    ) -> Generator[Page, None, None]:
        """The pages of a TR; ``progress`` shows the wait for each. Closing the iterator cancels the request.

        Raises:
            ServerLost: the server went away; ``recover`` may bring it back.
        """
        if self.simulated and not self._status.connected:
            self.require_login()
        found = self.transport.pages(tr, inputs, stop=stop, priority=priority, max_pages=max_pages)
        first: Origin | None = None
        with closing(found):
            for item in found:
                if isinstance(item, QueuePosition):
                    progress.waiting(item)
                    continue
                first = first or item.origin
                self.check(item.origin)
                if item.origin != first or not item.origin.connected:
                    raise ServerLost(f"the connection to the broker was lost in the middle of {tr}")
                self._count()
                yield item

    def conditions(self, reload: bool) -> dict[int, str]:
        """The user's conditions by number; ``reload`` downloads them from the broker. No TR."""
        self.require_login()
        found = self.transport.conditions(reload)
        self.check(found.origin)
        return dict(found.names)

    def search(self, index: int, name: str, progress: Progress) -> list[str]:
        """The codes that fulfil a condition now. Counts as a TR; ``progress`` shows the wait.

        Raises:
            ServerLost: the server went away; ``recover`` may bring it back.
        """
        self.require_login()
        codes: list[str] = []
        with closing(self.transport.search(index, name)) as found:
            for item in found:
                if isinstance(item, FoundCodes):
                    self.check(item.origin)
                    codes += item.codes
                else:
                    progress.waiting(item)
        self._count()
        return codes

    @property
    def trs_here(self) -> int:
        """How many TRs have been answered on this thread: a session may be used by several at once."""
        return getattr(self._here, "trs", 0)

    def _count(self) -> None:
        with self._lock:
            self.trs += 1
        self._here.trs = self.trs_here + 1

"""Subscriptions of one stream: events by name, and real-time data by code, from the control thread to the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from kernel_server import failure
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.streams import realtime
from kernel_server.streams.logins import EVENT, Logins
from kernel_server.streams.mailbox import Mailbox, Waker
from kernel_server.streams.realtime import Connection, RealEvent, RealTimeRouter

T = TypeVar("T")

CAPACITY = 10_000
"""So many real-time events may wait for a slow consumer."""


class EventSource:
    """Makes subscriptions to the control's events.

    Args:
        host: whose events they are.
        waker: wakes the loop of the consumers.
        logins: results of logins that clients have not received yet.
    """

    def __init__(self, host: ControlHost, waker: Waker, logins: Logins) -> None:
        self.host = host
        self.waker = waker
        self.logins = logins

    def subscribe(
        self, names: Sequence[str], make: Callable[[EventContext], T | None], client: str = ""
    ) -> EventSubscription[T]:
        """A subscription to events by name; ``make`` turns each into an item, None to skip it.

        ``make`` runs on the control thread, inside the event. A ``client`` that is given also gets the result of
        the login that it asked for before.
        """
        return EventSubscription(self, names, make, client)


class EventSubscription(Generic[T]):
    """Receives events by name while it is entered.

    Real-time events that a slow consumer leaves lying are dropped and counted; no other events are.

    Attributes:
        box: where the items arrive.
    """

    def __init__(
        self,
        source: EventSource,
        names: Sequence[str],
        make: Callable[[EventContext], T | None],
        client: str,
    ) -> None:
        self._host = source.host
        self._logins = source.logins
        self._client = client
        self._names = names
        self._make = make
        self._stops: list[Callable[[], None]] = []
        self._dropped = 0
        self.box: Mailbox[T] = Mailbox(source.waker)

    async def __aenter__(self) -> EventSubscription[T]:
        try:
            await self._host.run(lambda _: self._listen())
        except BaseException:
            self._close()  # the control thread may have come to it all the same
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    def take_dropped(self) -> int:
        """How many real-time events were dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _close(self) -> None:
        self._host.thread.hand_over(self._unlisten)
        self.box.end()

    # On the control thread.

    def _listen(self) -> None:
        for name in self._names:
            listener = self._on_real_time_event if name == "OnReceiveRealData" else self._on_event
            self._stops.append(self._host.router.listen(name, listener))
        if self._client and EVENT in self._names:
            self._stops.append(self._logins.subscribe(self._client, self._on_event))

    def _unlisten(self) -> None:
        for stop in self._stops:
            stop()

    def _on_event(self, event: EventContext) -> None:
        try:
            item = self._make(event)
        except Exception as error:
            self.box.end(failure.unreadable(event.name, error))
            raise
        if item is not None:
            self.box.put(item)

    def _on_real_time_event(self, event: EventContext) -> None:
        if len(self.box) >= CAPACITY:
            self._dropped += 1
        else:
            self._on_event(event)


class RealTimeSource:
    """Makes subscriptions to real-time data.

    Args:
        host: where codes are registered.
        waker: wakes the loop of the consumers.
        router: distributes real-time events by code.
    """

    def __init__(self, host: ControlHost, waker: Waker, router: RealTimeRouter) -> None:
        self.host = host
        self.waker = waker
        self.router = router

    def subscribe(self, capacity: int = 0) -> RealTimeSubscription:
        """A subscription without codes yet; ``capacity`` events may wait (0: ``CAPACITY``), then the oldest go."""
        return RealTimeSubscription(self, capacity or CAPACITY)


class RealTimeSubscription:
    """Receives real-time events of its codes, and changes of the connection, while it is entered.

    Attributes:
        box: where they arrive.
        on_event: called by the router with each event, on the control thread.
    """

    def __init__(self, source: RealTimeSource, capacity: int) -> None:
        self._host = source.host
        self._router = source.router
        self.box: Mailbox[RealEvent | Connection] = Mailbox(source.waker, capacity)
        self.on_event: Callable[[RealEvent], None] = self.box.put
        self._stop: Callable[[], None] = lambda: None

    async def __aenter__(self) -> RealTimeSubscription:
        try:
            await self._host.run(lambda _: self._listen())
        except BaseException:
            self._close()  # the control thread may have come to it all the same
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def register(self, codes: Sequence[str], fids: Sequence[int]) -> None:
        """Registers codes, a hundred at a time, so that other work gets its turn on the control thread.

        Raises:
            failure.Failure: BadInput; NotConnected; the control refuses, or all screens are full.
        """
        realtime.check(codes, fids)
        if not await self._host.connected():
            raise failure.not_connected()
        wanted = list(dict.fromkeys(codes))
        for start in range(0, len(wanted), realtime.CODES_A_SCREEN):
            part = wanted[start : start + realtime.CODES_A_SCREEN]
            await self._host.run(lambda _, part=part: self._router.add(self, part, fids))  # type: ignore[misc]

    async def remove(self, codes: Iterable[str]) -> None:
        part = list(codes)
        await self._host.run(lambda _: self._router.remove(self, part))

    def _close(self) -> None:
        # Not awaited: a consumer that leaves must not be delayed.
        self._host.thread.hand_over(self._unlisten)
        self.box.end()

    # On the control thread.

    def _listen(self) -> None:
        self._stop = self._host.router.listen("OnEventConnect", self._on_connect)

    def _on_connect(self, event: EventContext) -> None:
        self.box.put(Connection(int(event.arguments[0])))

    def _unlisten(self) -> None:
        self._stop()
        self._router.drop(self)

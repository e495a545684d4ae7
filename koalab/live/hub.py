"""What is heard live: one thread and one stream a session, however many listen.

A lost stream is opened again and everything registered as before; who listens is told from when to when that was.
Nothing is promised of that time, and nothing is silent: whatever may be missing is a gap.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from koalab.errors import KoalabError, NoAnswer, NotConnected, RateLimited, ServerLost
from koalab.link import Link
from koalab.progress import Progress
from koalab.transport.base import TickBatch, TickStream

log = logging.getLogger(__name__)

_PASSES: Final = (ServerLost, NotConnected, NoAnswer, RateLimited)
_LOOK: Final = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_JOIN: Final = 5.0


class Subscriber(Protocol):
    """Who listens. Everything is called on the hub's thread and must not take long; moments are broker's time."""

    def began(self, at: float) -> None:
        """From that moment on everything is heard."""
        ...

    def heard(self, batch: TickBatch) -> None:
        """Events, possibly of others' codes and types as well."""
        ...

    def seen(self, until: float) -> None:
        """Everything up to that moment has been heard."""
        ...

    def missed(self, since: float, why: str) -> None:
        """After that moment something may be missing, until ``began`` is called again."""
        ...

    def failed(self, error: KoalabError) -> None:
        """Nothing more comes."""
        ...


class Subscription:
    """Codes that somebody listens to, until it is closed."""

    def __init__(self, hub: Hub, codes: Sequence[str], fids: Sequence[int], listener: Subscriber) -> None:
        self.codes = tuple(dict.fromkeys(codes))
        self.fids = tuple(fids)
        self.listener = listener
        self.ticket = 0
        self.hearing = False
        self.settled = threading.Event()
        self.error: KoalabError | None = None
        self._hub = hub

    def wait(self, timeout: float) -> None:
        """Until its codes are registered.

        Raises:
            KoalabError: they are not, and why.
        """
        if not self.settled.wait(timeout):
            raise NoAnswer(f"{len(self.codes)} codes were not registered within {timeout:g} s")
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self._hub.remove(self)


class Hub:
    """A session's live stream. It is there while anybody listens.

    Args:
        link: to the broker.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.RLock()
        self._subscriptions: list[Subscription] = []
        self._stream: TickStream | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._moved = threading.Condition(self._lock)
        self._carried_out = 0
        self._connected = True  # the broker, as far as this stream knows
        # Up to here everything has been heard, as far as is known.
        self._until = float("-inf")
        self._pause = _FIRST_PAUSE
        self.reconnects = 0

    def subscribe(self, codes: Sequence[str], fids: Sequence[int], listener: Subscriber) -> Subscription:
        """Has ``listener`` hear of those codes, of all types that hold one of ``fids``."""
        one = Subscription(self, codes, fids, listener)
        with self._lock:
            self._subscriptions.append(one)
            if self._stream is not None:
                one.ticket = self._stream.add(one.codes, one.fids)
            elif self._thread is None:
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._over,), name="koalab-live", daemon=True
                )
                self._thread.start()
        return one

    def remove(self, one: Subscription) -> None:
        """Ends a subscription; a code leaves the broker with the last one that has it."""
        with self._lock:
            if one not in self._subscriptions:
                return
            self._subscriptions.remove(one)
            wanted = {code for other in self._subscriptions for code in other.codes}
            gone = [code for code in one.codes if code not in wanted]
            if self._subscriptions:
                if self._stream is not None and gone:
                    self._stream.remove(gone)
                return
        self.close()

    def sync(self, timeout: float) -> bool:
        """Waits until everything that has happened by now has been heard; False where that took too long."""
        with self._moved:
            if self._stream is None:
                return False
            stream, ticket = self._stream, self._stream.mark()
            return self._moved.wait_for(
                lambda: self._stream is not stream or self._carried_out >= ticket, timeout
            ) and (self._stream is stream)

    def close(self) -> None:
        """Ends the stream and the thread; who still listens hears nothing more."""
        with self._lock:
            self._over.set()
            self._subscriptions.clear()
            thread, stream = self._thread, self._stream
            self._thread = None
            self._moved.notify_all()
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN)

    def _run(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                self._listen(over)
            except KoalabError as error:
                if over.is_set():
                    return
                log.warning("live data: %s", error)
                self._gap(self._subscribed(), str(error))
                if isinstance(error, _PASSES):
                    self._recover(over)
                    continue
                for one in self._subscribed():
                    self._drop(one, error)
            except ValueError:  # gRPC's word for a channel that is closed: the session has ended
                self.close()

    def _listen(self, over: threading.Event) -> None:
        """Opens the stream and hands on what comes, until it ends."""
        stream = self._link.transport.ticks(self._link.now)
        try:
            with self._lock:
                if over.is_set():
                    return
                self._stream, self._carried_out, self._connected = stream, 0, True
                for one in self._subscriptions:
                    one.ticket = stream.add(one.codes, one.fids)
            for batch in stream:
                self._take(batch)
        finally:
            stream.close()
            with self._moved:
                if self._stream is stream:
                    self._stream = None
                self._moved.notify_all()

    def _take(self, batch: TickBatch) -> None:
        self._pause = _FIRST_PAUSE
        everybody = self._subscribed()
        hearing = [one for one in everybody if one.hearing]
        carried_out = max(self._carried_out, batch.carried_out)
        if batch.dropped:
            self._gap(hearing, f"{batch.dropped} events were lost: they came faster than they were read")
        if batch.connected is not None:
            self._connected = batch.connected
            self._gap(hearing, "the broker's connection was lost")
        if self._connected:
            for one in everybody:
                if not one.hearing and carried_out >= one.ticket:
                    only_dropped = one in hearing and batch.connected is None and len(batch.time)
                    self._begin(one, float(batch.time[0]) if only_dropped else self._link.now())
        if len(batch.time):
            self._until = max(self._until, float(batch.time[-1]))
            for one in everybody:
                self._tell(one, lambda listener: listener.heard(batch))
        if batch.until > float("-inf"):
            self._until = max(self._until, batch.until)
            for one in everybody:
                if one.hearing:
                    self._tell(one, lambda listener: listener.seen(batch.until))
        with self._moved:
            self._carried_out = carried_out
            self._moved.notify_all()

    def _begin(self, one: Subscription, at: float) -> None:
        one.hearing = True
        self._until = max(self._until, at)
        self._tell(one, lambda listener: listener.began(at))
        one.settled.set()

    def _gap(self, whose: Sequence[Subscription], why: str) -> None:
        for one in whose:
            if one.hearing:
                one.hearing = False
                self._tell(one, lambda listener: listener.missed(self._until, why))

    def _tell(self, one: Subscription, what: Callable[[Subscriber], None]) -> None:
        """One that cannot take what it is told leaves; the others go on."""
        try:
            what(one.listener)
        except KoalabError as error:
            log.warning("live data: %s", error)
            self._drop(one, error)

    def _drop(self, one: Subscription, error: KoalabError) -> None:
        one.error = error
        one.settled.set()
        one.listener.failed(error)
        self.remove(one)

    def _subscribed(self) -> list[Subscription]:
        with self._lock:
            return list(self._subscriptions)

    def _recover(self, over: threading.Event) -> None:
        """Waits until the server is there again; an embedded one is started anew."""
        while not over.wait(self._pause):
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            try:
                self._look()
            except KoalabError as error:
                log.warning("live data: %s", error)
                continue
            self.reconnects += 1
            return

    def _look(self) -> None:
        """Whether the server and its broker are there, by now or after it has been waited for."""
        epoch = self._link.connection_epoch
        try:
            self._link.status(_LOOK)
        except KoalabError as gone:
            lost = gone if isinstance(gone, ServerLost) else ServerLost(str(gone))
            self._link.recover(Progress("", show=False), lost, epoch)
        self._link.require_login()

"""The live stream of a session: one thread and one ``Ticks`` stream, shared by all subscribers.

A lost stream is reopened and all codes are registered again. Every interval in which events may have been lost is
reported to the subscribers as a gap.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from koalab.errors import KoalabError, NoAnswer, NotConnected, OtherPrices, RateLimited
from koalab.link import Backoff, Link, transient
from koalab.live.decoding.decoder import Decoder
from koalab.transport import forking
from koalab.transport.base import TickBatch, TickStream

log = logging.getLogger(__name__)

_JOIN_TIMEOUT: Final = 5.0

MOST_CODES: Final = 7_900
"""Codes of one server's real-time data: 79 screens of a hundred."""

BROKER_LOST: Final = "the broker's connection was lost"
"""Why ``on_gap`` is called when the server has lost its broker."""


class Subscriber(Protocol):
    """Callbacks of a subscription. All run on the hub's thread and must be quick; moments are broker's time."""

    def on_start(self, at: float) -> None:
        """From ``at`` on every event is received."""
        ...

    def on_batch(self, batch: TickBatch) -> None:
        """Events, possibly of other subscribers' codes and types too."""
        ...

    def on_progress(self, until: float) -> None:
        """Every event up to ``until`` has been received."""
        ...

    def on_gap(self, since: float, why: str) -> None:
        """Events after ``since`` may be lost, until the next ``on_start``."""
        ...

    def on_error(self, error: KoalabError) -> None:
        """The subscription has ended; no further callback comes."""
        ...


class Subscription:
    """Codes registered for one subscriber, until it is closed.

    Attributes:
        request: number of the stream request that registers the codes.
        receiving: whether the codes are registered and the stream is complete.
        settled: set once the codes are registered or have failed to be.
        error: why the subscription ended, None while it has not.
    """

    def __init__(self, hub: Hub, codes: Sequence[str], fids: Sequence[int], subscriber: Subscriber) -> None:
        self.codes = tuple(dict.fromkeys(codes))
        self.fids = tuple(fids)
        self.subscriber = subscriber
        self.request = 0
        self.receiving = False
        self.settled = threading.Event()
        self.error: KoalabError | None = None
        self._hub = hub

    def wait(self, timeout: float) -> None:
        """Waits until the codes are registered.

        Raises:
            NoAnswer: not within ``timeout`` seconds.
            KoalabError: the registration failed.
        """
        if not self.settled.wait(timeout):
            raise NoAnswer(f"{len(self.codes)} codes were not registered within {timeout:g} s")
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self._hub.remove(self)


class Hub:
    """The live stream of a session; open while there is a subscription.

    Args:
        link: to the broker.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._subscriptions: list[Subscription] = []
        self._stream: TickStream | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._advanced = threading.Condition(self._lock)
        self._carried_out = 0
        self._broker_connected = True
        self._until = float("-inf")  # every event up to here has been received
        self._backoff = Backoff()
        self.reconnects = 0
        self.each_turn: Callable[[], None] = lambda: None  # called on the thread, at least every other second
        self.decoder = Decoder()
        forking.watch(self)

    def after_fork(self) -> None:
        """In a child there is no thread, and a lock of the parent's may be held for ever."""
        self._lock = threading.RLock()
        self._advanced = threading.Condition(self._lock)
        self._subscriptions.clear()
        self._stream = self._thread = None
        self._stopped = threading.Event()
        self._stopped.set()

    @property
    def connected(self) -> bool:
        """Whether there is a stream, and its server is connected with the broker."""
        return self._stream is not None and self._broker_connected

    def subscribe(self, codes: Sequence[str], fids: Sequence[int], subscriber: Subscriber) -> Subscription:
        """Registers ``codes`` for ``subscriber``, with every real-time type that has one of ``fids``.

        Raises:
            RateLimited: they are more codes, with those registered already, than a server can register.
        """
        forking.require_process(self._process)
        one = Subscription(self, codes, fids, subscriber)
        with self._lock:
            registered = {code for other in self._subscriptions for code in other.codes}
            if len(registered.union(one.codes)) > MOST_CODES:
                raise RateLimited(
                    f"{len(set(one.codes) - registered):,} codes with the {len(registered):,} that are registered are"
                    f" more than the {MOST_CODES:,} that a server can register: close a stream, or take fewer codes"
                )
            self._subscriptions.append(one)
            if self._stream is not None:
                one.request = self._stream.add(one.codes, one.fids)
            elif self._thread is None:
                self._stopped = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stopped,), name="koalab-live", daemon=True
                )
                self._thread.start()
        return one

    def remove(self, one: Subscription) -> None:
        """Ends a subscription; a code is unregistered with its last subscription."""
        with self._lock:
            if one not in self._subscriptions:
                return
            self._subscriptions.remove(one)
            wanted = {code for other in self._subscriptions for code in other.codes}
            unused = [code for code in one.codes if code not in wanted]
            if self._subscriptions:
                if self._stream is not None and unused:
                    self._stream.remove(unused)
                return
            _, stream = self._let_go()
        if stream is not None:
            stream.close()

    def sync(self, timeout: float) -> bool:
        """Waits until every event fired before this call has been received; False on a timeout or a lost stream."""
        with self._advanced:
            if self._stream is None:
                return False
            stream, request = self._stream, self._stream.mark()
            return self._advanced.wait_for(
                lambda: self._stream is not stream or self._carried_out >= request, timeout
            ) and (self._stream is stream)

    def close(self) -> None:
        """Ends the stream, its thread and all subscriptions, without a callback."""
        with self._lock:
            for one in self._subscriptions:
                if not one.settled.is_set():
                    one.error = NotConnected("the live data was closed while codes were being registered")
                    one.settled.set()
            self._subscriptions.clear()
            thread, stream = self._let_go()
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_TIMEOUT)

    def _let_go(self) -> tuple[threading.Thread | None, TickStream | None]:
        """Leaves thread and stream to their end, so that the next subscriber begins anew. With the lock held."""
        self._stopped.set()
        thread, stream = self._thread, self._stream
        self._thread = self._stream = None
        self._advanced.notify_all()
        return thread, stream

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._receive(stopped)
            except KoalabError as error:
                self._on_stream_error(error, stopped)
            except ValueError:  # gRPC raises it for a closed channel: the session has ended
                if not stopped.is_set():
                    self.close()
            except Exception as error:
                log.exception("live data")
                failed = KoalabError(f"live data cannot be received: {error!r}")
                for one in self._current(stopped):
                    self._fail(one, failed)

    def _on_stream_error(self, error: KoalabError, stopped: threading.Event) -> None:
        current = self._current(stopped)
        if not current:
            return
        log.warning("live data: %s", error)
        self._report_gap(current, str(error))
        new = [one for one in current if not one.settled.is_set()]
        if isinstance(error, RateLimited) and new:
            refused = new  # the others were registered before, and are again
        elif transient(error):
            refused = []
        else:
            refused = current if isinstance(error, OtherPrices) else new or current
        for one in refused:
            self._fail(one, error)
        if not refused:
            self.reconnects += self._link.restored("live data", stopped, self._backoff, self.each_turn)

    def _receive(self, stopped: threading.Event) -> None:
        """Opens the stream, registers all codes and dispatches batches until the stream ends."""
        stream = self._link.ticks()
        try:
            with self._lock:
                if stopped.is_set():
                    return
                self._stream, self._carried_out, self._broker_connected = stream, 0, True
                for one in self._subscriptions:
                    one.request = stream.add(one.codes, one.fids)
            for batch in stream:
                self.each_turn()
                self._dispatch(stream, batch)
        finally:
            stream.close()
            with self._advanced:
                if self._stream is stream:
                    self._stream = None
                self._advanced.notify_all()

    def _dispatch(self, stream: TickStream, batch: TickBatch) -> None:
        self._backoff.reset()
        with self._lock:
            if self._stream is not stream:
                return  # let go; those who have subscribed since have another stream
            current = list(self._subscriptions)
        receiving = [one for one in current if one.receiving]
        carried_out = max(self._carried_out, batch.carried_out)
        if batch.dropped:
            self._report_gap(
                receiving, f"{batch.dropped} events were lost: they came faster than they were read"
            )
        if batch.connected is not None:
            self._broker_connected = batch.connected
            self._report_gap(receiving, BROKER_LOST)
        if self._broker_connected:
            for one in current:
                if not one.receiving and carried_out >= one.request:
                    only_dropped = one in receiving and batch.connected is None and len(batch.time)
                    self._start(one, float(batch.time[0]) if only_dropped else self._link.now())
        if len(batch.time):
            self._until = max(self._until, float(batch.time[-1]))
            for one in current:
                self._notify(one, lambda subscriber: subscriber.on_batch(batch))
        if batch.until > float("-inf"):
            self._until = max(self._until, batch.until)
            for one in current:
                if one.receiving:
                    self._notify(one, lambda subscriber: subscriber.on_progress(batch.until))
        with self._advanced:
            if self._stream is stream:
                self._carried_out = carried_out
            self._advanced.notify_all()

    def _start(self, one: Subscription, at: float) -> None:
        one.receiving = True
        self._until = max(self._until, at)
        self._notify(one, lambda subscriber: subscriber.on_start(at))
        one.settled.set()

    def _report_gap(self, subscriptions: Sequence[Subscription], why: str) -> None:
        for one in subscriptions:
            if one.receiving:
                one.receiving = False
                self._notify(one, lambda subscriber: subscriber.on_gap(self._until, why))

    def _notify(self, one: Subscription, callback: Callable[[Subscriber], None]) -> None:
        """Calls a subscriber; one that raises is removed, the others stay."""
        try:
            callback(one.subscriber)
        except KoalabError as error:
            log.warning("live data: %s", error)
            self._fail(one, error)
        except Exception as error:
            log.exception("live data: a stream ends because its events could not be used")
            self._fail(one, KoalabError(f"a stream ended because its events could not be used: {error!r}"))

    def _fail(self, one: Subscription, error: KoalabError) -> None:
        one.error = error
        one.settled.set()
        try:
            one.subscriber.on_error(error)
        except Exception:
            log.exception("live data: a stream raised while it was notified of its end")
        self.remove(one)

    def _current(self, stopped: threading.Event) -> list[Subscription]:
        """The subscriptions; none if they are another thread's by now."""
        with self._lock:
            return [] if stopped.is_set() else list(self._subscriptions)

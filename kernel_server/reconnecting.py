"""Reconnects to the broker: logs in again after a lost connection, and registers everything again.

Kiwoom cuts every connection once a night and forgets all registrations with it; the control does not reconnect by
itself. Sometimes it stays connected and sends nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from kernel_server import failure
from kernel_server.clock import Clock, Timer, seoul
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.control.thread import call_in_loop
from kernel_server.streams.realtime import RealTimeRouter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReconnectSettings:
    """How a server reconnects. Seconds are the clock's.

    Attributes:
        again: whether it logs in again by itself after the first login.
        first, longest: seconds until the first try, doubling up to the longest.
        silence: seconds without any real-time event, while the market is open and codes are registered, after
            which everything is registered again.
    """

    again: bool = True
    first: float = 5.0
    longest: float = 300.0
    silence: float = 60.0


def usually_open(now: float) -> bool:
    """Whether the market is open on a weekday that is no holiday: where there is no calendar."""
    moment = seoul(now)
    return moment.weekday() < 5 and 9 * 60 <= moment.hour * 60 + moment.minute < 15 * 60 + 20


class Reconnector:
    """The state of one server's login. Its events come on the control thread; it waits on the clock.

    Args:
        host: the control.
        clock: whose time counts.
        realtime: whose codes are registered again.
        settings: how it reconnects.
        is_open: whether the market is open at a moment.
        on_login: called on the event loop after each login.

    Attributes:
        state: ``never`` logged in, ``in``, or ``lost``.
        losses: how often a connection was lost.
    """

    def __init__(
        self,
        host: ControlHost,
        clock: Clock,
        realtime: RealTimeRouter,
        settings: ReconnectSettings,
        is_open: Callable[[float], bool] = usually_open,
        on_login: Callable[[], None] = lambda: None,
    ) -> None:
        self._host = host
        self._clock = clock
        self._realtime = realtime
        self._settings = settings
        self._is_open = is_open
        self._on_login = on_login
        self._loop = asyncio.get_running_loop()
        self._attempts = 0
        self._timer: Timer | None = None
        self._silence_timer: Timer | None = None
        self._last_event = clock.now()
        self._silent_since = 0.0
        self._unrestored = ""
        self._last_code = 0
        self._closed = False
        self.state = "never"
        self.losses = 0

    def start(self) -> None:
        """On the control thread, before there are other listeners: these find everything registered again."""
        if self._host.control.call("GetConnectState", ()) == 1:
            self.state = "in"
        self._host.router.listen("OnEventConnect", self._on_connect)
        self._host.router.listen("OnReceiveRealData", self._on_real_time_event)
        self._check_silence_later()

    def close(self) -> None:
        """From any thread."""
        self._closed = True
        for timer in (self._timer, self._silence_timer):
            if timer is not None:
                timer.cancel()

    @property
    def next_try(self) -> float:
        """When it logs in again, seconds since the epoch; 0 where no login is scheduled."""
        timer = self._timer
        return timer.due if self.state == "lost" and timer is not None else 0.0

    def problems(self) -> list[str]:
        """Sentences that say what is wrong; from any thread."""
        found = []
        if self.state == "lost":
            when = seoul(self._timer.due).strftime("%H:%M:%S") if self._timer is not None else ""
            found.append(
                f"the connection to the broker is lost ({self._last_code})"
                + (f"; next login at {when}" if when else "; log in again")
            )
        if self._silent_since:
            since = seoul(self._silent_since).strftime("%H:%M:%S")
            found.append(f"no real-time event since {since} although the market should be open")
        if self._unrestored:
            found.append(f"not everything could be registered again: {self._unrestored}")
        return found

    # On the control thread.

    def _on_connect(self, event: EventContext) -> None:
        code = int(event.arguments[0])
        if code == 0:
            restored = self.state == "lost"
            self.state, self._attempts = "in", 0
            self._last_event = self._clock.now()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            call_in_loop(self._loop, self._on_login)
            if restored:
                self._restore()
                log.warning("logged in again; %d codes registered as before", len(self._realtime.codes()))
            return
        self._last_code = code
        if self.state == "in":
            self.losses += 1
            self.state = "lost"
            log.error("the connection to the broker is lost: %s", code)
        if self.state == "lost" and self._settings.again:
            self._retry_later()

    def _restore(self) -> None:
        try:
            self._realtime.restore()
            self._unrestored = ""
        except failure.Failure as error:
            self._unrestored = error.message
            log.warning("what was registered could not be registered again: %s", error.message)

    def _retry_later(self) -> None:
        if self._closed:
            return
        pause = min(self._settings.first * 2.0**self._attempts, self._settings.longest)
        self._attempts += 1
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_at(
            self._clock.now() + pause, lambda: self._host.thread.hand_over(self._retry)
        )

    def _retry(self) -> None:
        if self._closed or self.state != "lost":
            return
        log.warning("logging in again, try %d", self._attempts)
        if self._host.control.call("CommConnect", ()) != 0:
            self._retry_later()

    def _on_real_time_event(self, _: EventContext) -> None:
        self._last_event = self._clock.now()
        self._silent_since = 0.0

    def _check_silence_later(self) -> None:
        if self._closed:
            return
        due = self._clock.now() + self._settings.silence
        self._silence_timer = self._clock.call_at(
            due, lambda: self._host.thread.hand_over(self._check_silence), background=True
        )

    def _check_silence(self) -> None:
        now = self._clock.now()
        quiet = now - self._last_event >= self._settings.silence
        expected = self.state == "in" and bool(self._realtime.codes()) and self._is_open(now)
        expected = expected and self._is_open(now - self._settings.silence)
        if quiet and expected:
            self._silent_since = self._silent_since or self._last_event
            log.error("no real-time event for %.0f s; registering everything anew", now - self._last_event)
            self._restore()
        elif not expected:
            self._silent_since = 0.0
        self._check_silence_later()

"""Reconnects to the broker: logs in again after a lost connection, and registers everything again.

Kiwoom cuts every connection once a night and forgets all registrations with it; the control does not reconnect by
itself. Sometimes it stays connected and sends nothing more. Events may be lost as well, OnEventConnect among them, so
GetConnectState is compared with the last one regularly.
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
from kernel_server.control.seam import Event
from kernel_server.control.thread import call_in_loop
from kernel_server.streams.realtime import RealTimeRouter

log = logging.getLogger(__name__)

EVENT = "OnEventConnect"
CONNECTION_LOST = -106
"""The code of a lost connection whose OnEventConnect did not come."""


@dataclass(frozen=True)
class ReconnectSettings:
    """How a server reconnects. Seconds are the clock's.

    Attributes:
        again: whether it logs in again by itself after the first login.
        at_start: whether it logs in by itself at its start, too.
        first, longest: seconds until the first try, doubling up to the longest.
        login: seconds after which a login without OnEventConnect has failed.
        silence: seconds without any real-time event, while the market is open and codes are registered, after
            which everything is registered again.
    """

    again: bool = True
    at_start: bool = False
    first: float = 5.0
    longest: float = 300.0
    login: float = 120.0
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
        self._logging_in_since = 0.0  # when it called CommConnect, 0 where no login is under way
        self._timer: Timer | None = None
        self._late: Timer | None = None
        self._silence_timer: Timer | None = None
        self._last_event = clock.now()
        self._silent_since = 0.0
        self._unrestored = ""
        self._last_code = 0
        # Whether GetConnectState was 0 since the last login: only then is a 1 without an event a login.
        self._was_down = False
        self._look_posted = False
        self._closed = False
        self.state = "never"
        self.losses = 0

    def start(self) -> None:
        """On the control thread, before there are other listeners: these find everything registered again."""
        if self._connected():
            self.state = "in"
        elif self._settings.at_start:
            self.state = "lost"
            self._timer = self._call_later(0.0, self._retry)
        self._host.router.listen(EVENT, self._on_connect)
        self._host.router.listen("OnReceiveRealData", self._on_real_time_event)
        self._check_silence_later()

    def close(self) -> None:
        """From any thread."""
        self._closed = True
        for timer in (self._timer, self._late, self._silence_timer):
            if timer is not None:
                timer.cancel()

    @property
    def next_try(self) -> float:
        """When it logs in again, seconds since the epoch; 0 where no login is scheduled."""
        if self.state != "lost" or not self._settings.again:
            return 0.0
        timer = self._timer  # None for a moment between two tries
        return self._clock.now() if timer is None else timer.due

    async def reconnecting(self) -> bool:
        """Whether a call that found no connection may find one later: it logs in again by itself, or has by now."""
        await self._host.run(lambda _: self.look())
        return self.state == "in" or self.next_try > 0

    def problems(self) -> list[str]:
        """Sentences that say what is wrong; from any thread."""
        found = []
        if self.state == "lost":
            timer, began = self._timer, self._logging_in_since
            if began:
                advice = f"logging in since {seoul(began):%H:%M:%S}"
            elif timer is not None:
                advice = f"next login at {seoul(timer.due):%H:%M:%S}"
            else:
                advice = "log in again"
            what = (
                "the connection to the broker is lost" if self.losses else "not logged in to the broker yet"
            )
            found.append(f"{what} ({self._last_code}); {advice}")
        if self._silent_since:
            since = seoul(self._silent_since).strftime("%H:%M:%S")
            found.append(f"no real-time event since {since} although the market should be open")
        if self._unrestored:
            found.append(f"not everything could be registered again: {self._unrestored}")
        return found

    def look_soon(self) -> None:
        """Has the control thread ``look``, once; from any thread."""
        if not self._look_posted:
            self._look_posted = True
            self._host.thread.hand_over(self.look)

    # On the control thread.

    def look(self) -> None:
        """Compares GetConnectState with the last OnEventConnect, and makes up for one that was lost.

        A lost connection is dispatched to all listeners at once. A login is, if it still has no event after a pause:
        the control may be connected shortly before it fires the event.
        """
        self._look_posted = False
        if self._closed:
            return
        connected = self._connected()
        if not connected and self.state == "in":
            self._make_up(CONNECTION_LOST)
        elif connected and self.state != "in" and self._was_down and self._late is None:
            self._late = self._call_later(self._settings.first, self._make_up_login)

    def _connected(self) -> bool:
        connected = self._host.control.call("GetConnectState", ()) == 1
        self._was_down = self._was_down or not connected
        return connected

    def _make_up_login(self) -> None:
        """Dispatches the OnEventConnect of a login that is over, unless it came."""
        self._late = None
        if not self._closed and self.state != "in" and self._connected():
            self._make_up(0)

    def _make_up(self, code: int) -> None:
        log.warning("no OnEventConnect came, and by GetConnectState it would have been: %d", code)
        self._host.router.dispatch(Event(EVENT, (code,)))

    def _on_connect(self, event: EventContext) -> None:
        code = int(event.arguments[0])
        if code == 0:
            self.state, self._attempts, self._logging_in_since, self._was_down = "in", 0, 0.0, False
            self._last_event = self._clock.now()
            self._cancel_timer()
            call_in_loop(self._loop, self._on_login)
            # Also where no loss was noticed before: a login starts without registrations.
            if codes := len(self._realtime.codes()):
                self._restore()
                log.warning("logged in again; %d codes registered as before", codes)
            return
        self._last_code = code
        lost, failed = self.state == "in", self._logging_in_since > 0
        if lost:
            self.losses += 1
            self.state, self._attempts = "lost", 0
            log.error("the connection to the broker is lost: %s", code)
        # A second event of one loss, or of a login that a client asked for, does not move the next try.
        if self.state == "lost" and self._settings.again and (lost or failed):
            self._retry_later()

    def _restore(self) -> None:
        """Registers everything again; where the control refuses, again after a pause."""
        try:
            self._realtime.restore()
            self._unrestored = ""
        except failure.Failure as error:
            self._unrestored = error.message
            log.warning("what was registered could not be registered again: %s", error.message)
            if not self._closed:
                self._cancel_timer()
                self._timer = self._call_later(self._next_pause(), self._restore_again)

    def _restore_again(self) -> None:
        if not self._closed and self.state == "in" and self._unrestored:
            self._restore()

    def _retry_later(self) -> None:
        self._logging_in_since = 0.0
        self._cancel_timer()
        if not self._closed:
            self._timer = self._call_later(self._next_pause(), self._retry)

    def _retry(self) -> None:
        if self._closed or self.state != "lost":
            return
        if self._connected() and self._was_down:  # logged in, and calling CommConnect again fires no event
            self._make_up(0)
            return
        log.warning("logging in again, try %d", self._attempts)
        self._logging_in_since = self._clock.now()
        if self._host.control.call("CommConnect", ()) != 0:
            self._retry_later()
        elif self._logging_in_since:  # the event may have come inside the call
            self._timer = self._call_later(self._settings.first, self._check_login)

    def _check_login(self) -> None:
        """Looks after a login under way: its event may be lost."""
        if self._closed or not self._logging_in_since:
            return
        if self._connected():
            self._make_up(0)
        elif self._clock.now() - self._logging_in_since < self._settings.login:
            self._timer = self._call_later(self._settings.first, self._check_login)
        else:
            log.warning("the login has not ended within %g s", self._settings.login)
            self._retry_later()

    def _next_pause(self) -> float:
        """The pause before the next try, twice as long as the one before it."""
        # 2.0 ** 1100 overflows a float, and a broker may be away for days.
        pause = min(self._settings.first * 2.0 ** min(self._attempts, 64), self._settings.longest)
        self._attempts += 1
        return pause

    def _call_later(self, pause: float, work: Callable[[], None]) -> Timer:
        return self._clock.call_at(self._clock.now() + pause, lambda: self._host.thread.hand_over(work))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

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

"""The open sessions of this process, so that ``kl.connect()`` and ``%kiwoom`` share one broker."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from koalab.errors import KoalabError, NotConnected

if TYPE_CHECKING:
    from koalab.sessions.session import Session

Settings = Mapping[str, Any]
"""What distinguishes sessions: the arguments of ``kl.connect`` by name, normalised."""


@dataclass(frozen=True, slots=True)
class _OpenSession:
    session: weakref.ref[Session]
    settings: Settings

    def matches(self, given: Settings) -> bool:
        return all(name in self.settings and self.settings[name] == value for name, value in given.items())


class SharedSessions:
    """The sessions that ``kl.connect()`` has opened in this process. Any thread.

    The newest one is kept open even if no variable holds it; older ones as long as their users hold them. Sessions of
    the parent process are none of a forked child's.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open: list[_OpenSession] = []  # the newest last
        self._newest: Session | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def connect(
        self, given: Settings, make: Callable[[], tuple[Session, Settings]], keep_open: bool = True
    ) -> Session:
        """The newest open session with these settings, else a new one.

        Callers at the same time wait for the first one's session instead of opening one each.

        Args:
            given: those settings that the caller has asked for; others may be anything.
            make: opens a session, and returns all of its settings.
            keep_open: count as a user of the session, which the end of another user's ``with`` leaves open.
        """
        with self._lock:
            found = self._find(given, keep_open)
            if found is None:
                session, settings = make()
                found = _OpenSession(weakref.ref(session), settings)
                self._newest = session
            else:
                session = self._newest = found.session()  # type: ignore[assignment]  # it is in use
                self._open.remove(found)
            self._open.append(found)
            return session

    def current(self) -> Session | None:
        """The session that was asked for last and is still open; None where none is."""
        with self._lock:
            for one in reversed(self._open):
                session = one.session()
                if session is not None and not session.closed:
                    self._newest = session
                    return session
            self._newest = None
            return None

    def _find(self, given: Settings, keep_open: bool) -> _OpenSession | None:
        self._open = [one for one in self._open if (session := one.session()) and not session.closed]
        for one in reversed(self._open):
            session = one.session()
            usable = session is not None and one.matches(given) and _answers(session, one.settings)
            if session is not None and usable and (not keep_open or session.share()):
                return one
        return None

    def _after_fork(self) -> None:
        # A channel does not outlive a fork. What held the parent's session still does: it is not ended here.
        self._inherited = self._newest
        self._lock, self._open, self._newest = threading.RLock(), [], None


def _answers(session: Session, settings: Settings) -> bool:
    """Whether a session is of use: an embedded server is brought back by its session, another one has to answer."""
    try:
        return session.serves_its_source()
    except KoalabError:
        return settings.get("target") is None


SESSIONS = SharedSessions()


def current_session() -> Session:
    """The open session of this process: the one that ``kl.connect()`` or ``%kiwoom`` returned or used last.

    Raises:
        NotConnected: none is open. It opens none itself, because that could start a server or reach a broker.
    """
    found = SESSIONS.current()
    if found is None:
        raise NotConnected("no session is open in this process: kl.connect() or %kiwoom connect opens one")
    return found

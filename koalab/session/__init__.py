"""The session: one broker's data as methods. A module here is a group of methods."""

from __future__ import annotations

import sys
from types import ModuleType

from koalab.session.alerts import AlertMethods
from koalab.session.collect import CollectMethods
from koalab.session.market_update import MarketUpdateMethods
from koalab.session.plan import PlanMethods


class Session(AlertMethods, CollectMethods, PlanMethods, MarketUpdateMethods):
    """A connection to one broker, with its data as methods. ``kl.connect()`` makes it.

    Every frame's ``attrs`` hold ``source``, ``tr``, ``adjusted``, ``fetched_at`` (ISO 8601, Seoul),
    ``cache_hits`` (bars or answers from the cache) and ``trs`` (TRs that this call spent).

    All methods may be called from any thread and raise ``koalab.errors.KoalabError``: BadInput and
    UnknownCode before anything is sent, ServerLost, RateLimited, NoAnswer and NotConnected otherwise.
    """

    def close(self) -> None:
        """Ends the session, its streams and its embedded server. Open orders stay at the broker.

        In a process forked from the session's it only marks this copy as closed.
        """
        if self._link.transport.forked:
            self._closed = True
        else:
            super().close()


class _SessionPackage(ModuleType):
    """This package, which is ``kl.session()`` too: Python binds a package to its name in the package above."""

    def __call__(self) -> Session:
        from koalab import shared_sessions

        return shared_sessions.current_session()


sys.modules[__name__].__class__ = _SessionPackage

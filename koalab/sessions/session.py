"""``Session``: one broker's data as methods."""

from __future__ import annotations

from koalab.sessions.alerts import AlertMethods
from koalab.sessions.collect import CollectMethods
from koalab.sessions.market_update import MarketUpdateMethods
from koalab.sessions.plan import PlanMethods


class Session(AlertMethods, CollectMethods, PlanMethods, MarketUpdateMethods):
    """A connection to one broker, with its data as methods. ``kl.connect()`` makes it.

    Every frame's ``attrs`` hold ``source``, ``tr``, ``adjusted`` (None where prices are never adjusted, or there are
    none), ``fetched_at`` (ISO 8601, Seoul), ``cache_hits`` (bars or answers from the cache) and ``trs`` (TRs that this
    call spent).

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

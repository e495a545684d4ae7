"""The session: one way to one broker, and everything a user asks of it. A module here is a group of methods."""

from __future__ import annotations

from koalab.session.accounts import Accounts
from koalab.session.bulk import Bulk
from koalab.session.condition_search import Searching
from koalab.session.live import Live
from koalab.session.market import MarketView
from koalab.session.market_update import MarketUpdates


class Session(Live, MarketView, Searching, Accounts, Bulk, MarketUpdates):
    """One broker, ready to be asked. ``kl.connect()`` makes it.

    Every frame's ``attrs`` hold ``source``, ``tr``, ``adjusted``, ``fetched_at`` (ISO 8601, Seoul),
    ``cache_hits`` (bars or answers that the cache had) and ``trs`` (TRs this call spent).

    All methods may be called from any thread and raise ``koalab.errors.KoalabError``: BadInput and
    UnknownCode before anything is sent, ServerLost, RateLimited, NoAnswer and NotConnected otherwise.
    """

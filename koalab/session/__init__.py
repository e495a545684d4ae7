"""The session: one way to one broker, and everything a user asks of it. A module here is a group of methods."""

from __future__ import annotations

from koalab.session.accounts import AccountMethods
from koalab.session.collect import CollectMethods
from koalab.session.condition_search import ConditionSearchMethods
from koalab.session.market import MarketMethods
from koalab.session.market_update import MarketUpdateMethods
from koalab.session.plan import PlanMethods


class Session(
    CollectMethods, MarketMethods, ConditionSearchMethods, AccountMethods, PlanMethods, MarketUpdateMethods
):
    """One broker, ready to be asked. ``kl.connect()`` makes it.

    Every frame's ``attrs`` hold ``source``, ``tr``, ``adjusted``, ``fetched_at`` (ISO 8601, Seoul),
    ``cache_hits`` (bars or answers that the cache had) and ``trs`` (TRs this call spent).

    All methods may be called from any thread and raise ``koalab.errors.KoalabError``: BadInput and
    UnknownCode before anything is sent, ServerLost, RateLimited, NoAnswer and NotConnected otherwise.
    """

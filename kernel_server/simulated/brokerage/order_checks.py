"""What SendOrder itself refuses, before anything goes to the broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.brokerage.order import OrderRequest, order_types, quotes
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.request_limits import SERVED, RequestLimits
from kernel_server.simulated.settings import BrokerSettings

TAKEN = 0
WRONG_INPUT = -300
NO_PASSWORD = -301
OTHER_ACCOUNT = -302
OVERFLOW = -308
NO_ACCOUNT = -340
NO_CODE = -500

_NO_LIMIT = 10**9


class OrderLimits:
    """The counter of orders, which requests do not share."""

    def __init__(self, settings: BrokerSettings) -> None:
        # The same windows as for requests, and neither an hour nor a ban.
        windows = replace(
            settings,
            requests_a_second=settings.orders_a_second,
            requests_an_hour=_NO_LIMIT,
            overruns=_NO_LIMIT,
        )
        self._limits = RequestLimits(windows)

    def renew(self) -> None:
        self._limits.renew()

    def take(self, now: float) -> int:
        """Counts an order sent at ``now``: 0, or -308 for one too many."""
        return TAKEN if self._limits.take(now) == SERVED else OVERFLOW


def refused(ticket: OrderRequest, settings: BrokerSettings, issues: Mapping[str, Issue]) -> int:
    """The code with which SendOrder returns at once; 0 where the order is sent."""
    if not is_screen(ticket.screen):
        return settings.bad_screen
    if not ticket.account:
        return NO_ACCOUNT
    if ticket.account not in {account.number for account in settings.accounts}:
        return OTHER_ACCOUNT
    if not settings.password_saved:
        return NO_PASSWORD
    if not ticket.code:
        return NO_CODE
    kind = order_types().get(ticket.type)
    if kind is None or ticket.quote not in quotes() or ticket.quantity < 0 or ticket.price < 0:
        return WRONG_INPUT
    if kind.action != "new" and not ticket.original.isdecimal():
        return WRONG_INPUT
    return _size(ticket, issues) if settings.order_size_checks and kind.action != "cancel" else TAKEN


def _size(ticket: OrderRequest, issues: Mapping[str, Issue]) -> int:
    """-303 to -306. The module knows no price of a market order, so only its shares count."""
    issue = issues.get(ticket.code)
    shares = 0 if issue is None else issue.shares
    for what, over, code in rows("order_size"):
        # both sides times a hundred, so that a percentage needs no fraction
        held, most = (ticket.price * ticket.quantity, 100) if what == "won" else (ticket.quantity, shares)
        if most and held * 100 > most * int(over):
            return int(code)
    return TAKEN

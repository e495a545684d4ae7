"""Checks that SendOrder itself makes, before anything is sent to the broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.order import ORDER_TYPES, OrderRequest, quote_types
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.nextrade.venues import split
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
_SIZE_LIMITS = (  # of what, more than how much, the error code
    ("won", 5_000_000_000, -304),
    ("won", 2_000_000_000, -303),
    ("percent", 3, -306),  # of the listed shares
    ("percent", 1, -305),
)


class OrderRateLimit:
    """Rate limit of orders, separate from that of requests."""

    def __init__(self, settings: BrokerSettings) -> None:
        # The windows of requests, without their hourly limit and ban.
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
        """Count an order sent at ``now``: 0, or -308 if it exceeds the limit."""
        return TAKEN if self._limits.take(now) == SERVED else OVERFLOW


def send_order_error(request: OrderRequest, settings: BrokerSettings, issues: Mapping[str, Issue]) -> int:
    """Error code that SendOrder returns at once; 0 if the order is sent."""
    if not is_screen(request.screen):
        return settings.bad_screen
    if not request.account:
        return NO_ACCOUNT
    if request.account not in {account.number for account in settings.accounts}:
        return OTHER_ACCOUNT
    if not settings.password_saved:
        return NO_PASSWORD
    if not request.code:
        return NO_CODE
    order_type = ORDER_TYPES.get(request.type)
    if order_type is None or request.quote not in quote_types() or request.quantity < 0 or request.price < 0:
        return WRONG_INPUT
    if request.credit != credits.CASH and not credits.fits(
        order_type.action, order_type.side, request.credit, request.loan_date
    ):
        return WRONG_INPUT
    if order_type.action != "new" and not request.original.isdecimal():
        return WRONG_INPUT
    return (
        _size_error(request, issues)
        if settings.order_size_checks and order_type.action != "cancel"
        else TAKEN
    )


def _size_error(request: OrderRequest, issues: Mapping[str, Issue]) -> int:
    """-303 to -306. The price of a market order is unknown, so only its quantity is checked."""
    issue = issues.get(split(request.code)[0])
    shares = 0 if issue is None else issue.shares
    for measure, percent, code in _SIZE_LIMITS:
        # Both sides times 100 keep percentages in integers.
        amount, limit = (
            (request.price * request.quantity, 100) if measure == "won" else (request.quantity, shares)
        )
        if limit and amount * 100 > limit * percent:
            return code
    return TAKEN

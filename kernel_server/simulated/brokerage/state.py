"""Orders and fills of the books as plain JSON, and back. ``state_check`` validates what is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.market.trade_script import Side

_ORDER = tuple(field.name for field in fields(BrokerOrder))

values: Callable[[BrokerOrder], tuple[Any, ...]] = attrgetter(*_ORDER)
"""Current field values of an order; faster than copying it."""


def plain(values: tuple[Any, ...]) -> dict[str, Any]:
    """An order as JSON, without its queued early fills."""
    return dict(zip(_ORDER, values, strict=True)) | {"early": None}


def order_of(found: Mapping[str, Any]) -> BrokerOrder:
    return BrokerOrder(**found)


def deal_of(found: list[Any]) -> Deal:
    deal = Deal(*found)
    return deal._replace(side=Side(deal.side))

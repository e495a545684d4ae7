"""Which orders the exchange takes."""

from __future__ import annotations

from kernel_server.control.simulated.exchange.interface import NewOrder, Phase, Refusal, Side
from kernel_server.control.simulated.exchange.plan import Plan

AUCTIONS = (Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)
"""Phases in which orders are collected."""

_OPEN = (*AUCTIONS, Phase.CONTINUOUS, Phase.AFTER_CLOSE)
_KINDS = ("day", "ioc", "fok")


def check(order: NewOrder, phase: Phase, plan: Plan, close: int, interrupted: bool = False) -> None:
    """Whether the order is good.

    Args:
        order: of a client.
        phase: in which it comes.
        plan: of the issue's day.
        close: the price at which alone there is trading after the close, KRW.
        interrupted: whether orders of the issue are being collected because of a VI.

    Raises:
        Refusal: ``closed``, ``quantity``, ``kind``, ``halted``, ``limit`` or ``tick``, the first that holds.
    """
    price = order.price
    if phase not in _OPEN:
        raise Refusal("closed")
    if order.quantity <= 0 or order.side is Side.NONE:
        raise Refusal("quantity")
    if order.kind not in _KINDS or ((interrupted or phase in AUCTIONS) and order.kind != "day"):
        raise Refusal("kind")
    if plan.halted:
        raise Refusal("halted")
    if price and not plan.lower <= price <= plan.upper:
        raise Refusal("limit")
    if price and price % plan.grid.tick(price):
        raise Refusal("tick")
    if phase is Phase.AFTER_CLOSE and price not in (0, close):
        raise Refusal("limit")

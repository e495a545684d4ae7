"""Checks of incoming orders."""

from __future__ import annotations

from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import NewOrder, OrderRejected
from kernel_server.simulated.exchange.off_hours.session_close import single_price_limits
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

AUCTIONS = (Phase.BEFORE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)
"""Phases in which the regular board collects orders for a call auction."""

_KINDS = ("day", "ioc", "fok")


def check(order: NewOrder, phase: Phase, plan: DayPlan, close: int, interrupted: bool = False) -> None:
    """Reject an order that the exchange does not accept.

    Args:
        order: a client's order.
        phase: the current phase.
        plan: of the issue's day.
        close: the day's last price in KRW; used on the boards after the close.
        interrupted: whether a VI is in effect.

    Raises:
        OrderRejected: ``closed``, ``quantity``, ``kind``, ``halted``, ``limit`` or ``tick``, the first that applies.
    """
    price = order.price
    if order.board not in phases.BOARDS[phase]:
        raise OrderRejected("closed")
    if phase is Phase.AFTER_MARKET and plan.regular is None:
        raise OrderRejected("closed")
    if order.quantity <= 0 or order.side is Side.NONE:
        raise OrderRejected("quantity")
    collecting = interrupted or phase in AUCTIONS or order.board is not Board.REGULAR
    if order.kind not in _KINDS or (collecting and order.kind != "day"):
        raise OrderRejected("kind")
    if phase is Phase.AFTER_MARKET and not price:
        raise OrderRejected("kind")
    if plan.halted:
        raise OrderRejected("halted")
    if order.board in (Board.BEFORE, Board.AFTER):
        if price not in (0, plan.base if order.board is Board.BEFORE else close):
            raise OrderRejected("limit")
        return
    lower, upper = plan.lower, plan.upper
    if order.board is Board.SINGLE:
        lower, upper = single_price_limits(close, lower, upper, plan.grid)
    if (price or order.board is Board.SINGLE) and not lower <= price <= upper:
        raise OrderRejected("limit")
    if price and price % plan.grid.tick(price):
        raise OrderRejected("tick")

"""Which orders the exchange takes."""

from __future__ import annotations

from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import NewOrder, Refusal
from kernel_server.simulated.exchange.off_hours.synthetic_trades import around
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side

AUCTIONS = (Phase.BEFORE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)
"""Phases in which the regular board collects orders."""

_KINDS = ("day", "ioc", "fok")


def check(order: NewOrder, phase: Phase, plan: DayPlan, close: int, interrupted: bool = False) -> None:
    """Whether the order is good.

    Args:
        order: of a client.
        phase: in which it comes.
        plan: of the issue's day.
        close: the day's last price, KRW, which counts after the close.
        interrupted: whether orders of the issue are being collected because of a VI.

    Raises:
        Refusal: ``closed``, ``quantity``, ``kind``, ``halted``, ``limit`` or ``tick``, the first that holds.
    """
    price = order.price
    if order.board not in phases.boards()[phase]:
        raise Refusal("closed")
    if order.quantity <= 0 or order.side is Side.NONE:
        raise Refusal("quantity")
    waits = interrupted or phase in AUCTIONS or order.board is not Board.REGULAR
    if order.kind not in _KINDS or (waits and order.kind != "day"):
        raise Refusal("kind")
    if plan.halted:
        raise Refusal("halted")
    if order.board in (Board.BEFORE, Board.AFTER):
        if price not in (0, plan.base if order.board is Board.BEFORE else close):
            raise Refusal("limit")
        return
    lower, upper = plan.lower, plan.upper
    if order.board is Board.SINGLE:
        lower, upper = around(close, lower, upper, plan.grid)
    if (price or order.board is Board.SINGLE) and not lower <= price <= upper:
        raise Refusal("limit")
    if price and price % plan.grid.tick(price):
        raise Refusal("tick")

"""The call auction of the regular board: clients' orders collected for it, and its indicative and final price.

Price and volume of the background's part come from the script. Clients' orders at that price or better trade in
addition to that volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Fill, Interruption
from kernel_server.simulated.market.trade_script import Side

_MOVING = 0.95  # the indicative price reaches the final one after this part of the auction


class ClientOrder:
    """A client's open order on the regular board; ``limit`` is KRW, 0 for a market order."""

    __slots__ = ("left", "limit", "on_fill", "side")

    def __init__(self, side: Side, left: int, limit: int, on_fill: Callable[[Fill], None]) -> None:
        self.side = side
        self.left = left
        self.limit = limit
        self.on_fill = on_fill


def crossing_volumes(clients: Mapping[int, ClientOrder], price: int) -> tuple[int, int]:
    """Shares that clients would buy and would sell in an auction at that price."""
    buys = sells = 0
    for client in clients.values():
        if client.side is Side.BUY and (not client.limit or client.limit >= price):
            buys += client.left
        elif client.side is Side.SELL and client.limit <= price:
            sells += client.left
    return buys, sells


def uncross(collected: OrderBook, clients: Mapping[int, ClientOrder], price: int, volume: int) -> list[Match]:
    """Uncross the collected orders together with the background's ``volume`` at ``price``; 0 for no background."""
    if volume:
        buys, sells = crossing_volumes(clients, price)
        collected.collect(BACKGROUND, Side.BUY, volume + sells, price)
        collected.collect(BACKGROUND, Side.SELL, volume + buys, price)
    return collected.uncross(price)[1]


def expected_price(
    plan: DayPlan, time: float, last: int, position: int, interruption: Interruption | None
) -> tuple[int, int]:
    """The background's indicative price and volume, on their way to those of the script.

    Args:
        plan: of the issue's day.
        time: a moment within the auction.
        last: the last trade's price, KRW.
        position: number of trades so far.
        interruption: the VI in effect; None in the opening and closing auctions.
    """
    hours, script = plan.hours, plan.script
    opening = time < hours.opens
    start, end = (hours.orders_from, hours.opens) if opening else (hours.closing_auction, hours.closes)
    index = 0 if opening else len(script) - 1
    origin = plan.base if opening else last
    if interruption is not None:
        start, end, index, origin = interruption.time, interruption.released, position, interruption.price
    trade = script[index : index + 1]
    final = int(trade.price[0]), int(trade.volume[0])
    return on_the_way(plan.key, plan.grid, (plan.lower, plan.upper), time, (start, end), origin, final)


def on_the_way(
    key: int,
    grid: PriceRules,
    limits: tuple[int, int],
    time: float,
    auction: tuple[float, float],
    origin: int,
    final: tuple[int, int],
) -> tuple[int, int]:
    """Indicative price and volume of an auction between its beginning and its end.

    Args:
        key: random key of the issue and the day.
        grid: tick table of the day.
        limits: 하한가 and 상한가.
        time: a moment within the auction.
        auction: its beginning and its end.
        origin: the price before it, KRW.
        final: price and volume that it will trade.
    """
    (start, end), (price, volume) = auction, final
    passed = (time - start) / (end - start)
    if passed < _MOVING:
        jitter = hash_random.key(key, "expected", int(time)) % 5 - 2
        price += int((origin - price) * (1 - passed) ** 2)
        price = grid.floor(price + jitter * grid.tick(price))
        price = min(max(price, limits[0]), limits[1])
        volume = int(volume * (0.1 + 0.9 * passed))
    return price, volume

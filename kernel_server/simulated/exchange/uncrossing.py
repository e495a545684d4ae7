"""Uncrossing of a call auction: the one price that trades most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Uncrossing(NamedTuple):
    """The auction price in KRW and the shares that trade at it; both 0 if nothing crosses."""

    price: int
    volume: int


def uncrossing(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], reference: int, market_bid: int
) -> Uncrossing:
    """The price with the largest volume; among several the smallest imbalance, then the nearest to ``reference``.

    Args:
        bids: price and shares of each bid; a price of ``market_bid`` or more is a market order.
        asks: price and shares of each ask; a price of 0 is a market order.
        reference: KRW, 0 for none; a candidate itself. Of two prices equally near to it, the higher one wins.
        market_bid: a price above all limit prices.

    >>> uncrossing([(103, 10), (101, 20)], [(100, 15), (102, 30)], 101, 1 << 60)
    Uncrossing(price=101, volume=15)
    """
    prices = sorted({price for price, _ in (*bids, *asks) if 0 < price < market_bid} | {reference} - {0})
    if not prices:
        return Uncrossing(0, 0)
    index_of = {price: index for index, price in enumerate(prices)}
    demand, supply = [0] * (len(prices) + 1), [0] * (len(prices) + 1)
    for price, volume in bids:
        demand[index_of.get(price, len(prices) - 1)] += volume
    for price, volume in asks:
        supply[index_of.get(price, 0)] += volume
    for index in range(len(prices) - 2, -1, -1):
        demand[index] += demand[index + 1]
    for index in range(1, len(prices)):
        supply[index] += supply[index - 1]
    best = max(
        range(len(prices)),
        key=lambda index: (
            min(demand[index], supply[index]),
            -abs(demand[index] - supply[index]),
            -abs(prices[index] - reference),
            prices[index],
        ),
    )
    volume = min(demand[best], supply[best])
    return Uncrossing(prices[best], volume) if volume else Uncrossing(0, 0)

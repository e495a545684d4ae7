"""The price of a call auction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Clearing(NamedTuple):
    """One price for everybody, KRW, and the shares that change hands at it; both 0 where nothing meets."""

    price: int
    volume: int


def clear(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], reference: int, any_price: int
) -> Clearing:
    """The price at which most shares meet; of several the one that leaves least over, then the nearest one.

    Args:
        bids: price and shares of whoever buys; a price of ``any_price`` or more is a market order.
        asks: of whoever sells; a price of 0 is a market order.
        reference: the price that nearness is measured from; it may come out itself. Of two prices as near
            the higher one comes out. 0 for none.

    >>> clear([(103, 10), (101, 20)], [(100, 15), (102, 30)], 101, 1 << 60)
    Clearing(price=101, volume=15)
    """
    prices = sorted({price for price, _ in (*bids, *asks) if 0 < price < any_price} | {reference} - {0})
    if not prices:
        return Clearing(0, 0)
    place = {price: index for index, price in enumerate(prices)}
    demand, supply = [0] * (len(prices) + 1), [0] * (len(prices) + 1)
    for price, volume in bids:
        demand[place.get(price, len(prices) - 1)] += volume
    for price, volume in asks:
        supply[place.get(price, 0)] += volume
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
    return Clearing(prices[best], volume) if volume else Clearing(0, 0)

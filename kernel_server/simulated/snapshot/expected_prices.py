"""What the call auctions of a session have traded, issue by issue, from its minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.exchange.trades.auctions import auction_shares
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.snapshot.columns import SessionPrices
from kernel_server.simulated.snapshot.intraday_curve import IntradayCurve


class ExpectedColumns(NamedTuple):
    """예상체결가 (KRW, 0 for none) and 예상체결량 of the newest auction of each issue, one row a place."""

    price: Ints
    volume: Ints


def without_auctions(prices: SessionPrices) -> ExpectedColumns:
    """Those of issues of whose auctions nothing is known: the opening price alone."""
    return ExpectedColumns(prices.open.copy(), np.zeros(len(prices.open), np.int64))


def results(
    prices: SessionPrices, curves: Sequence[IntradayCurve | None], session: SessionHours, now: float
) -> ExpectedColumns:
    """The results of the newest auction that is over, of issues without VIs.

    Args:
        prices: of the session so far.
        curves: the session's minutes, of the whole day.
        session: its hours.
        now: the moment.
    """
    found = without_auctions(prices)
    day = midnight(session.opens)
    for place, curve in enumerate(curves):
        if curve is None or not len(curve):
            continue
        price = volume = 0
        closing = curve.start[-1] + day >= session.closes
        if closing and now >= session.closes:
            before = int(curve.volume[-2]) if len(curve) > 1 else 0
            price, volume = int(curve.close[-1]), int(curve.volume[-1]) - before
        elif curve.start[0] + day == session.opens and now >= session.opens:
            price, volume = int(curve.open[0]), int(auction_shares(curve.volume[:1])[0])
        found.price[place], found.volume[place] = price, volume
    return found

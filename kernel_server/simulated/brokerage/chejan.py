"""What OnReceiveChejanData tells: the FIDs of an order's event and of a holding's, in their order, with values.

Which FIDs those are, and which of them never change, stands in ``chejan_order.tsv`` and ``chejan_balance.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.order import BrokerOrder, order_types, quotes
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.trade_script import Side

ORDER, BALANCE = "0", "1"
NAME_WIDTH = 40
NO_SCREEN = "0000"  # of an order from another client
_FIXED = "="


@dataclass(frozen=True, slots=True)
class BestPrices:
    """What an issue costs now (KRW); 0 for a quote that is not there."""

    last: int
    ask: int
    bid: int
    base: int
    upper: int
    lower: int
    after_hours: int


def prices(exchange: Exchange, code: str) -> BestPrices:
    """Prices of that issue; its after-hours price is taken to be 기준가, which is a guess.

    All of them are 0 for an issue that was ordered and has since left the listing.
    """
    try:
        tape = exchange.tape(code)
    except LookupError:
        return BestPrices(0, 0, 0, 0, 0, 0, 0)
    asks, bids = exchange.depth(code)
    ask, bid = (side[0].price if side else 0 for side in (asks, bids))
    return BestPrices(tape.last, ask, bid, tape.base, tape.upper, tape.lower, tape.base)


@cache
def _fids(table: str) -> Mapping[int, str]:
    return {int(fid): value for fid, value in rows(table)}


def _filled(table: str, values: Mapping[str, str]) -> dict[int, str]:
    return {
        fid: value[1:] if value.startswith(_FIXED) else values[value] for fid, value in _fids(table).items()
    }


def _quoted(now: BestPrices) -> dict[str, str]:
    return {
        name: kiwoom_format.price(getattr(now, name), now.base) if getattr(now, name) else "0"
        for name in ("last", "ask", "bid", "upper", "lower", "after_hours")
    }


def order_values(
    order: BrokerOrder, name: str, now: BestPrices, total: bool, cleared: bool = False
) -> dict[int, str]:
    """The values of an order's event (gubun 0) by FID.

    Args:
        order: as it stands after what the event tells of.
        name: of its issue.
        now: the issue's prices.
        total: whether 체결가 and 체결량 are the whole order's or the newest fill's.
        cleared: whether this closes an order that a cancel or a modify has emptied.
    """
    # An order that waits, or is confirmed or refused, has no fill to tell of; one that was filled goes on telling.
    told = order.state == "체결"
    kind = order_types()[order.type]
    values = {
        "account": order.account,
        "number": f"{order.number:07d}",
        "code": f"A{order.code}",
        "state": order.state,
        "name": kiwoom_format.padded(name, "right", NAME_WIDTH),
        "quantity": str(order.quantity),
        "price": str(order.price),
        "left": str(order.left),
        "amount": str(order.amount),
        "original": f"{order.original:07d}",
        "kind": kind.name,
        "quote": quotes()[order.quote].name,
        "side": "2" if kind.side == Side.BUY else "1",
        "time": order.time,
        "fill": str(order.fill) if told else "",
        "fill_price": str(order.average if total else order.fill_price) if told else "",
        "fill_volume": str(order.filled if total else order.fill_volume) if told else "",
        "unit_price": str(order.fill_price) if told else "",
        "unit_volume": str(order.fill_volume) if told else "",
        "fee": str(order.fee),
        "tax": str(order.tax),
        "reason": order.reason,
        "screen": order.screen,
        "cleared": "1" if cleared else "0",
    }
    return _filled("chejan_order", values | _quoted(now))


def balance_facts(account: Account, code: str, name: str, today: list[Deal]) -> dict[str, str]:
    """What a holding's event tells beside prices; ``today`` are this session's fills in the issue."""
    held = account.held(code)
    sales = [deal for deal in today if deal.side == Side.SELL]
    profit = sum(deal.profit for deal in sales)
    return {
        "account": account.number,
        "code": f"A{code}",
        "name": kiwoom_format.padded(name, "right", NAME_WIDTH),
        "held": str(held.quantity),
        "average": str(held.average),
        "cost": str(held.cost),
        "orderable": str(account.sellable(code)),
        "net": str(sum(deal.side * deal.quantity for deal in today)),
        "side": "2",  # shares are never held short here
        "profit": str(profit),
        "profit_rate": percent(profit, sum(deal.cost for deal in sales)),
    }


def balance_values(facts: Mapping[str, str], now: BestPrices) -> dict[int, str]:
    """The values of a holding's event (gubun 1) by FID."""
    change = now.last - now.base
    values = {
        "base": str(now.base),
        "direction": kiwoom_format.direction(now.last, now.base, now.upper, now.lower),
        "change": kiwoom_format.signed(change),
        "rate": kiwoom_format.rate(change, now.base),
    }
    return _filled("chejan_balance", {**facts, **values, **_quoted(now)})


def percent(part: int, whole: int) -> str:
    """``part`` in percent of ``whole`` as 모의투자 writes rates: with a point, without a plus."""
    return kiwoom_format.decimal(part * 100, whole) if whole > 0 else "0.00"

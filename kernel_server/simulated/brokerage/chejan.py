"""Values of OnReceiveChejanData by FID, in the broker's order: for order events and for balance events.

The FIDs, and the values that never change, are listed in ``chejan_order.tsv`` and ``chejan_balance.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, quote_types
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue, account_code
from kernel_server.simulated.market.trade_script import Side
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

ORDER, BALANCE = "0", "1"
NAME_WIDTH = 40
REAL_BRANCH = "6601010 "  # FID 921 as recorded on a real account; blank on 모의투자
NO_SCREEN = "0000"  # of an order from another client
_FIXED = "="


@dataclass(frozen=True, slots=True)
class ChejanPrices:
    """Current prices of an issue in a Chejan event (KRW); 0 for a missing quote."""

    last: int
    ask: int
    bid: int
    base: int
    upper: int
    lower: int
    after_hours: int


def current_prices(exchange: Exchange, code: str) -> ChejanPrices:
    """Current prices of an issue; its after-hours price is assumed to be 기준가 (a guess).

    All are 0 for an issue that has been delisted since it was ordered.
    """
    try:
        tape = exchange.tape(code)
    except LookupError:
        return ChejanPrices(0, 0, 0, 0, 0, 0, 0)
    asks, bids = exchange.depth(code)
    ask, bid = (side[0].price if side else 0 for side in (asks, bids))
    return ChejanPrices(tape.last, ask, bid, tape.base, tape.upper, tape.lower, tape.base)


@cache
def _fids(table: str) -> Mapping[int, str]:
    return {int(fid): value for fid, value in rows(_DATA / f"{table}.tsv")}


def _by_fid(table: str, values: Mapping[str, str]) -> dict[int, str]:
    return {
        fid: value[1:] if value.startswith(_FIXED) else values[value] for fid, value in _fids(table).items()
    }


def _written_prices(now: ChejanPrices) -> dict[str, str]:
    return {
        name: kiwoom_format.price(getattr(now, name), now.base) if getattr(now, name) else "0"
        for name in ("last", "ask", "bid", "upper", "lower", "after_hours")
    }


def order_values(
    order: BrokerOrder,
    issue: Issue | None,
    now: ChejanPrices,
    total: bool,
    cleared: bool = False,
    real: bool = False,
) -> dict[int, str]:
    """Values of an order event (gubun 0) by FID.

    Args:
        order: the order after the change.
        issue: its issue; None if it is listed no more.
        now: current prices of the issue.
        total: whether 체결가 and 체결량 are of the whole order or of the newest fill.
        cleared: whether the event closes an order of which a cancel or modify left nothing open.
        real: whether the server is a real one, which fills FID 921.
    """
    # Fill fields are blank unless the state is 체결.
    has_fill = order.state == "체결"
    order_type = ORDER_TYPES[order.type]
    values = {
        "account": order.account,
        "number": f"{order.number:07d}",
        "code": account_code(order.code, issue),
        "state": order.state,
        "name": kiwoom_format.padded("" if issue is None else issue.name, "right", NAME_WIDTH),
        "quantity": str(order.quantity),
        "price": str(order.price),
        "left": str(order.left),
        "amount": str(order.amount),
        "original": f"{order.original:07d}",
        "kind": order_type.name,
        "quote": quote_types()[order.quote].name,
        "side": "2" if order_type.side == Side.BUY else "1",
        "time": order.time,
        "fill": str(order.fill) if has_fill else "",
        "fill_price": str(order.average_price if total else order.fill_price) if has_fill else "",
        "fill_volume": str(order.filled if total else order.fill_volume) if has_fill else "",
        "unit_price": str(order.fill_price) if has_fill else "",
        "unit_volume": str(order.fill_volume) if has_fill else "",
        "fee": str(order.fee),
        "tax": str(order.tax),
        "reason": order.reason,
        "screen": order.screen,
        "branch": REAL_BRANCH if real else "",
        "cleared": "1" if cleared else "0",
        "credit": order.credit,
        "loan_date": order.loan_date or credits.NO_DATE,
    }
    return _by_fid("chejan_order", values | _written_prices(now))


def balance_facts(
    account: Account, issue: Issue, loan_date: str, today: list[Deal], loan_days: int
) -> dict[str, str]:
    """Values of a balance event that do not depend on prices.

    Args:
        account, issue: its account and issue.
        loan_date: 대출일 of a holding bought on credit, blank of another.
        today: the session's fills of the issue.
        loan_days: from 대출일 to 만기일.
    """
    code = issue.code
    holding = account.holding(code, loan_date)
    today = [deal for deal in today if deal.loan_date == loan_date]
    sales = [deal for deal in today if deal.side == Side.SELL]
    profit = sum(deal.profit for deal in sales)
    profits = (str(profit), percent(profit, sum(deal.cost for deal in sales)))
    cash, credit = (("0", "0.00"), profits) if loan_date else (profits, ("0", "0.00"))
    return {
        "credit": credits.LOAN if loan_date else credits.CASH,
        "loan_date": loan_date or credits.NO_DATE,
        "loan": str(holding.loan),
        "expiry": credits.expiry(loan_date, loan_days),
        "account": account.number,
        "code": account_code(code, issue),
        "name": kiwoom_format.padded(issue.name, "right", NAME_WIDTH),
        "held": str(holding.quantity),
        "average": str(holding.average_price),
        "cost": str(holding.cost),
        "orderable": str(account.sellable(code, credits.REPAYMENT if loan_date else credits.CASH, loan_date)),
        "net": str(sum(deal.side * deal.quantity for deal in today)),
        "side": "2",  # there are no short positions here
        "profit": str(profit),
        "cash_profit": cash[0],
        "cash_profit_rate": cash[1],
        "credit_profit": credit[0],
        "credit_profit_rate": credit[1],
    }


def balance_values(facts: Mapping[str, str], now: ChejanPrices) -> dict[int, str]:
    """Values of a balance event (gubun 1) by FID."""
    change = now.last - now.base
    values = {
        "base": str(now.base),
        "direction": kiwoom_format.change_sign(now.last, now.base, now.upper, now.lower),
        "change": kiwoom_format.signed(change),
        "rate": kiwoom_format.rate(change, now.base),
    }
    return _by_fid("chejan_balance", {**facts, **values, **_written_prices(now)})


def percent(part: int, whole: int) -> str:
    """``part`` in percent of ``whole``, in the format of 모의투자: decimal point, no plus sign."""
    return kiwoom_format.decimal(part * 100, whole) if whole > 0 else "0.00"

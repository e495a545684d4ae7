"""Which account and orders the inputs of a TR ask for, how sales are told, and how answers come in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrRejected, TrRequest, message
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.order import BrokerOrder
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

Item = TypeVar("Item")

SIDES: Mapping[str, Side] = {"1": Side.SELL, "2": Side.BUY}
"""매매구분, 매도수구분; anything else is both."""


def any_order(order: BrokerOrder) -> bool:  # noqa: ARG001
    return True


def account_of(books: Books, request: TrRequest) -> Account:
    """The account that is asked for.

    Raises:
        TrRejected: there is no such account.
    """
    account = books.accounts.get(request.inputs["계좌번호"])
    if account is None:
        raise TrRejected("account_unknown")
    return account


def orders_of(
    books: Books,
    account: Account,
    day: int,
    inputs: Mapping[str, str],
    wanted: Callable[[BrokerOrder], bool],
    backwards: bool,
) -> list[BrokerOrder]:
    """The account's orders of a session (YYYYMMDD) by number, those of 매도수구분, 종목코드 and 시작주문번호.

    주식채권구분 2 asks for bonds, of which there are none.
    """
    code, side = inputs["종목코드"].removeprefix("A"), SIDES.get(inputs["매도수구분"])
    first = int(inputs["시작주문번호"]) if inputs["시작주문번호"].isdecimal() else 0
    known = [*books.orders.values()] if day == books.day else books.past
    found = [
        order
        for order in known
        if (order.day, order.account) == (day, account.number)
        and inputs.get("주식채권구분") != "2"
        and code in ("", order.code)
        and side in (None, order.side)
        and wanted(order)
        and (not first or (order.number <= first if backwards else order.number >= first))
    ]
    return sorted(found, key=lambda order: order.number, reverse=backwards)


def fixed_width_page(
    request: TrRequest,
    settings: BrokerSettings,
    single: Mapping[str, str | int],
    count: str,
    found: Sequence[Item],
    row: Callable[[Item], Mapping[str, str | int]],
) -> TrAnswer:
    """A page of a TR of which ``account_width.tsv`` knows the widths, with the message that goes with it.

    Args:
        request: the TR; its key is how many rows the pages before had.
        settings: for the size of a page that the TR leaves open.
        single: the single block but for ``count``, the field that says how many rows the page has.
        found: what there is a row of, on any page.
        row: the row of one of them.
    """
    code = request.tr.code
    start = request.after or 0
    stop = start + (request.tr.rows_per_page or settings.account_rows)
    page = [fixed_width(code, request.tr.multi_names, row(each)) for each in found[start:stop]]
    return TrAnswer(
        fixed_width(code, request.tr.single_names, {**single, count: len(page)}),
        page,
        stop if stop < len(found) else None,
        message("account_done" if page else "no_history"),
    )


def plain_page(request: TrRequest, rows: list[list[str]], single: Sequence[str] = ()) -> TrAnswer:
    """A page of a TR whose values bear no zeros before them; its key is how many rows the pages before had."""
    start = request.after or 0
    stop = start + (request.tr.rows_per_page or len(rows))
    return TrAnswer(single, rows[start:stop], stop if stop < len(rows) else None)


def sold(deals: Sequence[Deal], name: str) -> dict[str, str]:
    """Sales of one issue, of that name. The charges are those of the profit: both fees, then and now, and the taxes."""
    shares, cost, amount, fees, tax, profit = (
        sum(values)
        for values in zip(
            *((d.quantity, d.cost, d.amount, d.total_fees, d.tax, d.profit) for d in deals), strict=True
        )
    )
    return {
        "종목명": name,
        "종목코드": deals[0].code,
        "체결량": str(shares),
        "매입단가": str(kiwoom_format.divide_rounded(cost, shares)),
        "체결가": str(kiwoom_format.divide_rounded(amount, shares)),
        "당일매도손익": str(profit),
        "손익율": percent(profit, cost),
        "당일매매수수료": str(fees),
        "당일매매세금": str(tax),
    }

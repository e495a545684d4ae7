"""Which orders the inputs of a TR ask for, and which account and day."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel_server.control.simulated.answers import Answer, Rejected, Request
from kernel_server.control.simulated.brokerage.account import Account
from kernel_server.control.simulated.brokerage.books import Books
from kernel_server.control.simulated.brokerage.order import Order
from kernel_server.control.simulated.brokerage.widths import written
from kernel_server.control.simulated.exchange.interface import Side
from kernel_server.control.simulated.settings import Settings

SIDES: Mapping[str, Side] = {"1": Side.SELL, "2": Side.BUY}
"""매매구분, 매도수구분; anything else is both."""


def any_order(order: Order) -> bool:  # noqa: ARG001
    return True


def account_of(books: Books, request: Request) -> Account:
    """The account that is asked for.

    Raises:
        Rejected: there is no such account.
    """
    account = books.accounts.get(request.inputs["계좌번호"])
    if account is None:
        raise Rejected("account_unknown")
    return account


def orders_of(
    books: Books,
    account: Account,
    day: int,
    inputs: Mapping[str, str],
    wanted: Callable[[Order], bool],
    backwards: bool,
) -> list[Order]:
    """The account's orders of a session (YYYYMMDD) by number, those of 매도수구분, 종목코드 and 시작주문번호."""
    code, side = inputs["종목코드"].removeprefix("A"), SIDES.get(inputs["매도수구분"])
    first = int(inputs["시작주문번호"]) if inputs["시작주문번호"].isdecimal() else 0
    known = [*books.orders.values()] if day == books.day else books.past
    found = [
        order
        for order in known
        if (order.day, order.account) == (day, account.number)
        and code in ("", order.code)
        and side in (None, order.side)
        and wanted(order)
        and (not first or (order.number <= first if backwards else order.number >= first))
    ]
    return sorted(found, key=lambda order: order.number, reverse=backwards)


def paged(
    request: Request,
    settings: Settings,
    single: Mapping[str, str | int],
    count: str,
    rows: list[dict[str, str | int]],
    done: str,
    nothing: str,
) -> Answer:
    """A page of an account TR.

    Args:
        request: the TR; its key is how many rows the pages before had.
        settings: for the size of a page that the TR leaves open.
        single: the single block but for ``count``, the field that says how many rows the page has.
        rows: every row there is.
        done: the message of a page with rows, ``nothing`` of one without.
    """
    code = request.tr.code
    start = request.after or 0
    stop = start + (request.tr.rows_per_page or settings.account_rows)
    page = [written(code, request.tr.multi_names, row) for row in rows[start:stop]]
    return Answer(
        written(code, request.tr.single_names, {**single, count: len(page)}),
        page,
        stop if stop < len(rows) else None,
        done if page else nothing,
    )

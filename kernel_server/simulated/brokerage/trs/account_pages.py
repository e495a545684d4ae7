"""The account selected by a request, and pages of account TRs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kernel_server.simulated.base.tr import TrAnswer, TrRejected, TrRequest, message
from kernel_server.simulated.brokerage.account import Account
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.settings import BrokerSettings

Item = TypeVar("Item")


def account_of(books: Books, request: TrRequest) -> Account:
    """The account selected by 계좌번호.

    Raises:
        TrRejected: there is no such account.
    """
    account = books.accounts.get(request.inputs["계좌번호"])
    if account is None:
        raise TrRejected("account_unknown")
    return account


def fixed_width_page(
    request: TrRequest,
    settings: BrokerSettings,
    single: Mapping[str, str | int],
    count: str,
    found: Sequence[Item],
    row: Callable[[Item], Mapping[str, str | int]],
) -> TrAnswer:
    """A page of a TR whose field widths are in ``account_width.tsv``, with its message.

    Args:
        request: the TR request; its continuation key is the number of rows on earlier pages.
        settings: page size, for TRs that do not define it.
        single: the single block without ``count``, the field for the number of rows on the page.
        found: items of all pages.
        row: row of one item.
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
    """A page of a TR without zero padding; its continuation key is the number of rows on earlier pages."""
    start = request.after or 0
    stop = start + (request.tr.rows_per_page or len(rows))
    return TrAnswer(single, rows[start:stop], stop if stop < len(rows) else None)

"""Realized profits and the trade journal: opt10072 to opt10074, opt10077, opt10170."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.trs.account_pages import account_of, plain_page
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.trade_script import Side

_NO_DATE = "00000000"
_CASH = "00"
_BOUGHT_TODAY, _ALL = "1", "2"


class RealizedProfits:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, books: Books, valuation: Valuation, issues: Mapping[str, Issue]) -> None:
        self._books = books
        self._valuation = valuation
        self._issues = issues

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt10072": self._sales_of_day,
            "opt10073": self._profits_by_issue,
            "opt10074": self._profits_by_day,
            "opt10077": self._profits_today,
            "opt10170": self._journal,
        }

    def _name(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else issue.name

    def _sales_of_day(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10072: sales of one day, 시작일자, by issue."""
        account, inputs = account_of(self._books, request), request.inputs
        day, code = date_input(inputs["시작일자"]) or self._books.day, inputs["종목코드"]
        groups = _by_issue(deal for deal in account.deals_on(day, code) if deal.side == Side.SELL)
        names = request.tr.multi_names
        rows = [in_order(names, self._sales_row(day, account, deals)) for deals in groups]
        return plain_page(request, rows)

    def _sales_row(self, day: int, account: Account, deals: list[Deal]) -> dict[str, str]:
        found = sales_fields(deals, self._name(deals[0].code))
        return found | {
            "일자": str(day),
            "당일hts매도수수료": str(sum(deal.fee for deal in deals)),
            "당일매도손익1": found["당일매도손익"],
            "종목코드1": found["종목코드"],
            "인출가능금액": str(max(0, min(self._valuation.cash(account).settled, account.orderable))),
            "대출일": _NO_DATE,
            "신용구분": _CASH,
        }

    def _profits_by_day(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10074: amounts, charges and profits of each day with a fill, newest first."""
        days = _newest_groups(
            _deals_between(account_of(self._books, request), request), lambda deal: (deal.day,)
        )
        rows = []
        for (day,), deals in days:
            bought, sold = (sum(d.amount for d in deals if d.side == side) for side in (Side.BUY, Side.SELL))
            rows.append(
                [
                    day,
                    bought,
                    sold,
                    *(sum(values) for values in zip(*map(_profit_and_charges, deals), strict=True)),
                ]
            )
        totals = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)] or [0] * 5
        texts = [list(map(str, row)) for row in rows]
        return plain_page(request, texts, list(map(str, totals)))

    def _profits_by_issue(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10073: sales by day and issue, newest first."""
        code = request.inputs["종목코드"]
        sales = [
            deal
            for deal in _deals_between(account_of(self._books, request), request)
            if deal.side == Side.SELL and code in ("", deal.code)
        ]
        names = request.tr.multi_names
        groups = _newest_groups(sales, lambda deal: (deal.day, deal.code))
        rows = [
            in_order(
                names,
                {
                    "일자": str(deals[0].day),
                    **sales_fields(deals, self._name(deals[0].code)),
                    "신용구분": "00",
                    "대출일": _NO_DATE,
                },
            )
            for _key, deals in groups
        ]
        return plain_page(request, rows)

    def _profits_today(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10077: sales of this session by issue."""
        today = account_of(self._books, request).deals_on(self._books.day, request.inputs["종목코드"])
        sales = [deal for deal in today if deal.side == Side.SELL]
        groups = _newest_groups(sales, lambda deal: (deal.code,))
        rows = [
            in_order(request.tr.multi_names, sales_fields(deals, self._name(deals[0].code)))
            for _key, deals in groups
        ]
        return plain_page(request, rows, [str(sum(deal.profit for deal in sales))])

    def _journal(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10170: trades of a day by issue; 단주구분 1 only issues bought that day."""
        account, inputs = account_of(self._books, request), request.inputs
        if inputs["단주구분"] not in (_BOUGHT_TODAY, _ALL):
            raise TrRejected("bad_input")
        day = date_input(inputs["기준일자"]) or self._books.day
        groups = _by_issue(account.deals_on(day))
        if inputs["단주구분"] == _BOUGHT_TODAY:
            groups = [deals for deals in groups if any(deal.side == Side.BUY for deal in deals)]
        names = request.tr.multi_names
        rows = [in_order(names, self._journal_row(deals)) for deals in groups]
        every = [deal for deals in groups for deal in deals]
        sold, bought = (sum(d.amount for d in every if d.side == side) for side in (Side.SELL, Side.BUY))
        profit, cost = sum(deal.profit for deal in every), sum(deal.cost for deal in every)
        charges = sum(deal.fee + deal.tax for deal in every)
        totals = (sold, bought, charges, sold - bought - charges, profit)
        return plain_page(request, rows, [*map(str, totals), percent(profit, cost)])

    def _journal_row(self, deals: list[Deal]) -> dict[str, str]:
        found = {"종목명": self._name(deals[0].code), "종목코드": deals[0].code}
        for name, side in (("매수", Side.BUY), ("매도", Side.SELL)):
            shares = sum(deal.quantity for deal in deals if deal.side == side)
            amount = sum(deal.amount for deal in deals if deal.side == side)
            found[f"{name}평균가"] = str(kiwoom_format.divide_rounded(amount, shares) if shares else 0)
            found[f"{name}수량"], found[f"{name}금액"] = str(shares), str(amount)
        profit, cost = sum(deal.profit for deal in deals), sum(deal.cost for deal in deals)
        return found | {
            "수수료_제세금": str(sum(deal.fee + deal.tax for deal in deals)),
            "손익금액": str(profit),
            "수익률": percent(profit, cost),
        }


def _profit_and_charges(deal: Deal) -> tuple[int, int, int]:
    return deal.profit, deal.fee, deal.tax


def _deals_between(account: Account, request: TrRequest) -> list[Deal]:
    first, last = request.inputs["시작일자"], request.inputs["종료일자"]
    low = int(first) if first.isdecimal() else 0
    high = int(last) if last.isdecimal() and int(last) else 99991231
    return [deal for deal in account.deals if low <= deal.day <= high]


def _newest_groups(
    deals: Iterable[Deal], key: Callable[[Deal], tuple[int | str, ...]]
) -> list[tuple[tuple[int | str, ...], list[Deal]]]:
    """Fills grouped by key, newest group first."""
    groups: dict[tuple[int | str, ...], list[Deal]] = {}
    for deal in deals:
        groups.setdefault(key(deal), []).append(deal)
    return [*groups.items()][::-1]


def _by_issue(deals: Iterable[Deal]) -> list[list[Deal]]:
    groups: dict[str, list[Deal]] = {}
    for deal in deals:
        groups.setdefault(deal.code, []).append(deal)
    return [*groups.values()]


def sales_fields(deals: Sequence[Deal], name: str) -> dict[str, str]:
    """Fields of the sales of one issue; fees include those of the purchase, as the profit does."""
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

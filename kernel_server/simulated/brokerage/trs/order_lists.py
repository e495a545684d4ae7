"""opt10075, opt10076, opw00007: orders. opt10073, opt10074, opt10077: what sales have brought."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest, in_order
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, quotes
from kernel_server.simulated.brokerage.trs.selection import (
    SIDES,
    account_of,
    any_order,
    fixed_width_page,
    orders_of,
    plain_page,
    sold,
)
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

_CHANNEL = "OpenAPI"
_NO_DATE = "00000000"


# 체결구분 of opt10075 and opt10076: 1 미체결, 2 체결; anything else is both.
_STATES: Mapping[str, Callable[[BrokerOrder], bool]] = {
    "1": lambda order: order.placed is not None and order.left > 0,
    "2": lambda order: order.filled > 0,
}


class OrderLists:
    """Handlers of the TRs that list orders and sales."""

    def __init__(
        self, exchange: Exchange, books: Books, settings: BrokerSettings, issues: Mapping[str, Issue]
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._settings = settings
        self._issues = issues

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt10075": self._open_orders,
            "opt10076": self._executions,
            "opw00007": self._order_history,
            "opt10073": self._profits_by_issue,
            "opt10074": self._profits_by_day,
            "opt10077": self._profits_today,
        }

    def _name(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else issue.name

    # Orders. A page's continuation key is the number of its last order.

    def _orders(self, request: TrRequest, single_issue: str, side: str) -> list[BrokerOrder]:
        """This session's orders that the inputs of opt10075 and opt10076 ask for, newest first."""
        account, inputs = account_of(self._books, request), request.inputs
        code = inputs["종목코드"] if inputs[single_issue] == "1" else ""
        wanted = SIDES.get(inputs[side])
        state = _STATES.get(inputs["체결구분"], any_order)
        return [
            order
            for number, order in sorted(self._books.orders.items(), reverse=True)
            if order.account == account.number
            and code in ("", order.code)
            and wanted in (None, order.side)
            and state(order)
            and (request.after is None or number < request.after)
        ]

    def _open_orders(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10075."""
        return _order_page(request, self._orders(request, "전체종목구분", "매매구분"), self._order_row)

    def _executions(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10076: orders older than 주문번호, where that is given."""
        orders = self._orders(request, "조회구분", "매도수구분")
        before = request.inputs["주문번호"]
        if before.isdecimal() and int(before):
            orders = [order for order in orders if order.number < int(before)]
        return _order_page(request, orders, self._order_row)

    def _order_row(self, order: BrokerOrder) -> dict[str, str]:
        values = chejan.order_values(
            order, self._name(order.code), chejan.current_prices(self._exchange, order.code), total=True
        )
        order_type = ORDER_TYPES[order.type]
        return {
            "계좌번호": order.account,
            "주문번호": values[9203],
            "종목코드": order.code,
            "업무구분": values[912],
            "주문상태": order.state,
            "종목명": self._name(order.code),
            "주문수량": values[900],
            "주문가격": values[901],
            "미체결수량": values[902],
            "체결누계금액": values[903],
            "원주문번호": values[904],
            "주문구분": order_type.name,
            "매매구분": values[906],
            "시간": order.time,
            "주문시간": order.entered,
            "체결번호": values[909],
            "체결가": str(order.average_price),
            "체결량": str(order.filled),
            "현재가": values[10],
            "매도호가": values[27],
            "매수호가": values[28],
            "단위체결가": values[914],
            "단위체결량": values[915],
            "당일매매수수료": values[938],
            "당일매매세금": values[939],
        }

    def _order_history(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00007: of one day. 조회구분 1 주문순, 2 역순, 3 미체결, 4 체결; 시작주문번호 is the first one wanted."""
        account, inputs = account_of(self._books, request), request.inputs
        day = int(inputs["주문일자"]) if inputs["주문일자"].isdecimal() else self._books.day
        state = _STATES.get({"3": "1", "4": "2"}.get(inputs["조회구분"], ""), any_order)
        found = orders_of(self._books, account, day, inputs, state, inputs["조회구분"] != "1")
        return fixed_width_page(request, self._settings, {}, "출력건수", found, self._history_row)

    def _history_row(self, order: BrokerOrder) -> dict[str, str | int]:
        order_type = ORDER_TYPES[order.type]
        return {
            "주문번호": order.number,
            "종목번호": f"A{order.code}",
            "매매구분": quotes()[order.quote].name,
            "신용구분": "보통",
            "주문수량": order.quantity,
            "주문단가": order.price,
            "확인수량": order.confirmed,
            "접수구분": order.state,
            "주문시간": clock(order.entered),
            "원주문": order.original,
            "종목명": self._name(order.code),
            "주문구분": order_type.name.lstrip("+-"),
            "대출일": _NO_DATE,
            "체결수량": order.filled,
            "체결단가": order.average_price,
            "주문잔량": order.left,
            "통신구분": "HTS" if order.screen == chejan.NO_SCREEN else _CHANNEL,
            "정정취소": {"cancel": "취소", "modify": "정정"}.get(order_type.action, ""),
            "확인시간": clock(order.time) if order.confirmed else "",
        }

    # Sales.

    def _profits_by_day(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10074: amounts, charges and profits of every day with a fill, newest first."""
        days = _grouped(_between(account_of(self._books, request), request), lambda deal: (deal.day,))
        rows = []
        for (day,), deals in days:
            bought, sold = (sum(d.amount for d in deals if d.side == side) for side in (Side.BUY, Side.SELL))
            rows.append(
                [day, bought, sold, *(sum(values) for values in zip(*map(_charged, deals), strict=True))]
            )
        totals = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)] or [0] * 5
        texts = [list(map(str, row)) for row in rows]
        return plain_page(request, texts, list(map(str, totals)))

    def _profits_by_issue(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10073: sales by day and issue, newest first."""
        code = request.inputs["종목코드"]
        sales = [
            deal
            for deal in _between(account_of(self._books, request), request)
            if deal.side == Side.SELL and code in ("", deal.code)
        ]
        names = request.tr.multi_names
        groups = _grouped(sales, lambda deal: (deal.day, deal.code))
        rows = [
            in_order(
                names,
                {
                    "일자": str(deals[0].day),
                    **sold(deals, self._name(deals[0].code)),
                    "신용구분": "00",
                    "대출일": _NO_DATE,
                },
            )
            for _key, deals in groups
        ]
        return plain_page(request, rows)

    def _profits_today(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10077: this session's sales by issue."""
        today = account_of(self._books, request).deals_on(self._books.day, request.inputs["종목코드"])
        sales = [deal for deal in today if deal.side == Side.SELL]
        groups = _grouped(sales, lambda deal: (deal.code,))
        rows = [
            in_order(request.tr.multi_names, sold(deals, self._name(deals[0].code))) for _key, deals in groups
        ]
        return plain_page(request, rows, [str(sum(deal.profit for deal in sales))])


def _charged(deal: Deal) -> tuple[int, int, int]:
    return deal.profit, deal.fee, deal.tax


def _between(account: Account, request: TrRequest) -> list[Deal]:
    first, last = request.inputs["시작일자"], request.inputs["종료일자"]
    low = int(first) if first.isdecimal() else 0
    high = int(last) if last.isdecimal() and int(last) else 99991231
    return [deal for deal in account.deals if low <= deal.day <= high]


def _grouped(
    deals: Iterable[Deal], key: Callable[[Deal], tuple[int | str, ...]]
) -> list[tuple[tuple[int | str, ...], list[Deal]]]:
    """The fills of each key, the newest key first."""
    groups: dict[tuple[int | str, ...], list[Deal]] = {}
    for deal in deals:
        groups.setdefault(key(deal), []).append(deal)
    return [*groups.items()][::-1]


def _order_page(
    request: TrRequest, orders: list[BrokerOrder], row: Callable[[BrokerOrder], dict[str, str]]
) -> TrAnswer:
    size = request.tr.rows_per_page or len(orders)
    page = orders[:size]
    names = request.tr.multi_names
    after = page[-1].number if len(orders) > size else None
    return TrAnswer(rows=[in_order(names, row(order)) for order in page], after=after)


def clock(time: str) -> str:
    return f"{time[:2]}:{time[2:4]}:{time[4:]}"

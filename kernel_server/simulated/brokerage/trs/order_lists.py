"""Order lists: opt10075, opt10076, opw00007, opw00009, and the newest order, opt10012."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest, in_order
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Account
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, quote_types
from kernel_server.simulated.brokerage.trs.account_pages import account_of, fixed_width_page
from kernel_server.simulated.brokerage.trs.field_widths import colon_time
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue, account_code
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

_CHANNEL = "OpenAPI"
_NO_DATE = "00000000"
_MARKETS: Mapping[str, tuple[str, ...]] = {
    "1": ("KOSPI",),
    "2": ("KOSDAQ",),
}  # 시장구분; anything else is all
_FILLED = "1"


SIDES: Mapping[str, Side] = {"1": Side.SELL, "2": Side.BUY}
"""매매구분, 매도수구분; anything else is both."""

# 체결구분 of opt10075 and opt10076: 1 미체결, 2 체결; anything else is both.
_STATES: Mapping[str, Callable[[BrokerOrder], bool]] = {
    "1": lambda order: order.placed is not None and order.left > 0,
    "2": lambda order: order.filled > 0,
}


def any_order(order: BrokerOrder) -> bool:  # noqa: ARG001
    return True


class OrderLists:
    """Handlers of the TRs that list orders. Continuation keys of opt10075 and opt10076 are order numbers."""

    def __init__(
        self,
        exchange: Exchange,
        books: Books,
        valuation: Valuation,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
    ) -> None:
        self._exchange = exchange
        self._books = books
        self._valuation = valuation
        self._settings = settings
        self._issues = issues

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt10075": self._open_orders,
            "opt10076": self._executions,
            "opw00007": self._order_history,
            "opw00009": self._orders_of_day,
            "opt10012": self._newest_order,
        }

    def _name(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else issue.name

    def _orders(self, request: TrRequest, single_issue: str, side: str) -> list[BrokerOrder]:
        """This session's orders selected by the inputs of opt10075 or opt10076, newest first."""
        account, inputs = account_of(self._books, request), request.inputs
        code = inputs["종목코드"] if inputs[single_issue] == "1" else ""
        side_filter = SIDES.get(inputs[side])
        state = _STATES.get(inputs["체결구분"], any_order)
        return [
            order
            for number, order in sorted(self._books.orders.items(), reverse=True)
            if order.account == account.number
            and code in ("", order.code)
            and side_filter in (None, order.side)
            and state(order)
            and (request.after is None or number < request.after)
        ]

    def _open_orders(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10075."""
        return self._order_page(request, self._orders(request, "전체종목구분", "매매구분"))

    def _executions(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10076: if 주문번호 is given, only older orders."""
        orders = self._orders(request, "조회구분", "매도수구분")
        before = request.inputs["주문번호"]
        if before.isdecimal() and int(before):
            orders = [order for order in orders if order.number < int(before)]
        return self._order_page(request, orders)

    def _order_page(self, request: TrRequest, orders: list[BrokerOrder]) -> TrAnswer:
        size = request.tr.rows_per_page or len(orders)
        page = orders[:size]
        # Once an issue: those of one that is not followed are worked out from its whole day so far.
        prices = cache(partial(chejan.current_prices, self._exchange))
        names = request.tr.multi_names
        return TrAnswer(
            rows=[in_order(names, self._order_row(order, prices(order.code))) for order in page],
            after=page[-1].number if len(orders) > size else None,
        )

    def _order_row(self, order: BrokerOrder, prices: chejan.ChejanPrices) -> dict[str, str]:
        values = chejan.order_values(order, self._issues.get(order.code), prices, total=True)
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
        """opw00007: orders of one day. 조회구분 1 주문순, 2 역순, 3 미체결, 4 체결; 시작주문번호 is the first order."""
        account, inputs = account_of(self._books, request), request.inputs
        day = int(inputs["주문일자"]) if inputs["주문일자"].isdecimal() else self._books.day
        state = _STATES.get({"3": "1", "4": "2"}.get(inputs["조회구분"], ""), any_order)
        found = orders_of(self._books, account, day, inputs, state, inputs["조회구분"] != "1")
        return fixed_width_page(request, self._settings, {}, "출력건수", found, self._history_row)

    def _history_row(self, order: BrokerOrder) -> dict[str, str | int]:
        order_type = ORDER_TYPES[order.type]
        return {
            "주문번호": order.number,
            "종목번호": account_code(order.code, self._issues.get(order.code)),
            "매매구분": quote_types()[order.quote].name,
            "신용구분": credits.NAMES.get(order.credit, "보통"),
            "주문수량": order.quantity,
            "주문단가": order.price,
            "확인수량": order.confirmed,
            "접수구분": order.state,
            "주문시간": colon_time(order.entered),
            "원주문": order.original,
            "종목명": self._name(order.code),
            "주문구분": order_type.name.lstrip("+-"),
            "대출일": order.loan_date or _NO_DATE,
            "체결수량": order.filled,
            "체결단가": order.average_price,
            "주문잔량": order.left,
            "통신구분": "HTS" if order.screen == chejan.NO_SCREEN else _CHANNEL,
            "정정취소": {"cancel": "취소", "modify": "정정"}.get(order_type.action, ""),
            "확인시간": colon_time(order.time) if order.confirmed else "",
        }

    def _orders_of_day(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00009: orders of one day, newest first; 조회구분 1 only those with fills."""
        account, inputs = account_of(self._books, request), request.inputs
        day = date_input(inputs["주문일자"]) or self._books.day
        markets = _MARKETS.get(inputs["시장구분"])

        def accepts(order: BrokerOrder) -> bool:
            if markets is not None and getattr(self._issues.get(order.code), "market", "") not in markets:
                return False
            return order.filled > 0 if inputs["조회구분"] == _FILLED else any_order(order)

        orders = orders_of(self._books, account, day, inputs, accepts, backwards=True)
        sold, bought = (
            sum(order.amount for order in orders if order.side == side) for side in (Side.SELL, Side.BUY)
        )
        single: dict[str, str | int] = {
            "매도약정금액": sold,
            "매수약정금액": bought,
            "약정금액": sold + bought,
        }
        return fixed_width_page(request, self._settings, single, "조회건수", orders, self._day_row)

    def _day_row(self, order: BrokerOrder) -> dict[str, str | int]:
        order_type = ORDER_TYPES[order.type]
        return {
            "주식채권구분": "1",
            "주문번호": order.number,
            "종목번호": account_code(order.code, self._issues.get(order.code)),
            "매매구분": quote_types()[order.quote].name,
            "주문유형구분": order_type.name.lstrip("+-"),
            "주문수량": order.quantity,
            "주문단가": order.price,
            "확인수량": order.confirmed,
            "체결번호": order.fill,
            "접수구분": order.state,
            "원주문번호": order.original,
            "종목명": self._name(order.code),
            "결제구분": "삼일결제",
            "신용거래구분": credits.NAMES.get(order.credit, "보통매매"),
            "체결수량": order.filled,
            "체결단가": order.average_price,
            "통신구분": "HTS" if order.screen == chejan.NO_SCREEN else "OpenAPI",
            "정정취소구분": {"cancel": "취소", "modify": "정정"}.get(order_type.action, ""),
            "체결시간": colon_time(order.time) if order.filled else "",
        }

    def _newest_order(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10012: newest order of the session, the holding of its issue, and the cash."""
        account = account_of(self._books, request)
        mine = [order for order in self._books.orders.values() if order.account == account.number]
        cash = self._valuation.cash(account)
        withdrawable = max(0, min(cash.settled, account.orderable))
        values = {
            "예수금": cash.settled,
            "사용가능현금": account.orderable,
            "현금증거금": account.reserved,
            "D+1추정예수금": cash.d1,
            "D+2추정예수금": cash.d2,
            "D+1매수/매도정산금": cash.sold[0] - cash.bought[0],
            "D+2매수/매도정산금": cash.sold[1] - cash.bought[1],
            "D+1추정인출가능금": max(0, min(cash.d1, account.orderable)),
            "D+2추정인출가능금": max(0, min(cash.d2, account.orderable)),
            "인출가능금액": withdrawable,
        }
        found = {name: str(value) for name, value in values.items()}
        if mine:
            found |= self._newest_order_fields(account, max(mine, key=lambda order: order.number))
        return TrAnswer(rows=[in_order(request.tr.multi_names, found)])

    def _newest_order_fields(self, account: Account, order: BrokerOrder) -> dict[str, str]:
        prices = chejan.current_prices(self._exchange, order.code)
        values = chejan.order_values(order, self._issues.get(order.code), prices, total=True)
        loan_date = order.loan_date if order.credit == credits.REPAYMENT else ""
        holding = account.holding(order.code, loan_date)
        today = account.deals_on(self._books.day, order.code)
        sold = [deal for deal in today if deal.side == Side.SELL]
        bought = [deal for deal in today if deal.side == Side.BUY]
        profit = sum(deal.profit for deal in sold)
        amounts = {
            "보유수량": holding.quantity,
            "매입단가": holding.average_price,
            "총매입가": holding.cost,
            "주문가능수량": account.sellable(order.code, order.credit, order.loan_date),
            "당일매도수량": sum(deal.quantity for deal in sold),
            "당일매도금액": sum(deal.amount for deal in sold),
            "당일매수수량": sum(deal.quantity for deal in bought),
            "당일매수금액": sum(deal.amount for deal in bought),
            "당일매매수수료": sum(deal.fee for deal in today),
            "당일매매세금": sum(deal.tax for deal in today),
            "당일hts매도수수료": sum(deal.fee for deal in sold),
            "당일hts매수수수료": sum(deal.fee for deal in bought),
            "당일매도손익": profit,
            "당일총매도손일": profit,
            "당일순매수량": sum(deal.side * deal.quantity for deal in today),
        }
        return {
            "주문수량": values[900],
            "주문가격": values[901],
            "미체결수량": values[902],
            "체결누계금액": values[903],
            "원주문번호": values[904],
            "주문구분": values[905],
            "매매구분": values[906],
            "매도수구분": values[907],
            "주문/체결시간": values[908],
            "체결가": values[910],
            "체결량": values[911],
            "주문상태": order.state,
            "단위체결가": values[914],
            "대출일": order.loan_date or _NO_DATE,
            "신용구분": order.credit,
            "만기일": _NO_DATE,
            "매도/매수구분": values[907],
            **{name: str(amount) for name, amount in amounts.items()},
        }


def orders_of(
    books: Books,
    account: Account,
    day: int,
    inputs: Mapping[str, str],
    accepts: Callable[[BrokerOrder], bool],
    backwards: bool,
) -> list[BrokerOrder]:
    """Orders of a session (YYYYMMDD) by number, filtered by 매도수구분, 종목코드 and 시작주문번호.

    주식채권구분 2 selects bonds, of which there are none.
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
        and accepts(order)
        and (not first or (order.number <= first if backwards else order.number >= first))
    ]
    return sorted(found, key=lambda order: order.number, reverse=backwards)

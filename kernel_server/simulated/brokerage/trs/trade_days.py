"""What an account ordered and traded on a day: opw00009, opt10012, opt10072, opt10170."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order
from kernel_server.simulated.brokerage import chejan
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.order import ORDER_TYPES, BrokerOrder, quotes
from kernel_server.simulated.brokerage.trs.order_lists import clock
from kernel_server.simulated.brokerage.trs.selection import (
    account_of,
    any_order,
    fixed_width_page,
    orders_of,
    plain_page,
    sold,
)
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

_NO_DATE = "00000000"
_CASH = "00"
_MARKETS: Mapping[str, tuple[str, ...]] = {
    "1": ("KOSPI",),
    "2": ("KOSDAQ",),
}  # 시장구분; anything else is all
_FILLED = "1"
_BOUGHT_TODAY, _ALL = "1", "2"


class TradeDays:
    """TR handlers; ``handlers`` lists them."""

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
            "opw00009": self._orders,
            "opt10012": self._newest,
            "opt10072": self._sales,
            "opt10170": self._journal,
        }

    def _name(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else issue.name

    def _orders(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00009: the orders of one day, newest first; 조회구분 1 those with fills."""
        account, inputs = account_of(self._books, request), request.inputs
        day = date_input(inputs["주문일자"]) or self._books.day
        markets = _MARKETS.get(inputs["시장구분"])

        def wanted(order: BrokerOrder) -> bool:
            if markets is not None and getattr(self._issues.get(order.code), "market", "") not in markets:
                return False
            return order.filled > 0 if inputs["조회구분"] == _FILLED else any_order(order)

        orders = orders_of(self._books, account, day, inputs, wanted, backwards=True)
        sold, bought = (
            sum(order.amount for order in orders if order.side == side) for side in (Side.SELL, Side.BUY)
        )
        single: dict[str, str | int] = {
            "매도약정금액": sold,
            "매수약정금액": bought,
            "약정금액": sold + bought,
        }
        return fixed_width_page(request, self._settings, single, "조회건수", orders, self._order_row)

    def _order_row(self, order: BrokerOrder) -> dict[str, str | int]:
        order_type = ORDER_TYPES[order.type]
        return {
            "주식채권구분": "1",
            "주문번호": order.number,
            "종목번호": f"A{order.code}",
            "매매구분": quotes()[order.quote].name,
            "주문유형구분": order_type.name.lstrip("+-"),
            "주문수량": order.quantity,
            "주문단가": order.price,
            "확인수량": order.confirmed,
            "체결번호": order.fill,
            "접수구분": order.state,
            "원주문번호": order.original,
            "종목명": self._name(order.code),
            "결제구분": "삼일결제",
            "신용거래구분": "보통매매",
            "체결수량": order.filled,
            "체결단가": order.average_price,
            "통신구분": "HTS" if order.screen == chejan.NO_SCREEN else "OpenAPI",
            "정정취소구분": {"cancel": "취소", "modify": "정정"}.get(order_type.action, ""),
            "체결시간": clock(order.time) if order.filled else "",
        }

    def _newest(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10012: the account's newest order of this session, what is held of its issue, and the cash."""
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
            found |= self._order_facts(account, max(mine, key=lambda order: order.number))
        return TrAnswer(rows=[in_order(request.tr.multi_names, found)])

    def _order_facts(self, account: Account, order: BrokerOrder) -> dict[str, str]:
        prices = chejan.current_prices(self._exchange, order.code)
        told = chejan.order_values(order, self._name(order.code), prices, total=True)
        holding, today = account.holding(order.code), account.deals_on(self._books.day, order.code)
        sold = [deal for deal in today if deal.side == Side.SELL]
        bought = [deal for deal in today if deal.side == Side.BUY]
        profit = sum(deal.profit for deal in sold)
        amounts = {
            "보유수량": holding.quantity,
            "매입단가": holding.average_price,
            "총매입가": holding.cost,
            "주문가능수량": account.sellable(order.code),
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
            "주문수량": told[900],
            "주문가격": told[901],
            "미체결수량": told[902],
            "체결누계금액": told[903],
            "원주문번호": told[904],
            "주문구분": told[905],
            "매매구분": told[906],
            "매도수구분": told[907],
            "주문/체결시간": told[908],
            "체결가": told[910],
            "체결량": told[911],
            "주문상태": order.state,
            "단위체결가": told[914],
            "대출일": _NO_DATE,
            "신용구분": _CASH,
            "만기일": _NO_DATE,
            "매도/매수구분": told[907],
            **{name: str(amount) for name, amount in amounts.items()},
        }

    def _sales(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10072: the sales of one day, 시작일자, by issue."""
        account, inputs = account_of(self._books, request), request.inputs
        day, code = date_input(inputs["시작일자"]) or self._books.day, inputs["종목코드"]
        groups = _by_issue(deal for deal in account.deals_on(day, code) if deal.side == Side.SELL)
        names = request.tr.multi_names
        rows = [in_order(names, self._sold(day, account, deals)) for deals in groups]
        return plain_page(request, rows)

    def _sold(self, day: int, account: Account, deals: list[Deal]) -> dict[str, str]:
        found = sold(deals, self._name(deals[0].code))
        return found | {
            "일자": str(day),
            "당일hts매도수수료": str(sum(deal.fee for deal in deals)),
            "당일매도손익1": found["당일매도손익"],
            "종목코드1": found["종목코드"],
            "인출가능금액": str(max(0, min(self._valuation.cash(account).settled, account.orderable))),
            "대출일": _NO_DATE,
            "신용구분": _CASH,
        }

    def _journal(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10170: what was bought and sold on a day, by issue; 단주구분 1 of issues bought that day."""
        account, inputs = account_of(self._books, request), request.inputs
        if inputs["단주구분"] not in (_BOUGHT_TODAY, _ALL):
            raise TrRejected("bad_input")
        day = date_input(inputs["기준일자"]) or self._books.day
        groups = _by_issue(account.deals_on(day))
        if inputs["단주구분"] == _BOUGHT_TODAY:
            groups = [deals for deals in groups if any(deal.side == Side.BUY for deal in deals)]
        names = request.tr.multi_names
        rows = [in_order(names, self._entry(deals)) for deals in groups]
        every = [deal for deals in groups for deal in deals]
        sold, bought = (sum(d.amount for d in every if d.side == side) for side in (Side.SELL, Side.BUY))
        profit, cost = sum(deal.profit for deal in every), sum(deal.cost for deal in every)
        charges = sum(deal.fee + deal.tax for deal in every)
        totals = (sold, bought, charges, sold - bought - charges, profit)
        return plain_page(request, rows, [*map(str, totals), percent(profit, cost)])

    def _entry(self, deals: list[Deal]) -> dict[str, str]:
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


def _by_issue(deals: Iterable[Deal]) -> list[list[Deal]]:
    groups: dict[str, list[Deal]] = {}
    for deal in deals:
        groups.setdefault(deal.code, []).append(deal)
    return [*groups.values()]

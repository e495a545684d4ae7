"""Buying power, withdrawable cash and pending settlement: opw00005, opw00008, opw00010, opw00011, opw00013."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from kernel_server.reference.charges import fee, tax_parts
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Account, Deal
from kernel_server.simulated.brokerage.books import Books, SessionCalendar
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.trs.account_pages import account_of, fixed_width_page
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.brokerage.valuation import Position, Valuation
from kernel_server.simulated.market.model import Issue, account_code, board
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.settings import BrokerSettings

_NO_DATE = "00000000"
_RATES = (20, 30, 40, 50, 60, 100)  # margin rates; every order here is paid in full
_FULL = "100%"


class BuyingPower:
    """TR handlers; ``handlers`` lists them."""

    def __init__(
        self,
        books: Books,
        calendar: SessionCalendar,
        valuation: Valuation,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
    ) -> None:
        self._books = books
        self._calendar = calendar
        self._valuation = valuation
        self._settings = settings
        self._issues = issues

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opw00005": self._balance,
            "opw00008": self._settlement,
            "opw00010": self._amounts,
            "opw00011": self._quantities,
            "opw00013": self._margin,
        }

    def _balance(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00005."""
        account = account_of(self._books, request)
        positions, cash = self._valuation.positions(account), self._valuation.cash(account)
        cost, value, profit = (
            sum(amounts)
            for amounts in (
                [each.holding.cost for each in positions],
                [each.value for each in positions],
                [each.profit for each in positions],
            )
        )
        single: dict[str, str | int] = {
            "예수금": cash.settled,
            "예수금D+1": cash.d1,
            "예수금D+2": cash.d2,
            "출금가능금액": self._withdrawable(account, cash.settled),
            "주문가능현금": account.orderable,
            "증거금현금": account.reserved,
            "주식매수총액": cost,
            "평가금액합계": value,
            "총손익합계": profit,
            "총손익률": percent(profit, cost),
            "총재매수가능금액": account.orderable
            + sum(each.value - each.sell_fee - each.tax for each in positions),
            **{f"{rate}주문가능금액": account.orderable for rate in _RATES},
        }
        return fixed_width_page(request, self._settings, single, "조회건수", positions, self._balance_row)

    def _balance_row(self, each: Position) -> dict[str, str | int]:
        return {
            "신용구분": each.credit,
            "대출일": each.loan_date or _NO_DATE,
            "만기일": credits.expiry(each.loan_date, self._settings.loan_days),
            "종목번호": account_code(each.issue.code, each.issue),
            "종목명": each.issue.name,
            "결제잔고": each.settled,
            "현재잔고": each.holding.quantity,
            "현재가": each.last,
            "매입단가": each.holding.average_price,
            "매입금액": each.holding.cost,
            "평가금액": each.value,
            "평가손익": each.profit,
            "손익률": percent(each.profit, each.holding.cost),
        }

    def _withdrawable(self, account: Account, cash: int) -> int:
        return max(0, min(cash, account.orderable))

    def _settlement(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00008: trades of the previous session, settled in the next one, by issue and side."""
        account = account_of(self._books, request)
        traded = self._calendar.shift(self._books.day, -1)
        groups: dict[tuple[str, Side], list[Deal]] = {}
        for deal in account.deals_on(traded):
            groups.setdefault((deal.code, deal.side), []).append(deal)
        first = max(1, _number(request.inputs["시작결제번호"]))
        settled = [*enumerate(groups.values(), 1)][first - 1 :]
        cash = self._valuation.cash(account)
        single: dict[str, str | int] = {
            "매매일자": str(traded),
            "결제일자": str(self._calendar.shift(self._books.day, 1)),
            "매도정산합": cash.sold[0],
            "매수정산합": cash.bought[0],
        }
        return fixed_width_page(request, self._settings, single, "조회건수", settled, self._settled_row)

    def _settled_row(self, numbered: tuple[int, list[Deal]]) -> dict[str, str | int]:
        number, deals = numbered
        issue = self._issues.get(deals[0].code)
        shares, amount = sum(deal.quantity for deal in deals), sum(deal.amount for deal in deals)
        tax, rural = sum(deal.tax for deal in deals), 0
        if tax and issue is not None:
            day, unit = day_of(deals[0].day), self._settings.tax_unit
            rural = sum(tax_parts(deal.amount, day, board(issue), unit)[1] for deal in deals)
        return {
            "일련번호": number,
            "종목번호": account_code(deals[0].code, issue),
            "대출일": _NO_DATE,
            "수량": shares,
            "약정금액": amount,
            "수수료": sum(deal.fee for deal in deals),
            "농특세": rural,
            "종목명": "" if issue is None else issue.name,
            "매도수구분": "매도" if deals[0].side == Side.SELL else "매수",
            "단가": kiwoom_format.divide_rounded(amount, shares),
            "정산금액": abs(sum(deal.cash_change for deal in deals)),
            "거래세": tax - rural,
            "신용구분": "보통매매",
        }

    def _buy_inputs(self, request: TrRequest) -> tuple[Account, int]:
        """Account and purchase price (KRW) of the inputs; price 0 if blank.

        Raises:
            TrRejected: there is no such account or issue.
        """
        account = account_of(self._books, request)
        code = request.inputs["종목번호"].removeprefix("A")
        if code and code not in self._issues:
            raise TrRejected("unknown_code")
        return account, _number(request.inputs["매수가격"])

    def _max_shares(self, account: Account, price: int) -> int:
        """Largest number of shares that can be bought at that price, fee included."""
        if price <= 0 or account.orderable <= 0:
            return 0
        counts = range(account.orderable // price + 1)
        affordable = bisect_right(
            counts, account.orderable, key=lambda shares: account.reservation(price, shares)
        )
        return affordable - 1

    def _amounts(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00010. 매입금액, 수수료 and 매입정산금 are for 매매수량 at 예상매수단가, or else 매수가격."""
        account, price = self._buy_inputs(request)
        cash, shares = self._valuation.cash(account), self._max_shares(account, price)
        amount = _number(request.inputs["매매수량"]) * (_number(request.inputs["예상매수단가"]) or price)
        fee_amount = fee(amount, self._settings.fee_rate)
        names = [f"증거금{rate}주문가능" for rate in _RATES]
        values: dict[str, str | int] = {
            **{f"{name}금액": account.orderable for name in names},
            **{f"{name}수량": shares for name in names},
            "증거금감면60주문가능금": account.orderable,
            "증거금감면60주문가능수": shares,
            "예수금": cash.settled,
            "주문가능현금": account.orderable,
            "인출가능금액": self._withdrawable(account, cash.settled),
            "익일인출가능금액": self._withdrawable(account, cash.d1),
            "매입금액": amount,
            "수수료": fee_amount,
            "매입정산금": amount + fee_amount,
            "D2추정예수금": cash.d2,
            "증거금감면적용구분": "0",
        }
        return TrAnswer(
            fixed_width("opw00010", request.tr.single_names, values), message=message("account_done")
        )

    def _quantities(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00011."""
        account, price = self._buy_inputs(request)
        shares = self._max_shares(account, price)
        names = [*(f"증거금{rate}" for rate in _RATES), "미수불가"]
        values: dict[str, str | int] = {
            **dict.fromkeys(("종목증거금율", "계좌증거금율", "적용증거금율"), _FULL),
            **{f"{name}주문가능금액": account.orderable for name in names},
            **{f"{name}주문가능수량": shares for name in names},
            "예수금": self._valuation.cash(account).settled,
            "주문가능현금": account.orderable,
        }
        return TrAnswer(
            fixed_width("opw00011", request.tr.single_names, values), message=message("account_done")
        )

    def _margin(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00013. Margin is cash only."""
        account = account_of(self._books, request)
        values: dict[str, str | int] = {
            "현금금액": self._valuation.cash(account).settled,
            "현금증거금": account.reserved,
            "사용가능현금": account.orderable,
            "사용가능현금최종": account.orderable,
            **{f"{rate}주문가능금액": account.orderable for rate in _RATES},
        }
        return TrAnswer(
            fixed_width("opw00013", request.tr.single_names, values), message=message("account_done")
        )


def _number(text: str) -> int:
    """A numeric input, 0 if blank.

    Raises:
        TrRejected: it is not a number.
    """
    if text and not (text.isascii() and text.isdigit()):
        raise TrRejected("bad_input")
    return int(text or 0)

"""Account statements: balances and settled trades over time, opw00002, opw00003, opw00015 to opw00017."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.brokerage.account import Deal
from kernel_server.simulated.brokerage.books import SETTLEMENT_SESSIONS, Books, SessionCalendar
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.ledger import Ledger
from kernel_server.simulated.brokerage.trs.account_pages import account_of, fixed_width_page
from kernel_server.simulated.brokerage.trs.field_widths import colon_time, fixed_width
from kernel_server.simulated.brokerage.valuation import Valuation
from kernel_server.simulated.market.model import Issue, account_code
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

# 구분 of opw00015: 0 all, 3 trades, 4 purchases, 5 sales. Other movements do not occur here.
_MOVEMENTS: Mapping[str, tuple[Side, ...]] = {
    "": (Side.BUY, Side.SELL),
    "0": (Side.BUY, Side.SELL),
    "3": (Side.BUY, Side.SELL),
    "4": (Side.BUY,),
    "5": (Side.SELL,),
    **dict.fromkeys("126789ABCDEFGM", ()),
}


class Statements:
    """TR handlers; ``handlers`` lists them."""

    def __init__(
        self,
        books: Books,
        calendar: SessionCalendar,
        valuation: Valuation,
        ledger: Ledger,
        settings: BrokerSettings,
        issues: Mapping[str, Issue],
    ) -> None:
        self._books = books
        self._calendar = calendar
        self._valuation = valuation
        self._ledger = ledger
        self._settings = settings
        self._issues = issues

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opw00002": self._daily_balances,
            "opw00003": self._assets,
            "opw00015": self._settled_trades,
            "opw00016": self._returns,
            "opw00017": self._today,
        }

    def _period(self, request: TrRequest, first: str, last: str) -> tuple[int, int]:
        """First and last date of a period; the newest session if blank."""
        inputs = request.inputs
        until = min(date_input(inputs[last]) or self._books.day, self._books.day)
        return date_input(inputs[first]) or until, until

    def _daily_balances(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00002: balances of each session in the period, oldest first."""
        account = account_of(self._books, request)
        first, last = self._period(request, "시작조회기간", "종료조회기간")

        def row(day: int) -> dict[str, str | int]:
            day_end = self._ledger.at_close(account, day)
            return {
                "일자": str(day),
                "예수금": day_end.settled,
                "추정예탁자산": day_end.assets,
                "추정예탁자산수익증권제외": day_end.assets,
            }

        days = self._calendar.between(first, last) if first <= last else []
        return fixed_width_page(request, self._settings, {}, "출력건수", days, row)

    def _assets(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00003."""
        assets = self._valuation.assets(account_of(self._books, request))
        single = fixed_width("opw00003", request.tr.single_names, {"추정예탁자산": assets})
        return TrAnswer(single, message=message("account_done"))

    def _settled_trades(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00015: trades settled in the period (D+2), oldest first."""
        account, inputs = account_of(self._books, request), request.inputs
        first, last = self._period(request, "시작일자", "종료일자")
        sides = _MOVEMENTS.get(inputs["구분"])
        if sides is None:
            raise TrRejected("bad_input")
        code = inputs["종목코드"].removeprefix("A")
        rows, cash, shares = [], account.deposit, dict[str, int]()
        numbers: dict[int, int] = {}
        for deal in account.deals:
            if self._calendar.sessions_between(deal.day, self._books.day) < SETTLEMENT_SESSIONS:
                break
            day = self._calendar.shift(deal.day, SETTLEMENT_SESSIONS)
            cash += deal.cash_change
            shares[deal.code] = shares.get(deal.code, 0) + deal.side * deal.quantity
            numbers[day] = numbers.get(day, 0) + 1
            if first <= day <= last and deal.side in sides and code in ("", deal.code):
                rows.append(self._settled_row(deal, day, numbers[day], cash, shares[deal.code]))
        return fixed_width_page(request, self._settings, {"계좌번호": account.number}, "출력건수", rows, dict)

    def _settled_row(self, deal: Deal, day: int, number: int, cash: int, left: int) -> dict[str, str | int]:
        issue = self._issues.get(deal.code)
        sold = deal.side == Side.SELL
        return {
            "거래일자": str(day),
            "거래번호": number,
            "적요명": "장내매도" if sold else "장내매수",
            "신용거래구분명": "보통매매",
            "정산금액": abs(deal.cash_change),
            "예수금잔고": cash,
            "통화코드": "KRW",
            "거래종류명": "매매",
            "종목명": "" if issue is None else issue.name,
            "거래금액": deal.amount,
            "거래및농특세": deal.tax,
            "매체구분명": "OpenAPI",
            "입출구분": "1" if sold else "2",
            "입출구분명": "매도" if sold else "매수",
            "종목코드": account_code(deal.code, issue),
            "거래수량/좌수": str(deal.quantity),
            "수수료": deal.fee,
            "유가금잔": str(left),
            "처리시간": colon_time(deal.time),
            "거래단가/환율": f"{deal.price:,}",
            "체결일": str(deal.day),
            "세금수수료합": deal.tax + deal.fee,
        }

    def _returns(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00016: the account before 평가시작일 and at the end of 평가종료일, without deposits or withdrawals.

        회전율 is the amount sold in percent of the starting assets, which is a guess.
        """
        account = account_of(self._books, request)
        first, last = self._period(request, "평가시작일", "평가종료일")
        if first > last:
            raise TrRejected("bad_input")
        start = self._ledger.at_close(
            account, self._calendar.shift(first, -1 if self._is_session(first) else 0)
        )
        end = self._ledger.at_close(account, last)
        _bought, sold = self._ledger.amounts_traded(account, first, last)
        values: dict[str, str | int] = {
            "예수금_초": start.settled,
            "예수금_말": end.settled,
            "유가증권평가금액_초": start.value,
            "유가증권평가금액_말": end.value,
            "순자산액계_초": start.assets,
            "순자산액계_말": end.assets,
            "투자원금평잔": start.assets,
            "평가손익": end.assets - start.assets,
            "수익률": percent(end.assets - start.assets, start.assets),
            "회전율": percent(sold, start.assets),
        }
        return TrAnswer(
            fixed_width("opw00016", request.tr.single_names, values), message=message("account_done")
        )

    def _is_session(self, day: int) -> bool:
        return self._calendar.between(day, day) == [day]

    def _today(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00017."""
        account = account_of(self._books, request)
        deals = account.deals_on(self._books.day)
        values: dict[str, str | int] = {
            "D+2추정예수금": account.cash,
            "일반주식평가금액D+2": sum(each.value for each in self._valuation.positions(account)),
            "매도금액": sum(deal.amount for deal in deals if deal.side == Side.SELL),
            "매수금액": sum(deal.amount for deal in deals if deal.side == Side.BUY),
            "수수료": sum(deal.fee for deal in deals),
            "세금": sum(deal.tax for deal in deals),
        }
        return TrAnswer(
            fixed_width("opw00017", request.tr.single_names, values), message=message("account_done")
        )

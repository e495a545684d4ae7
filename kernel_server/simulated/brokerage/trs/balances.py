"""Deposit and holdings of an account: opw00001, opw00004, opw00018, opt10085."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest, in_order, message
from kernel_server.simulated.brokerage import credit as credits
from kernel_server.simulated.brokerage.account import Account, Holding
from kernel_server.simulated.brokerage.books import Books
from kernel_server.simulated.brokerage.chejan import percent
from kernel_server.simulated.brokerage.trs.account_pages import account_of, fixed_width_page
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.brokerage.valuation import Position, Valuation
from kernel_server.simulated.market.model import account_code
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import BrokerSettings

_NO_DATE = "00000000"
_SUMMED = "1"  # 조회구분 합산


class Balances:
    """Handlers of the deposit and holdings TRs."""

    def __init__(self, books: Books, valuation: Valuation, settings: BrokerSettings) -> None:
        self._books = books
        self._valuation = valuation
        self._settings = settings

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opw00001": self._deposit,
            "opw00004": self._overview,
            "opw00018": self._holdings,
            "opt10085": self._returns,
        }

    def _deposit(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00001. The margin rate is always 100 %, so all 주문가능금액 are equal."""
        account = account_of(self._books, request)
        cash = self._valuation.cash(account)
        orderable = account.orderable
        values: dict[str, str | int] = {
            "예수금": cash.settled,
            "주식증거금현금": account.reserved,
            "출금가능금액": max(0, min(cash.settled, orderable)),
            "주문가능금액": orderable,
            **{f"{rate}%종목주문가능금액": orderable for rate in (20, 30, 40, 100)},
        }
        for place, estimate in enumerate((cash.d1, cash.d2)):
            day = f"d+{place + 1}"
            bought, sold = cash.bought[place], cash.sold[place]
            values[f"{day}추정예수금"] = estimate
            values[f"{day}매도매수정산금"] = sold - bought
            values[f"{day}매수정산금"] = bought
            values[f"{day}매도정산금"] = sold
            values[f"{day}출금가능금액"] = max(0, min(estimate, orderable))
        return TrAnswer(
            fixed_width("opw00001", request.tr.single_names, values), message=message("account_done")
        )

    def _overview(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00004."""
        account = account_of(self._books, request)
        positions = self._valuation.positions(account)
        value = sum(each.value for each in positions)
        assets = self._valuation.assets(account)
        # 당일, 당월 and 누적 compare with the assets at the start of each period.
        number = account.number
        starts = {
            "당일": self._books.day_worth[number].assets,
            "당월": self._books.month_worth[number].assets,
            "누적": account.deposit,
        }
        single: dict[str, str | int] = {
            "계좌명": next(config.name for config in self._settings.accounts if config.number == number),
            "예수금": self._valuation.cash(account).settled,
            "D+2추정예수금": account.cash,
            "유가잔고평가액": value,
            "예탁자산평가액": account.cash + value,
            "총매입금액": sum(each.holding.cost for each in positions),
            "추정예탁자산": assets,
            **{f"{span}투자원금": start for span, start in starts.items()},
            **{f"{span}투자손익": assets - start for span, start in starts.items()},
            **{f"{span}손익율": percent(assets - start, start) for span, start in starts.items()},
        }
        return fixed_width_page(request, self._settings, single, "출력건수", positions, _overview_row)

    def _holdings(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opw00018. 조회구분 1 합산 adds up what an issue has with cash and on credit, 2 개별 does not."""
        account = account_of(self._books, request)
        positions = self._valuation.positions(account)
        if request.inputs["조회구분"] == _SUMMED:
            positions = _summed(positions)
        cost, value, profit = (
            sum(amounts)
            for amounts in (
                [each.holding.cost for each in positions],
                [each.value for each in positions],
                [each.profit for each in positions],
            )
        )
        single: dict[str, str | int] = {
            "총매입금액": cost,
            "총평가금액": value,
            "총평가손익금액": profit,
            "총수익률(%)": percent(profit, cost),
            "추정예탁자산": self._valuation.assets(account),
            "총대출금": account.borrowed,
            "총융자금액": account.borrowed,
        }
        return fixed_width_page(
            request, self._settings, single, "조회건수", positions, lambda each: _holding_row(each, cost)
        )

    def _returns(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10085."""
        account = account_of(self._books, request)
        names = request.tr.multi_names
        rows = [
            in_order(names, self._return_row(account, each)) for each in self._valuation.positions(account)
        ]
        start = request.after or 0
        stop = start + (request.tr.rows_per_page or self._settings.account_rows)
        return TrAnswer(rows=rows[start:stop], after=stop if stop < len(rows) else None)

    def _return_row(self, account: Account, each: Position) -> dict[str, str]:
        today = [
            deal
            for deal in account.deals_on(self._books.day, each.issue.code)
            if deal.loan_date == each.loan_date
        ]
        return {
            "일자": str(self._books.day),
            "종목코드": each.issue.code,
            "종목명": each.issue.name,
            "현재가": kiwoom_format.price(each.last, each.base),
            "매입가": str(each.holding.average_price),
            "매입금액": str(each.holding.cost),
            "보유수량": str(each.holding.quantity),
            "당일매도손익": str(sum(deal.profit for deal in today)),
            # Blank on a day without trades, as recorded.
            "당일매매수수료": str(sum(deal.fee for deal in today)) if today else "",
            "당일매매세금": str(sum(deal.tax for deal in today)),
            "신용구분": each.credit,
            "대출일": each.loan_date or _NO_DATE,
            "결제잔고": str(each.settled),
            "청산가능수량": str(each.sellable),
            "신용금액": str(each.holding.loan),
            "신용이자": "0",
            "만기일": credits.expiry(each.loan_date, self._settings.loan_days),
        }


def _summed(positions: list[Position]) -> list[Position]:
    """The positions with those of one issue added up; such a sum has no 대출일."""
    found: dict[str, Position] = {}
    for each in positions:
        before = found.get(each.issue.code)
        found[each.issue.code] = each if before is None else _sum(before, each)
    return list(found.values())


def _sum(one: Position, other: Position) -> Position:
    held, more = one.holding, other.holding
    return replace(
        one,
        holding=Holding(
            held.quantity + more.quantity, held.cost + more.cost, held.fees + more.fees, held.loan + more.loan
        ),
        value=one.value + other.value,
        buy_fee=one.buy_fee + other.buy_fee,
        sell_fee=one.sell_fee + other.sell_fee,
        tax=one.tax + other.tax,
        sellable=one.sellable + other.sellable,
        settled=one.settled + other.settled,
        recent_volume=Counter(one.recent_volume) + Counter(other.recent_volume),
        loan_date="",
    )


def _recent_volumes(each: Position) -> dict[str, int]:
    days, sides = (("금일", 0), ("전일", 1)), (("매수", Side.BUY), ("매도", Side.SELL))
    return {
        f"{day}{what}수량": each.recent_volume.get((age, side), 0)
        for day, age in days
        for what, side in sides
    }


def _overview_row(each: Position) -> dict[str, str | int]:
    return {
        "종목코드": account_code(each.issue.code, each.issue),
        "종목명": each.issue.name,
        "보유수량": each.holding.quantity,
        "평균단가": each.holding.average_price,
        "현재가": each.last,
        "평가금액": each.value,
        "손익금액": each.profit,
        "손익율": percent(each.profit, each.holding.cost),
        "대출일": each.loan_date or _NO_DATE,
        "매입금액": each.holding.cost,
        "결제잔고": each.settled,
        **_recent_volumes(each),
    }


def _holding_row(each: Position, total_cost: int) -> dict[str, str | int]:
    return {
        "종목번호": account_code(each.issue.code, each.issue),
        "종목명": each.issue.name,
        "평가손익": each.profit,
        "수익률(%)": percent(each.profit, each.holding.cost),
        "매입가": each.holding.average_price,
        "전일종가": each.base,
        "보유수량": each.holding.quantity,
        "매매가능수량": each.sellable,
        "현재가": each.last,
        "매입금액": each.holding.cost,
        "매입수수료": each.buy_fee,
        "평가금액": each.value,
        "평가수수료": each.sell_fee,
        "세금": each.tax,
        "수수료합": each.buy_fee + each.sell_fee,
        "보유비중(%)": percent(each.holding.cost, total_cost),
        "신용구분": each.credit,
        "신용구분명": credits.NAMES.get(each.credit, ""),
        "대출일": each.loan_date,  # blank without credit, as recorded
        **_recent_volumes(each),
    }

"""opt10007 (시세표성정보): price, previous day and ten levels a side of an issue, in one row."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRequest, in_order
from kernel_server.simulated.exchange.interface import NO_EXPECTED_TRADE, Exchange, Tape, Trade
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.trs.order_book import book_levels, book_snapshot, taken_by

_AUCTIONS = (Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)
_NO_DATE = "00000000"


class PriceTable:
    """Handler of opt10007.

    Args:
        issues: all listed issues by code.
        exchange: supplies tape and books.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange) -> None:
        self._issues = issues
        self._exchange = exchange

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10007": self._table}

    def _table(self, request: TrRequest, now: float) -> TrAnswer:
        code = request.inputs["종목코드"]
        if code in self._issues and not self._exchange.prepare_tapes([code]):
            raise AnswerPending
        snapshot = book_snapshot(self._issues, self._exchange, request, now)
        if isinstance(snapshot, TrAnswer):
            return snapshot
        issue, _base, newest_trade, asks, bids, time = snapshot
        tape = self._exchange.tape(issue.code)
        values = _state(issue, tape) | {"날짜": f"{time:%Y%m%d}", "시간": f"{time:%H%M%S}"}
        values |= {"총매도잔량": str(sum(level.volume for level in asks)), "총매도건수": "0"}
        values |= {"총매수잔량": str(sum(level.volume for level in bids))}
        for side, levels, initiative in (("매도", asks, Side.BUY), ("매수", bids, Side.SELL)):
            for number, level in enumerate(book_levels(levels, taken_by(newest_trade, initiative)), 1):
                values[f"{side}{number}호가"] = (
                    kiwoom_format.price(level.price, tape.base) if level.price else "0"
                )
                values[f"{side}{number}호가잔량"] = str(level.volume)
                values[f"{side}{number}호가직전대비"] = kiwoom_format.signed(level.change)
                values[f"LP{side}{number}호가잔량"] = "0"
        values |= self._expected(newest_trade, tape, issue.code)
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(issue.code,))

    def _expected(self, newest_trade: Trade | None, tape: Tape, code: str) -> dict[str, str]:
        """Expected trade fields. The price is 0 with a sign, as the broker writes it outside an auction."""
        state = self._exchange.states([code]).get(code)
        expected = NO_EXPECTED_TRADE if state is None else state.indicative
        asks, bids = self._exchange.depth(tape.code)
        best = [
            side[0].price if side and self._exchange.phase(tape.code) in _AUCTIONS else 0
            for side in (asks, bids)
        ]
        return {
            "체결량": "" if newest_trade is None else str(newest_trade.volume),
            "예상체결가": kiwoom_format.price(expected.price, tape.base),
            "예상체결량": str(expected.volume),
            "예상매도우선호가": kiwoom_format.price(best[0], tape.base) if best[0] else "0",
            "예상매수우선호가": kiwoom_format.price(best[1], tape.base) if best[1] else "0",
        }


def _state(issue: Issue, tape: Tape) -> dict[str, str]:
    change = tape.last - tape.base

    def price(value: int) -> str:
        return kiwoom_format.price(value, tape.base) if value else "0"

    return {
        "종목명": issue.name,
        "종목코드": issue.code,
        "전일종가": str(tape.base),
        "전일거래량": str(tape.previous_volume),
        "상한가": price(tape.upper),
        "하한가": price(tape.lower),
        "전일거래대금": str(kiwoom_format.millions(tape.previous_value)),
        "상장주식수": str(kiwoom_format.thousands(issue.shares)),
        "현재가": price(tape.last),
        "부호": kiwoom_format.change_sign(tape.last, tape.base, tape.upper, tape.lower),
        "등락률": kiwoom_format.rate(change, tape.base),
        "전일비": kiwoom_format.percent_of_previous(tape.volume, tape.previous_volume),
        "시가": price(tape.open),
        "고가": price(tape.high),
        "저가": price(tape.low),
        "거래량": str(tape.volume),
        "거래대금": str(kiwoom_format.millions(tape.value)),
        "거래시작일": _NO_DATE,
        "행사가격": "0",
    }

"""opt10007 (시세표성정보): an issue's price, its day before and its ten levels a side, in one row."""

from __future__ import annotations

from collections.abc import Mapping

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest, in_order
from kernel_server.simulated.exchange.interface import Exchange, Tape, Trade
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.trs.order_book import look, rungs, taken_by

_AUCTIONS = (Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION)
_NO_DATE = "00000000"


class PriceTable:
    """The handler of opt10007.

    Args:
        issues: the listing, by code.
        exchange: whose tape and books are shown.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange) -> None:
        self._issues = issues
        self._exchange = exchange

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10007": self._table}

    def _table(self, request: TrRequest, now: float) -> TrAnswer:
        seen = look(self._issues, self._exchange, request, now)
        if isinstance(seen, TrAnswer):
            return seen
        issue, tape, newest, asks, bids, moment = seen
        values = _state(issue, tape) | {"날짜": f"{moment:%Y%m%d}", "시간": f"{moment:%H%M%S}"}
        values |= {"총매도잔량": str(sum(level.volume for level in asks)), "총매도건수": "0"}
        values |= {"총매수잔량": str(sum(level.volume for level in bids))}
        for side, levels, initiative in (("매도", asks, Side.BUY), ("매수", bids, Side.SELL)):
            for number, rung in enumerate(rungs(levels, taken_by(newest, initiative)), 1):
                values[f"{side}{number}호가"] = (
                    kiwoom_format.price(rung.price, tape.base) if rung.price else "0"
                )
                values[f"{side}{number}호가잔량"] = str(rung.volume)
                values[f"{side}{number}호가직전대비"] = kiwoom_format.signed(rung.change)
                values[f"LP{side}{number}호가잔량"] = "0"
        values |= self._expected(newest, tape)
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(issue.code,))

    def _expected(self, newest: Trade | None, tape: Tape) -> dict[str, str]:
        """Outside an auction nothing is expected, which the broker writes as a price of nothing.

        What an auction would give is told to those who watch the issue; here only its best quotes are known.
        """
        asks, bids = self._exchange.depth(tape.code)
        best = [side[0].price if side and self._exchange.phase() in _AUCTIONS else 0 for side in (asks, bids)]
        return {
            "체결량": "" if newest is None else str(newest.volume),
            "예상체결가": kiwoom_format.price(0, tape.base),
            "예상체결량": "0",
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

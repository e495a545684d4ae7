"""Index quotes: one index with its last minutes (opt20001), or all of a market (opt20003).

Index values have two decimals and the sign of their change; volumes are in thousands of shares.
"""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
    unread,
)
from kernel_server.simulated.market.day_summary import extremes
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.snapshot.index_breadth import Breadth, count_breadth, member_places
from kernel_server.simulated.snapshot.index_format import base_value, change_text, direction, index_text
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import Index
from kernel_server.simulated.snapshot.scanner import MarketScanner

GROUPS = ("0", "1", "2")
_DAY = 1_000_000


class IndexQuotes:
    """Handlers of opt20001 and opt20003."""

    def __init__(self, indices: IndexValues, scanner: MarketScanner) -> None:
        self._indices = indices
        self._scanner = scanner

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt20001": self._one, "opt20003": self._all}

    def breadth(self, index: Index, now: float) -> Breadth:
        """Breadth of an index."""
        facts, whole = self._scanner.facts(now), self._scanner.prices(now)
        places = member_places(index, facts)
        return count_breadth(facts, places, whole.at(places))

    def _one(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20001. Rows are minutes, newest first; the continuation key is the time of the oldest."""
        if not self._indices.prepare_index(request.inputs["업종코드"]):
            raise AnswerPending
        index = self._indices.by_code.get(request.inputs["업종코드"])
        if request.inputs["시장구분"] not in GROUPS:
            raise TrRejected("bad_input")
        if index is None:
            raise TrRejected("unknown_code")
        bars = self._indices.daily(index.code, now)
        if not len(bars):
            return TrAnswer(message=message("no_history"), codes=(index.code,))
        base = base_value(bars)
        values = quote_fields(bars) | breadth_fields(self.breadth(index, now)) | year_fields(bars)
        minutes = self._indices.minute(index.code, now, 1)
        # Before the first minute of a session is complete, the newest minutes are of the previous session.
        minutes = cut(minutes, int(np.searchsorted(minutes.time, int(bars.time[-1]) * _DAY)), len(minutes))
        stop = len(minutes)
        if request.after is not None:
            stop = int(np.searchsorted(minutes.time, request.after, "left"))
        start = max(0, stop - (request.tr.rows_per_page or stop))
        total = np.cumsum(minutes.volume)
        rows = []
        for at in range(stop - 1, start - 1, -1):
            close = int(minutes.close[at])
            row = {
                "시간n": f"{int(minutes.time[at]) % _DAY:06d}",
                "현재가n": index_text(close, base),
                "전일대비기호n": direction(close, base),
                "전일대비n": change_text(close, base),
                "등락률n": kiwoom_format.rate(close - base, base),
                "거래량n": str(kiwoom_format.thousands(int(minutes.volume[at]))),
                "누적거래량n": str(kiwoom_format.thousands(int(total[at]))),
            }
            rows.append(in_order(request.tr.multi_names, row))
        single = in_order(request.tr.single_names, values)
        return TrAnswer(single, rows, int(minutes.time[start]) if start else None, codes=(index.code,))

    def _all(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20003: all indices in the group of the index requested."""
        if not self._indices.prepare_index(request.inputs["업종코드"]):
            raise AnswerPending
        asked = self._indices.by_code.get(request.inputs["업종코드"])
        if asked is None:
            raise TrRejected("unknown_code")
        in_group = self._indices.group(asked.group, now)
        if in_group is None:
            raise AnswerPending
        found = [(index, bars) for index, bars in in_group[0] if len(bars)]
        errors = in_group[1]
        whole = max((int(bars.value[-1]) for _index, bars in found), default=0)
        rows = []
        for index, bars in found:
            breadth = self.breadth(index, now)
            values = quote_fields(bars) | breadth_fields(breadth)
            values |= {
                "종목코드": index.code,
                "종목명": index.name,
                "대비기호": values["전일대비기호"],
                "비중": kiwoom_format.decimal(int(bars.value[-1]) * 100, max(1, whole)),
                "상장종목수": str(breadth.listed),
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(
            rows=rows, message="" if rows else message("no_history"), unread=tuple(map(unread, errors))
        )


def quote_fields(bars: Bars) -> dict[str, str]:
    base, last = base_value(bars), int(bars.close[-1])
    return {
        "현재가": index_text(last, base),
        "전일대비기호": direction(last, base),
        "전일대비": change_text(last, base),
        "등락률": kiwoom_format.rate(last - base, base),
        "거래량": str(kiwoom_format.thousands(int(bars.volume[-1]))),
        "거래대금": str(kiwoom_format.millions(int(bars.value[-1]))),
        "시가": index_text(int(bars.open[-1]), base),
        "고가": index_text(int(bars.high[-1]), base),
        "저가": index_text(int(bars.low[-1]), base),
    }


def breadth_fields(breadth: Breadth) -> dict[str, str]:
    return {
        "거래형성종목수": str(breadth.traded),
        "거래형성비율": kiwoom_format.decimal(breadth.traded * 100, max(1, breadth.listed)),
        "상한": str(breadth.upper),
        "상승": str(breadth.up),
        "보합": str(breadth.flat),
        "하락": str(breadth.down),
        "하한": str(breadth.lower),
    }


def year_fields(bars: Bars) -> dict[str, str]:
    base, last, highs_and_lows = base_value(bars), int(bars.close[-1]), extremes(bars)
    return {
        "52주최고가": index_text(highs_and_lows.long_high, base),
        "52주최고가일": str(highs_and_lows.long_high_date),
        "52주최고가대비율": kiwoom_format.rate(last - highs_and_lows.long_high, highs_and_lows.long_high),
        "52주최저가": index_text(highs_and_lows.long_low, base),
        "52주최저가일": str(highs_and_lows.long_low_date),
        "52주최저가대비율": kiwoom_format.rate(last - highs_and_lows.long_low, highs_and_lows.long_low),
    }

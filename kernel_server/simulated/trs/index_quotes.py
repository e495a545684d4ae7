"""The state of indices: one with its last minutes (opt20001), or all of a market (opt20003).

Here an index has its two decimals and, as a price, the sign of its colour; volumes are in thousands of shares.
"""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import (
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    Unfinished,
    in_order,
    message,
)
from kernel_server.simulated.market.day_summary import extremes
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.snapshot.index_breadth import Breadth, breadth_of, places_of
from kernel_server.simulated.snapshot.index_format import base_of, change, level, sense
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import Index
from kernel_server.simulated.snapshot.scanner import MarketScanner

GROUPS = ("0", "1", "2")
_DAY = 1_000_000


class IndexQuotes:
    """Handlers of opt20001 and opt20003."""

    def __init__(self, indices: IndexValues, survey: MarketScanner) -> None:
        self._indices = indices
        self._survey = survey

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt20001": self._one, "opt20003": self._all}

    def breadth(self, index: Index, now: float) -> Breadth:
        """The issues of an index, counted."""
        facts, whole = self._survey.facts(now), self._survey.prices(now)
        places = places_of(index, facts)
        return breadth_of(facts, places, whole.at(places))

    def _one(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20001. Its rows are minutes, newest first; their key is the time of the page's oldest."""
        if not self._indices.prepare_one(request.inputs["업종코드"]):
            raise Unfinished
        index = self._indices.known.get(request.inputs["업종코드"])
        if request.inputs["시장구분"] not in GROUPS:
            raise TrRejected("bad_input")
        if index is None:
            raise TrRejected("unknown_code")
        bars = self._indices.daily(index.code, now)
        if not len(bars):
            return TrAnswer(message=message("no_history"), codes=(index.code,))
        base = base_of(bars)
        values = state(bars) | counted(self.breadth(index, now)) | year_extremes(bars)
        minutes = self._indices.minute(index.code, now, 1)
        # In the morning, before its first minute is over, a session has none: yesterday's are not its own.
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
                "현재가n": level(close, base),
                "전일대비기호n": sense(close, base),
                "전일대비n": change(close, base),
                "등락률n": kiwoom_format.rate(close - base, base),
                "거래량n": str(kiwoom_format.thousands(int(minutes.volume[at]))),
                "누적거래량n": str(kiwoom_format.thousands(int(total[at]))),
            }
            rows.append(in_order(request.tr.multi_names, row))
        single = in_order(request.tr.single_names, values)
        return TrAnswer(single, rows, int(minutes.time[start]) if start else None, codes=(index.code,))

    def _all(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20003: the indices of the market that the given one belongs to."""
        if not self._indices.prepare_one(request.inputs["업종코드"]):
            raise Unfinished
        asked = self._indices.known.get(request.inputs["업종코드"])
        if asked is None:
            raise TrRejected("unknown_code")
        if not self._indices.prepare(asked.group):
            raise Unfinished
        found = [
            (index, bars)
            for index in self._indices.known.values()
            if index.group == asked.group and len(bars := self._indices.daily(index.code, now))
        ]
        whole = max((int(bars.value[-1]) for _index, bars in found), default=0)
        rows = []
        for index, bars in found:
            breadth = self.breadth(index, now)
            values = state(bars) | counted(breadth)
            values |= {
                "종목코드": index.code,
                "종목명": index.name,
                "대비기호": values["전일대비기호"],
                "비중": kiwoom_format.decimal(int(bars.value[-1]) * 100, max(1, whole)),
                "상장종목수": str(breadth.listed),
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, message="" if rows else message("no_history"))


def state(bars: Bars) -> dict[str, str]:
    base, last = base_of(bars), int(bars.close[-1])
    return {
        "현재가": level(last, base),
        "전일대비기호": sense(last, base),
        "전일대비": change(last, base),
        "등락률": kiwoom_format.rate(last - base, base),
        "거래량": str(kiwoom_format.thousands(int(bars.volume[-1]))),
        "거래대금": str(kiwoom_format.millions(int(bars.value[-1]))),
        "시가": level(int(bars.open[-1]), base),
        "고가": level(int(bars.high[-1]), base),
        "저가": level(int(bars.low[-1]), base),
    }


def counted(breadth: Breadth) -> dict[str, str]:
    return {
        "거래형성종목수": str(breadth.traded),
        "거래형성비율": kiwoom_format.decimal(breadth.traded * 100, max(1, breadth.listed)),
        "상한": str(breadth.upper),
        "상승": str(breadth.up),
        "보합": str(breadth.flat),
        "하락": str(breadth.down),
        "하한": str(breadth.lower),
    }


def year_extremes(bars: Bars) -> dict[str, str]:
    base, last, far = base_of(bars), int(bars.close[-1]), extremes(bars)
    return {
        "52주최고가": level(far.long_high, base),
        "52주최고가일": str(far.long_high_date),
        "52주최고가대비율": kiwoom_format.rate(last - far.long_high, far.long_high),
        "52주최저가": level(far.long_low, base),
        "52주최저가일": str(far.long_low_date),
        "52주최저가대비율": kiwoom_format.rate(last - far.long_low, far.long_low),
    }

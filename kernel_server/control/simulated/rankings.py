"""Rankings of the whole market: by change (opt10027), by volume (opt10030), by 거래대금 (opt10032).

What an input's value leaves out stands in ``ranking_filter.tsv``, what is ranked by in ``ranking_order.tsv``;
a value that is not there is a bad input. The continuation key is the rank: pages read while prices move may
show an issue twice or not at all, as the broker's do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kernel_server.control.simulated import formats
from kernel_server.control.simulated.answers import Answer, Handler, Rejected, Request, in_order, message
from kernel_server.control.simulated.day import Day, book
from kernel_server.control.simulated.market import Floats, Ints
from kernel_server.control.simulated.snapshot import Facts, Prices
from kernel_server.control.simulated.survey import Survey
from kernel_server.control.simulated.tsv import rows as table

Flags = NDArray[np.bool_]

_ORDER_INPUT = "정렬구분"

_PARTS: Mapping[str, Callable[[Mapping[str, Floats]], Flags]] = {
    "up": lambda columns: columns["change"] > 0,
    "down": lambda columns: columns["change"] < 0,
    "flat": lambda columns: columns["change"] == 0,
    "traded": lambda columns: columns["volume"] > 0,
}


class Rankings:
    """Handlers of the rankings."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._filters: dict[tuple[str, str, int], list[tuple[str, float, float]]] = {}
        for tr, name, value, field, least, most in table("ranking_filter"):
            held = self._filters.setdefault((tr, name, int(value)), [])
            if field != "-":
                held.append((field, float(least or "-inf"), float(most or "inf")))
        self._orders = {
            (tr, value): (field, int(sense), part) for tr, value, field, sense, part in table("ranking_order")
        }

    def handlers(self) -> dict[str, Handler]:
        """A handler for each TR code, in lower case."""
        writers = {"opt10027": self._mover, "opt10030": self._active, "opt10032": self._valued}
        return {code: self._handler(writer) for code, writer in writers.items()}

    def _handler(self, write: Callable[[Day, dict[str, str]], dict[str, str]]) -> Handler:
        def answer(request: Request, now: float) -> Answer:
            return self._page(request, now, write)

        return answer

    def _page(
        self, request: Request, now: float, write: Callable[[Day, dict[str, str]], dict[str, str]]
    ) -> Answer:
        facts = self._survey.facts(now)
        prices = self._survey.prices(now)
        columns = _columns(facts, prices)
        order = self._orders.get((request.tr.code, _number(request.inputs.get(_ORDER_INPUT, ""))))
        if order is None:
            raise Rejected("bad_input")
        field, sense, part = order
        market = self._left(request, columns)
        ranked = _ranked(columns[field] * sense, market & _PARTS[part](columns))
        before = _ranked(columns["value_before"] * sense, market)
        rank_before = np.zeros(len(facts), np.int64)
        rank_before[before] = np.arange(1, len(before) + 1)
        start = request.after or 0
        size = request.tr.rows_per_page or max(1, len(ranked))
        page = ranked[start : start + size].tolist()
        rows = []
        for rank, place in enumerate(page, start + 1):
            day = facts.day(place, prices, place)
            ranks = {"현재순위": str(rank), "전일순위": str(rank_before[place])}
            rows.append(in_order(request.tr.multi_names, write(day, ranks)))
        after = start + size if start + size < len(ranked) else None
        return Answer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _left(self, request: Request, columns: Mapping[str, Floats]) -> Flags:
        """Which issues the inputs leave in."""
        left: Flags = columns["volume"] >= 0
        for name in (field.name for field in request.tr.inputs if field.name != _ORDER_INPUT):
            value = int(_number(request.inputs.get(name, "")) or 0)
            filters = self._filters.get((request.tr.code, name, value))
            if filters is None:
                raise Rejected("bad_input")
            for field, least, most in filters:
                left = left & (columns[field] >= least) & (columns[field] <= most)
        return left

    def _mover(self, day: Day, _ranks: dict[str, str]) -> dict[str, str]:
        seen = book(day)
        # The same division of the day's volume that the watch list shows.
        bought = day.volume * (150 + day.draw("bought", 500)) // 1000
        return _common(day) | {
            "종목분류": "0",
            "매도잔량": str(seen.ask_size),
            "매수잔량": str(seen.bid_size),
            "현재거래량": str(day.volume),
            "체결강도": formats.decimal(bought * 100, max(1, day.volume - bought)),
        }

    def _active(self, day: Day, _ranks: dict[str, str]) -> dict[str, str]:
        shares = day.issue.shares
        return _common(day) | {
            "거래량": str(day.volume),
            "전일비": formats.compared(day.volume, day.volume_before),
            "거래회전율": f"+{formats.decimal(day.volume * 100, shares)}" if shares > 0 else "",
            "거래금액": str(formats.millions(day.value)),
        }

    def _valued(self, day: Day, ranks: dict[str, str]) -> dict[str, str]:
        seen = book(day)
        return (
            _common(day)
            | ranks
            | {
                "매도호가": formats.price(seen.asks[0], day.base),
                "매수호가": formats.price(seen.bids[0], day.base),
                "현재거래량": str(day.volume),
                "전일거래량": str(day.volume_before),
                "거래대금": str(formats.millions(day.value)),
            }
        )


def _common(day: Day) -> dict[str, str]:
    change = day.last - day.base
    return {
        "종목코드": day.issue.code,
        "종목명": day.issue.name,
        "현재가": formats.price(day.last, day.base),
        "전일대비기호": formats.direction(day.last, day.base, day.upper, day.lower),
        "전일대비": formats.signed(change),
        "등락률": formats.rate(change, day.base),
    }


def _columns(facts: Facts, prices: Prices) -> dict[str, Floats]:
    """What can be ranked or filtered by: numbers, and flags as 0 and 1."""
    change = (prices.last - facts.base).astype(np.float64)
    limit = (prices.last >= facts.upper) | (prices.last <= facts.lower)
    kinds = {
        kind: np.array([issue.kind == kind for issue in facts.issues]) for kind in ("stock", "etf", "etn")
    }
    shares = facts.columns["shares"]
    others = np.array([not issue.code.endswith("0") for issue in facts.issues], np.bool_)
    columns = {
        "change": change,
        "rate": change / np.maximum(facts.base, 1),
        "volume": prices.volume,
        "value": prices.value,
        "price": prices.last,
        "turnover": np.where(shares > 0, prices.volume / np.maximum(shares, 1.0), 0.0),
        "value_before": facts.columns["value_before"],
        "kospi": np.array([issue.market == "KOSPI" for issue in facts.issues]),
        "limit": limit,
        # a share that is not common ends in another figure than 0
        "preferred": others & kinds["stock"],
        **kinds,
    }
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


def _ranked(keys: Floats, left: Flags) -> Ints:
    """The places that are left, the one with the smallest key first; of equal ones the earlier listed."""
    places = np.flatnonzero(left)
    return places[np.argsort(keys[places], kind="stable")]


def _number(text: str) -> str:
    """The number without leading zeros; blank for a blank."""
    if text and not (text.isascii() and text.isdigit()):
        raise Rejected("bad_input")
    return str(int(text)) if text else ""

"""Ranking of 시간외 단일가 by change, opt10098.

The fields follow recorded rows of the same TR on the REST feed: changes are from the close of the day despite their
names, except 당일종가등락률, and 거래대금 is in 백만원. Filters by input value are in ``data/evening_filter.tsv``, sort
orders in ``_ORDERS``; a value missing there is rejected.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import SinglePriceState
from kernel_server.simulated.exchange.off_hours import single_price_flow
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose
from kernel_server.simulated.exchange.off_hours.single_price import SinglePrice, SinglePriceHours
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import board
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.realtime.off_hours_strings import price_fields
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

_ORDER = "정렬기준"
_FLAGS = ("kospi", "stock", "etf", "etn", "preferred")


@dataclass(frozen=True, slots=True)
class _DrawnEvening:
    """시간외 단일가 of a session: place, closing data, and auction prices (KRW) and volumes of each traded issue.

    ``states`` has what was shown last of an issue, and after how many events: pages show the same issues again.
    """

    session: int
    places: Ints
    closes: list[SessionClose]
    price: Ints
    volume: Ints
    states: dict[int, tuple[int, SinglePriceState]] = dataclasses.field(default_factory=dict)


_ORDERS = {  # by the value of the input: field, sign of the order, least and most of ``change``
    1: ("rate", -1, 1.0, float("inf")),
    2: ("change", -1, 1.0, float("inf")),
    3: ("rate", 1, float("-inf"), -1.0),
    4: ("change", 1, float("-inf"), -1.0),
    5: ("volume", -1, 0.0, 0.0),
}


class SinglePriceRanking:
    """Handler of opt10098. Clients' orders do not affect it, as in the other rankings.

    It is empty while a session is open, as what the broker shows then is unknown, and after sessions with an
    after-market, which have no 시간외 단일가.

    Args:
        scanner: supplies the closes of the sessions.
        seed: random seed of the exchange.
        off_hours_flow: whether there is background trading in 시간외 단일가; without it the ranking is empty.
    """

    def __init__(self, scanner: MarketScanner, seed: int, off_hours_flow: bool = True) -> None:
        self._scanner = scanner
        self._seed = seed
        self._off_hours_flow = off_hours_flow
        self._newest: _DrawnEvening | None = None
        self._filters: dict[tuple[str, int], list[tuple[str, float, float]]] = {}
        for name, value, field, least, most in rows(_DATA / "evening_filter.tsv"):
            rules_of_filter = self._filters.setdefault((name, int(value)), [])
            if field != "-":
                rules_of_filter.append((field, float(least or "-inf"), float(most or "inf")))

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10098": self._ranking}

    def _ranking(self, request: TrRequest, now: float) -> TrAnswer:
        order = _ORDERS.get(_number(request.inputs[_ORDER]))
        filters = [
            self._filters.get((given.name, _number(request.inputs[given.name])))
            for given in request.tr.inputs
            if given.name != _ORDER
        ]
        if order is None or None in filters:
            raise TrRejected("bad_input")
        session = self._scanner.sessions.last_started(now)
        if not self._off_hours_flow or self._scanner.is_open(now) or session < 0:
            return TrAnswer(message=message("no_history"))
        session_hours = phases.hours(self._scanner.sessions, session)
        if session_hours.single_price_begins >= session_hours.ends:
            return TrAnswer(message=message("no_history"))
        hours = SinglePriceHours(session_hours.single_price_begins, session_hours.ends)
        done = hours.auctions_by(now)
        facts, prices, drawn = self._scanner.facts(now), self._scanner.prices(now), self._drawn(session, now)
        columns = _columns(facts, drawn, done)
        field, sense, least, most = order
        mask = (columns["volume"] > 0) & (columns["change"] >= least) & (columns["change"] <= most)
        for rules_of_filter in filters:
            for name, low, high in rules_of_filter or ():
                mask &= (columns[name] >= low) & (columns[name] <= high)
        places = np.flatnonzero(mask)
        ranked = places[np.argsort(columns[field][places] * sense, kind="stable")]
        start = request.after or 0
        size = request.tr.rows_per_page or max(1, len(ranked))
        rows = []
        for rank, place in enumerate(ranked[start : start + size].tolist(), start + 1):
            values = {"순위": str(rank)} | _row(facts, prices, drawn, place, hours, now)
            rows.append(in_order(request.tr.multi_names, values))
        after = start + size if start + size < len(ranked) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _drawn(self, session: int, now: float) -> _DrawnEvening:
        """시간외 단일가 of a session, drawn once, which takes a quarter of a second for the whole market."""
        if self._newest is None or self._newest.session != session:
            facts, prices = self._scanner.facts(now), self._scanner.prices(now)
            date = int(str(self._scanner.sessions.dates[session]).replace("-", ""))
            places = [
                place
                for place in range(len(facts))
                if facts.dates[place] == date and int(prices.volume[place]) > 0
            ]
            closes = [self._close(facts, prices, place, date) for place in places]
            evening = [single_price_flow.generate_auctions(close) for close in closes]
            shape = (-1, single_price_flow.AUCTIONS)
            self._newest = _DrawnEvening(
                session,
                np.array(places, np.int64),
                closes,
                np.array([each.price for each in evening], np.int64).reshape(shape),
                np.array([each.volume for each in evening], np.int64).reshape(shape),
            )
        return self._newest

    def _close(self, facts: IssueFacts, prices: SessionPrices, place: int, date: int) -> SessionClose:
        issue = facts.issues[place]
        return SessionClose(
            hash_random.key(self._seed, issue.code, date),
            int(prices.last[place]),
            int(prices.volume[place]),
            int(facts.lower[place]),
            int(facts.upper[place]),
            rules(day_of(date), board(issue)),
        )


def _columns(facts: IssueFacts, drawn: _DrawnEvening, done: int) -> dict[str, Floats]:
    """Columns to sort and filter by after ``done`` auctions: numbers, and flags as 0 and 1."""
    price, volume = drawn.price[:, :done], drawn.volume[:, :done]
    close = np.array([close.price for close in drawn.closes], np.int64)
    last = close.copy()
    for auction in range(done):
        traded = volume[:, auction] > 0
        last[traded] = price[traded, auction]
    columns = {
        "change": last - close,
        "rate": (last - close) / np.maximum(close, 1),
        "volume": volume.sum(axis=1),
        "value": (price * volume).sum(axis=1),
        **{name: facts.columns[name][drawn.places] for name in _FLAGS},
    }
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


def _row(
    facts: IssueFacts,
    prices: SessionPrices,
    drawn: _DrawnEvening,
    place: int,
    hours: SinglePriceHours,
    now: float,
) -> dict[str, str]:
    close = drawn.closes[place]
    at = int(drawn.places[place])
    issue, base = facts.issues[at], int(facts.base[at])
    events = hours.events_by(close.key, now)
    known, evening = drawn.states.get(place, (-1, None))
    if evening is None or known != events:
        evening = SinglePrice(issue.code, issue.shares, close, hours, events).state()
        drawn.states[place] = events, evening
    fields = price_fields(evening.tape)
    return {
        "종목코드": issue.code,
        "종목명": issue.name,
        "현재가": fields["last"],
        "전일대비기호": fields["direction"],
        "전일대비": fields["change"],
        "등락률": fields["rate"],
        "매도총잔량": str(sum(level.volume for level in evening.asks)),
        "매수총잔량": str(sum(level.volume for level in evening.bids)),
        "누적거래량": fields["total"],
        "누적거래대금": fields["value"],
        "당일종가": str(close.price),
        "당일종가등락률": kiwoom_format.rate(int(prices.last[at]) - base, base),
    }


def _number(text: str) -> int:
    """A numeric input; 0 if blank."""
    if text and not (text.isascii() and text.isdigit()):
        raise TrRejected("bad_input")
    return int(text or 0)

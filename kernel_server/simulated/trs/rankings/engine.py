"""Rankings of the whole market: by change, volume, value, extremes, quotes and so on, opt10016 to opt10033.

What an input's value leaves out stands in ``ranking_filter.tsv``, which TR has which of these inputs in
``ranking_input.tsv``, what is ranked by in ``ranking_order.tsv``; a value that is not there is a bad input. What a
ranking knows beside that is in ``ranking_columns`` and ``ranking_kinds``. The continuation key is the rank: pages
read while prices move may show an issue twice or not at all, as the broker's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.rankings.catalog import KINDS, RankingKind
from kernel_server.simulated.trs.rankings.fields import FIELDS, RankingRow
from kernel_server.simulated.trs.rankings.sort_keys import number
from kernel_server.simulated.trs.rankings.view import RankingView
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

Flags = NDArray[np.bool_]

_ANY = "-"
_TOP = 100  # the last rank that opt10031 knows


class _Order(NamedTuple):
    """What a ranking sorts by: small ``sense`` times ``field`` first. ``part`` is 0 for what is left out."""

    field: str
    sense: int
    part: str


class RankingEngine:
    """Handlers of the rankings.

    Args:
        survey: what is ranked.
        kinds: rankings beside those of ``KINDS``.
    """

    def __init__(self, survey: MarketScanner, kinds: Mapping[str, RankingKind] | None = None) -> None:
        self._survey = survey
        self._kinds = {**KINDS, **(kinds or {})}
        self._filters: dict[tuple[str, int], list[tuple[str, float, float]]] = {}
        for name, value, field, least, most in rows(_DATA / "ranking_filter.tsv"):
            held = self._filters.setdefault((name, int(value)), [])
            if field != _ANY:
                held.append((field, float(least or "-inf"), float(most or "inf")))
        self._inputs: dict[str, list[tuple[str, str]]] = {}
        for tr, name, held_in in rows(_DATA / "ranking_input.tsv"):
            self._inputs.setdefault(tr, []).append((name, held_in))
        self._ordered_by: dict[str, str] = {}
        self._orders: dict[tuple[str, str], _Order] = {}
        for tr, name, value, field, sense, part in rows(_DATA / "ranking_order.tsv"):
            self._ordered_by[tr] = name
            self._orders[tr, value] = _Order(field, int(sense), part)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {code: self._handler(kind) for code, kind in self._kinds.items()}

    def _handler(self, kind: RankingKind) -> TrHandler:
        def answer(request: TrRequest, now: float) -> TrAnswer:
            return self._page(request, now, kind)

        return answer

    def _page(self, request: TrRequest, now: float, kind: RankingKind) -> TrAnswer:
        code = request.tr.code
        asked = self._ordered_by[code]
        order = self._orders.get((code, "" if asked == _ANY else _number(request.inputs.get(asked, ""))))
        if order is None:
            raise TrRejected("bad_input")
        look = RankingView(self._survey, now)
        columns = {**look.columns, **kind.added(look, request.inputs)}
        left = self._left(request, columns)
        ranked = _ranked(columns, order, left)
        first, ranked = _span(request, ranked)
        start = request.after or 0
        size = request.tr.rows_per_page or max(1, len(ranked))
        names = request.tr.multi_names
        writers = {name: writer for name, writer in {**FIELDS, **kind.fields}.items() if name in names}
        if "전일순위" in names:
            columns["rank_before"] = _ranks(
                _ranked(columns, _Order("value_before", -1, _ANY), left), len(left)
            )
            writers["전일순위"] = lambda row: str(row.whole("rank_before"))
        rows = []
        for rank, place in enumerate(ranked[start : start + size].tolist(), first + start):
            row = RankingRow(look.facts.day(place, look.prices, place), place, rank, columns, now)
            rows.append(in_order(names, {name: writer(row) for name, writer in writers.items()}))
        after = start + size if start + size < len(ranked) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _left(self, request: TrRequest, columns: Mapping[str, Floats]) -> Flags:
        """Which issues the inputs leave in."""
        left: Flags = columns["volume"] >= 0
        for name, held_in in self._inputs[request.tr.code]:
            value = int(_number(request.inputs.get(name, "")) or 0)
            filters = self._filters.get((held_in, value))
            if filters is None:
                raise TrRejected("bad_input")
            for field, least, most in filters:
                left = left & (columns[field] >= least) & (columns[field] <= most)
        return left


def _span(request: TrRequest, ranked: Ints) -> tuple[int, Ints]:
    """The first rank that is shown and the places from there on: opt10031 is asked for some ranks of a hundred."""
    if "순위시작" not in request.inputs:
        return 1, ranked
    first = max(1, number(request.inputs["순위시작"] or "0", 0, _TOP))
    last = number(request.inputs["순위끝"] or str(_TOP), 0, _TOP)
    return first, ranked[first - 1 : last]


def _ranked(columns: Mapping[str, Floats], order: _Order, left: Flags) -> Ints:
    """The places that are left, the one with the smallest key first; of equal ones the earlier listed."""
    keys = columns[order.field] * order.sense
    kept = left & ~np.isnan(keys)
    if order.part != _ANY:
        kept &= columns[order.part] > 0
    places = np.flatnonzero(kept)
    return places[np.argsort(keys[places], kind="stable")]


def _ranks(ranked: Ints, count: int) -> Floats:
    """The rank of each of so many places, 0 for those that have none."""
    ranks = np.zeros(count)
    ranks[ranked] = np.arange(1, len(ranked) + 1)
    return ranks


def _number(text: str) -> str:
    """The number without leading zeros; blank for a blank."""
    if text and not (text.isascii() and text.isdigit()):
        raise TrRejected("bad_input")
    return str(int(text)) if text else ""

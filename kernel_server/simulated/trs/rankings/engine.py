"""Rankings of the whole market: by change, volume, value, extremes, quotes and so on, opt10016 to opt10033.

Filters by input value are in ``ranking_filter.tsv``, the filter inputs of each TR in ``ranking_input.tsv``, the sort
orders in ``ranking_order.tsv``; a value missing there is rejected. Further columns and fields of a ranking are in
``sort_keys`` and ``catalog``. The continuation key is the rank: pages read while prices move may show an issue twice
or not at all, as the broker's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
)
from kernel_server.simulated.exchange.interface import Tape
from kernel_server.simulated.market.phases import session_index
from kernel_server.simulated.snapshot.market_moments import MarketMoments
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.quotes import tape_of
from kernel_server.simulated.trs.rankings.catalog import KINDS, RankingKind
from kernel_server.simulated.trs.rankings.fields import FIELDS, RankingRow
from kernel_server.simulated.trs.rankings.sort_keys import number_input
from kernel_server.simulated.trs.rankings.view import RankingView
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

Flags = NDArray[np.bool_]

_NONE = "-"
_TOP = 100  # last rank of opt10031


class _SortOrder(NamedTuple):
    """Ascending sort by ``sign`` times the column ``field``; only issues whose column ``required`` is above 0."""

    field: str
    sign: int
    required: str


class RankingEngine:
    """Handlers of the rankings.

    Args:
        scanner: snapshots of the market.
        moments: prices and quotes to the newest trade.
        kinds: rankings in addition to ``KINDS``.
    """

    def __init__(
        self,
        scanner: MarketScanner,
        moments: MarketMoments,
        kinds: Mapping[str, RankingKind] | None = None,
    ) -> None:
        self._scanner = scanner
        self._moments = moments
        self._kinds = {**KINDS, **(kinds or {})}
        self._filters: dict[tuple[str, int], list[tuple[str, float, float]]] = {}
        for name, value, field, least, most in rows(_DATA / "ranking_filter.tsv"):
            filters_of_value = self._filters.setdefault((name, int(value)), [])
            if field != _NONE:
                filters_of_value.append((field, float(least or "-inf"), float(most or "inf")))
        self._inputs: dict[str, list[tuple[str, str]]] = {}
        for tr, name, filter_input in rows(_DATA / "ranking_input.tsv"):
            self._inputs.setdefault(tr, []).append((name, filter_input))
        self._sort_inputs: dict[str, str] = {}
        self._orders: dict[tuple[str, str], _SortOrder] = {}
        for tr, name, value, field, sign, required in rows(_DATA / "ranking_order.tsv"):
            self._sort_inputs[tr] = name
            self._orders[tr, value] = _SortOrder(field, int(sign), required)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {code: self._handler(kind) for code, kind in self._kinds.items()}

    def _handler(self, kind: RankingKind) -> TrHandler:
        def answer(request: TrRequest, now: float) -> TrAnswer:
            return self._page(request, now, kind)

        return answer

    def _page(self, request: TrRequest, now: float, kind: RankingKind) -> TrAnswer:
        code = request.tr.code
        sort_input = self._sort_inputs[code]
        order = self._orders.get(
            (code, "" if sort_input == _NONE else _number(request.inputs.get(sort_input, "")))
        )
        if order is None:
            raise TrRejected("bad_input")
        view = RankingView(self._scanner, now, self._moments)
        columns = {**view.columns, **kind.columns(view, request.inputs)}
        mask = self._apply_filters(request, columns)
        ranked = _sorted_places(columns, order, mask)
        first, ranked = _rank_range(request, ranked)
        start = request.after or 0
        size = request.tr.rows_per_page or max(1, len(ranked))
        names = request.tr.multi_names
        writers = {name: writer for name, writer in {**FIELDS, **kind.fields}.items() if name in names}
        if "전일순위" in names:
            columns["rank_before"] = _ranks(
                _sorted_places(columns, _SortOrder("value_before", -1, _NONE), mask), len(mask)
            )
            writers["전일순위"] = lambda row: str(row.integer("rank_before"))
        rows = []
        places = ranked[start : start + size].tolist()
        tapes = self._tapes(view, places) if "체결강도" in names else {}
        for rank, place in enumerate(places, first + start):
            day = view.facts.day_summary(place, view.prices, place)
            row = RankingRow(day, view.moment.best(place), place, rank, columns, now, tapes.get(place))
            rows.append(in_order(names, {name: writer(row) for name, writer in writers.items()}))
        after = start + size if start + size < len(ranked) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _tapes(self, view: RankingView, places: list[int]) -> dict[int, Tape | None]:
        """Tapes of issues in the session that the ranking is of.

        Raises:
            AnswerPending: more work is left.
        """
        sessions = self._scanner.sessions
        if sessions.last_started(view.now) != session_index(sessions, view.now):
            return {}  # from 08:30 to the opening a ranking is of the day before
        exchange, codes = self._moments.exchange, [view.facts.issues[place].code for place in places]
        if not exchange.prepare_tapes(codes):
            raise AnswerPending
        return {place: tape_of(exchange, code) for place, code in zip(places, codes, strict=True)}

    def _apply_filters(self, request: TrRequest, columns: Mapping[str, Floats]) -> Flags:
        """Mask of the issues accepted by all filter inputs."""
        mask: Flags = columns["volume"] >= 0
        for name, filter_input in self._inputs[request.tr.code]:
            value = int(_number(request.inputs.get(name, "")) or 0)
            filters = self._filters.get((filter_input, value))
            if filters is None:
                raise TrRejected("bad_input")
            for field, least, most in filters:
                mask = mask & (columns[field] >= least) & (columns[field] <= most)
        return mask


def _rank_range(request: TrRequest, ranked: Ints) -> tuple[int, Ints]:
    """First rank shown, and the places from there on: opt10031 selects a range of ranks."""
    if "순위시작" not in request.inputs:
        return 1, ranked
    first = max(1, number_input(request.inputs["순위시작"] or "0", 0, _TOP))
    last = number_input(request.inputs["순위끝"] or str(_TOP), 0, _TOP)
    return first, ranked[first - 1 : last]


def _sorted_places(columns: Mapping[str, Floats], order: _SortOrder, mask: Flags) -> Ints:
    """Places accepted by the mask in sort order; ties in listing order."""
    keys = columns[order.field] * order.sign
    kept = mask & ~np.isnan(keys)
    if order.required != _NONE:
        kept &= columns[order.required] > 0
    places = np.flatnonzero(kept)
    return places[np.argsort(keys[places], kind="stable")]


def _ranks(ranked: Ints, count: int) -> Floats:
    """Rank of each of ``count`` places, 0 if unranked."""
    ranks = np.zeros(count)
    ranks[ranked] = np.arange(1, len(ranked) + 1)
    return ranks


def _number(text: str) -> str:
    """The number without leading zeros; blank if blank."""
    if text and not (text.isascii() and text.isdigit()):
        raise TrRejected("bad_input")
    return str(int(text)) if text else ""

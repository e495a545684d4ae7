"""Sort keys of the rankings beyond the common columns, computed from the inputs.

A column has one number an issue. Issues that a ranking excludes have 0 in its required column, mostly ``hit``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.snapshot.columns import group_by_rules
from kernel_server.simulated.snapshot.history_matrix import HISTORY_DEPTH
from kernel_server.simulated.snapshot.market_moments import MarketMoment
from kernel_server.simulated.trs.rankings.view import RankingView, expected_columns

Flags = NDArray[np.bool_]
Inputs = Mapping[str, str]

_MINUTE = 60
_LOOK_BACK = 250  # sessions, maximum of 기간
_ASKS, _BIDS = "2", "1"
_MINUTES, _DAYS = "1", "2"
_CLOSES = "2"


class BookSizes(NamedTuple):
    """Shares of the ten best asks and bids of every issue."""

    asks: Ints
    bids: Ints


def number_input(text: str, least: int, most: int) -> int:
    """A numeric input within a range.

    Raises:
        TrRejected: it is not a number, or out of range.
    """
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise TrRejected("bad_input")
    return int(text)


def choice_input(text: str, *known: str) -> str:
    """An input that is one of the known values, without leading zeros.

    Raises:
        TrRejected: it is none of them.
    """
    found = text.lstrip("0") or "0"
    if found not in known:
        raise TrRejected("bad_input")
    return found


def _percent(part: Ints | Floats, of: Ints | Floats) -> Floats:
    """Percentages; 0 without a reference value."""
    whole_ = np.asarray(of, np.float64)
    found: Floats = np.divide(part * 100.0, whole_, out=np.zeros(len(whole_)), where=whole_ > 0)
    return found


def _flags(flags: Flags) -> Floats:
    return flags.astype(np.float64)


def new_extremes(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10016: above or below all previous sessions of the period; shows the period's high and low, today included."""
    days = number_input(inputs["기간"], 1, _LOOK_BACK)
    closes = choice_input(inputs["고저종구분"], "1", _CLOSES) == _CLOSES
    high_wanted = choice_input(inputs["신고저구분"], "1", "2") == "1"
    past, prices = view.facts.history, view.prices
    known = past.close[:, -days:] > 0
    highs, lows = (past.close, past.close) if closes else (past.high, past.low)
    most = highs[:, -days:].max(axis=1, initial=0)
    least = np.where(known, lows[:, -days:], np.iinfo(np.int32).max).min(
        axis=1, initial=np.iinfo(np.int32).max
    )
    now_high, now_low = (prices.last, prices.last) if closes else (prices.high, prices.low)
    hit = now_high > most if high_wanted else now_low < least
    return {
        "hit": _flags(hit & known.any(axis=1) & (prices.volume > 0)),
        "period_high": np.maximum(most, now_high).astype(np.float64),
        "period_low": np.minimum(least, now_low).astype(np.float64),
    }


def limit_streaks(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:  # noqa: ARG001
    """opt10017: number of consecutive sessions at a price limit, and whether the previous close was at it."""
    found = {}
    for name, side in (("upper", 0), ("lower", 1)):
        at = view.columns[name] > 0
        streak = at.astype(np.int64)
        before = _at_limit(view, 1, side)
        found[f"{name}_before"] = _flags(before)
        back, still = 1, at & before
        while still.any():
            streak += still
            back += 1
            still &= _at_limit(view, back, side)
        found[f"{name}_streak"] = streak.astype(np.float64)
    return {**found, "streak": found["upper_streak"] + found["lower_streak"]}


def _at_limit(view: RankingView, back: int, side: int) -> Flags:
    """Whether each issue closed at its upper (0) or lower limit (1) ``back`` sessions before the newest."""
    past = view.facts.history
    reached = np.zeros(len(view.facts), np.bool_)
    if back >= HISTORY_DEPTH:
        return reached
    close, base = past.close[:, -back].astype(np.int64), past.close[:, -back - 1].astype(np.int64)
    known = np.flatnonzero(base > 0)
    issues = [view.facts.issues[place] for place in known.tolist()]
    dates = past.time[known, -back].tolist()
    for places, price_rules in group_by_rules(issues, dates):
        at = known[places]
        edge = price_rules.limits_array(base[at])[side]
        reached[at] = close[at] >= edge if side == 0 else close[at] <= edge
    return reached


def near_extremes(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10018: within some tenths of a percent of the day's high or low."""
    tenths = number_input(inputs["근접율"], 1, 99)
    wanted = choice_input(inputs["고저구분"], "1", "2")
    edge = view.prices.high if wanted == "1" else view.prices.low
    distance = _percent(np.abs(view.prices.last - edge), edge)
    return {"distance": distance, "hit": _flags((distance <= tenths / 10) & (view.prices.volume > 0))}


def price_surge(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10019: price change over the last minutes or sessions."""
    wanted = choice_input(inputs["등락구분"], "1", "2")
    if choice_input(inputs["시간구분"], _MINUTES, _DAYS) == _MINUTES:
        before = view.prices_ago(number_input(inputs["시간"], 1, 99) * _MINUTE).last
    else:
        before = view.facts.history.close[:, -number_input(inputs["시간"], 1, 99)].astype(np.int64)
    change = np.where(before > 0, view.prices.last - before, 0)
    return {
        "from_price": before.astype(np.float64),
        "from_change": change.astype(np.float64),
        "surge": _percent(change, before),
        "hit": _flags(change > 0 if wanted == "1" else change < 0),
    }


def order_imbalance(view: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    """opt10020: net resting volume, bids over asks."""
    now = _book_sizes(view.moment)
    return {
        "net": (now.bids - now.asks).astype(np.float64),
        "bids_rate": _percent(now.bids, now.asks),
        "asks_rate": _percent(now.asks, now.bids),
        "quoted": view.columns["traded"],
    }


def order_surge(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10021: growth of the resting volume of one side over the last minutes."""
    side = choice_input(inputs["매매구분"], _BIDS, _ASKS)
    before, now = _book_sizes_since(view, inputs)
    old, new = (pair.bids if side == _BIDS else pair.asks for pair in (before, now))
    return {
        "old": old.astype(np.float64),
        "new": new.astype(np.float64),
        "more": (new - old).astype(np.float64),
        "surge": _percent(new - old, old),
        "hit": _flags((new > old) & (old > 0)),
    }


def ratio_surge(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10022: growth of the ratio of one side of the book to the other over the last minutes."""
    of_bids = choice_input(inputs["비율구분"], "1", "2") == "1"
    old, new = (
        _percent(pair.bids, pair.asks) if of_bids else _percent(pair.asks, pair.bids)
        for pair in _book_sizes_since(view, inputs)
    )
    return {"old": old, "new": new, "surge": _percent(new - old, old), "hit": _flags((new > old) & (old > 0))}


def _book_sizes_since(view: RankingView, inputs: Inputs) -> tuple[BookSizes, BookSizes]:
    minutes = number_input(inputs["시간구분"], 1, 99)
    return _book_sizes(view.ago(minutes * _MINUTE)), _book_sizes(view.moment)


def _book_sizes(moment: MarketMoment) -> BookSizes:
    return BookSizes(*moment.quotes[:, 4:6].T)


def volume_surge(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10023: the day's volume against the previous day's, or against itself some minutes ago."""
    if choice_input(inputs["시간구분"], _MINUTES, _DAYS) == _MINUTES:
        old = view.prices_ago(number_input(inputs["시간"], 1, 99) * _MINUTE).volume.astype(np.float64)
    else:
        old = view.columns["volume_before"]
    more = view.columns["volume"] - old
    known = old > 0
    return {
        "old": old,
        "more": more,
        "surge": _percent(more, old),
        "grown": _flags((more > 0) & known),
        "shrunk": _flags((more < 0) & known),
    }


def volume_record(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10024: volume above that of all previous sessions of the period."""
    days = number_input(inputs["주기구분"], 1, _LOOK_BACK)
    most = view.facts.history.volume[:, -days:].max(axis=1, initial=0)
    return {"old": most.astype(np.float64), "hit": _flags((view.prices.volume > most) & (most > 0))}


def price_bands(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10025: the price band with most volume; a session's volume counts at its close."""
    least = number_input(inputs["매물집중비율"], 0, 100)
    inside = choice_input(inputs["현재가진입"], "0", "1") == "1"
    bands = number_input(inputs["매물대수"], 1, 99)
    days = number_input(inputs["주기구분"], 1, HISTORY_DEPTH - 1)
    past = view.facts.history
    close, volume = past.close[:, -days:].astype(np.int64), past.volume[:, -days:]
    known = close > 0
    low = np.where(known, close, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    low = np.where(known.any(axis=1), low, 0)
    span = close.max(axis=1, initial=0) - low + 1
    band = np.where(known, (close - low[:, None]) * bands // span[:, None], 0)
    count = len(close)
    slot = band + np.arange(count)[:, None] * bands
    sums = np.bincount(slot.ravel(), np.where(known, volume, 0).ravel(), count * bands).reshape(count, bands)
    best = sums.argmax(axis=1)
    most = sums[np.arange(count), best]
    # The prices p with (p - low) * bands // span == best.
    start = low + -(-best * span // bands)
    end = low - (-(best + 1) * span // bands) - 1
    share = _percent(most, sums.sum(axis=1))
    hit = (most > 0) & (share >= least)
    if inside:
        hit &= (view.prices.last >= start) & (view.prices.last <= end)
    floats = {"band_start": start, "band_end": end, "band_volume": most, "share": share}
    return {name: np.asarray(column, np.float64) for name, column in floats.items()} | {"hit": _flags(hit)}


def valuation_ratio(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10026: 1, 2 PBR; 3, 4 PER; 5, 6 ROE. The field PER shows the selected ratio, as in the one recorded row."""
    facts, last = view.facts.columns, view.prices.last
    wanted = choice_input(inputs["PER구분"], *"123456")
    if wanted in "56":
        return {"ratio": facts["ROE"]}
    return {"ratio": last / facts["BPS" if wanted in "12" else "EPS"]}


def change_from(view: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10028: change from the day's open, high or low, or from 기준가."""
    prices = view.prices
    compared = {"1": prices.open, "2": prices.high, "3": prices.low, "4": view.facts.base}
    base = compared[choice_input(inputs["정렬구분"], *compared)]
    return {"from": _percent(prices.last - base, base)}


def expected_price(view: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    """opt10029: what the newest auction would trade, or has traded."""
    return expected_columns(view)

"""The columns that a ranking sorts by beside those that all of them have, computed from its inputs.

A column is one number an issue. What a ranking leaves out by itself has 0 in the column that its rows of
``ranking_order.tsv`` call ``part``: ``hit``, mostly.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.snapshot.columns import by_rules
from kernel_server.simulated.snapshot.history_matrix import DEPTH
from kernel_server.simulated.trs.rankings.view import BookSizes, RankingView, expected, sizes

Flags = NDArray[np.bool_]
Inputs = Mapping[str, str]

_MINUTE = 60
_LOOK_BACK = 250  # sessions, the most that 기간 takes
_ASKS, _BIDS = "2", "1"
_MINUTES, _DAYS = "1", "2"
_CLOSES = "2"


def number(text: str, least: int, most: int) -> int:
    """An input that is a number in that range.

    Raises:
        Rejected: it is not.
    """
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise TrRejected("bad_input")
    return int(text)


def chosen(text: str, *known: str) -> str:
    """An input that is one of those, leading zeros aside.

    Raises:
        Rejected: it is not.
    """
    found = text.lstrip("0") or "0"
    if found not in known:
        raise TrRejected("bad_input")
    return found


def _percent(part: Ints | Floats, of: Ints | Floats) -> Floats:
    """In percent; 0 where there is nothing to compare with."""
    whole_ = np.asarray(of, np.float64)
    found: Floats = np.divide(part * 100.0, whole_, out=np.zeros(len(whole_)), where=whole_ > 0)
    return found


def _flags(flags: Flags) -> Floats:
    return flags.astype(np.float64)


def record(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10016: above or below all of the sessions before. What is shown is how far they reach, today with them."""
    days = number(inputs["기간"], 1, _LOOK_BACK)
    closes = chosen(inputs["고저종구분"], "1", _CLOSES) == _CLOSES
    high_wanted = chosen(inputs["신고저구분"], "1", "2") == "1"
    past, prices = look.facts.past, look.prices
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


def standing(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:  # noqa: ARG001
    """opt10017: for how many sessions running an issue has been at its limit, and where it stood yesterday."""
    found = {}
    for name, side in (("upper", 0), ("lower", 1)):
        at = look.columns[name] > 0
        streak = at.astype(np.int64)
        before = _at_limit(look, 1, side)
        found[f"{name}_before"] = _flags(before)
        back, still = 1, at & before
        while still.any():
            streak += still
            back += 1
            still &= _at_limit(look, back, side)
        found[f"{name}_streak"] = streak.astype(np.float64)
    return {**found, "streak": found["upper_streak"] + found["lower_streak"]}


def _at_limit(look: RankingView, back: int, side: int) -> Flags:
    """Whether each issue closed at its upper (0) or lower limit (1) so many sessions before the newest."""
    past = look.facts.past
    reached = np.zeros(len(look.facts), np.bool_)
    if back >= DEPTH:
        return reached
    close, base = past.close[:, -back].astype(np.int64), past.close[:, -back - 1].astype(np.int64)
    known = np.flatnonzero(base > 0)
    issues = [look.facts.issues[place] for place in known.tolist()]
    dates = past.time[known, -back].tolist()
    for places, held in by_rules(issues, dates):
        at = known[places]
        edge = held.limits_array(base[at])[side]
        reached[at] = close[at] >= edge if side == 0 else close[at] <= edge
    return reached


def near(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10018: at most so many tenths of a percent from the day's high or low."""
    tenths = number(inputs["근접율"], 1, 99)
    wanted = chosen(inputs["고저구분"], "1", "2")
    edge = look.prices.high if wanted == "1" else look.prices.low
    distance = _percent(np.abs(look.prices.last - edge), edge)
    return {"distance": distance, "hit": _flags((distance <= tenths / 10) & (look.prices.volume > 0))}


def surge(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10019: against the price so many minutes or sessions ago."""
    wanted = chosen(inputs["등락구분"], "1", "2")
    if chosen(inputs["시간구분"], _MINUTES, _DAYS) == _MINUTES:
        before = look.before(number(inputs["시간"], 1, 99) * _MINUTE).last
    else:
        before = look.facts.past.close[:, -number(inputs["시간"], 1, 99)].astype(np.int64)
    change = np.where(before > 0, look.prices.last - before, 0)
    return {
        "from_price": before.astype(np.float64),
        "from_change": change.astype(np.float64),
        "surge": _percent(change, before),
        "hit": _flags(change > 0 if wanted == "1" else change < 0),
    }


def waiting(look: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    """opt10020."""
    now = sizes(look.facts, look.prices)
    return {
        "net": (now.bids - now.asks).astype(np.float64),
        "bids_rate": _percent(now.bids, now.asks),
        "asks_rate": _percent(now.asks, now.bids),
        "quoted": look.columns["traded"],
    }


def more_waiting(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10021: what waits on one side, against so many minutes ago."""
    side = chosen(inputs["매매구분"], _BIDS, _ASKS)
    before, now = _sizes_since(look, inputs)
    old, new = (pair.bids if side == _BIDS else pair.asks for pair in (before, now))
    return {
        "old": old.astype(np.float64),
        "new": new.astype(np.float64),
        "more": (new - old).astype(np.float64),
        "surge": _percent(new - old, old),
        "hit": _flags((new > old) & (old > 0)),
    }


def ratio_grown(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10022: one side of the book in percent of the other, against so many minutes ago."""
    of_bids = chosen(inputs["비율구분"], "1", "2") == "1"
    old, new = (
        _percent(pair.bids, pair.asks) if of_bids else _percent(pair.asks, pair.bids)
        for pair in _sizes_since(look, inputs)
    )
    return {"old": old, "new": new, "surge": _percent(new - old, old), "hit": _flags((new > old) & (old > 0))}


def _sizes_since(look: RankingView, inputs: Inputs) -> tuple[BookSizes, BookSizes]:
    minutes = number(inputs["시간구분"], 1, 99)
    return sizes(look.facts, look.before(minutes * _MINUTE)), sizes(look.facts, look.prices)


def busier(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10023: the day's volume against that of the day before, or against itself so many minutes ago."""
    if chosen(inputs["시간구분"], _MINUTES, _DAYS) == _MINUTES:
        old = look.before(number(inputs["시간"], 1, 99) * _MINUTE).volume.astype(np.float64)
    else:
        old = look.columns["volume_before"]
    more = look.columns["volume"] - old
    known = old > 0
    return {
        "old": old,
        "more": more,
        "surge": _percent(more, old),
        "grown": _flags((more > 0) & known),
        "shrunk": _flags((more < 0) & known),
    }


def most_traded(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10024: more shares than on any of the sessions before."""
    days = number(inputs["주기구분"], 1, _LOOK_BACK)
    most = look.facts.past.volume[:, -days:].max(axis=1, initial=0)
    return {"old": most.astype(np.float64), "hit": _flags((look.prices.volume > most) & (most > 0))}


def concentrated(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10025: the band of prices with most of what was traded; a session's volume counts at its close."""
    least = number(inputs["매물집중비율"], 0, 100)
    inside = chosen(inputs["현재가진입"], "0", "1") == "1"
    bands = number(inputs["매물대수"], 1, 99)
    days = number(inputs["주기구분"], 1, DEPTH - 1)
    past = look.facts.past
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
        hit &= (look.prices.last >= start) & (look.prices.last <= end)
    floats = {"band_start": start, "band_end": end, "band_volume": most, "share": share}
    return {name: np.asarray(column, np.float64) for name, column in floats.items()} | {"hit": _flags(hit)}


def ratio(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10026: 1, 2 PBR; 3, 4 PER; 5, 6 ROE. The field PER shows the one asked for, as in the one recorded row."""
    facts, last = look.facts.columns, look.prices.last
    wanted = chosen(inputs["PER구분"], *"123456")
    if wanted in "56":
        return {"ratio": facts["ROE"]}
    return {"ratio": last / facts["BPS" if wanted in "12" else "EPS"]}


def compared(look: RankingView, inputs: Inputs) -> Mapping[str, Floats]:
    """opt10028: against the day's open, high or low, or 기준가."""
    prices = look.prices
    compared = {"1": prices.open, "2": prices.high, "3": prices.low, "4": look.facts.base}
    base = compared[chosen(inputs["정렬구분"], *compared)]
    return {"from": _percent(prices.last - base, base)}


def expected_price(look: RankingView, _inputs: Inputs) -> Mapping[str, Floats]:
    """opt10029."""
    return expected(look)

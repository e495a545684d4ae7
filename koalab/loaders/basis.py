"""Whether adjusted prices that are held are still those that the broker gives.

A split, a bonus or a rights issue rescales all that lies before it, and no free function of the control tells of
one. So held prices are laid beside those that the broker gives now, where a load has such at hand, and else for
one TR.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.link import Link, Shows
from koalab.loaders.asking import INSTANT, Load, parts
from koalab.loaders.intervals import interval
from koalab.store.bars import BarStore
from koalab.store.merging import disagreement
from koalab.store.series import Series

# So many bars or days are compared where a TR is spent on it. A small step may leave one price as it is, by rounding.
_COMPARED = 20
_DAY = np.timedelta64(1, "D")


def same(held: BarColumns, came: BarColumns) -> bool | None:
    """Whether bars that are held are those that came; None where they have no time in common."""
    if not np.isin(held.time, came.time, assume_unique=True).any():
        return None
    return disagreement(held, came) is None


def proof(link: Link, load: Load, store: BarStore | None, held: BarColumns, shows: Shows) -> bool:
    """Asks for what is held once more, one TR's worth of it: whether it is the same.

    Days and longer are compared with themselves, minutes with the closes of their days: pages of minutes begin
    with the newest, and what is held may lie far behind it. What cannot be compared counts as changed.
    """
    if load.interval.dated:
        newest = held.slice(held.time[-_COMPARED:][0])
        return bool(same(newest, _page(link, load, newest, shows)))
    closes = _closes(load, store, held)
    if closes is None:
        return False
    days = interval("D")
    asking = replace(load, interval=days, series=Series(load.series.code, days.name, True))
    came = _page(link, asking, closes, shows)
    _, here, there = np.intersect1d(closes.time, came.time, return_indices=True)
    return bool(len(here)) and np.array_equal(closes.close[here], came.close[there])


def _page(link: Link, load: Load, bars: BarColumns, shows: Shows) -> BarColumns:
    with closing(parts(link, load, bars.time[0], bars.time[-1], shows, max_pages=1)) as found:
        return next(found).bars


def _closes(load: Load, store: BarStore | None, held: BarColumns) -> BarColumns | None:
    """The last bars of the newest days that are held whole, at midnight; None where there is none."""
    days = held.time.astype("datetime64[D]")
    last = np.append(np.flatnonzero(days[1:] != days[:-1]), len(days) - 1)[-_COMPARED:]
    if store is not None:
        whole = []
        for place in last:
            day = days[place].astype("datetime64[us]")
            end = min(day + _DAY - INSTANT, load.final)
            whole.append(not store.held(load.series, held.time[place], end).gaps)
        last = last[whole]
    if not len(last):
        return None
    prices = {name: getattr(held, name)[last] for name in ("open", "high", "low", "close", "volume")}
    return BarColumns(days[last].astype("datetime64[us]"), **prices)

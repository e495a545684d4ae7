"""Who bought and who sold: how a day's volume divides among the groups of ``investor.tsv``.

Every share bought on a day was bought by one of the groups and sold by one, so what they bought adds up to the
day's volume, what they sold does too, and the net amounts add up to nothing. How a day divides is drawn from code
and date; the shares of the groups in the table are only about right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.tables import rows as table

INSTITUTIONS, FOREIGNERS, PEOPLE = "기관계", "외국인투자자", "개인투자자"

_MILLION = 1_000_000
# Half of a group's part of a day is what it usually is, the other half is drawn.
_STEADY = 0.5

Keys = NDArray[np.uint64]


@cache
def groups() -> Sequence[tuple[str, float, str]]:
    """Name, usual share, and the group of groups that it belongs to, blank for none."""
    return [(name, float(share), group) for name, share, group in table("investor")]


def names() -> list[str]:
    """The groups in their order, then the groups of groups."""
    found = [name for name, _share, _group in groups()]
    return found + sorted({group for _name, _share, group in groups() if group})


@cache
def members(name: str) -> tuple[int, ...]:
    """The places of the groups that make up a group of that name: itself, or those that belong to it."""
    return tuple(at for at, (own, _share, group) in enumerate(groups()) if name in (own, group))


@cache
def _shares() -> NDArray[np.float64]:
    return np.array([share for _name, share, _group in groups()])


@lru_cache(maxsize=4096)
def _own_keys(code: str, which: str) -> Keys:
    return np.array([hash_random.key(code, which, name) for name, _share, _group in groups()], np.uint64)


def market_keys(codes: Sequence[str], which: str) -> Keys:
    """The keys for draws of many issues, a row each."""
    numbers = hash_random.numbers(codes)
    columns = [hash_random.keys(numbers, which, name) for name, _share, _group in groups()]
    return np.stack(columns, axis=-1)


def divided(keys: Keys, days: Ints, totals: Ints) -> Ints:
    """Totals, one a day (since the epoch), divided among the groups, which are one more axis of the answer."""
    drawn = hash_random.uniform(keys, days[..., None])
    weights = _shares() * (_STEADY + 2 * (1 - _STEADY) * drawn)
    summed = np.cumsum(weights, axis=-1)
    edges = np.rint(totals[..., None] * (summed / summed[..., -1:])).astype(np.int64)
    parts: Ints = np.diff(edges, axis=-1, prepend=0)
    return parts


def bought_and_sold(code: str, days: Ints, totals: Ints) -> tuple[Ints, Ints]:
    """What each group bought, and sold, of an issue: one row a day (since the epoch), one column a group."""
    bought, sold = (divided(_own_keys(code, which), days, totals) for which in ("bought", "sold"))
    return bought, sold


def of(parts: Ints, name: str) -> Ints:
    """The part of a group, or of a group of groups."""
    found: Ints = parts[..., list(members(name))].sum(axis=-1)
    return found


def millions(value: Ints) -> Ints:
    """Won in 백만원, rounded: in these money is divided."""
    return (value + _MILLION // 2) // _MILLION

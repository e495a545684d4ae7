"""Purchases and sales by investor group: the split of a day's volume among the groups of ``investor.tsv``.

Each share of a day's volume is bought by one group and sold by one. So the purchases of all groups add up to the
volume, so do the sales, and net purchases add up to 0. The split depends on code and date; the table's shares are
approximate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

INSTITUTIONS, FOREIGNERS, INDIVIDUALS = "기관계", "외국인투자자", "개인투자자"

_MILLION = 1_000_000
# Half of a group's share of a day is its usual one, the other half is random.
_FIXED_SHARE = 0.5

Keys = NDArray[np.uint64]


@cache
def groups() -> Sequence[tuple[str, float, str]]:
    """Name, usual share, and name of the parent group, blank for none."""
    return [(name, float(share), group) for name, share, group in rows(_DATA / "investor.tsv")]


def names() -> list[str]:
    """The groups in their order, then the parent groups."""
    result = [name for name, _share, _group in groups()]
    return result + sorted({group for _name, _share, group in groups() if group})


@cache
def members(name: str) -> tuple[int, ...]:
    """Indices of the groups that make up a group of that name: its own, or those of its members."""
    return tuple(at for at, (own, _share, group) in enumerate(groups()) if name in (own, group))


@cache
def _shares() -> NDArray[np.float64]:
    return np.array([share for _name, share, _group in groups()])


@lru_cache(maxsize=4096)
def _own_keys(code: str, which: str) -> Keys:
    return np.array([hash_random.key(code, which, name) for name, _share, _group in groups()], np.uint64)


def market_keys(codes: Sequence[str], which: str) -> Keys:
    """Random keys of many issues, one row each."""
    numbers = hash_random.text_parts(codes)
    columns = [hash_random.keys(numbers, which, name) for name, _share, _group in groups()]
    return np.stack(columns, axis=-1)


def split_volumes(keys: Keys, days: Ints, totals: Ints) -> Ints:
    """Totals, one per day (days since the epoch), split among the groups, which are the last axis of the result."""
    summed = np.cumsum(_weights(keys, days), axis=-1)
    edges = np.rint(totals[..., None] * (summed / summed[..., -1:])).astype(np.int64)
    parts: Ints = np.diff(edges, axis=-1, prepend=0)
    return parts


def share_of(keys: Keys, days: Ints, names: Sequence[str]) -> Floats:
    """Share of groups or parent groups, together, in what is split on each day."""
    weights = _weights(keys, days)
    indices = sorted({at for name in names for at in members(name)})
    share: Floats = weights[..., indices].sum(axis=-1) / weights.sum(axis=-1)
    return share


def _weights(keys: Keys, days: Ints) -> Floats:
    random = hash_random.uniform(keys, days[..., None])
    weights: Floats = _shares() * (_FIXED_SHARE + 2 * (1 - _FIXED_SHARE) * random)
    return weights


def bought_and_sold(code: str, days: Ints, totals: Ints) -> tuple[Ints, Ints]:
    """Volumes that each group bought and sold of an issue: one row per day (since the epoch), one column per group."""
    bought, sold = (split_volumes(_own_keys(code, which), days, totals) for which in ("bought", "sold"))
    return bought, sold


def group_total(parts: Ints, name: str) -> Ints:
    """The part of a group or parent group."""
    result: Ints = parts[..., list(members(name))].sum(axis=-1)
    return result


def millions(value: Ints) -> Ints:
    """Won in 백만원, rounded; money is split in this unit."""
    return (value + _MILLION // 2) // _MILLION

"""Real-time strings put together field by field, from the table of ``realtime_field.tsv``.

For types that come seldom. What a field holds that nobody has explained is said to be a guess there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kernel_server import reference
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


@cache
def names(group: str, realtype: str) -> tuple[str, ...]:
    """The names of the values of a type, in the order of its FIDs.

    >>> names("queue", "주식시간외호가")
    ('time', 'asks', 'asks_change', 'bids', 'bids_change')
    """
    held = {int(fid): value for of, fid, value, _why in rows(_DATA / "realtime_field.tsv") if of == group}
    return tuple(held[fid] for fid in reference.realtype(realtype).fids)


def written(group: str, realtype: str, values: Mapping[str, str]) -> str:
    """The string of that type with those values by name."""
    return "\t".join([values[name] for name in names(group, realtype)])

"""Real-time strings joined field by field, by the table ``realtime_field.tsv``.

For infrequent types. Undocumented fields are marked as guesses there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kernel_server import reference
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


@cache
def field_names(group: str, realtype: str) -> tuple[str, ...]:
    """Names of the values of a type, in the order of its FIDs.

    >>> field_names("queue", "주식시간외호가")
    ('time', 'asks', 'asks_change', 'bids', 'bids_change')
    """
    values = {
        int(fid): value for name, fid, value, _why in rows(_DATA / "realtime_field.tsv") if name == group
    }
    return tuple(values[fid] for fid in reference.realtype(realtype).fids)


def join_fields(group: str, realtype: str, values: Mapping[str, str]) -> str:
    """The string of a type with the values by name."""
    return "\t".join([values[name] for name in field_names(group, realtype)])

"""Where the broker's history of minutes and ticks begins, by issue and interval: pages before it are not requested.

The broker keeps them for some months at most and its pages begin with the newest, so only a load of all of them shows
where they begin. That is remembered for some weeks: it moves on with time, and a broker may keep more than it did.
"""

from __future__ import annotations

from typing import Any, Final

from koalab.store.disk import Shelf
from koalab.store.memo import MEMO, Memo
from koalab.store.series import Moment, Series, microseconds, moment

_KEY: Final = "history:"
_BELIEVED: Final = 30 * 86_400.0
"""Seconds for which a beginning that was seen is believed."""
_NOTHING_BELIEVED: Final = 12 * 3600.0
"""The same where there was not a single bar."""


class HistoryStarts:
    """Where histories begin.

    Args:
        memo: caches them; None: nothing is remembered.
    """

    def __init__(self, memo: Memo | None) -> None:
        self._memo = memo

    def get(self, series: Series, now: float) -> Moment | None:
        """The moment before which the broker has no bars of the series; None where that is unknown."""
        found: Any = None if self._memo is None else self._memo.get(_key(series))
        # A simulated broker may have been ahead of this one, and later its history begins later.
        return moment(found["begins"]) if found is not None and found["seen"] <= now else None

    def put(self, series: Series, begins: Moment, now: float, any_bars: bool) -> None:
        """Remembers that the broker has no bars of the series before ``begins``, as of ``now``."""
        if self._memo is not None:
            value = {"begins": microseconds(begins), "seen": now}
            self._memo.put(_key(series), value, now + (_BELIEVED if any_bars else _NOTHING_BELIEVED))


def forget(shelf: Shelf, code: str | None, interval: str | None) -> None:
    """Forgets those of a code, of an interval, or all."""
    with shelf.transaction() as change:
        for key in change.all_keys():
            parts = key.removeprefix(MEMO + _KEY).split(":")
            if key.startswith(MEMO + _KEY) and code in (None, parts[0]) and interval in (None, parts[-1]):
                change.delete(key)


def _key(series: Series) -> str:
    # Adjusted prices and raw ones begin together.
    return f"{_KEY}{series.code}:{series.interval}"

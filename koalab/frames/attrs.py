"""The ``attrs`` that every frame and Series of a session has: where it came from, and what it cost."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from koalab.dates import seoul

KEYS: Final = ("source", "tr", "adjusted", "fetched_at", "cache_hits", "trs")


def frame_attrs(
    source: str, tr: str, fetched_at: float, hits: int = 0, trs: int = 0, adjusted: bool | None = None
) -> dict[Hashable | None, Any]:
    """``attrs`` with the ``KEYS``.

    Args:
        source: name of the source of prices; blank of what is this machine's alone.
        tr: the TR, or the control's function, that it came from; blank where the broker was not asked.
        fetched_at: as of when it is, by the broker's clock, seconds since the epoch.
        hits: bars or answers from the cache.
        trs: TRs that the call spent.
        adjusted: whether prices are adjusted; None where there are no prices, or none that are ever adjusted.
    """
    return {
        "source": source,
        "tr": tr,
        "adjusted": adjusted,
        "fetched_at": seoul(fetched_at).isoformat(timespec="seconds"),
        "cache_hits": hits,
        "trs": trs,
    }

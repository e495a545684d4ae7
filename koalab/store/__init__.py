"""The cache of bars, on diskcache: which bars are stored, which are final, and which gaps have to be requested."""

from koalab.store.bars import AdjustmentChanged, BarStore
from koalab.store.disk import CacheUnavailable, default_folder
from koalab.store.finality import final_until, needs_fetch
from koalab.store.memo import Memo
from koalab.store.series import Series

__all__ = [
    "AdjustmentChanged",
    "BarStore",
    "CacheUnavailable",
    "Memo",
    "Series",
    "default_folder",
    "final_until",
    "needs_fetch",
]

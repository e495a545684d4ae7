"""Shares of the call auction that a minute begins with."""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base.arrays import Ints

_PARTS = 3  # an opening or VI auction trades half of what the rest of its minute does
_FEW = 24  # shares of a minute that has to keep some for its other trades


def auction_shares(volume: Ints) -> Ints:
    """Shares of the auction, of those of the whole minute."""
    shares: Ints = np.where(volume < _FEW, np.minimum(volume, 1), volume // _PARTS)
    return shares

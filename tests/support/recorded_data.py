"""The folder of recorded market data, and the marks of tests that need it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

RECORDED_DATA = Path(
    os.environ.get("KOALAB_MARKET_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)

needs_market_data = [
    pytest.mark.market_data,
    pytest.mark.skipif(
        not RECORDED_DATA.is_dir(),
        reason=f"no recorded market data in {RECORDED_DATA}: set KOALAB_MARKET_DATA to its folder",
    ),
]

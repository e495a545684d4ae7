"""How many examples a property test draws: all of them with KOALAB_TESTS=thorough, a tenth of the default with few."""

from __future__ import annotations

import os

FEW = os.environ.get("KOALAB_TESTS") == "few"
THOROUGH = os.environ.get("KOALAB_TESTS") == "thorough"


def examples(default: int, thorough: int) -> int:
    """``max_examples`` of a test whose examples take long."""
    return thorough if THOROUGH else max(1, default // 10) if FEW else default

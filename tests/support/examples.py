"""How many examples a property test draws: fewer by default, all of them with KOALAB_TESTS=thorough."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("KOALAB_TESTS") == "thorough"


def examples(default: int, thorough: int) -> int:
    """``max_examples`` of a test whose examples take long."""
    return thorough if THOROUGH else default

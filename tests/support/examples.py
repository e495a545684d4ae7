"""How many examples a property test draws, by KOALAB_TESTS.

``thorough``: all of them. Unset: those of a gate. ``some``: a third of these, for `make test`, while `make test-long`
draws them all. ``few``: a tenth.
"""

from __future__ import annotations

import os
from typing import Final

LEVEL: Final = os.environ.get("KOALAB_TESTS", "")
THOROUGH: Final = LEVEL == "thorough"
_PARTS: Final = {"some": 3, "few": 10}


def examples(default: int, thorough: int | None = None) -> int:
    """``max_examples`` of a test, where the profile's own number is not meant."""
    return (thorough or default) if THOROUGH else max(1, default // _PARTS.get(LEVEL, 1))

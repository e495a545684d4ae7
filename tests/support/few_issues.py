"""A synthetic market of 550 issues in place of 2,900, which is enough for all but what is about the whole market.

The well-known issues are all there, and of those that are made up a part. Half of what tests cost was reading, naming
and ranking the others again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from kernel_server.simulated.market import listing

_COUNTS: Final = {"KOSPI": 330, "KOSDAQ": 200, "KONEX": 20}
_PREFERRED: Final = 10
_WHOLE: Final = {"COUNTS": listing.COUNTS, "PREFERRED": listing.PREFERRED}


def install(patch: pytest.MonkeyPatch) -> None:
    """Lets synthetic markets that are made from now on have 550 issues; ``patch`` undoes it."""
    patch.setattr(listing, "COUNTS", _COUNTS)
    patch.setattr(listing, "PREFERRED", _PREFERRED)


def leave_out(patch: pytest.MonkeyPatch) -> None:
    """Synthetic markets have all issues again, as they have for users."""
    for name, value in _WHOLE.items():
        patch.setattr(listing, name, value)


@contextmanager
def whole_market() -> Iterator[None]:
    """Leaves the few issues out for what is about the number of issues."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out(patch)
        yield

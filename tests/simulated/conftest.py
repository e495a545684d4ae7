"""The list of issues of a synthetic market is drawn once a seed; test_listing draws its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache

import pytest

from kernel_server.simulated.market import listing
from kernel_server.simulated.market.synthetic.market import SyntheticMarket


@pytest.fixture(scope="package", autouse=True)
def _listings_are_drawn_once() -> Iterator[None]:
    drawn = lru_cache(8)(lambda seed, *_counts: listing.build_listing(seed))
    kept = cached_property(lambda market: drawn(market._seed, *listing.COUNTS.values()))
    kept.__set_name__(SyntheticMarket, "_listing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyntheticMarket, "_listing", kept)
        yield

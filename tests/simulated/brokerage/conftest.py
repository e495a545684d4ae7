"""Accounts over the market of one seed: what Nextrade traded on past days is made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.generated_once import share_nextrade_days


@pytest.fixture(scope="package", autouse=True)
def _past_days_at_nextrade_are_made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_nextrade_days(patch)
        yield

"""The market that TRs of many issues are asked about; reading all of its issues takes seconds, so it is shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import generated_once
from tests.support.market_trs import OVER, RUNNING, MarketTrs, PartOfMarket
from tests.support.tr_handlers import calendar


@pytest.fixture(scope="package", autouse=True)
def _histories_are_generated_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        generated_once.install(patch)
        yield


@pytest.fixture(scope="session", params=[RUNNING, OVER])
def trs(request: pytest.FixtureRequest) -> MarketTrs:
    """A part of the synthetic market with fundamentals, once during a session and once after it."""
    return MarketTrs(PartOfMarket(7, calendar), request.param, fundamentals_seed=1)

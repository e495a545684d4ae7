"""The market that TRs of many issues are asked about; reading all of its issues takes seconds, so it is shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support import few_issues, generated_once
from tests.support.market_trs import OVER, RUNNING, MarketTrs
from tests.support.tr_handlers import calendar


@pytest.fixture(scope="package", autouse=True)
def _histories_are_generated_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        generated_once.install(patch)
        few_issues.install(patch)
        yield


@pytest.fixture(scope="package", params=[RUNNING, OVER])
def trs(request: pytest.FixtureRequest, _histories_are_generated_once: None) -> MarketTrs:
    """The synthetic market with fundamentals, once during a session and once after it."""
    return MarketTrs(SyntheticMarket(7, calendar), request.param, fundamentals_seed=1)

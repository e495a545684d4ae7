"""The market that TRs of many issues are asked about; reading all of its issues takes seconds, so it is shared."""

from __future__ import annotations

import pytest

from tests.support.market_trs import OVER, RUNNING, MarketTrs
from tests.support.synthetic_day import BestKnownIssues
from tests.support.tr_handlers import calendar


@pytest.fixture(scope="session", params=[RUNNING, OVER])
def trs(request: pytest.FixtureRequest) -> MarketTrs:
    """A thousand issues with fundamentals, once during a session and once after it."""
    return MarketTrs(BestKnownIssues(7, 1000, calendar), request.param, fundamentals_seed=1)

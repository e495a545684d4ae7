"""The market that TRs of many issues are asked about; reading all of its issues takes seconds, so it is shared."""

from __future__ import annotations

import pytest

from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_trs import OVER, RUNNING, MarketTrs
from tests.support.tr_handlers import calendar


@pytest.fixture(scope="session", params=[RUNNING, OVER])
def trs(request: pytest.FixtureRequest) -> MarketTrs:
    """The synthetic market with fundamentals, once during a session and once after it."""
    return MarketTrs(SyntheticMarket(7, calendar), request.param, fundamentals_seed=1)

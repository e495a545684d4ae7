"""Joins the handlers of the TRs about prices, trades, rankings, investors, indices and themes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from kernel_server.control.simulated.answers import Handler
from kernel_server.control.simulated.day_rows import DayRows
from kernel_server.control.simulated.exchange.day_before import DayBefore
from kernel_server.control.simulated.exchange.interface import Exchange
from kernel_server.control.simulated.flow_columns import FlowColumns
from kernel_server.control.simulated.flow_kinds import FlowKinds
from kernel_server.control.simulated.flows import Flows
from kernel_server.control.simulated.holders import Holders
from kernel_server.control.simulated.index import IndexQuotes
from kernel_server.control.simulated.index_days import IndexDays
from kernel_server.control.simulated.index_series import Indices
from kernel_server.control.simulated.intraday_flows import IntradayFlows
from kernel_server.control.simulated.market import Issue, Market
from kernel_server.control.simulated.market_flows import MarketFlows
from kernel_server.control.simulated.members import Members
from kernel_server.control.simulated.price_table import PriceTable
from kernel_server.control.simulated.ranking_fields import Row
from kernel_server.control.simulated.rankings import Rankings
from kernel_server.control.simulated.settings import Settings
from kernel_server.control.simulated.survey import Survey
from kernel_server.control.simulated.theme_tr import ThemeQuotes
from kernel_server.control.simulated.trade_lists import TradeLists


def handlers(
    market: Market,
    settings: Settings,
    survey: Survey,
    indices: Indices,
    exchange: Exchange,
    before: DayBefore,
) -> dict[str, Handler]:
    """A handler for each TR code, in lower case.

    Args:
        market: what is traded.
        settings: as everywhere.
        survey: of that market.
        indices: of that market.
        exchange: where it is traded.
        before: the session before the newest.
    """
    issues = market.issues()
    flows = MarketFlows()
    quotes = IndexQuotes(indices, survey)
    kinds = FlowKinds(FlowColumns(flows), _held(Holders(market, settings))).kinds()
    return (
        DayRows(market, settings).handlers()
        | TradeLists(issues, exchange, before).handlers()
        | PriceTable(issues, exchange).handlers()
        | Members(market).handlers()
        | Flows(market, settings).handlers()
        | IntradayFlows(market).handlers()
        | ThemeQuotes(market).handlers()
        | survey.in_pieces(
            Rankings(survey, kinds).handlers()
            | quotes.handlers()
            | IndexDays(indices, survey, quotes, flows).handlers()
        )
    )


def _held(holders: Holders) -> Callable[[Row], int | None]:
    """What foreigners hold of a row's issue at the time of the row; several of its fields ask."""

    @lru_cache(maxsize=256)
    def held(issue: Issue, date: int, now: float) -> int | None:
        found = holders.held(issue, np.array([date]), now)
        return None if found is None else int(found[-1])

    return lambda row: held(row.day.issue, row.day.date, row.now)

"""Joins the handlers of the TRs about prices, trades, rankings, investors, indices and themes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from kernel_server.simulated.base.tr import TrHandler
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.market.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.investor_matrix import InvestorMatrix
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.daily_list import DailyLists
from kernel_server.simulated.trs.index_days import IndexDays
from kernel_server.simulated.trs.index_quotes import IndexQuotes
from kernel_server.simulated.trs.intraday_investors import IntradayInvestors
from kernel_server.simulated.trs.investors import InvestorLists
from kernel_server.simulated.trs.members import Members
from kernel_server.simulated.trs.price_table import PriceTable
from kernel_server.simulated.trs.rankings.engine import RankingEngine
from kernel_server.simulated.trs.rankings.fields import RankingRow
from kernel_server.simulated.trs.rankings.investor_catalog import InvestorCatalog
from kernel_server.simulated.trs.rankings.investor_sort_keys import InvestorSortKeys
from kernel_server.simulated.trs.themes import ThemeQuotes
from kernel_server.simulated.trs.trade_list import TradeLists


def handlers(
    market: Market,
    settings: BrokerSettings,
    survey: MarketScanner,
    indices: IndexValues,
    exchange: Exchange,
    before: PreviousSession,
) -> dict[str, TrHandler]:
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
    flows = InvestorMatrix()
    quotes = IndexQuotes(indices, survey)
    kinds = InvestorCatalog(
        InvestorSortKeys(flows), _held(ForeignHoldings(market, settings.fundamentals_seed))
    ).kinds()
    return (
        DailyLists(market, settings).handlers()
        | TradeLists(issues, exchange, before).handlers()
        | PriceTable(issues, exchange).handlers()
        | Members(market).handlers()
        | InvestorLists(market, settings).handlers()
        | IntradayInvestors(market).handlers()
        | ThemeQuotes(market).handlers()
        | survey.in_pieces(
            RankingEngine(survey, kinds).handlers()
            | quotes.handlers()
            | IndexDays(indices, survey, quotes, flows).handlers()
        )
    )


def _held(holders: ForeignHoldings) -> Callable[[RankingRow], int | None]:
    """What foreigners hold of a row's issue at the time of the row; several of its fields ask."""

    @lru_cache(maxsize=256)
    def held(issue: Issue, date: int, now: float) -> int | None:
        found = holders.held(issue, np.array([date]), now)
        return None if found is None else int(found[-1])

    return lambda row: held(row.day.issue, row.day.date, row.now)

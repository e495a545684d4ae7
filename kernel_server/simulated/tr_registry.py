"""The table of TR handlers by TR code, the only place where a new TR is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tr import TrHandler
from kernel_server.simulated.brokerage.brokerage import Brokerage
from kernel_server.simulated.brokerage.trs.balances import Balances
from kernel_server.simulated.brokerage.trs.buying_power import BuyingPower
from kernel_server.simulated.brokerage.trs.order_lists import OrderLists
from kernel_server.simulated.brokerage.trs.realized_profits import RealizedProfits
from kernel_server.simulated.brokerage.trs.statements import Statements
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.market.nextrade.both import BothMarkets
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.statistics.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.trade_script import RecordedTrades
from kernel_server.simulated.market.trading_hours import TradingHours
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.investor_matrix import InvestorMatrix
from kernel_server.simulated.snapshot.market_moments import MarketMoments
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.charts import Charts
from kernel_server.simulated.trs.daily.daily_list import DailyLists
from kernel_server.simulated.trs.etf.days import EtfDays
from kernel_server.simulated.trs.etf.quotes import EtfQuotes
from kernel_server.simulated.trs.etf.values import FundValues
from kernel_server.simulated.trs.index_charts import IndexCharts
from kernel_server.simulated.trs.index_days import IndexDays, IndexMembers
from kernel_server.simulated.trs.index_quotes import IndexQuotes
from kernel_server.simulated.trs.intraday_investors import IntradayInvestors
from kernel_server.simulated.trs.investors import InvestorLists
from kernel_server.simulated.trs.lending import LendingLists
from kernel_server.simulated.trs.members import Members
from kernel_server.simulated.trs.order_book import OrderBooks
from kernel_server.simulated.trs.price_table import PriceTable
from kernel_server.simulated.trs.program.issues import ProgramIssues
from kernel_server.simulated.trs.program.totals import ProgramHistory
from kernel_server.simulated.trs.program.trends import ProgramTrends
from kernel_server.simulated.trs.quotes import Quotes
from kernel_server.simulated.trs.rankings.engine import RankingEngine
from kernel_server.simulated.trs.rankings.fields import RankingRow
from kernel_server.simulated.trs.rankings.foreign_and_institutional import ForeignAndInstitutional
from kernel_server.simulated.trs.rankings.investor_catalog import InvestorCatalog
from kernel_server.simulated.trs.rankings.investor_sort_keys import InvestorSortKeys
from kernel_server.simulated.trs.rankings.single_price import SinglePriceRanking
from kernel_server.simulated.trs.single_price_quotes import SinglePriceQuotes
from kernel_server.simulated.trs.themes import ThemeQuotes
from kernel_server.simulated.trs.tick_chart import TickCharts
from kernel_server.simulated.trs.trade_list import TradeLists
from kernel_server.simulated.trs.venues import by_venue
from kernel_server.simulated.trs.vi_list import ViList


@dataclass(frozen=True, slots=True)
class MarketParts:
    """Parts used by the handlers of market TRs.

    Attributes:
        market: issues and prices.
        settings: settings of the broker.
        sessions: loads the calendar; called on first use.
        exchange: the exchange of the market.
        previous_session: trades of the previous session.
        scanner: snapshots of the market.
        indices: indices of the market.
        seed: random seed of the exchange.
        off_hours_flow: whether there is background trading outside the regular session.
        recorded: recorded trades of earlier days, if any.
        nextrade: the issues at other exchanges, as in ``exchange``.
    """

    market: Market
    settings: BrokerSettings
    sessions: Callable[[], Sessions]
    exchange: Exchange
    previous_session: PreviousSession
    scanner: MarketScanner
    indices: IndexValues
    seed: int = 1
    off_hours_flow: bool = True
    recorded: RecordedTrades | None = None
    nextrade: NextradeMarket | None = None


def handlers(parts: MarketParts, brokerage: Brokerage) -> dict[str, TrHandler]:
    """Handlers by TR code in lower case.

    Raises:
        ValueError: two handlers have the same TR code.
    """
    return join(market_handlers(parts), account_handlers(brokerage))


def join(*groups: Mapping[str, TrHandler]) -> dict[str, TrHandler]:
    """Join groups of handlers into one table.

    Raises:
        ValueError: a TR code is in two of them.
    """
    table: dict[str, TrHandler] = {}
    for group in groups:
        for code, handler in group.items():
            if code in table:
                raise ValueError(f"two handlers of the TR {code}: {table[code]} and {handler}")
            table[code] = handler
    return table


def market_handlers(parts: MarketParts) -> dict[str, TrHandler]:
    """Handlers of TRs about prices, trades, rankings, investors, indices and themes."""
    market, settings, exchange, sessions = parts.market, parts.settings, parts.exchange, parts.sessions
    scanner, indices = parts.scanner, parts.indices
    issues = market.issues()
    flows = InvestorMatrix()
    nextrade = parts.nextrade or NextradeMarket(market, sessions)
    both = BothMarkets(market, nextrade)
    moments = MarketMoments(scanner, exchange, parts.seed, parts.settings.trade_size)
    program = ProgramHistory(indices)
    program_issues = ProgramIssues(market, scanner, program, moments)
    funds = FundValues(market, indices, sessions, settings.fundamentals_seed is not None)
    index_quotes = IndexQuotes(indices, scanner)
    foreign_shares = _foreign_shares(ForeignHoldings(market, settings.fundamentals_seed))
    rankings = RankingEngine(
        scanner, moments, InvestorCatalog(InvestorSortKeys(flows), foreign_shares).kinds()
    )
    return join(
        by_venue(Charts(market, settings).handlers(), Charts(nextrade, settings, market).handlers()),
        Quotes(both, settings, TradingHours(sessions), exchange).handlers(),
        TickCharts(
            both.issues(), exchange, parts.recorded, None if settings.evening_ticks else sessions
        ).handlers(),
        SinglePriceQuotes(issues, exchange, sessions).handlers(),
        OrderBooks(both.issues(), exchange).handlers(),
        ViList(both.issues(), exchange, settings, sessions).handlers(),
        IndexCharts(indices, settings).handlers(),
        DailyLists(both, settings, exchange).handlers(),
        TradeLists(issues, exchange, parts.previous_session).handlers(),
        PriceTable(both.issues(), exchange).handlers(),
        Members(market).handlers(),
        InvestorLists(market, settings).handlers(),
        IntradayInvestors(market).handlers(),
        ThemeQuotes(market, exchange).handlers(),
        IndexMembers(issues, indices, scanner, exchange).handlers(),
        program_issues.issue_handlers(),
        EtfDays(issues, funds).handlers(),
        EtfQuotes(issues, funds).handlers(),
        scanner.when_ready(program_issues.market_handlers()),
        scanner.when_ready(ProgramTrends(scanner, indices, program).handlers()),
        scanner.when_ready(rankings.handlers()),
        scanner.when_ready(ForeignAndInstitutional(scanner, flows).handlers()),
        scanner.when_ready(LendingLists(scanner).handlers()),
        scanner.when_ready(index_quotes.handlers()),
        scanner.when_ready(IndexDays(indices, scanner, index_quotes, flows).handlers()),
        scanner.when_ready(SinglePriceRanking(scanner, parts.seed, parts.off_hours_flow).handlers()),
    )


def account_handlers(brokerage: Brokerage) -> dict[str, TrHandler]:
    """Handlers of TRs about accounts and orders."""
    parts = brokerage.account_parts
    exchange, books, settings, issues = parts.exchange, parts.books, parts.settings, parts.issues
    state = books, parts.calendar, parts.valuation
    table = join(
        OrderLists(exchange, books, parts.valuation, settings, issues).handlers(),
        Balances(books, parts.valuation, settings).handlers(),
        Statements(*state, parts.ledger, settings, issues).handlers(),
        BuyingPower(*state, settings, issues).handlers(),
        RealizedProfits(books, parts.valuation, issues).handlers(),
    )
    return {code: brokerage.in_session(handler) for code, handler in table.items()}


def _foreign_shares(holdings: ForeignHoldings) -> Callable[[RankingRow], int | None]:
    """Shares of a row's issue that foreigners hold at the time of the row; cached, as several fields need it."""

    @lru_cache(maxsize=4096)  # more than one market of issues
    def shares(issue: Issue, date: int, now: float) -> int | None:
        found = holdings.shares_held(issue, np.array([date]), now)
        return None if found is None else int(found[-1])

    return lambda row: shares(row.day.issue, row.day.date, row.now)

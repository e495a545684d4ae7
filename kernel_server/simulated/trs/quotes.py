"""Quotes: opt10001 for one issue, OPTKWFID for up to a hundred.

Prices and volume of an open session are those of the exchange, to the newest trade, as are the quotes at any hour; all
else is from the market's bars.
"""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss, midnight
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    unread,
)
from kernel_server.simulated.exchange.interface import (
    NO_EXPECTED_TRADE,
    Exchange,
    ExpectedPrice,
    IssueState,
    Tape,
    Trade,
)
from kernel_server.simulated.market.day_summary import (
    LEVELS,
    DaySummary,
    extremes,
    history,
    trade_strength,
)
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.nextrade.both import newest_day
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.statistics.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.statistics.fundamentals import fundamentals
from kernel_server.simulated.market.trading_hours import TradingHours, today
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.market_moments import session_so_far
from kernel_server.simulated.trs.tick_chart import VOLUME_SIGNS

_CONSTANT = {  # fields of the watch list about ELWs and the like
    "총매도건수": "0",
    "패리티": "0.00",
    "기어링": "0.00",
    "손익분기": "0.00",
    "자본지지": "0.00",
    "ELW행사가": "0",
    "전환비율": "0.0000",
    "ELW만기일": "00000000",
}


class Quotes:
    """Handlers of opt10001 and OPTKWFID."""

    def __init__(
        self, market: Market, settings: BrokerSettings, hours: TradingHours, exchange: Exchange
    ) -> None:
        self._market = market
        self._exchange = exchange
        self._settings = settings
        self._hours = hours
        self._foreign_holdings = ForeignHoldings(market, settings.fundamentals_seed)
        self._issues = market.issues()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10001": self._basics, "optkwfid": self._watch_list}

    def _basics(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10001."""
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        bars = history(self._market, issue.code, now)
        state = self._exchange.states([issue.code]).get(issue.code)
        day = session_so_far(state)
        day = day or newest_day(self._market, issue, bars, now)
        values = _listing_fields(issue)
        if day is not None:
            values |= _price_fields(day) | self._basic_fields(day, bars, state)
            if self._settings.fundamentals_seed is not None:
                own, venue = split(issue.code)
                company = self._issues[own]  # which is the same at every exchange
                own_bars = history(self._market, own, now) if venue else bars
                values |= fundamentals(company, self._settings.fundamentals_seed, own_bars)
                foreign_shares = self._foreign_holdings.shares_held(company, own_bars.time[-1:], now)
                if foreign_shares is not None:
                    values["외인소진률"] = (
                        f"+{kiwoom_format.decimal(int(foreign_shares[-1]) * 100, issue.shares)}"
                    )
        return TrAnswer(in_order(request.tr.single_names, values), codes=(issue.code,))

    def _watch_list(self, request: TrRequest, now: float) -> TrAnswer:
        """OPTKWFID: one row a code, in the order requested, without issues whose prices cannot be read."""
        names = request.tr.multi_names
        rows, known_codes, errors = [], [], []
        codes = request.inputs["종목코드"].split(";")
        if not self._exchange.prepare_tapes(codes):
            raise AnswerPending
        states = self._exchange.states(codes)
        for code in codes:
            issue = self._issues.get(code)
            if issue is not None:
                known_codes.append(code)
                try:
                    rows.append(in_order(names, self._watch_list_row(issue, states.get(code), now)))
                except BadMarketData as bad:
                    errors.append(unread(bad))
            elif self._settings.unknown_codes == "blank":
                rows.append([""] * len(names))
        return TrAnswer(rows=rows, unread=tuple(errors), codes=tuple(known_codes))

    def _basic_fields(self, day: DaySummary, bars: Bars, state: IssueState | None) -> dict[str, str]:
        expected = NO_EXPECTED_TRADE if state is None else state.indicative
        highs_and_lows = extremes(bars)
        return {
            "연중최고": kiwoom_format.price(highs_and_lows.year_high, day.base),
            "연중최저": kiwoom_format.price(highs_and_lows.year_low, day.base),
            "대용가": str(day.base * self._settings.collateral_rate // 1000 * 10),
            "250최고": kiwoom_format.price(highs_and_lows.long_high, day.base),
            "250최저": kiwoom_format.price(highs_and_lows.long_low, day.base),
            "250최고가일": str(highs_and_lows.long_high_date),
            "250최고가대비율": kiwoom_format.rate(
                day.last - highs_and_lows.long_high, highs_and_lows.long_high
            ),
            "250최저가일": str(highs_and_lows.long_low_date),
            "250최저가대비율": kiwoom_format.rate(
                day.last - highs_and_lows.long_low, highs_and_lows.long_low
            ),
            "대비기호": kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower),
            "거래대비": kiwoom_format.percent_of_previous(day.volume, day.previous_volume),
            # No expected price outside an auction: the broker writes 0 with a sign.
            "예상체결가": kiwoom_format.price(expected.price, _expected_base(day, state)),
            "예상체결수량": str(expected.volume),
        }

    def _watch_list_row(self, issue: Issue, state: IssueState | None, now: float) -> dict[str, str]:
        day, venue = session_so_far(state), split(issue.code)[1]
        if day is None:
            day = newest_day(self._market, issue, history(self._market, issue.code, now, 2), now)
        if day is None:
            return _listing_fields(issue)
        quoted = traded = self._hours.last_trade(day.date, now)
        newest = None if state is None else state.newest
        shown = newest is not None and self._is_shown(newest, day, now)
        if state is not None and newest is not None and (state.session is not None or venue or shown):
            traded = hhmmss(newest.time)
            quoted = hhmmss(now) if state.session is not None else traded
        return (
            _CONSTANT
            | _listing_fields(issue)
            | _price_fields(day)
            | quote_fields(state, day.base)
            | _trade_fields(day)
            | {"체결강도": strength(day, tape_of(self._exchange, issue.code))}
            | _expected_fields(day, state)
            | {"체결시간": traded, "호가시간": quoted}
        )

    def _is_shown(self, newest: Trade, day: DaySummary, now: float) -> bool:
        """Whether the price of a day that is over is that of its newest trade, as the bar shows it till morning."""
        hours = 24 + self._settings.evening_bar_until
        return (
            self._settings.evening_bar != "regular"
            and newest.price == day.last
            and today(newest.time) == day.date
            and now < midnight(newest.time) + 3600 * hours
        )


def _listing_fields(issue: Issue) -> dict[str, str]:
    """Fields that do not depend on prices."""
    shares = str(kiwoom_format.thousands(issue.shares))
    return {
        "종목코드": issue.code,
        "종목명": issue.name,
        "액면가": str(issue.face_value),
        "액면가단위": "원",
        "자본금": str(kiwoom_format.eok(issue.shares * issue.face_value)),
        "상장주식": shares,
        "주식수": shares,
    }


def _price_fields(day: DaySummary) -> dict[str, str]:
    """Price fields of both TRs."""
    change = day.last - day.base
    return {
        "현재가": kiwoom_format.price(day.last, day.base),
        "기준가": str(day.base),
        "전일대비": kiwoom_format.signed(change),
        "등락율": kiwoom_format.rate(change, day.base),
        "거래량": str(day.volume),
        "시가": kiwoom_format.price(day.open, day.base),
        "고가": kiwoom_format.price(day.high, day.base),
        "저가": kiwoom_format.price(day.low, day.base),
        "상한가": kiwoom_format.price(day.upper, day.base),
        "하한가": kiwoom_format.price(day.lower, day.base),
        "시가총액": str(kiwoom_format.eok(day.last * day.issue.shares)),
    }


def _trade_fields(day: DaySummary) -> dict[str, str]:
    """Trade fields."""
    return {
        "전일대비기호": kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower),
        "거래대금": str(kiwoom_format.millions(day.value)),
        "전일거래량대비": kiwoom_format.percent_of_previous(day.volume, day.previous_volume),
        "종가": kiwoom_format.price(day.last, day.base),
        "일자": str(day.date),
    }


def _expected_base(day: DaySummary, state: IssueState | None) -> int:
    """What an expected price is compared with: before the opening, when ``day`` is the day before, with its close."""
    opening = state is not None and state.in_auction and state.session is None
    return day.last if opening else day.base


def tape_of(exchange: Exchange, code: str) -> Tape | None:
    """The tape of an issue, None if nothing is known of it."""
    try:
        return exchange.tape(code)
    except LookupError:
        return None


def strength(day: DaySummary, tape: Tape | None) -> str:
    """체결강도 of the trades of the day so far; of a day of which no trade is known it is drawn."""
    if tape is not None and (tape.last_time or not day.volume):
        return trade_strength(tape.buys, tape.sells)
    return trade_strength(day.buy_volume, day.volume - day.buy_volume)


def _expected_fields(day: DaySummary, state: IssueState | None) -> dict[str, str]:
    """What the newest auction would trade or has traded: after it 예상체결가 keeps its price, as in every recorded row.

    Of a day without trades the opening price is known alone.
    """
    expected = ExpectedPrice(day.open, 0)
    if state is not None and (state.newest is not None or state.session is not None or state.in_auction):
        expected = state.expected
    return {
        "예상체결가": kiwoom_format.price(expected.price, _expected_base(day, state)),
        "예상체결량": str(expected.volume),
    }


def quote_fields(state: IssueState | None, base: int) -> dict[str, str]:
    """The five best quotes with their sizes, the totals of ten levels, and the size of the newest trade."""
    asks, bids = ([], []) if state is None else (state.asks, state.bids)
    values: dict[str, str] = {}
    for side, levels in (("매도", asks), ("매수", bids)):
        prices = [*(level.price for level in levels[:LEVELS]), *[0] * LEVELS][:LEVELS]
        texts = [kiwoom_format.price(price, base) for price in prices]
        values |= {f"{side}{number}차호가": text for number, text in enumerate(texts, 1)}
        values[f"{side}호가"] = texts[0]
        values[f"우선{side}잔량"] = str(levels[0].volume if levels else 0)
        values[f"총{side}잔량"] = str(sum(level.volume for level in levels))
    newest = None if state is None else state.newest
    values["체결량"] = "0" if newest is None else VOLUME_SIGNS[newest.side] + str(newest.volume)
    return values

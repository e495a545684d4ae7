"""Quotes: opt10001 for one issue, OPTKWFID for up to a hundred."""

from __future__ import annotations

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import (
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    unread,
)
from kernel_server.simulated.market.day_summary import (
    LEVELS,
    DaySummary,
    extremes,
    history,
    latest_summary,
    trade_strength,
    visible_quotes,
)
from kernel_server.simulated.market.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.fundamentals import fundamentals
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trading_hours import TradingHours
from kernel_server.simulated.settings import BrokerSettings

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

    def __init__(self, market: Market, settings: BrokerSettings, hours: TradingHours) -> None:
        self._market = market
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
        day = latest_summary(issue, bars)
        values = _listing_fields(issue)
        if day is not None:
            values |= _price_fields(day) | self._basic_fields(day, bars)
            if self._settings.fundamentals_seed is not None:
                values |= fundamentals(issue, self._settings.fundamentals_seed, bars)
                foreign_shares = self._foreign_holdings.shares_held(issue, bars.time[-1:], now)
                if foreign_shares is not None:
                    values["외인소진률"] = (
                        f"+{kiwoom_format.decimal(int(foreign_shares[-1]) * 100, issue.shares)}"
                    )
        return TrAnswer(in_order(request.tr.single_names, values), codes=(issue.code,))

    def _watch_list(self, request: TrRequest, now: float) -> TrAnswer:
        """OPTKWFID: one row a code, in the order requested, without issues whose prices cannot be read."""
        names = request.tr.multi_names
        rows, known_codes, errors = [], [], []
        for code in request.inputs["종목코드"].split(";"):
            issue = self._issues.get(code)
            if issue is not None:
                known_codes.append(code)
                try:
                    rows.append(in_order(names, self._watch_list_row(issue, now)))
                except BadMarketData as bad:
                    errors.append(unread(bad))
            elif self._settings.unknown_codes == "blank":
                rows.append([""] * len(names))
        return TrAnswer(rows=rows, unread=tuple(errors), codes=tuple(known_codes))

    def _basic_fields(self, day: DaySummary, bars: Bars) -> dict[str, str]:
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
            "예상체결가": kiwoom_format.price(0, day.base),
            "예상체결수량": "0",
        }

    def _watch_list_row(self, issue: Issue, now: float) -> dict[str, str]:
        day = latest_summary(issue, history(self._market, issue.code, now, 2))
        if day is None:
            return _listing_fields(issue)
        time = self._hours.last_trade(day.date, now)
        return (
            _CONSTANT
            | _listing_fields(issue)
            | _price_fields(day)
            | _quote_fields(day)
            | _trade_fields(day, time)
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


def _trade_fields(day: DaySummary, time: str) -> dict[str, str]:
    """Trade fields; ``time`` (HHMMSS) is of the newest trade.

    체결강도 is bought over sold volume; the split of the day's volume is drawn from code and date. After the opening
    auction 예상체결가 keeps its price, as in every recorded row.
    """
    return {
        "전일대비기호": kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower),
        "거래대금": str(kiwoom_format.millions(day.value)),
        "체결강도": trade_strength(day.buy_volume, day.volume),
        "전일거래량대비": kiwoom_format.percent_of_previous(day.volume, day.previous_volume),
        "종가": kiwoom_format.price(day.last, day.base),
        "체결시간": time,
        "호가시간": time,
        "일자": str(day.date),
        "예상체결가": kiwoom_format.price(day.open, day.base),
        "예상체결량": str(min(day.volume, 1 + day.random("opening", day.volume // 50))),
    }


def _quote_fields(day: DaySummary) -> dict[str, str]:
    """The five best quotes with their sizes."""
    quotes = visible_quotes(day)
    asks = [kiwoom_format.price(price, day.base) for price in quotes.asks]
    bids = [kiwoom_format.price(price, day.base) for price in quotes.bids]
    levels = {f"매도{number}차호가": asks[number - 1] for number in range(1, LEVELS + 1)}
    levels |= {f"매수{number}차호가": bids[number - 1] for number in range(1, LEVELS + 1)}
    return {
        **levels,
        "매도호가": asks[0],
        "매수호가": bids[0],
        "체결량": kiwoom_format.signed(quotes.trade),
        "우선매도잔량": str(quotes.ask_size),
        "우선매수잔량": str(quotes.bid_size),
        "총매도잔량": str(quotes.asks_size),
        "총매수잔량": str(quotes.bids_size),
    }

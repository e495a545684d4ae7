"""Master functions: data of every listed issue that the control has without a request to the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from kernel_server.clock import Clock
from kernel_server.simulated.market.branches import BRANCHES
from kernel_server.simulated.market.day_summary import history, latest_summary
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.market.nextrade.venues import traded
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.trading_hours import TradingHours
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

log = logging.getLogger(__name__)

_LONG = 2**31 - 1
_UNKNOWN_MARKET = -1

_MARKET_NAMES: Mapping[str, str] = {"KOSPI": "거래소", "KOSDAQ": "코스닥", "KONEX": "코넥스"}
_SIZES = (
    (75_000_000_000, "대형주"),
    (35_000_000_000, "중형주"),
    (0, "소형주"),
)  # minimum paid-in capital, KRW
_STATES: Mapping[str, tuple[str, str]] = {  # by kind: GetMasterConstruction, GetMasterStockState
    "stock": ("정상", "증거금30%|담보대출|신용가능"),
    "etf": ("정상", "증거금40%"),
    "etn": ("정상", "증거금40%"),
    "reit": ("정상", "증거금40%"),
}


class MasterFunctions:
    """Master functions under Kiwoom's names. An unknown code returns blank, or 0."""

    def __init__(self, market: Market, clock: Clock, hours: TradingHours) -> None:
        self._market = market
        self._clock = clock
        self._hours = hours
        self._issues = market.issues()
        self._names = {code: issue.name for code, issue in self._issues.items()}
        self._numbers = {
            (market, kind): (number, lists.split(","))
            for market, kind, number, lists in rows(_DATA / "market_number.tsv")
        }
        self._sectors = [(group, code, name) for group, code, name in rows(_DATA / "sector.tsv")]
        self._koa = {
            "GetMasterStockInfo": self._stock_info,
            "GetUpjongCode": self._sector_codes,
            "GetUpjongNameByCode": self._sector_name,
            "IsOrderWarningETF": self._no_warning,
            "IsOrderWarningStock": self._no_warning,
            "GetMasterListedStockCntEx": self._listed_shares,
            "GetStockMarketKind": self._market_kind,
        }

    @cached_property
    def _lists(self) -> dict[str, str]:
        """Answers of GetCodeListByMarket by market number; blank and NULL stand for all markets."""
        lists: dict[str, list[str]] = {"": list(self._issues)}
        for code, issue in self._issues.items():
            for number in self._number(issue)[1]:
                lists.setdefault(number, []).append(code)
        joined = {number: "".join(f"{code};" for code in codes) for number, codes in lists.items()}
        joined["NULL"] = joined[""]
        joined["NXT"] = "".join(f"{code};" for code in traded(self._issues, self._market.anchor_prices()))
        return joined

    def _number(self, issue: Issue) -> tuple[str, list[str]]:
        return self._numbers.get((issue.market, issue.kind), ("", []))

    def GetCodeListByMarket(self, sMarket: str) -> str:
        return self._lists.get(sMarket, "")

    def GetMasterCodeName(self, sTrCode: str) -> str:
        return self._names.get(sTrCode, "")

    def GetMasterListedStockCnt(self, sTrCode: str) -> int:
        """A 32-bit LONG, which overflows above 2,147,483,647 shares, as in the real control."""
        issue = self._issues.get(sTrCode)
        return 0 if issue is None else (issue.shares + _LONG + 1) % (2 * (_LONG + 1)) - _LONG - 1

    def GetMasterListedStockDate(self, sTrCode: str) -> str:
        issue = self._issues.get(sTrCode)
        return "" if issue is None else issue.listed.strftime("%Y%m%d")

    def GetMasterConstruction(self, sTrCode: str) -> str:
        issue = self._issues.get(sTrCode)
        return "" if issue is None else _STATES.get(issue.kind, ("", ""))[0]

    def GetMasterStockState(self, sTrCode: str) -> str:
        issue = self._issues.get(sTrCode)
        return "" if issue is None else _STATES.get(issue.kind, ("", ""))[1]

    def GetMasterLastPrice(self, sTrCode: str) -> str:
        """Close of the last completed session, eight digits; 기준가 of the first session before that."""
        issue = self._issues.get(sTrCode)
        if issue is None:
            return ""
        now = self._clock.now()
        try:
            day = latest_summary(issue, history(self._market, sTrCode, self._hours.before_running(now), 2))
            if day is None:
                day = latest_summary(issue, history(self._market, sTrCode, now, 2))
        except BadMarketData:
            log.exception("no price of %s", sTrCode)
            return ""
        if day is None:
            return ""
        return f"{day.last if self._hours.over(day.date, now) else day.base:08d}"

    def GetMarketType(self, sTrCode: str) -> int:
        """GetStockMarketKind as a number; -1 for an unknown code, which is a guess."""
        kind = self._market_kind(sTrCode)
        return int(kind) if kind else _UNKNOWN_MARKET

    def GetBranchCodeName(self) -> str:
        return ";".join(f"{code}|{name}" for code, name in BRANCHES.items())

    def koa(self, name: str, argument: str) -> str:
        """KOA_Functions about issues; blank for others."""
        answer = self._koa.get(name)
        return "" if answer is None else answer(argument)

    def _stock_info(self, code: str) -> str:
        """Market, size class and sector. Size follows paid-in capital, as the exchange once defined it (guess)."""
        issue = self._issues.get(code)
        if issue is None:
            return ""
        market = _MARKET_NAMES.get(issue.market, "")
        capital = issue.shares * issue.face_value
        size = next(name for least, name in _SIZES if capital >= least)
        return f"시장구분0|{market};시장구분1|{size};업종구분|{issue.industry};"

    def _sector_codes(self, group: str) -> str:
        return "".join(
            f"{sector_group},{code},{name}|"
            for sector_group, code, name in self._sectors
            if sector_group == group
        )

    def _sector_name(self, code: str) -> str:
        return next((name for _group, sector, name in self._sectors if sector == code), "")

    def _no_warning(self, code: str) -> str:
        return "0" if code in self._issues else ""

    def _listed_shares(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else str(issue.shares)

    def _market_kind(self, code: str) -> str:
        issue = self._issues.get(code)
        return "" if issue is None else self._number(issue)[0]

"""The whole control over a market that hardly moves, and every event with the values read inside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from kernel_server.control.seam import Event
from tests.support.simulated_broker import (
    GRT,
    SAMSUNG,
    HandMarket,
    Row,
    SimulatedBroker,
    bars,
    number,
    weekdays,
)

ACCOUNT = "8000000011"
CODE = SAMSUNG.code
BUY, SELL, CANCEL_BUY, CANCEL_SELL, MODIFY_BUY, MODIFY_SELL = range(1, 7)
LIMIT, MARKET = "00", "03"

ORDER_FIDS = (
    "9201;9203;9205;9001;912;913;302;900;901;902;903;904;905;906;907;908;909;910;911;10;27;28;914;915;938;939;919;"
    "920;921;922;923;949;10010;969;819"
)
BALANCE_FIDS = (
    "9201;9001;917;916;302;10;930;931;932;933;945;946;950;951;27;28;307;8019;957;958;918;990;991;992;993;959;924;"
    "10010;25;11;12;306;305;970"
)
NAME = "삼성전자" + " " * 32  # forty bytes

Heard = tuple[object, ...]
"""An event: its name, its arguments, and last what could be read inside it, where that was read."""


def quiet_market() -> HandMarket:
    """기준가 77,500. 005930 trades at 77,000 a share a minute, at 76,800 from 10:10 to 10:14, then at 77,000 again."""
    days = weekdays(date(2022, 1, 3), date(2022, 1, 18))
    rows: list[Row] = [(number(day), 77_500, 77_600, 77_400, 77_500, 1000) for day in days]
    rows[-1] = (20220118, 77_000, 77_000, 76_800, 77_000, 381)
    minutes: list[Row] = []
    for minute in [*range(9 * 60, 15 * 60 + 20), 15 * 60 + 30]:
        price = 76_800 if 10 * 60 + 10 <= minute < 10 * 60 + 15 else 77_000
        time = 20220118_000000 + minute // 60 * 10_000 + minute % 60 * 100
        minutes.append((time, price, price, price, price, 1))
    others: list[Row] = [(number(day), 1_225, 1_230, 1_220, 1_225, 1000) for day in days]
    return HandMarket([SAMSUNG, GRT], {CODE: bars(rows), GRT.code: bars(others)}, {}, {CODE: bars(minutes)})


class EventLog(SimulatedBroker):
    """``heard`` is everything since it was last taken, oldest first. Orders are sent on screen 0001 as 주문."""

    def __init__(self, start: str = "10:00", market: HandMarket | None = None, **settings: object) -> None:
        self.heard: list[Heard] = []
        # 시간외단일가_현재가 (10010) is 기준가 where nobody has traded in an evening.
        super().__init__(
            market or quiet_market(), f"2022-01-18 {start}", **{"after_hours": "clients", **settings}
        )

    def handle(self, event: Event) -> None:
        read: list[object] = []
        if event.name == "OnReceiveChejanData":
            fids = str(event.arguments[2]).split(";")
            read.append({int(fid): self.text("GetChejanData", int(fid)) for fid in fids})
        elif event.name == "OnReceiveTrData" and str(event.arguments[2]).startswith("KOA"):
            read.append(self.text("GetCommData", event.arguments[2], "", 0, "주문번호").strip())
        elif event.name == "OnEventConnect":
            read.append(self.call("GetConnectState"))
        if not str(event.arguments[-1]).startswith("KOA") and not read:
            super().handle(event)  # it reads the pages of TRs
        self.heard.append((event.name, *event.arguments, *read))

    def take(self) -> list[Heard]:
        """The events since the last call."""
        found, self.heard = self.heard, []
        return found

    def begin(self) -> EventLog:
        """Log in and forget the events of that."""
        self.login()
        self.take()
        return self

    def order(
        self, kind: int, quantity: int, price: int = 0, quote: str = LIMIT, original: str = ""
    ) -> list[Heard]:
        """Send an order that SendOrder accepts; every event of the next second."""
        self.take()
        sent = self.call("SendOrder", "주문", "0001", ACCOUNT, kind, CODE, quantity, price, quote, original)
        assert (sent, self.heard) == (0, [])
        self.settle()
        return self.take()

    def quotes(self) -> dict[str, int]:
        """``ask`` and ``bid``, ``asked`` and ``wanted`` shares there: opt10004, asked aside."""
        row = self._aside("opt10004")
        names = {
            "ask": "매도최우선호가",
            "asked": "매도최우선잔량",
            "bid": "매수최우선호가",
            "wanted": "매수최우선잔량",
        }
        return {short: abs(int(row[name])) for short, name in names.items()}

    def last_trade(self) -> str:
        """HHMMSS of the newest trade: opt10003, asked aside."""
        return self._aside("opt10003")["시간"]

    def _aside(self, tr: str) -> dict[str, str]:
        kept = self.take()
        row = self.page(tr, screen="0999", 종목코드=CODE).row(0)
        self.call("DisconnectRealData", "0999")
        self.heard = kept
        return row


def told(code: str, text: str) -> Heard:
    """The broker's message about an order."""
    return ("OnReceiveMsg", "0001", "주문", code, text)


def answered(code: str, number: str) -> Heard:
    """OnReceiveTrData of an order, and the 주문번호 read in it."""
    return ("OnReceiveTrData", "0001", "주문", code, "", "", 0, "", "", "", number)


# Values by FID, as they were recorded of a purchase at the market; what hangs on the moment is changed by each test.
_ORDER = {
    9201: ACCOUNT, 9203: "0000001", 9205: "", 9001: "A005930", 912: "JJ", 913: "접수", 302: NAME, 900: "1", 901: "0",
    902: "1", 903: "0", 904: "0000000", 905: "+매수", 906: "시장가", 907: "2", 908: "100001", 909: "", 910: "",
    911: "", 10: "-77000", 27: "-77000", 28: "-76900", 914: "", 915: "", 938: "0", 939: "0", 919: "0", 920: "0001",
    921: "", 922: "00", 923: "00000000", 949: "3", 10010: "77500", 969: "0", 819: "0",
}  # fmt: skip
_BALANCE = {
    9201: ACCOUNT, 9001: "A005930", 917: "00", 916: "00000000", 302: NAME, 10: "-77000", 930: "1", 931: "77000",
    932: "77000", 933: "1", 945: "1", 946: "2", 950: "0", 951: "0", 27: "-77000", 28: "-76900", 307: "77500",
    8019: "0.00", 957: "0", 958: "0", 918: "00000000", 990: "0", 991: "0.00", 992: "0", 993: "0.00", 959: "0",
    924: "0", 10010: "77500", 25: "5", 11: "-500", 12: "-0.65", 306: "-54300", 305: "+100500", 970: "10",
}  # fmt: skip


def of_order(changes: Mapping[int, str]) -> Heard:
    """OnReceiveChejanData of an order, gubun 0, with all 35 values."""
    return ("OnReceiveChejanData", "0", 35, ORDER_FIDS, {**_ORDER, **changes})


def of_balance(changes: Mapping[int, str]) -> Heard:
    """OnReceiveChejanData of a holding, gubun 1, with all 34 values."""
    return ("OnReceiveChejanData", "1", 34, BALANCE_FIDS, {**_BALANCE, **changes})

"""Fields of ranking rows: one writer a field, shared by all rankings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.exchange.interface import Tape
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.snapshot.market_moments import BestQuotes
from kernel_server.simulated.trs.quotes import strength


@dataclass
class RankingRow:
    """An issue in a ranking.

    Attributes:
        day: summary of its newest session.
        quotes: its best quotes.
        place: its row in the columns; ``rank`` is its rank, from 1.
        columns: columns of the ranking by name.
        now: time of the snapshot.
        tape: of its trades, where a field needs them.
    """

    day: DaySummary
    quotes: BestQuotes
    place: int
    rank: int
    columns: Mapping[str, Floats]
    now: float = 0.0
    tape: Tape | None = None

    def integer(self, name: str) -> int:
        """The issue's value in a column, as an integer."""
        return int(self.columns[name][self.place])

    def real(self, name: str) -> float:
        return float(self.columns[name][self.place])


FieldWriter = Callable[[RankingRow], str]


def price(of: Callable[[RankingRow], int]) -> FieldWriter:
    """A price with the sign of its change from 기준가."""
    return lambda row: kiwoom_format.price(of(row), row.day.base)


def integer(name: str) -> FieldWriter:
    """A column as an integer."""
    return lambda row: str(row.integer(name))


def signed(name: str) -> FieldWriter:
    """A column as an integer with its sign."""
    return lambda row: kiwoom_format.signed(row.integer(name))


def percent(name: str) -> FieldWriter:
    """A column as a signed percentage."""
    return lambda row: kiwoom_format.percentage(row.real(name))


def _direction(row: RankingRow) -> str:
    day = row.day
    return kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower)


def _volume(row: RankingRow) -> str:
    return str(row.day.volume)


def _turnover(row: RankingRow) -> str:
    shares = row.day.issue.shares
    return f"+{kiwoom_format.decimal(row.day.volume * 100, shares)}" if shares > 0 else ""


def _compared(row: RankingRow) -> str:
    return kiwoom_format.percent_of_previous(row.day.volume, row.day.previous_volume)


def _value(row: RankingRow) -> str:
    return str(kiwoom_format.millions(row.day.value))


FIELDS: Mapping[str, FieldWriter] = {
    "종목코드": lambda row: row.day.issue.code,
    "종목명": lambda row: row.day.issue.name,
    "종목분류": lambda _row: "0",
    "종목정보": lambda _row: "0",
    "순위": lambda row: str(row.rank),
    "현재순위": lambda row: str(row.rank),
    "현재가": price(lambda row: row.day.last),
    "기준가": lambda row: str(row.day.base),
    "전일대비기호": _direction,
    "대비기호": _direction,
    "전일대비": lambda row: kiwoom_format.signed(row.day.last - row.day.base),
    "등락률": lambda row: kiwoom_format.rate(row.day.last - row.day.base, row.day.base),
    "등락율": lambda row: kiwoom_format.rate(row.day.last - row.day.base, row.day.base),
    "시가": price(lambda row: row.day.open),
    "고가": price(lambda row: row.day.high),
    "저가": price(lambda row: row.day.low),
    "당일고가": price(lambda row: row.day.high),
    "당일저가": price(lambda row: row.day.low),
    "거래량": _volume,
    "현재거래량": _volume,
    "누적거래량": _volume,
    "전일거래량": lambda row: str(row.day.previous_volume),
    "전일비": _compared,
    "전일거래량대비율": _compared,
    "거래회전율": _turnover,
    "거래금액": _value,
    "거래대금": _value,
    "체결강도": lambda row: strength(row.day, row.tape),
    "매도호가": price(lambda row: row.quotes.ask),
    "매수호가": price(lambda row: row.quotes.bid),
    "매도잔량": lambda row: str(row.quotes.ask_size),
    "매수잔량": lambda row: str(row.quotes.bid_size),
    "총매도잔량": lambda row: str(row.quotes.asks_size),
    "총매수잔량": lambda row: str(row.quotes.bids_size),
}
"""Writers by field name; a ranking may override them."""

"""Columns of the TRs that list the days of an issue, one function a field for all TRs.

Fields with the same FID have the same meaning and format in all TRs. Foreign ownership and 신용잔고율 are blank if
fundamentals are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.reference.price_rules import spans
from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.day_summary import BUY_SHARE, trade_strength
from kernel_server.simulated.market.model import Bars, Issue, board
from kernel_server.simulated.market.resample import cut

_SHORT = 120  # upper bound of short sales, per mille of the volume
_AVERAGES = (5, 20, 60)


@dataclass
class DailyColumns:
    """Data of one page of an issue's days, oldest first.

    Attributes:
        bars: all days up to the newest of the page.
        start: index of the page's first day in ``bars``.
        later: volume of later days within the period requested.
        foreign_shares: shares held by foreigners at the end of each day of the page, None if unknown.
        seed: of the fundamentals, None if there are none.
        money: whether investors' trades are requested in 백만원, for fields with that choice.
        sold: whether short sales on credit are requested instead of purchases (조회구분 of opt10013).
        since: index in ``bars`` of the first day of the period requested.
        newest: the issue's newest day, YYYYMMDD, whose credit and lending are not known yet.
        initiated: shares that buyers and sellers initiated on the newest of ``bars``, None: they are drawn.
        bases: 기준가 of each of ``bars`` where it is not the close before, as at another exchange.
    """

    issue: Issue
    bars: Bars
    start: int
    later: int = 0
    foreign_shares: Ints | None = None
    seed: int | None = None
    money: bool = False
    sold: bool = False
    since: int = 0
    newest: int = 0
    bases: Ints | None = None
    initiated: tuple[int, int] | None = None

    @cached_property
    def asked(self) -> Bars:
        return cut(self.bars, self.start, len(self.bars))

    @cached_property
    def base(self) -> Ints:
        """기준가: the previous close; on the first day the open."""
        if self.bases is not None:
            return self.bases[self.start :]
        before = np.append(self.bars.open[:1], self.bars.close[:-1])
        return before[self.start :]

    @cached_property
    def change(self) -> Ints:
        return self.asked.close - self.base

    @cached_property
    def buys(self) -> Ints:
        """Shares that buyers initiated on each day of ``bars``: drawn, of the newest day as the watch list has them."""
        code = hash_random.text_parts([self.issue.code])
        drawn = hash_random.keys(code, self.bars.time, "bought") % np.uint64(BUY_SHARE[1])
        found: Ints = self.bars.volume * (BUY_SHARE[0] + drawn.astype(np.int64)) // 1000
        if self.initiated is not None:
            found[-1] = self.initiated[0]
        return found

    @cached_property
    def sells(self) -> Ints:
        """Shares that sellers initiated on each day of ``bars``."""
        found = self.bars.volume - self.buys
        if self.initiated is not None:
            found[-1] = self.initiated[1]
        return found

    @cached_property
    def _period(self) -> Bars:
        return cut(self.bars, self.since, len(self.bars))

    def net(self, name: str, money: bool = False) -> Ints:
        """Net purchases of an investor group on each day of the period."""
        return self.traded(name, money)[0] - self.traded(name, money)[1]

    def traded(self, name: str, money: bool) -> tuple[Ints, Ints]:
        """Purchases and sales of a group on each day of the period, in shares or 백만원."""
        bought, sold = self._parts_of_value if money else self._parts_of_volume
        return investor_groups.group_total(bought, name), investor_groups.group_total(sold, name)

    @cached_property
    def _parts_of_volume(self) -> tuple[Ints, Ints]:
        bars = self._period
        return investor_groups.bought_and_sold(self.issue.code, epoch_days(bars.time), bars.volume)

    @cached_property
    def _parts_of_value(self) -> tuple[Ints, Ints]:
        bars = self._period
        return investor_groups.bought_and_sold(
            self.issue.code, epoch_days(bars.time), investor_groups.millions(bars.value)
        )

    def last(self, column: Ints) -> Ints:
        """The page's part of a column over the period."""
        return column[self.start - self.since :]


Column = Callable[[DailyColumns], list[str]]


def _prices(name: str) -> Column:
    def column(days: DailyColumns) -> list[str]:
        values: Ints = getattr(days.asked, name)
        return kiwoom_format.prices(values, days.base)

    return column


def _signed(values: Ints) -> list[str]:
    return [kiwoom_format.signed(value) for value in values.tolist()]


def _plain(values: Ints) -> list[str]:
    return kiwoom_format.plain_numbers(values)


def _twice_signed(values: Ints) -> list[str]:
    return [kiwoom_format.twice_signed(value) for value in values.tolist()]


def _always(value: str) -> Column:
    return lambda days: [value] * len(days.asked)


def _percent(part: Ints, whole: Ints | int) -> list[str]:
    """Percentages, with ``+`` above 0."""
    wholes = np.broadcast_to(np.asarray(whole), part.shape).tolist()
    return [kiwoom_format.rate(value, of) for value, of in zip(part.tolist(), wholes, strict=True)]


def _direction(days: DailyColumns) -> list[str]:
    found: list[str] = []
    for part, price_rules in spans(epoch_days(days.asked.time), board(days.issue)):
        upper, lower = price_rules.limits_array(days.base[part])
        rows = zip(days.asked.close[part], days.base[part], upper, lower, strict=True)
        found += [kiwoom_format.change_sign(*map(int, row)) for row in rows]
    return found


def _time(days: DailyColumns) -> list[str]:
    return kiwoom_format.plain_numbers(days.asked.time)


def _rate(days: DailyColumns) -> list[str]:
    return _percent(days.change, days.base)


def _change(days: DailyColumns) -> list[str]:
    return _signed(days.change)


def _volume(days: DailyColumns) -> list[str]:
    return kiwoom_format.plain_numbers(days.asked.volume)


def _value(days: DailyColumns) -> list[str]:
    return kiwoom_format.millions_column(days.asked.value)


def _strengths(days: DailyColumns) -> Floats:
    """체결강도 of all days of ``bars``."""
    found: Floats = np.where(days.sells > 0, days.buys * 100 / np.maximum(days.sells, 1), 0.0)
    return found


def _strength(days: DailyColumns) -> list[str]:
    pairs = zip(days.buys[days.start :].tolist(), days.sells[days.start :].tolist(), strict=True)
    return [trade_strength(bought, sold) for bought, sold in pairs]


def _average(sessions: int) -> Column:
    """Moving mean of 체결강도 over that many sessions."""

    def column(days: DailyColumns) -> list[str]:
        summed = np.append(0.0, np.cumsum(_strengths(days)))
        stop = np.arange(days.start, len(days.bars)) + 1
        start = np.maximum(stop - sessions, 0)
        means = (summed[stop] - summed[start]) / (stop - start)
        return [f"{mean:.2f}" for mean in means.tolist()]

    return column


def _full_share(of: Column) -> Column:
    """100 percent, or 0 where the column is 0."""
    return lambda days: ["0.00" if value == "0" else "+100.00" for value in of(days)]


def _foreign_ratio(days: DailyColumns) -> list[str]:
    """Shares held by foreigners in percent of all shares."""
    if days.foreign_shares is None:
        return [""] * len(days.asked)
    return _percent(days.foreign_shares, days.issue.shares)


def _foreign_shares(days: DailyColumns) -> list[str]:
    return [""] * len(days.asked) if days.foreign_shares is None else _plain(days.foreign_shares)


def _shares_left_to_foreigners(days: DailyColumns) -> list[str]:
    return (
        [""] * len(days.asked)
        if days.foreign_shares is None
        else _plain(days.issue.shares - days.foreign_shares)
    )


def _foreign_limit(days: DailyColumns) -> list[str]:
    return [str(days.issue.shares)] * len(days.asked)


def _net(name: str, write: Callable[[Ints], list[str]], choice: bool = False) -> Column:
    """Net purchases of a group: in shares, or in the unit requested if the field has a ``choice``."""
    return lambda days: write(days.last(days.net(name, days.money and choice)))


def _cumulative_net(name: str) -> Column:
    """Cumulative net purchases of a group since the start of the period."""
    return lambda days: _plain(days.last(np.cumsum(days.net(name))))


def _volume_since(days: DailyColumns) -> list[str]:
    """기간중거래량: volume of the day and of the later days requested."""
    return _plain(days.later + np.cumsum(days.asked.volume[::-1])[::-1])


def _short_sales(days: DailyColumns) -> tuple[Ints, Ints]:
    """Short sales and their average price, close to the day's average price."""
    code, asked = hash_random.text_parts([days.issue.code]), days.asked
    drawn = hash_random.keys(code, asked.time, "short") % np.uint64(_SHORT)
    shares = asked.volume * drawn.astype(np.int64) // 1000
    mean = asked.value // np.maximum(asked.volume, 1)
    return shares, np.clip(mean, np.minimum(asked.low, mean), np.maximum(asked.high, mean))


def _short_shares(days: DailyColumns) -> list[str]:
    return _plain(_short_sales(days)[0])


def _short_ratio(days: DailyColumns) -> list[str]:
    return _percent(_short_sales(days)[0], days.asked.volume)


def _short_value(days: DailyColumns) -> list[str]:
    """공매도거래대금 in 천원, as recorded."""
    shares, price = _short_sales(days)
    return _plain((shares * price + 500) // 1000)


def _short_price(days: DailyColumns) -> list[str]:
    return _plain(_short_sales(days)[1])


_OFF_HOURS = {
    f"{time}{what}": _always("0.00" if what.endswith("비중") else "0")
    for time in ("장전", "장후")
    for what in ("거래량", "거래비중", "거래대금", "거래대금비중")
}

COLUMNS: Mapping[str, Column] = {
    **dict.fromkeys(("날짜", "일자"), _time),
    "시가": _prices("open"),
    "고가": _prices("high"),
    "저가": _prices("low"),
    **dict.fromkeys(("종가", "현재가"), _prices("close")),
    **dict.fromkeys(("대비", "전일대비", "전일비"), _change),
    **dict.fromkeys(("전일대비기호", "대비기호"), _direction),
    **dict.fromkeys(("등락률", "등락율"), _rate),
    **dict.fromkeys(("거래량", "누적거래량", "장중거래량", "합계3"), _volume),
    **dict.fromkeys(("거래대금", "누적거래대금", "금액(백만)", "장중거래대금"), _value),
    **_OFF_HOURS,
    "장중거래비중": _full_share(_volume),
    "장중거래대금비중": _full_share(_value),
    "기간중거래량": _volume_since,
    "체결강도": _strength,
    **{f"체결강도{sessions}분": _average(sessions) for sessions in _AVERAGES},
    **dict.fromkeys(
        ("외인보유", "외인비중", "외인비", "비중", "한도소진률", "한도소진율", "외국인지분율"), _foreign_ratio
    ),
    "보유주식수": _foreign_shares,
    "취득가능주식수": _shares_left_to_foreigners,
    "외국인한도": _foreign_limit,
    "외국인한도증감": _always("0"),
    "변동수량": _net(investor_groups.FOREIGNERS, _plain),
    "외인순매수": _net(investor_groups.FOREIGNERS, _twice_signed),
    "기관순매수": _net(investor_groups.INSTITUTIONS, _twice_signed),
    "개인순매수": _net(investor_groups.INDIVIDUALS, _twice_signed),
    "외인수량": _net(investor_groups.FOREIGNERS, _twice_signed, choice=True),
    "기관": _net(investor_groups.INSTITUTIONS, _twice_signed, choice=True),
    "개인": _net(investor_groups.INDIVIDUALS, _twice_signed, choice=True),
    **dict.fromkeys(("기관일별순매매수량", "기관일변순매매"), _net(investor_groups.INSTITUTIONS, _plain)),
    **dict.fromkeys(("외인일별순매매수량", "외국인일변순매매"), _net(investor_groups.FOREIGNERS, _plain)),
    "기관기간누적": _cumulative_net(investor_groups.INSTITUTIONS),
    "외인기간누적": _cumulative_net(investor_groups.FOREIGNERS),
    "외국계": _always("0"),
    "공매도량": _short_shares,
    "매매비중": _short_ratio,
    "공매도거래대금": _short_value,
    "공매도평균가": _short_price,
}
"""Columns by field name."""

AT_EVERY_EXCHANGE = frozenset(
    {
        "날짜",
        "일자",
        "시가",
        "고가",
        "저가",
        "종가",
        "현재가",
        "대비",
        "전일대비",
        "전일비",
        "전일대비기호",
        "대비기호",
        "등락률",
        "등락율",
        "거래량",
        "누적거래량",
        "거래대금",
        "누적거래대금",
        "금액(백만)",
        "체결강도",
        "외인보유",
        "외인비중",
    }
)
"""Fields that are filled for an issue at another exchange too."""

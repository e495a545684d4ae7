"""What the TRs that list an issue's days can say of each: one column a field, whichever TR has it.

A field that several TRs have means the same in all of them where the module gives it the same FID, and it is
written in the same way. Holdings of foreigners and 신용잔고율 are blank where fundamentals are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.day_summary import BUY_SHARE, trade_strength
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.tick_size import board, spans

_SHORT = 120  # of a thousand shares sold so many at most are sold short
_AVERAGES = (5, 20, 60)


@dataclass
class DailyColumns:
    """Days of an issue, oldest first, and what is known before and beside them.

    Attributes:
        bars: all of its days up to the newest of the page.
        start: where the page begins in them.
        later: shares traded on later days that are asked for too.
        held: shares that foreigners hold at the end of each day of the page, None where unknown.
        credit: 신용비율, blank where unknown.
        money: whether what investors traded is asked for in 백만원 where a field offers the choice.
        since: the first day of the period asked for, an index of ``bars``.
    """

    issue: Issue
    bars: Bars
    start: int
    later: int = 0
    held: Ints | None = None
    credit: str = ""
    money: bool = False
    since: int = 0

    @cached_property
    def asked(self) -> Bars:
        return cut(self.bars, self.start, len(self.bars))

    @cached_property
    def base(self) -> Ints:
        """기준가: the close before; on the first day there is, its opening."""
        before = np.append(self.bars.open[:1], self.bars.close[:-1])
        return before[self.start :]

    @cached_property
    def change(self) -> Ints:
        return self.asked.close - self.base

    @cached_property
    def bought(self) -> Ints:
        """So much of each day's volume traded at the ask, as the watch list divides it; of all of ``bars``."""
        code = hash_random.text_parts([self.issue.code])
        drawn = hash_random.keys(code, self.bars.time, "bought") % np.uint64(BUY_SHARE[1])
        return self.bars.volume * (BUY_SHARE[0] + drawn.astype(np.int64)) // 1000

    @cached_property
    def _period(self) -> Bars:
        return cut(self.bars, self.since, len(self.bars))

    def net(self, name: str, money: bool = False) -> Ints:
        """What that group of investors bought less what it sold, each day of the period."""
        return self.traded(name, money)[0] - self.traded(name, money)[1]

    def traded(self, name: str, money: bool) -> tuple[Ints, Ints]:
        """What that group bought and what it sold each day of the period, in shares or 백만원."""
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


def _twice(values: Ints) -> list[str]:
    return [kiwoom_format.twice_signed(value) for value in values.tolist()]


def _always(value: str) -> Column:
    return lambda days: [value] * len(days.asked)


def _percent(part: Ints, whole: Ints | int) -> list[str]:
    """In percent, ``+`` above 0."""
    wholes = np.broadcast_to(np.asarray(whole), part.shape).tolist()
    return [kiwoom_format.rate(value, of) for value, of in zip(part.tolist(), wholes, strict=True)]


def _direction(days: DailyColumns) -> list[str]:
    found: list[str] = []
    for part, held in spans(epoch_days(days.asked.time), board(days.issue)):
        upper, lower = held.limits_array(days.base[part])
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
    """체결강도 of all of the days."""
    bought, volume = days.bought, days.bars.volume
    found: Floats = bought * 100 / np.maximum(volume - bought, 1)
    return found


def _strength(days: DailyColumns) -> list[str]:
    pairs = zip(days.bought[days.start :].tolist(), days.asked.volume.tolist(), strict=True)
    return [trade_strength(bought, volume) for bought, volume in pairs]


def _average(sessions: int) -> Column:
    """The mean of 체결강도 over so many sessions, of those there are."""

    def column(days: DailyColumns) -> list[str]:
        summed = np.append(0.0, np.cumsum(_strengths(days)))
        stop = np.arange(days.start, len(days.bars)) + 1
        start = np.maximum(stop - sessions, 0)
        means = (summed[stop] - summed[start]) / (stop - start)
        return [f"{mean:.2f}" for mean in means.tolist()]

    return column


def _full(of: Column) -> Column:
    """What is the whole of something, in percent of it; 0 where there is nothing."""
    return lambda days: ["0.00" if value == "0" else "+100.00" for value in of(days)]


def _held(days: DailyColumns) -> list[str]:
    """Holdings of foreigners in percent of all shares."""
    if days.held is None:
        return [""] * len(days.asked)
    return _percent(days.held, days.issue.shares)


def _shares_held(days: DailyColumns) -> list[str]:
    return [""] * len(days.asked) if days.held is None else _plain(days.held)


def _shares_left(days: DailyColumns) -> list[str]:
    return [""] * len(days.asked) if days.held is None else _plain(days.issue.shares - days.held)


def _limit(days: DailyColumns) -> list[str]:
    return [str(days.issue.shares)] * len(days.asked)


def _credit(days: DailyColumns) -> list[str]:
    return [days.credit] * len(days.asked)


def _net(name: str, write: Callable[[Ints], list[str]], choice: bool = False) -> Column:
    """What a group bought net: in shares, or in what is asked for where there is a ``choice``."""
    return lambda days: write(days.last(days.net(name, days.money and choice)))


def _summed(name: str) -> Column:
    """What a group bought net since the period began."""
    return lambda days: _plain(days.last(np.cumsum(days.net(name))))


def _since_newest(days: DailyColumns) -> list[str]:
    """기간중거래량: what was traded on the day and on those after it that were asked for."""
    return _plain(days.later + np.cumsum(days.asked.volume[::-1])[::-1])


def _shorts(days: DailyColumns) -> tuple[Ints, Ints]:
    """Shares sold short, and at what price on average: about what all shares cost on average that day."""
    code, asked = hash_random.text_parts([days.issue.code]), days.asked
    drawn = hash_random.keys(code, asked.time, "short") % np.uint64(_SHORT)
    shares = asked.volume * drawn.astype(np.int64) // 1000
    mean = asked.value // np.maximum(asked.volume, 1)
    return shares, np.clip(mean, np.minimum(asked.low, mean), np.maximum(asked.high, mean))


def _short_shares(days: DailyColumns) -> list[str]:
    return _plain(_shorts(days)[0])


def _short_part(days: DailyColumns) -> list[str]:
    return _percent(_shorts(days)[0], days.asked.volume)


def _short_value(days: DailyColumns) -> list[str]:
    """공매도거래대금, in 천원 as it was recorded."""
    shares, price = _shorts(days)
    return _plain((shares * price + 500) // 1000)


def _short_price(days: DailyColumns) -> list[str]:
    return _plain(_shorts(days)[1])


_BEFORE_AND_AFTER = {
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
    **_BEFORE_AND_AFTER,
    "장중거래비중": _full(_volume),
    "장중거래대금비중": _full(_value),
    "기간중거래량": _since_newest,
    "체결강도": _strength,
    **{f"체결강도{sessions}분": _average(sessions) for sessions in _AVERAGES},
    **dict.fromkeys(
        ("외인보유", "외인비중", "외인비", "비중", "한도소진률", "한도소진율", "외국인지분율"), _held
    ),
    "보유주식수": _shares_held,
    "취득가능주식수": _shares_left,
    "외국인한도": _limit,
    "외국인한도증감": _always("0"),
    "변동수량": _net(investor_groups.FOREIGNERS, _plain),
    "외인순매수": _net(investor_groups.FOREIGNERS, _twice),
    "기관순매수": _net(investor_groups.INSTITUTIONS, _twice),
    "개인순매수": _net(investor_groups.INDIVIDUALS, _twice),
    "외인수량": _net(investor_groups.FOREIGNERS, _twice, choice=True),
    "기관": _net(investor_groups.INSTITUTIONS, _twice, choice=True),
    "개인": _net(investor_groups.INDIVIDUALS, _twice, choice=True),
    **dict.fromkeys(("기관일별순매매수량", "기관일변순매매"), _net(investor_groups.INSTITUTIONS, _plain)),
    **dict.fromkeys(("외인일별순매매수량", "외국인일변순매매"), _net(investor_groups.FOREIGNERS, _plain)),
    "기관기간누적": _summed(investor_groups.INSTITUTIONS),
    "외인기간누적": _summed(investor_groups.FOREIGNERS),
    **dict.fromkeys(("외국계", "프로그램"), _always("0")),
    **dict.fromkeys(("신용비", "신용잔고율"), _credit),
    "공매도량": _short_shares,
    "매매비중": _short_part,
    "공매도거래대금": _short_value,
    "공매도평균가": _short_price,
}
"""By name."""

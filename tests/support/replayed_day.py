"""The whole control over given files, on a clock that begins on one of their days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from kernel_server import simulated
from kernel_server.clock import SteppedClock
from kernel_server.simulated import BrokerSettings
from tests.support.quiet_market import quiet
from tests.support.simulated_broker import moment
from tests.support.synthetic_day import Live, SyntheticDay

CODE, DAY, NUMBER = "005930", "2026-11-17", 20261117
_SIGNS = {"+": 1, "-": 2, " ": 0}


class Tick(NamedTuple):
    """A trade as a row of a file has it: HHMMSS, KRW, 1 bought, 2 sold, 0 in an auction, shares."""

    time: str
    price: int
    side: int
    volume: int


class ReplayedDay(SyntheticDay):
    """The broker that ``build`` makes of a folder, or of the synthetic market's seed 8, logged in."""

    def __init__(
        self,
        folder: Path | None,
        start: str,
        day: str = DAY,
        account_file: Path | None = None,
        edited: bool = False,
        **settings: object,
    ) -> None:
        self.live, self.told, self.bases, self.story = [], [], {}, []
        self.clock = SteppedClock(moment(f"{day} {start}"))
        self.work: list[Callable[[], None]] = []
        self.events, self.pages = [], []
        self.settings = quiet(BrokerSettings(limited=False, **settings))  # type: ignore[arg-type]
        self.control = simulated.build(
            folder,
            8,
            self.clock,
            self.settings,
            self.work.append,
            account_file=account_file,
            edited_account=edited,
        )
        self.control.listen(self.handle)
        self.begin()

    def traded(self, code: str = CODE) -> list[Tick]:
        """Every trade that was fired, as a file would have it."""
        return [seen(each) for each in self.of("주식체결", code)]

    def minutes(self, code: str = CODE) -> list[list[int]]:
        """Time, open, high, low, close and volume of every row of opt10080, oldest first."""
        pages = self.all_pages("opt10080", 종목코드=code, 틱범위="1", 수정주가구분="0")
        names = ("체결시간", "시가", "고가", "저가", "현재가", "거래량")
        return [
            [abs(int(page.row(n)[name])) for name in names] for page in pages for n in range(len(page.rows))
        ][::-1]

    def day(self, code: str = CODE) -> list[int]:
        """Date, open, high, low, close, volume and value (백만원) of the newest row of opt10081; empty for none."""
        page = self.page("opt10081", 종목코드=code, 기준일자="", 수정주가구분="0")
        names = ("일자", "시가", "고가", "저가", "현재가", "거래량", "거래대금")
        return [int(page.row(0)[name]) for name in names] if page.rows else []


def seen(event: Live) -> Tick:
    """The trade of a 주식체결."""
    return Tick(event.values[20], event.number(10), _SIGNS[event.values[15][0]], event.number(15))


def bars(ticks: Sequence[Tick], day: int = NUMBER) -> list[list[int]]:
    """The minutes that trades add up to, as ``ReplayedDay.minutes`` gives them. From 153000 on is the auction."""
    groups = groupby(ticks, lambda tick: "1530" if tick.time >= "153000" else tick.time[:4])
    return [[day * 1_000_000 + int(minute) * 100, *whole(list(held))[:5]] for minute, held in groups]


def whole(ticks: Sequence[Tick]) -> list[int]:
    """Open, high, low, close, volume and value in 백만원 of some trades."""
    prices = [tick.price for tick in ticks]
    value = sum(tick.price * tick.volume for tick in ticks)
    volume = sum(tick.volume for tick in ticks)
    return [prices[0], max(prices), min(prices), prices[-1], volume, (value + 500_000) // 1_000_000]

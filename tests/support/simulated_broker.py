"""The simulated control in this process on a stepped clock, and a market made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np

from kernel_server import reference
from kernel_server.clock import KST, SteppedClock
from kernel_server.control.seam import Event, Scalar, Value
from kernel_server.reference.sessions import Sessions
from kernel_server.reference.signature import check
from kernel_server.simulated.control import SimulatedControl
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.settings import BrokerSettings
from tests.support.quiet_market import quiet
from tests.support.waiting import let_pass

SAMSUNG = Issue("005930", "삼성전자", "KOSPI", "stock", 5_969_782_550, date(1975, 6, 11), 100, "전기전자")
GRT = Issue("900290", "GRT", "KOSDAQ", "stock", 67_375_000, date(2016, 10, 25), 0, "")
NOTE = Issue("530031", "삼성 코스피 양매도 ETN", "KOSPI", "etn", 1_000_000, date(2018, 3, 15), 0, "")
FUND = Issue("069500", "KODEX 200", "KOSPI", "etf", 150_000_000, date(2002, 10, 14), 0, "")
MUTE = Issue("000001", "자료없음", "KONEX", "stock", 1_000_000, date(2020, 1, 2), 500, "서비스업")
HUGE = Issue("000002", "주식많음", "KOSPI", "reit", 3_000_000_000, date(2019, 10, 18), 1000, "부동산")

Row = tuple[int, int, int, int, int, int]  # time, open, high, low, close, volume


def moment(text: str) -> float:
    """Seconds since the epoch of ``YYYY-MM-DD HH:MM[:SS]`` in Seoul."""
    return datetime.fromisoformat(text).replace(tzinfo=KST).timestamp()


def weekdays(first: date, last: date) -> list[date]:
    days = (first + timedelta(n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5]


@cache
def sessions(first: date, last: date) -> Sessions:
    """Every weekday from 09:00 to 15:30."""
    days = weekdays(first, last)
    at = [int(datetime(d.year, d.month, d.day, 9, tzinfo=KST).timestamp()) for d in days]
    opens = np.array(at, np.int64)
    return Sessions(np.array(days, "datetime64[D]"), opens, opens + int(6.5 * 3600))


def calendar_at(start: str) -> Sessions:
    """Every weekday until 2024, or later for a day after that."""
    return sessions(date(2015, 1, 1), date(2024 if start < "2025" else 2027, 12, 31))


def bars(rows: Sequence[Row], events: Mapping[int, tuple[int, float]] | None = None) -> Bars:
    """Bars of rows, oldest first. ``events``: flag and ratio by time. The value is close times volume."""
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    known = events or {}
    flags = [known.get(int(time), (0, 0.0)) for time in columns[0]]
    return Bars(
        *columns,
        columns[4] * columns[5],
        np.array([flag for flag, _ in flags], np.int64),
        np.array([ratio for _, ratio in flags], np.float64),
    )


def number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


def wavy(days: Sequence[date], start: int = 50_000) -> list[Row]:
    """A row a day, prices moving up and down by hundreds."""
    rows: list[Row] = []
    close = start
    for n, day in enumerate(days):
        opened = close
        close = start + (n * 7919 % 41 - 20) * 100
        rows.append(
            (
                number(day),
                opened,
                max(opened, close) + 100,
                min(opened, close) - 100,
                close,
                1000 + n * 37 % 911,
            )
        )
    return rows


@dataclass
class HandMarket:
    """A market that serves what it was given, up to ``now``. ``asked`` records how many days of minutes."""

    listing: Sequence[Issue]
    days: Mapping[str, Bars] = field(default_factory=dict)
    adjusted_days: Mapping[str, Bars] = field(default_factory=dict)
    minutes: Mapping[str, Bars] = field(default_factory=dict)
    source: str = "hand"
    minutes_fit_days: bool = False
    asked: list[int] = field(default_factory=list)

    def issues(self) -> Mapping[str, Issue]:
        return {issue.code: issue for issue in self.listing}

    def anchor_prices(self) -> Mapping[str, int]:
        return {}

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        held = self.adjusted_days.get(code) if adjusted else None
        held = held or self.days.get(code) or bars([])
        # Nine hours later a session has opened: before that, its bar is not there yet.
        seen = _until(held, number(datetime.fromtimestamp(now - 9 * 3600, KST).date()))
        return seen if days is None else _from(seen, max(0, len(seen) - days))

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        self.asked.append(days)
        held = _until(
            self.minutes.get(code) or bars([]), int(f"{datetime.fromtimestamp(now, KST):%Y%m%d%H%M%S}")
        )
        known = np.unique(held.time // 1_000_000)
        first = known[-days] if len(known) >= days else 0
        return _from(held, int(np.searchsorted(held.time, first * 1_000_000)))

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        return bars([])

    def evening_news(self, code: str, now: float) -> bool:
        return False


def _until(held: Bars, last: int) -> Bars:
    stop = int(np.searchsorted(held.time, last, "right"))
    return replace(held, **{name: getattr(held, name)[:stop] for name in Bars.__dataclass_fields__})


def _from(held: Bars, start: int) -> Bars:
    return replace(held, **{name: getattr(held, name)[start:] for name in Bars.__dataclass_fields__})


@dataclass
class Page:
    """One TR answer as it was read inside its event, every value stripped."""

    event: Event
    single: dict[str, str]
    rows: list[list[str]]
    count: int

    @property
    def prev_next(self) -> Scalar:
        return self.event.arguments[4]

    def column(self, name: str) -> list[str]:
        place = reference.tr(str(self.event.arguments[2])).multi_names.index(name)
        return [row[place] for row in self.rows]

    def row(self, index: int) -> dict[str, str]:
        names = reference.tr(str(self.event.arguments[2])).multi_names
        return dict(zip(names, self.rows[index], strict=True))


class SimulatedBroker:
    """A simulated control on a stepped clock; ``settle`` does the control thread's work."""

    def __init__(self, market: HandMarket, start: str = "2022-01-18 14:22", **settings: object) -> None:
        self.clock = SteppedClock(moment(start))
        self.work: list[Callable[[], None]] = []
        self.events: list[Event] = []
        self.pages: list[Page] = []
        self.market = market
        self.settings = quiet(BrokerSettings(**settings))  # type: ignore[arg-type]
        self.control = SimulatedControl(
            market,
            self.clock,
            self.settings,
            self.work.append,
            lambda: calendar_at(start),
        )
        self.control.listen(self.handle)

    def handle(self, event: Event) -> None:
        self.events.append(event)
        if event.name == "OnReceiveTrData":
            tr = reference.tr(str(event.arguments[2]))
            count = self.call("GetRepeatCnt", tr.code, "")
            rows = self.call("GetCommDataEx", tr.code, "")
            single = {
                name: self.text("GetCommData", tr.code, "", 0, name).strip() for name in tr.single_names
            }
            assert isinstance(count, int)
            self.pages.append(Page(event, single, rows if isinstance(rows, list) else [], count))

    def call(self, name: str, *arguments: Scalar) -> Value:
        return self.control.call(name, check(name, arguments))

    def text(self, name: str, *arguments: Scalar) -> str:
        value = self.call(name, *arguments)
        assert isinstance(value, str)
        return value

    def settle(self, seconds: float = 1.0) -> None:
        """Let that much time pass, doing the control thread's work on the way."""
        let_pass(self.clock, self.work, self.clock.now() + seconds)

    def login(self) -> SimulatedBroker:
        self.call("CommConnect")
        self.settle()
        self.events.clear()
        return self

    def send(self, tr: str, next_page: int = 0, screen: str = "0101", **inputs: str) -> Value:
        for name, value in inputs.items():
            self.call("SetInputValue", name, value)
        return self.call("CommRqData", "요청", tr, next_page, screen)

    def page(self, tr: str, next_page: int = 0, screen: str = "0101", **inputs: str) -> Page:
        """Send a TR; its page."""
        before = len(self.pages)
        assert self.send(tr, next_page, screen, **inputs) == 0
        self.settle()
        assert len(self.pages) == before + 1, self.events[-1]
        return self.pages[-1]

    def watch(self, codes: Sequence[str], screen: str = "0102") -> Page:
        before = len(self.pages)
        assert self.call("CommKwRqData", ";".join(codes), 0, len(codes), 0, "관심", screen) == 0
        self.settle()
        assert len(self.pages) == before + 1
        return self.pages[-1]

    def all_pages(self, tr: str, **inputs: str) -> list[Page]:
        """Every page of a TR."""
        pages = [self.page(tr, **inputs)]
        while pages[-1].prev_next == "2":
            pages.append(self.page(tr, 2, **inputs))
        return pages

    def messages(self) -> list[str]:
        return [str(event.arguments[3]) for event in self.events if event.name == "OnReceiveMsg"]


def small_market() -> HandMarket:
    """Five issues; 1,700 sessions of one, two recorded ones of another, none of the rest."""
    days = weekdays(date(2015, 6, 1), date(2022, 1, 18))
    rows = wavy(days, 70_000)
    rows[-2] = (20220117, 77600, 77800, 76900, 77500, 8785122)
    rows[-1] = (20220118, 77600, 77800, 76600, 77000, 7715780)
    grt = [(20220117, 1230, 1240, 1215, 1225, 705_771), (20220118, 1225, 1230, 1225, 1225, 123_651)]
    days_of_grt = bars(grt)
    days_of_grt.value[-1] = 151_600_000
    return HandMarket(
        [SAMSUNG, GRT, FUND, MUTE, HUGE],
        {"005930": bars(rows), "900290": days_of_grt},
    )

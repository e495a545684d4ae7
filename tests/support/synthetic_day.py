"""The whole control over the synthetic market, with every event read as a program reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from kernel_server import reference
from kernel_server.control.seam import Event
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.simulated_broker import Page, SimulatedBroker, calendar_at, sessions

DAY = "2022-01-18"
ACCOUNT = "8000000011"
BUY, SELL, CANCEL_BUY, CANCEL_SELL, MODIFY_BUY, MODIFY_SELL = range(1, 7)
LIMIT, MARKET = "00", "03"
READ = 1000


def calendar() -> Sessions:
    return sessions(date(2015, 1, 1), date(2024, 12, 31))


class BestKnownIssues(SyntheticMarket):
    """The synthetic market of a seed, reduced to its best-known issues; ``None`` keeps all of them."""

    def __init__(self, seed: int, count: int | None, sessions: Callable[[], Sessions] | None = None) -> None:
        days = sessions() if sessions else calendar()
        super().__init__(seed, lambda: days)
        self._best_known = dict(islice(super().issues().items(), count))

    def issues(self) -> Mapping[str, Issue]:
        return self._best_known


SEVERAL = 300
"""Best-known issues that are enough for indices: reading the minutes of all of them takes five seconds."""


@dataclass(eq=False)
class Live:
    """A real-time event: key, type, the string, and its values, which GetCommRealData gave too."""

    key: str
    kind: str
    data: str

    @cached_property
    def values(self) -> dict[int, str]:
        """By FID; split when first asked for, as most of a day's events are only counted."""
        return dict(zip(reference.realtype(self.kind).fids, self.data.split("\t"), strict=True))

    def number(self, fid: int) -> int:
        """A field without its colour."""
        return abs(int(self.values[fid]))


class Told(NamedTuple):
    """A Chejan event: its gubun, and each of its FIDs as GetChejanData gave it."""

    kind: str
    values: dict[int, str]

    def number(self, fid: int) -> int:
        return abs(int(self.values[fid] or 0))


class SyntheticDay(SimulatedBroker):
    """The broker over the synthetic market of a seed, or the best-known ``issues`` of it.

    ``start`` is a time of ``DAY``, or a day and a time.

    ``live`` and ``told`` are what has been heard, oldest first. ``story`` is what has come of the newest order:
    messages, order numbers, states of Chejan events.
    """

    def __init__(self, start: str, seed: int = 3, issues: int | None = None, **settings: object) -> None:
        self.live: list[Live] = []
        self.told: list[Told] = []
        self.bases: dict[str, int] = {}  # 기준가 by code, as they were before the day
        self.story: list[str] = []
        at = start if len(start) > len("00:00:00") else f"{DAY} {start}"
        market = BestKnownIssues(seed, issues, lambda: calendar_at(at))
        super().__init__(market, at, **settings)  # type: ignore[arg-type]

    def handle(self, event: Event) -> None:
        code = str(event.arguments[2]) if event.name == "OnReceiveTrData" else ""
        if code.startswith("KOA"):
            self.events.append(event)
            self.story.append(self.text("GetCommData", code, "", 0, "주문번호").strip())
            return
        super().handle(event)
        if event.name == "OnReceiveRealData":
            key, kind, data = map(str, event.arguments)
            fids = reference.realtype(kind).fids
            values = data.split("\t")
            assert len(values) == len(fids), event
            count = len(self.live)
            # A day has millions of fields: of most events one is read, each time another.
            every = count < READ or count % 25 == 0
            for place in range(len(fids)) if every else (count % len(fids),):
                read = self.control.call("GetCommRealData", (key, fids[place]))
                assert read == values[place], (event, fids[place])
            self.live.append(Live(key, kind, data))
        elif event.name == "OnReceiveChejanData":
            kind, count, listed = event.arguments
            fids = tuple(map(int, str(listed).split(";")))
            assert len(fids) == count
            told = Told(str(kind), {fid: self.text("GetChejanData", fid) for fid in fids})
            self.told.append(told)
            self.story.append(told.values[913] if kind == "0" else "잔고")
        elif event.name == "OnReceiveMsg":
            self.story.append(str(event.arguments[3]))

    def begin(self) -> SyntheticDay:
        """Logs in."""
        self.login()
        return self

    def register(self, codes: str, fids: str = "10;15;27;41;215") -> None:
        assert self.call("SetRealReg", "0101", codes, fids, "0") == 0

    def of(self, kind: str, key: str | None = None) -> list[Live]:
        return [each for each in self.live if each.kind == kind and key in (None, each.key)]

    def until(self, clock: str) -> None:
        """Let time pass up to that HH:MM."""
        hours, minutes = map(int, clock.split(":"))
        now = (self.clock.now() + 9 * 3600) % 86_400
        self.settle(hours * 3600 + minutes * 60 - now)

    def order(
        self,
        kind: int,
        quantity: int,
        price: int = 0,
        quote: str = LIMIT,
        original: str = "",
        code: str = "005930",
        wait: float = 0.2,
    ) -> list[str]:
        """Send an order; what has come of it ``wait`` seconds later."""
        self.story.clear()
        sent = self.call("SendOrder", "주문", "0301", ACCOUNT, kind, code, quantity, price, quote, original)
        assert sent == 0
        self.settle(wait)
        return list(self.story)

    def account(self, tr: str, **inputs: str) -> Page:
        """The page of an account TR, sent a second after the request before it."""
        self.settle(1)
        given = {"계좌번호": ACCOUNT, **inputs}
        filled = {known.name: given.get(known.name, "") for known in reference.tr(tr).inputs}
        return self.page(tr, screen="0201", **filled)

"""Who bought and who sold an issue: opt10059 and opt10060.

Every share bought on a day was bought by one of the investor groups of ``investor.tsv`` and sold by one, so what
they bought adds up to the day's volume, what they sold does too, and the net amounts add up to nothing. How a
day divides is drawn from code and date; the shares of the groups in the table are only about right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.control.simulated import draws, formats
from kernel_server.control.simulated.aggregate import cut
from kernel_server.control.simulated.answers import Answer, Handler, Rejected, Request, in_order, message
from kernel_server.control.simulated.dates import date_input
from kernel_server.control.simulated.daynumbers import epoch_days
from kernel_server.control.simulated.hours import day_of, today
from kernel_server.control.simulated.market import Bars, Ints, Issue, Market
from kernel_server.control.simulated.settings import Settings
from kernel_server.control.simulated.ticks import board, rules
from kernel_server.control.simulated.tsv import rows as table

_MONEY, _SHARES = "1", "2"
_NET, _BOUGHT, _SOLD = "0", "1", "2"
_THOUSANDS, _SINGLE = "1000", "1"
_MILLION = 1_000_000
# Half of a group's part of a day is what it usually is, the other half is drawn.
_STEADY = 0.5


class Flows:
    """Handlers of the TRs about investors in one issue."""

    def __init__(self, market: Market, settings: Settings) -> None:
        self._market = market
        self._settings = settings
        self._issues = market.issues()
        groups = list(table("investor"))
        self._names = [name for name, _share, _group in groups]
        self._shares = np.array([float(share) for _name, share, _group in groups])
        self._groups = [group for _name, _share, group in groups]

    def handlers(self) -> dict[str, Handler]:
        """A handler for each TR code, in lower case."""
        return {"opt10059": self._days, "opt10060": self._days}

    def _days(self, request: Request, now: float) -> Answer:
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        what, side, unit = inputs["금액수량구분"], inputs["매매구분"], inputs["단위구분"]
        if what not in (_MONEY, _SHARES) or side not in (_NET, _BOUGHT, _SOLD):
            raise Rejected("bad_input")
        if unit not in (_THOUSANDS, _SINGLE):
            raise Rejected("bad_input")
        if issue is None:
            raise Rejected("unknown_code")
        bars = self._market.daily(issue.code, True, now)
        if not len(bars):
            bars = self._market.daily(issue.code, False, now)
        newest = date_input(inputs["일자"]) or today(now)
        end = np.searchsorted(bars.time, newest if request.after is None else request.after - 1, "right")
        if not end:
            return Answer(message=message("no_history") if request.after is None else "")
        start = max(0, int(end) - (request.tr.rows_per_page or int(end)))
        # The close before is 기준가, so one bar more than the page has to be read.
        first = max(0, start - 1)
        page = cut(bars, first, int(end))
        amounts = self._amounts(issue, page, what, side, unit)
        names = request.tr.multi_names
        rows = [
            in_order(names, self._row(issue, page, at, first + at == 0) | self._written(amounts[at], side))
            for at in range(len(page) - 1, start - first - 1, -1)
        ]
        return Answer(rows=rows, after=int(bars.time[start]) if start else None, codes=(issue.code,))

    def _row(self, issue: Issue, bars: Bars, at: int, oldest: bool) -> dict[str, str]:
        last = int(bars.close[at])
        base = int(bars.open[at] if oldest else bars.close[at - 1])
        upper, lower = rules(day_of(int(bars.time[at])), board(issue)).limits(base)
        return {
            "일자": str(int(bars.time[at])),
            "현재가": formats.price(last, base),
            "대비기호": formats.direction(last, base, upper, lower),
            "전일대비": formats.signed(last - base),
            "등락율": formats.rate(last - base, base),
            "누적거래량": str(int(bars.volume[at])),
            "누적거래대금": str(formats.millions(int(bars.value[at]))),
        }

    def _amounts(self, issue: Issue, bars: Bars, what: str, side: str, unit: str) -> Ints:
        """What each group traded each day, one day a row, in the unit asked for."""
        if what == _MONEY:
            totals = (bars.value + _MILLION // 2) // _MILLION
        else:
            totals = bars.volume if unit == _SINGLE else (bars.volume + 500) // 1000
        bought, sold = (self._divided(issue, bars.time, totals, which) for which in ("bought", "sold"))
        return {_NET: bought - sold, _BOUGHT: bought, _SOLD: sold}[side]

    def _divided(self, issue: Issue, days: Ints, totals: Ints, which: str) -> Ints:
        number = epoch_days(days)
        weights = np.empty((len(days), len(self._names)))
        for at, name in enumerate(self._names):
            drawn = draws.uniform(draws.key(issue.code, which, name), number)
            weights[:, at] = self._shares[at] * (_STEADY + 2 * (1 - _STEADY) * drawn)
        summed = np.cumsum(weights, axis=1)
        edges = np.rint(totals[:, None] * (summed / summed[:, -1:])).astype(np.int64)
        parts: Ints = np.diff(edges, axis=1, prepend=0)
        return parts

    def _written(self, amounts: Ints, side: str) -> dict[str, str]:
        found: dict[str, int] = {}
        for name, group, amount in zip(self._names, self._groups, amounts.tolist(), strict=True):
            found[name] = amount
            if group:
                found[group] = found.get(group, 0) + amount
        return self._signed(found, side)

    def _signed(self, amounts: Mapping[str, int], side: str) -> dict[str, str]:
        if side != _NET and self._settings.flow_signs == "plain":
            return {name: str(amount) for name, amount in amounts.items()}
        sense = -1 if side == _SOLD else 1
        return {name: formats.signed(amount * sense) for name, amount in amounts.items()}

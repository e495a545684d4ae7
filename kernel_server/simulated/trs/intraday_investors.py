"""opt10064: trades of investor groups in an issue, at the exchange's counting times of the day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Issue, Market

# Counting times of the exchange in a regular session, HHMMSS.
_TIMES = (93000, 100000, 113000, 132000, 143000, 153000)
_DAY = 1_000_000
_MARKETS = ("000", "001", "101")
_MONEY, _SHARES = "1", "2"
_NET, _BOUGHT, _SOLD = "0", "1", "2"


class IntradayInvestors:
    """Handler of opt10064."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._issues: Mapping[str, Issue] = market.issues()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10064": self._times}

    def _times(self, request: TrRequest, now: float) -> TrAnswer:
        """Newest first; the split among groups is that of the whole day at each time."""
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        measure, side = inputs["금액수량구분"], inputs["매매구분"]
        if measure not in (_MONEY, _SHARES) or side not in (_NET, _BOUGHT, _SOLD):
            raise TrRejected("bad_input")
        if inputs["시장구분"] not in _MARKETS:
            raise TrRejected("bad_input")
        if issue is None:
            raise TrRejected("unknown_code")
        minutes = self._market.minute(issue.code, True, now, 1)
        if not len(minutes):
            return TrAnswer(message=message("no_history"), codes=(issue.code,))
        day = int(minutes.time[-1]) // _DAY
        clock = minutes.time % _DAY
        column = minutes.value if measure == _MONEY else minutes.volume
        summed = np.append(0, np.cumsum(column))
        known = [time for time in _TIMES if time <= int(clock[-1])]
        totals = summed[np.searchsorted(clock, known, "right")]
        if measure == _MONEY:
            totals = investor_groups.millions(totals)
        days = epoch_days(np.full(len(known), day))
        bought, sold = investor_groups.bought_and_sold(issue.code, days, totals)
        amounts = {_NET: bought - sold, _BOUGHT: bought, _SOLD: -sold}[side]
        by_group = {
            name: investor_groups.group_total(amounts, name).tolist()
            for name in request.tr.multi_names
            if name in investor_groups.names()
        }
        rows = [
            in_order(
                request.tr.multi_names,
                {"시간": f"{known[at]:06d}"}
                | {name: kiwoom_format.signed(column[at]) for name, column in by_group.items()},
            )
            for at in range(len(known) - 1, -1, -1)
        ]
        text = "" if rows else message("no_history")
        return TrAnswer(rows=rows, message=text, codes=(issue.code,))

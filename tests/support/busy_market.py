"""A control that fires trades of 200 issues as fast as it is told to; 누적거래량 proves that none is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from kernel_server import reference
from tests.fakes.canned_control import CannedControl

TYPE = "주식체결"
CODES = [f"{number:06d}" for number in range(1, 201)]
STAMP = 29
"""The FID that says when an event was fired: microseconds of ``time.monotonic``."""

_FIDS = reference.realtype(TYPE).fids
# As long as what the broker sends.
_CELLS = [{20: "103453", 14: "608869", 311: "4596733", 12: "+1.32"}.get(fid, "-77000") for fid in _FIDS]
_VOLUME, _TOTAL, _STAMP = _FIDS.index(15), _FIDS.index(13), _FIDS.index(STAMP)
_TURN = 0.01


class BusyControl(CannedControl):
    """KOA_Functions("trades", n) fires n trades, one issue after the other; ("pace", n) n a second until told anew."""

    def __init__(self, later: Callable[[Callable[[], None]], None]) -> None:
        super().__init__({}, later)
        self._totals = dict.fromkeys(CODES, 0)
        self._next = 0
        self._pace = 0
        self._paced: threading.Thread | None = None

    def KOA_Functions(self, name: str, count: str) -> str:
        if name == "trades":
            self._later(lambda: self.trade(int(count)))
        else:
            self._pace = int(count)
            if self._paced is None:
                self._paced = threading.Thread(target=self._keep_pace, daemon=True)
                self._paced.start()
        return name

    def trade(self, count: int) -> None:
        """Fires so many trades; on the control thread."""
        for _ in range(count):
            code = CODES[self._next % len(CODES)]
            self._next += 1
            volume = 1 + self._next % 7
            self._totals[code] += volume
            cells = _CELLS.copy()
            cells[_VOLUME] = f"{'+' if self._next % 2 else '-'}{volume}"
            cells[_TOTAL] = str(self._totals[code])
            cells[_STAMP] = str(int(time.monotonic() * 1e6))
            self.fire("OnReceiveRealData", code, TYPE, "\t".join(cells))

    def _keep_pace(self) -> None:
        due, owed = time.monotonic(), 0.0
        while True:
            due += _TURN
            time.sleep(max(0.0, due - time.monotonic()))
            owed += self._pace * _TURN
            count, owed = int(owed), owed - int(owed)
            if count:
                self._later(lambda count=count: self.trade(count))  # type: ignore[misc]

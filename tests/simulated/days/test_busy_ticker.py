"""A ticker of twenty large issues: how many events its two types have in simulated minutes, at the open and at noon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from kernel_server import simulated
from kernel_server.clock import SteppedClock
from kernel_server.control.seam import Event
from kernel_server.reference.sessions import load
from kernel_server.simulated.settings import BrokerSettings
from tests.support.simulated_broker import moment
from tests.support.waiting import let_pass

DAY = "2026-11-17"  # a usual one
ISSUES = 20
FIDS = "228;27"  # what a ticker registers: 주식체결 and 주식우선호가


def events_of_a_minute(begins: str) -> Counter[str]:
    """By type, of the largest issues by market value, in the minute from that time of the day on."""
    clock = SteppedClock(moment(f"{DAY} {begins}") - 5)
    work: list[Callable[[], None]] = []
    seen: Counter[str] = Counter()

    def count(event: Event) -> None:
        if event.name == "OnReceiveRealData":
            seen[str(event.arguments[1])] += 1

    control = simulated.build(None, 1, clock, BrokerSettings(), work.append, load)
    control.listen(count)
    control.call("CommConnect", ())
    let_pass(clock, work, clock.now() + 1)
    codes = [
        code
        for market in ("0", "10")
        for code in str(control.call("GetCodeListByMarket", (market,))).split(";")
        if code
    ]
    size = {
        code: int(str(control.call("GetMasterListedStockCnt", (code,))) or 0)
        * int(str(control.call("GetMasterLastPrice", (code,))) or 0)
        for code in codes
    }
    largest = sorted(codes, key=size.__getitem__, reverse=True)[:ISSUES]
    assert control.call("SetRealReg", ("0101", ";".join(largest), FIDS, "0")) == 0
    let_pass(clock, work, clock.now() + 4)
    seen.clear()
    let_pass(clock, work, clock.now() + 60)
    control.close()
    return seen


@pytest.mark.slow
def test_a_ticker_of_twenty_large_issues_is_as_busy_as_in_life() -> None:
    noon, opening = events_of_a_minute("12:00"), events_of_a_minute("09:00")
    assert 50 * 60 <= noon.total() <= 150 * 60
    assert opening.total() >= 4 * noon.total()
    assert noon["주식체결"] > noon["주식우선호가"] > 0

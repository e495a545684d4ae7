"""Live conditions on prices, half an hour of the whole synthetic market: something enters or leaves every minute."""

from __future__ import annotations

from collections import defaultdict
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
MINUTES = 30
ON_PRICES = {2: "단기 골든크로스", 4: "250일 신고가 근접", 5: "장중 급등주", 6: "대형주 급락"}


@pytest.mark.slow
def test_conditions_on_prices_have_entries_and_exits_every_minute() -> None:
    clock = SteppedClock(moment(f"{DAY} 10:00") - 10)
    work: list[Callable[[], None]] = []
    minutes: dict[str, set[float]] = defaultdict(set)
    kinds: dict[str, set[str]] = defaultdict(set)

    def note(event: Event) -> None:
        if event.name == "OnReceiveRealCondition":
            _code, kind, name, _index = map(str, event.arguments)
            minutes[name].add(clock.now() // 60)
            kinds[name].add(kind)

    control = simulated.build(None, 1, clock, BrokerSettings(limited=False), work.append, load)
    control.listen(note)
    control.call("CommConnect", ())
    let_pass(clock, work, clock.now() + 1)
    control.call("GetConditionLoad", ())
    let_pass(clock, work, clock.now() + 1)
    for index, name in ON_PRICES.items():
        assert control.call("SendCondition", (f"10{index:02d}", name, index, 1)) == 1
    let_pass(clock, work, moment(f"{DAY} 10:00"))
    minutes.clear()
    let_pass(clock, work, clock.now() + 60 * MINUTES)
    control.close()
    assert len(set().union(*minutes.values())) >= MINUTES
    for name in ON_PRICES.values():
        assert len(minutes[name]) >= MINUTES / 3, name
        assert kinds[name] == {"I", "D"}

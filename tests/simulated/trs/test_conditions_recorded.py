"""What a search answers, against the events that were recorded."""

from __future__ import annotations

import json
import re

from tests.simulated.trs.test_conditions import Desk
from tests.support.recorded_data import RECORDED_DATA, needs_market_data

pytestmark = needs_market_data

VALUE = "중소형 저평가주"


def recorded() -> list[list[str | int]]:
    lines = (RECORDED_DATA / "kiwoom" / "koapy_events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [event for line in lines if isinstance(event := json.loads(line).get("event"), dict)]
    return [
        [next(iter(argument.values())) for argument in event["arguments"]]
        for event in events
        if event.get("name") == "OnReceiveTrCondition"
    ]


def test_a_search_answers_as_recorded() -> None:
    events = recorded()
    assert len(events) == 2
    desk = Desk("2022-01-18 14:28", large=60, fundamentals_seed=2).loaded()
    desk.conditions.SendCondition("8686", "대형 저평가 우량주", 0, 0)
    desk.conditions.SendCondition("8686", VALUE, 1, 0)
    desk.line.settle()
    ours = desk.line.take("OnReceiveTrCondition")
    assert any(event[1] for event in ours)
    for screen, codes, name, index, following in events:
        assert (name, int(index), int(following)) == (VALUE, 1, 0)
        assert re.fullmatch(r"([0-9A-Z]{6};)*", str(codes))
        assert f"{index}^{name};" in desk.conditions.GetConditionNameList()
        assert (ours[1][0] == screen) == (screen == "8686")
    for event in ours:
        assert re.fullmatch(r"([0-9A-Z]{6};)*", str(event[1]))
    assert ours[1][2:] == (VALUE, 1, 0)

"""Errors travel between processes whole: a pool that cannot read its worker's answer waits for it for ever."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab
from kernel_server.clock import KST
from koalab.calls import UnknownFunction
from koalab.errors import KoalabError
from koalab.frames.errors import UnreadableValue
from koalab.store.bars import AdjustmentChanged
from koalab.store.series import Series

MADE: dict[type[KoalabError], KoalabError] = {
    koalab.RateLimited: koalab.RateLimited("full", datetime(2026, 11, 30, 10, tzinfo=KST)),
    koalab.LoginFailed: koalab.LoginFailed("no", -101),
    koalab.TooEarly: koalab.TooEarly("not yet", datetime(2026, 11, 30, 15, 31, tzinfo=KST)),
    koalab.UnknownCode: koalab.UnknownCode("none", [("005930", "삼성전자")]),
    koalab.OrderGuarded: koalab.OrderGuarded("too much", "max_value", "200000000"),
    koalab.NoAnswer: koalab.NoAnswer("silence", -308),
    koalab.PlanIncomplete: koalab.PlanIncomplete("1 of 2", pd.DataFrame({"trs": [1]}), {}),
    AdjustmentChanged: AdjustmentChanged(Series("005930", "D", True), np.datetime64("2018-05-04", "us")),
    UnreadableValue: UnreadableValue("12+5", 3, "a number", "opt10081 시가"),
    UnknownFunction: UnknownFunction("no function 'Nope'"),
}


def kinds(of: type[KoalabError]) -> list[type[KoalabError]]:
    return [of, *(kind for child in of.__subclasses__() for kind in kinds(child))]


def value(error: KoalabError) -> dict[str, Any]:
    return {
        name: one.to_dict() if isinstance(one, pd.DataFrame) else one for name, one in vars(error).items()
    }


@pytest.mark.parametrize("again", [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", sorted(set(kinds(KoalabError)), key=lambda one: one.__name__))
def test_an_error_arrives_as_it_was_raised(kind: type[KoalabError], again: Any) -> None:
    error = MADE.get(kind) or kind("what was wrong, and what to do")
    error.add_note("and a note")
    found = again(error)
    assert type(found) is kind
    assert (str(found), found.args) == (str(error), error.args)
    assert value(found) == value(error)

"""The table of TR handlers."""

from __future__ import annotations

import pytest

from kernel_server.simulated import tr_registry
from kernel_server.simulated.base.tr import TrAnswer, TrHandler


def answers(text: str) -> TrHandler:
    return lambda _request, _now: TrAnswer(message=text)


def test_groups_of_handlers_become_one_table() -> None:
    first, second = answers("first"), answers("second")
    assert tr_registry.join({"opt10001": first}, {"opt10002": second}) == {
        "opt10001": first,
        "opt10002": second,
    }


def test_a_tr_code_that_two_handlers_claim_is_refused_when_the_table_is_made() -> None:
    with pytest.raises(ValueError, match="two handlers of the TR opt10001"):
        tr_registry.join({"opt10001": answers("first")}, {"opt10001": answers("second")})

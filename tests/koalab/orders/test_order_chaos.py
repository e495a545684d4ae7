"""Three sessions trade for an hour in which everything fails; once all is at rest they have what the broker has.

``python -m bench.chaos orders`` is the same with 2,000 orders.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.chaos.orders import OrderTrial


def test_the_state_equals_the_books_and_nothing_was_sent_twice(tmp_path: Path) -> None:
    outcome = OrderTrial(tmp_path, seed=1, orders=60, faults=6).run()
    assert not outcome.differences, "\n".join([str(outcome), *outcome.differences[:20]])

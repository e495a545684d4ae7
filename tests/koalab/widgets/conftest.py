"""A market in its session, for widgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.koalab.live.test_streams import Trading


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path, "10:00:00")
    yield found
    found.market.close()

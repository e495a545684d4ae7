"""The command line on a test's server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from koalab.cli import program
from tests.support.cache_folder import with_calendar


@pytest.fixture
def run(market: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """``koalab`` with those words, on the test's server, in the test's folder."""
    monkeypatch.setenv("KOALAB_TARGET", market.server.address)
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "cache")))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(program, words, catch_exceptions=False)

"""``alert`` in a terminal and in a notebook."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from kernel_server.clock import KST
from koalab.alerts.alert import Alert
from koalab.cli import program
from koalab.errors import BadInput
from tests.support.cache_folder import with_calendar
from tests.support.commands import kiwoom
from tests.support.moving_market import moving
from tests.support.session import Market, start


@pytest.fixture
def friday(tmp_path: Path) -> Iterator[Market]:
    """In the middle of a session."""
    found = start(tmp_path, datetime(2026, 11, 20, 11, tzinfo=KST))
    yield found
    found.close()


@pytest.fixture
def koalab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, friday: Market) -> Callable[..., Result]:
    """Runs a command while the market goes on."""
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "terminal")))

    def run(*words: str) -> Result:
        with moving(friday):
            return CliRunner().invoke(program, ["--target", friday.server.address, *words])

    return run


class TestInATerminal:
    def test_it_ends_with_its_message_which_is_shown_and_written(self, koalab: Callable[..., Result]) -> None:
        found = koalab("alert", "005930 > 1", "--format", "csv")
        assert found.exit_code == 0, found.output
        frame = pd.read_csv(io.StringIO(found.stdout), dtype=str)
        [text] = frame["text"]
        assert text.startswith("삼성전자(005930) 현재가 ")
        assert text in found.stderr

    def test_a_wrong_text_or_target_is_one_line(
        self, koalab: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = koalab("alert", "005930")
        assert (found.exit_code, found.stdout) == (1, "")
        assert "compares nothing" in found.stderr
        monkeypatch.setenv("KOALAB_ALERT_TO", "json://127.0.0.1:1/ nonsense://s3cr3t")
        found = koalab("alert", "005930 > 1")
        assert found.exit_code == 1
        assert "no service nonsense://" in found.stderr
        assert "s3cr3t" not in found.output


class TestInANotebook:
    def test_it_goes_on_in_the_background_is_listed_and_stopped(self, friday: Market) -> None:
        session = friday.connect()

        found = kiwoom(session, "alert", "삼성전자", "등락률", ">=", "29.9", "--repeat", "--every", "300")
        assert isinstance(found, Alert)
        assert (found.once, found.every, found.state) == (False, 300, "watching")
        listed = kiwoom(session, "alert")
        assert list(listed["text"]) == ["삼성전자(005930) 등락률 >= 29.9%"]
        assert kiwoom(session, "alert", "--stop", "1") is found
        assert found.state == "stopped"
        with pytest.raises(BadInput, match="leave the text out"):
            kiwoom(session, "alert", "체결", "--stop", "1")

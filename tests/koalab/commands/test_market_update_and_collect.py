"""``update-market`` and ``collect`` in a terminal: what a crontab needs of them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from kernel_server.clock import KST
from koalab.cli import program
from koalab.live.collecting.collection import Collection
from koalab.magics import KiwoomMagics
from koalab.sessions.session import Session
from tests.support.cache_folder import with_calendar
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes

Run = Callable[..., Result]


@pytest.fixture
def friday(tmp_path: Path) -> Iterator[Market]:
    """In the middle of a session."""
    found = start(tmp_path, datetime(2026, 11, 20, 11, tzinfo=KST))
    yield found
    found.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Market], Run]:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "terminal")))

    def on(market: Market) -> Run:
        return lambda *words: CliRunner().invoke(program, ["--target", market.server.address, *words])

    return on


class TestUpdateMarket:
    def test_tells_how_many_were_done_how(self, market: Market, run: Callable[[Market], Run]) -> None:
        koalab = run(market)
        first = koalab("update-market", "005930", "SK하이닉스", "--format", "csv")
        assert (first.exit_code, first.stdout) == (0, "done,codes,trs\nadded,2,0\n")
        again = koalab("update-market", "005930", "SK하이닉스", "--format", "csv")
        assert (again.exit_code, again.stdout) == (0, "done,codes,trs\nup to date,2,0\n")

    def test_tells_of_each_where_asked(self, market: Market, run: Callable[[Market], Run]) -> None:
        said = run(market)("update-market", "--market", "ETF", "--each", "--format", "csv").stdout
        frame = pd.read_csv(io.StringIO(said), dtype=str)
        assert frame["code"].tolist() == list(market.connect().codes("ETF").index)

    def test_too_early_is_one_line_and_an_exit_code(
        self, friday: Market, run: Callable[[Market], Run]
    ) -> None:
        found = run(friday)("update-market")
        assert found.exit_code == 1
        assert "from 15:31 on" in found.stderr
        assert len(found.stderr.splitlines()) == 1


class TestCollect:
    def test_until_the_close_on_a_day_without_a_session_is_over_at_once(
        self, market: Market, run: Callable[[Market], Run]
    ) -> None:
        found = run(market)("collect", "005930", "--until-close", "--format", "csv")
        assert (found.exit_code, found.stdout) == (
            0,
            "code,name,complete,holes,last,outside\n005930,삼성전자,0,0,,0\n",
        )

    def test_ends_with_ctrl_c_fills_its_holes_and_leaves_nothing_registered(
        self, friday: Market, tmp_path: Path
    ) -> None:
        kw = friday.connect()
        environment = {
            **os.environ,
            "KOALAB_CACHE_DIR": str(with_calendar(tmp_path / "terminal")),
            "PYTHONUTF8": "1",
        }
        words = ["--target", friday.server.address, "collect", "005930", "--format", "csv"]
        # A line on the way shows that it waits for its end.
        code = (
            "import os; from koalab.commands import collect; watch = collect._watch\n"
            "def reported(*a): os.write(1, b'collecting\\n'); watch(*a)\n"
            "collect._watch = reported\n"
            "from koalab.cli import main; main()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "collecting\n"
                friday.clock.advance(100)
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=HANGS_AFTER)
            finally:
                process.kill()
        assert process.returncode == 0
        frame = pd.read_csv(io.StringIO(said), dtype={"code": str})
        assert frame.loc[0, ["code", "name", "holes"]].tolist() == ["005930", "삼성전자", 0]
        assert frame.loc[0, "complete"] >= 119
        becomes(lambda: kw.status()["streams"], 0)

    def test_goes_on_beside_in_a_notebook(self, friday: Market, monkeypatch: pytest.MonkeyPatch) -> None:
        session = friday.connect()
        magics: Any = KiwoomMagics()
        monkeypatch.setattr(magics, "session", lambda: session)
        found = magics.kiwoom("collect 005930 SK하이닉스")
        assert isinstance(found, Collection)
        assert found.codes == ("005930", "000660")
        assert repr(found).startswith("<collecting minutes of 2 codes: 0 complete")
        found.stop(fill=False)
        assert repr(found).startswith("<stopped minutes of 2 codes")


def test_a_session_has_both(kw: Session) -> None:
    assert kw.update_market("005930")["done"].tolist() == ["added"]
    with kw.collect("005930") as minutes:
        assert minutes.running
    assert not minutes.running

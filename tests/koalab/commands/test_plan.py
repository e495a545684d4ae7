"""``koalab plan`` and ``%kiwoom plan``: a look at what a bulk load needs, and the load."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

import koalab as kl
from koalab.commands import NOTEBOOK, CommandGroup, run
from koalab.plans import Plan
from tests.support.session import Market
from tests.support.waiting import HANGS_AFTER

Run = Callable[..., Result]
DAILY = ("plan", "daily", "삼성전자", "000660", "--start", "2024-01-01")


@pytest.fixture
def terminal(run: Run) -> Run:
    return run


def test_a_look_says_the_whole_and_spends_nothing(terminal: Run, market: Market, kw: kl.Session) -> None:
    shown = terminal(*DAILY).output
    assert "daily from 2024-01-01 to 2026-11-20" in shown
    assert [line.split()[0] for line in shown.splitlines()] == [
        "plan",
        "codes",
        "trs",
        "cached",
        "wait",
        "ends",
    ]
    assert kw._link.status().trs == 0


def test_as_csv_or_json_it_says_what_each_code_needs(terminal: Run) -> None:
    frame = pd.read_csv(io.StringIO(terminal(*DAILY, "--format", "csv").output), dtype={"code": "str"})
    assert frame["code"].tolist() == ["005930", "000660"]
    assert frame["trs"].tolist() == [2, 2]
    assert json.loads(terminal(*DAILY, "--format", "json").output)[0] == {
        "code": "005930",
        "name": "삼성전자",
        "trs": 2,
        "cached": 0.0,
    }


def test_run_loads_it_and_reports(terminal: Run) -> None:
    result = terminal(*DAILY, "--run", "--format", "csv")
    assert result.exit_code == 0
    assert result.output.splitlines() == ["code,name,trs,error", "005930,삼성전자,2,", "000660,SK하이닉스,2,"]
    assert pd.read_csv(io.StringIO(terminal(*DAILY, "--format", "csv").output))["trs"].sum() == 0


def test_a_market_stands_for_its_codes(terminal: Run, kw: kl.Session) -> None:
    frame = pd.read_csv(
        io.StringIO(terminal("plan", "minute", "ETF", "--interval", "60", "--format", "csv").output),
        dtype={"code": "str"},
    )
    assert frame["code"].tolist() == list(kw.codes("ETF").index)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("plan", "weekly", "KOSPI"), "daily"),
        (("plan", "daily"), "CODE|MARKET"),
        (("plan", "daily", "KOSPIX"), "KOSPIX"),
        (("plan", "bars", "005930", "--interval", "30tick"), "cannot be planned"),
    ],
)
def test_what_cannot_be_planned_is_one_line(terminal: Run, words: tuple[str, ...], expected: str) -> None:
    result = terminal(*words)
    assert result.exit_code != 0
    assert expected in result.output


def test_in_a_notebook_it_gives_the_plan_itself(kw: kl.Session) -> None:
    class FakeRunner:
        columns, progress = "en", False

        def session(self) -> kl.Session:
            return kw

    words = ["plan", "daily", "005930", "--start", "2024-01-01"]
    plan = run(CommandGroup(NOTEBOOK), words, FakeRunner(), "%kiwoom")  # type: ignore[arg-type]
    assert isinstance(plan, Plan)
    assert plan.run()["trs"].tolist() == [2]
    report: Any = run(CommandGroup(NOTEBOOK), [*words, "--run"], FakeRunner(), "%kiwoom")  # type: ignore[arg-type]
    assert report["trs"].tolist() == [0]


def test_ctrl_c_in_a_terminal_says_how_it_goes_on(tmp_path: Path) -> None:
    words = ["plan", "daily", *DAILY[2:4], "--start", "2000-01-01", "--end", "2026-11-13", "--run"]
    options = ["--cache-dir", str(tmp_path), "--limits", "safe"]
    # A line on the way shows that the first pages are kept.
    code = (
        "import os; from koalab.store.bars import BarStore; add = BarStore.add\n"
        # In one piece: several threads keep pages at once.
        "def reported(self, *a, **k): add(self, *a, **k); os.write(1, b'kept\\n')\n"
        "BarStore.add = reported\n"
        "from koalab.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    for _ in range(5):  # then 18 seconds of rest
        assert process.stdout.readline() == "kept\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=HANGS_AFTER)
    assert process.returncode == 130
    assert "stopped after 5 of" in errors
    assert "goes on from there" in errors

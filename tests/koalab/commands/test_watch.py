"""``watch`` in a terminal and in a notebook."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from unicodedata import east_asian_width

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from kernel_server.clock import KST, SteppedClock
from koalab.cli import program
from koalab.commands.live.lines import JsonLines, StateChanges
from koalab.commands.live.quote_table import quote_table
from koalab.commands.live.screen import LiveScreen
from koalab.errors import BadInput
from koalab.live.condition_watch import ConditionWatch
from koalab.widgets.ticker import Ticker
from tests.koalab.live.test_streams import fault
from tests.support.cache_folder import with_calendar
from tests.support.commands import kiwoom
from tests.support.moving_market import moving
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes, wait_until


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """In the middle of a session."""
    found = start(tmp_path_factory.mktemp("market"), datetime(2026, 11, 20, 10, tzinfo=KST))
    found.connect()
    yield found
    found.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_calendar(tmp_path_factory.mktemp("cache") / "terminal")


@pytest.fixture
def koalab(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path, friday: Market
) -> Callable[..., Result]:
    """Runs a command while the market goes on."""
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(cache))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        with moving(friday):
            return CliRunner().invoke(program, ["--target", friday.server.address, *words])

    return run


def streams(market: Market) -> int:
    """The streams that clients have open at the server."""
    return int(market.sessions[0].status()["streams"])


class TestLines:
    def test_each_trade_is_a_line_of_json_with_its_name(
        self, koalab: Callable[..., Result], friday: Market
    ) -> None:
        found = koalab("watch", "005930", "SK하이닉스", "--count", "5")

        assert (found.exit_code, found.stderr) == (0, "")
        lines = [json.loads(line) for line in found.stdout.splitlines()]
        trades = [line for line in lines if line["event"] == "trade"]
        assert len(trades) == 5
        states = {line["state"] for line in lines if line["event"] == "state"}
        assert states <= {"connecting", "live", "stale"}  # stale where the machine is busier than the market
        names = {"005930": "삼성전자", "000660": "SK하이닉스"}
        assert all(names[line["code"]] == line["name"] and line["price"] > 0 for line in trades)
        assert trades[0]["time"].startswith("2026-11-20T1")
        becomes(lambda: streams(friday), 0)

    def test_csv_has_one_header_and_the_same_trades(self, koalab: Callable[..., Result]) -> None:
        found = koalab("watch", "005930", "--count", "3", "--format", "csv")

        rows = list(csv.DictReader(io.StringIO(found.stdout)))
        assert [row["event"] for row in rows] == ["trade"] * 3
        assert all(row["code"] == "005930" and int(row["price"]) for row in rows)

    def test_a_file_gets_the_trades_at_the_end_and_the_screen_nothing(
        self, koalab: Callable[..., Result], tmp_path: Path
    ) -> None:
        found = koalab("watch", "005930", "--count", "3", "--output", "trades.csv")

        assert (found.exit_code, found.output) == (0, "")
        assert len(pd.read_csv(tmp_path / "trades.csv")) >= 3

    def test_it_ends_after_its_time_without_a_trade(self, friday: Market, cache: Path) -> None:
        words = ["--target", friday.server.address, "--cache-dir", str(cache), "watch", "005930"]
        found = CliRunner().invoke(program, [*words, "--for", "0.01", "--format", "csv"])
        assert (found.exit_code, found.stdout) == (0, "")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("005930", "--count", "0"), "--count must be a whole number from 1"),
            (("005930", "--for", "0"), "--for is a number of seconds above 0"),
            (("005930", "--condition", "저평가"), "takes the place of codes"),
            ((), "give codes or names, or --condition"),
            (("삼성전지",), "삼성전자"),
            (("--condition", "없는 조건"), "없는 조건"),
            (("005930", "--format", "parquet"), "--output FILE"),
        ],
    )
    def test_a_mistake_is_one_line_and_registers_nothing(
        self, words: tuple[str, ...], says: str, koalab: Callable[..., Result], friday: Market
    ) -> None:
        found = koalab("watch", *words)

        assert (found.exit_code, found.stdout) == (1, "")
        assert says in found.stderr
        assert found.stderr.count("\n") == 1
        becomes(lambda: streams(friday), 0)

    def test_a_lost_connection_is_a_state_and_a_gap(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # Its clock leaps over nothing: while it stands, there is no new login.
        market = start(tmp_path, clock=SteppedClock(datetime(2026, 11, 20, 10, tzinfo=KST).timestamp()))
        with moving(market):
            session = market.connect()
            stream = session.ticks("005930")
            wait_until(lambda: stream.state == "live")
        changes = StateChanges(stream, stream.reader(), JsonLines())
        changes.look()
        changes.look()
        session._link.transport._stub.Fault(fault("cut"))
        wait_until(lambda: stream.state == "lost")
        changes.look()
        with moving(market):
            wait_until(lambda: stream.state == "live")
        changes.look()
        stream.close()
        market.close()

        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(line["event"], line.get("state")) for line in lines] == [
            ("state", "live"),
            ("state", "lost"),
            ("state", "live"),
            ("gap", None),
        ]
        assert lines[1]["why"]
        assert lines[3]["since"] < lines[3]["until"]


class TestConditions:
    def test_members_come_first_and_then_entries_and_exits(
        self, koalab: Callable[..., Result], friday: Market
    ) -> None:
        found = koalab("watch", "--condition", "0", "--for", "0.3", "--format", "json")

        assert found.exit_code == 0, found.output
        lines = [json.loads(line) for line in found.stdout.splitlines()]
        events = [line["event"] for line in lines]
        assert set(events) <= {"member", "entered", "left", "state"}
        members = events.count("member")
        assert members
        assert events[:members] == ["member"] * members
        assert all(line["name"] and len(line["code"]) == 6 for line in lines if "code" in line)
        becomes(lambda: streams(friday), 0)


def _width(line: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line)


class TestTable:
    QUOTES = pd.DataFrame(
        {
            "name": ["삼성전자", "KODEX 코스닥150선물인버스2배", "A\x1b[31m"],
            "price": [170_100, 1_234_000, 0],
            "change": [400, -370_000, 0],
            "change_rate": [0.24, -29.99, 0.0],
            "volume": [4_664_908, 583_000_000, 0],
            "trade_volume": [-208, 10_000, 0],
            "ask": [170_200, 1_234_500, 0],
            "bid": [170_100, 1_234_000, 0],
            "strength": [97.5, 101.2, 0.0],
            "time": pd.to_datetime(["2026-11-20 10:00:05", "2026-11-20 10:00:04", None]),
        },
        index=pd.Index(["005930", "251340", "900000"], name="code"),
    )

    def draw(self, width: int, height: int = 24, gaps: int = 0) -> list[str]:
        console = Console(file=io.StringIO(), width=width, height=height)
        message = {"state": "live", "say": "실시간 10:00:05 · 3종목 · 모의투자"}
        console.print(quote_table(self.QUOTES, message, gaps, width, height))
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip("\n").split("\n")

    @pytest.mark.parametrize("width", [80, 100, 120, 140])
    def test_fits_the_terminal_and_lines_up(self, width: int) -> None:
        header, rule, *rows, state = self.draw(width)

        assert max(map(_width, (header, rule, *rows))) <= width
        assert (
            len({_width(row.rstrip()) for row in (header, *rows[:2])}) == 1
        )  # right-aligned to the last column
        assert "1,234,000" in rows[1]
        assert "583,000,000" in rows[1]
        assert "-370,000" in rows[1]
        assert "-29.99%" in rows[1]
        assert ("매도호가" in header) == (width >= 120)
        assert state == "실시간 10:00:05 · 3종목 · 모의투자"

    def test_names_cannot_write_into_the_terminal(self) -> None:
        assert r"A\x1b[31m" in "\n".join(self.draw(80))

    def test_rows_that_do_not_fit_are_counted_and_gaps_are_named(self) -> None:
        found = self.draw(80, height=8, gaps=2)
        assert len(found) < 8
        assert found[-1].endswith("누락 구간 2 · 그 밖에 1종목")


def test_what_the_drawn_state_says_is_not_logged_over_it(caplog: pytest.LogCaptureFixture) -> None:
    lost = logging.getLogger("koalab.live.hub")
    with LiveScreen(Console(file=io.StringIO())):
        lost.warning("the server is gone")
        lost.error("a stream ends")
    lost.warning("the server is gone again")

    assert caplog.messages == ["a stream ends", "the server is gone again"]


class Screen(NamedTuple):
    """What a process wrote into its terminal."""

    code: int
    text: str

    @property
    def clean(self) -> bool:
        """Whether the cursor is shown at the end, and no other screen is left."""
        shown = self.text.rfind("\x1b[?25h") >= self.text.rfind("\x1b[?25l")
        return shown and self.text.count("\x1b[?1049h") == self.text.count("\x1b[?1049l")


@pytest.mark.skipif(os.name != "posix", reason="terminals are another matter on Windows")
class TestInARealTerminal:
    def run(self, friday: Market, cache: Path, number: int, until: str) -> Screen:
        """``koalab watch`` in a terminal, which gets a signal once it has written ``until``."""
        import pty

        ours, theirs = pty.openpty()
        environment = {**os.environ, "KOALAB_CACHE_DIR": str(cache), "TERM": "xterm", "COLUMNS": "80"}
        words = ["--target", friday.server.address, "watch", "삼성전자", "000660"]
        with subprocess.Popen(
            [sys.executable, "-m", "koalab", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        ) as process:
            os.close(theirs)
            written, sent = b"", False
            with moving(friday), contextlib.suppress(OSError):  # the terminal ends with its process
                while select.select([ours], [], [], 60)[0] and (part := os.read(ours, 65_536)):
                    written += part
                    if not sent and until in written.decode(errors="ignore"):
                        sent = True
                        process.send_signal(number)
            os.close(ours)
            return Screen(process.wait(HANGS_AFTER), written.decode())

    def test_ctrl_c_leaves_the_last_table_and_a_clean_terminal(self, friday: Market, cache: Path) -> None:
        found = self.run(friday, cache, signal.SIGINT, "모의투자")

        assert found.code == 0
        assert found.clean
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", found.text)
        assert re.search(r"삼성전자 +005930 +\d", shown)
        assert "Traceback" not in shown
        becomes(lambda: streams(friday), 0)

    def test_so_does_a_system_that_ends_it(self, friday: Market, cache: Path) -> None:
        found = self.run(friday, cache, signal.SIGTERM, "모의투자")

        assert found.code == 128 + signal.SIGTERM
        assert found.clean
        becomes(lambda: streams(friday), 0)


class TestInANotebook:
    def test_codes_give_a_widget_and_a_condition_a_watch(self, friday: Market) -> None:
        session = friday.connect()
        with moving(friday):
            ticker = kiwoom(session, "watch", "삼성전자", "000660")
            watch = kiwoom(session, "watch", "--condition", "1")
        assert isinstance(ticker, Ticker)
        assert list(ticker.names) == ["삼성전자", "SK하이닉스"]
        assert isinstance(watch, ConditionWatch)
        with pytest.raises(BadInput, match="leave one of them out"):
            kiwoom(session, "watch", "005930", "--condition", "1")
        ticker.close()
        session.close()

    def test_widgets_have_commands_of_their_names(self, friday: Market) -> None:
        session = friday.connect()
        with moving(friday):
            made = [
                kiwoom(session, *words)
                for words in (
                    ("ticker", "삼성전자", "000660"),
                    ("ladder", "삼성전자"),
                    ("chart", "삼성전자", "--interval", "5min", "--live"),
                    ("dashboard", "삼성전자"),
                )
            ]
        assert [type(one).__name__ for one in made] == ["Ticker", "Ladder", "LiveChart", "Dashboard"]
        for one in made:
            one.close()
        session.close()

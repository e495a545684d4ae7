"""A paper account as its owner has it: trading over gRPC, restarts, and the commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import koalab as kl
from kernel_server.clock import KST
from koalab.cli import program
from koalab.sessions.session import Session
from koalab.transport.embedded import EmbeddedTransport
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, becomes

ACCOUNT = "8000000011"
HOLDINGS = {"계좌번호": ACCOUNT, "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "1"}
SERVE = "import sys; from koalab.cli import main; sys.argv[1:1] = ['serve']; main()"
TRADING = datetime(2026, 11, 17, 10, tzinfo=KST)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "paper.json"


@pytest.fixture
def open_account(tmp_path: Path, file: Path) -> Any:
    """A market at some time over that file; closed at the end."""
    made: list[Market] = []

    def make(now: datetime) -> Market:
        made.append(start(tmp_path, now, account_file=file))
        return made[-1]

    yield make
    for found in made:
        found.close()


def held(kw: Session) -> dict[str, int]:
    """Shares by code, out of opw00018."""
    rows = kw.tr("opw00018", **HOLDINGS).multi
    return {
        code.removeprefix("A"): int(n) for code, n in zip(rows["종목번호"], rows["보유수량"], strict=True)
    }


def buy(kw: Session, quantity: int) -> None:
    assert kw.call.SendOrder("주문", "0101", ACCOUNT, 1, "005930", quantity, 0, "03", "") == 0


def bought(file: Path) -> int:
    """Shares of 005930 that the file knows of."""
    return int(json.loads(file.read_text())["books"]["accounts"][ACCOUNT]["holdings"].get("005930", [0])[0])


@pytest.fixture
def seven(file: Path, open_account: Any) -> Path:
    """The file of an account that bought seven shares in an earlier session."""
    market = open_account(TRADING)
    kw = market.connect()
    buy(kw, 7)
    becomes(lambda: held(kw), {"005930": 7})
    market.close()
    return file


def test_an_account_outlives_its_server(open_account: Any, seven: Path) -> None:
    kw = open_account(datetime(2026, 11, 18, 10, tzinfo=KST)).connect()
    assert held(kw) == {"005930": 7}
    buy(kw, 2)
    becomes(lambda: held(kw), {"005930": 9})


def test_a_fill_is_in_the_file_while_the_server_runs(file: Path, open_account: Any) -> None:
    kw = open_account(TRADING).connect()
    buy(kw, 7)
    becomes(lambda: bought(file), 7)


def test_a_file_that_cannot_be_written_is_a_problem_until_it_can(
    file: Path, open_account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel_server.simulated.brokerage.account_file_writer._RETRY_SECONDS", 0.05)
    kw = open_account(TRADING).connect()
    assert kw.status()["problems"] == []
    (file.parent / "paper.json.new").mkdir()
    buy(kw, 7)
    becomes(lambda: bool(kw.status()["problems"]), True)
    (problem,) = kw.status()["problems"]
    assert "the accounts cannot be kept in" in problem
    assert "paper.json" in problem
    (file.parent / "paper.json.new").rmdir()
    becomes(lambda: bought(file), 7)
    becomes(lambda: kw.status()["problems"], [])


class TestTheEmbeddedServer:
    def test_goes_on_with_the_account_of_its_file(self, seven: Path, tmp_path: Path) -> None:
        for _ in range(2):
            with kl.connect(account_file=seven, cache_dir=tmp_path) as kw:
                assert held(kw) == {"005930": 7}

                def valued_as_traded(kw: Session = kw) -> bool:  # the market may move between the TRs
                    value = int(kw.tr("opw00018", **HOLDINGS).multi["현재가"].iloc[0])
                    return value == kw.info("005930")["price"]

                becomes(valued_as_traded, True)

    def test_makes_the_file_and_begins_with_the_deposit(self, file: Path, tmp_path: Path) -> None:
        with kl.connect(account_file=file, cache_dir=tmp_path) as kw:
            assert held(kw) == {}
            assert file.stat().st_mode & 0o777 == 0o600
        with kl.connect(account_file=file, cache_dir=tmp_path) as kw:
            single = kw.tr(
                "opw00001", 계좌번호=ACCOUNT, 비밀번호="", 비밀번호입력매체구분="00", 조회구분="2"
            ).single
            assert int(single["예수금"]) == 10_000_000

    def test_that_was_killed_is_followed_by_one_with_the_same_account(
        self, seven: Path, tmp_path: Path
    ) -> None:
        with kl.connect(account_file=seven, cache_dir=tmp_path) as kw:
            transport = kw._link.transport
            assert isinstance(transport, EmbeddedTransport)
            os.kill(transport.pid, signal.SIGKILL)
            assert held(kw) == {"005930": 7}
        assert bought(seven) == 7

    def test_of_another_session_has_the_file_to_itself(self, file: Path, tmp_path: Path) -> None:
        with (
            kl.connect(account_file=file, cache_dir=tmp_path),
            pytest.raises(kl.NotConnected, match=r"paper\.json: another server \(process \d+\) uses it"),
        ):
            kl.connect(account_file=file, cache_dir=tmp_path, shared=False)
        kl.connect(account_file=file, cache_dir=tmp_path).close()

    def test_says_what_is_wrong_with_a_file(self, seven: Path, tmp_path: Path) -> None:
        with pytest.raises(
            kl.NotConnected, match=r"paper\.json: its accounts were traded at the prices of .*seed=1"
        ):
            kl.connect(account_file=seven, seed=2, cache_dir=tmp_path)
        seven.write_text("not an account")
        with pytest.raises(kl.NotConnected, match=r"paper\.json: it is damaged"):
            kl.connect(account_file=seven, cache_dir=tmp_path)
        with pytest.raises(kl.NotConnected, match=r"paper\.json: it is damaged"):
            kl.connect(account_file=seven, clock="fast:10", cache_dir=tmp_path)

    def test_takes_a_file_edited_by_hand_where_it_is_told_to(self, seven: Path, tmp_path: Path) -> None:
        seven.write_text(seven.read_text().replace("[7,", "[9,"))
        with pytest.raises(kl.NotConnected, match=r"paper\.json: .* edited_account=True"):
            kl.connect(account_file=seven, cache_dir=tmp_path)
        with kl.connect(account_file=seven, edited_account=True, cache_dir=tmp_path) as kw:
            assert held(kw) == {"005930": 9}
        with pytest.raises(kl.BadInput, match="account_file"):
            kl.connect(edited_account=True)

    @pytest.mark.parametrize("name", ["", "missing/paper.json"])
    def test_is_not_started_where_there_can_be_no_file(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(kl.BadInput, match="account_file"):
            kl.connect(account_file=tmp_path / name)

    def test_is_the_one_that_a_file_belongs_to(self, file: Path) -> None:
        with pytest.raises(kl.BadInput, match="account_file"):
            kl.connect("127.0.0.1:9", account_file=file)

    def test_with_a_fast_clock_goes_on_after_the_moment_at_which_it_ended(
        self, file: Path, tmp_path: Path
    ) -> None:
        moments = []
        for _ in range(3):
            with kl.connect(account_file=file, clock="fast:100000", cache_dir=tmp_path) as kw:
                moments.append(kw._link.now())
                time.sleep(0.3)
                assert held(kw) == {}
            moments.append(json.loads(file.read_text())["saved"])
        stamps = [m if isinstance(m, float) else datetime.fromisoformat(m).timestamp() for m in moments]
        assert stamps == sorted(stamps)
        assert stamps[-1] - stamps[0] > 3600


class TestInATerminal:
    def test_a_command_looks_into_the_account(self, seven: Path, tmp_path: Path) -> None:
        words = ["tr", "opw00018", *(f"{name}={value}" for name, value in HOLDINGS.items())]
        options = ["--account-file", str(seven), "--cache-dir", str(tmp_path), "--format", "csv"]
        result = CliRunner().invoke(program, [*words, *options])
        assert result.exit_code == 0, result.output
        assert "A005930" in result.output

    def test_a_server_keeps_it(self, file: Path) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "--port", "0", "--account-file", str(file)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert "listening on" in process.stdout.readline()
            assert bought(file) == 0
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=HANGS_AFTER)
        finally:
            process.kill()
            process.wait(HANGS_AFTER)
        assert process.returncode == 0
        assert [each.name for each in file.parent.iterdir() if each.name.startswith("paper")] == [
            "paper.json"
        ]

    def test_the_ocx_takes_no_account_file(self, file: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "kernel_server", "--control", "ocx", "--account-file", str(file)],
            capture_output=True,
            text=True,
            timeout=HANGS_AFTER,
            check=False,
        )
        assert "--account-file go with --control simulated" in done.stderr

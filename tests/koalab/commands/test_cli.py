"""``koalab`` in a terminal: click's runner over a real server, and real processes where it matters."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import signal
import socket
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from packaging.requirements import Requirement

import koalab as kl
from koalab.cli import program
from koalab.commands.doctor import machine
from tests.support.cache_folder import with_calendar
from tests.support.waiting import HANGS_AFTER

Run = Callable[..., Result]
BARS = ("daily", "005930", "--start", "2026-11-16")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path / "cache")))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``koalab`` with those words, where connecting would fail."""
    monkeypatch.setenv("KOALAB_TARGET", "not/a/target")
    return lambda *words: CliRunner().invoke(program, words)


# -- what is written


def test_csv_is_the_frame_with_its_index_as_columns(run: Run, kw: kl.Session) -> None:
    result = run(*BARS, "--format", "csv")

    assert result.exit_code == 0
    assert result.output.splitlines()[0] == "date,open,high,low,close,volume,value"
    assert result.output.splitlines()[1].startswith("2026-11-16,")
    frame = pd.read_csv(io.StringIO(result.output), parse_dates=["date"], index_col="date")
    pd.testing.assert_frame_equal(frame, kw.daily("005930", "2026-11-16"), check_index_type=False)


def test_csv_of_several_codes_and_of_minutes(run: Run) -> None:
    several = run("daily", "005930", "000660", "--start", "2026-11-20", "--format", "csv").output.splitlines()
    minutes = run(
        "minute", "005930", "--interval", "60", "--start", "2026-11-20", "--format", "csv"
    ).output.splitlines()

    assert [line.split(",")[:2] for line in several[1:]] == [
        ["005930", "2026-11-20"],
        ["000660", "2026-11-20"],
    ]
    assert minutes[1].startswith("2026-11-20T09:00:00+09:00,")


def test_json_is_a_list_of_bars(run: Run) -> None:
    bars = json.loads(run(*BARS, "--format", "json").output)

    assert [bar["date"] for bar in bars] == [f"2026-11-{day}" for day in range(16, 21)]
    assert all(isinstance(bar["volume"], int) for bar in bars)


def test_what_is_missing_is_null_in_json_and_blank_in_csv(run: Run) -> None:
    info = json.loads(run("info", "005930", "--format", "json").output)
    names, values = run("info", "005930", "--format", "csv").output.splitlines()
    absent = [name for name, value in info.items() if value is None]

    assert info["name"] == "삼성전자"
    assert absent
    row = dict(zip(names.split(","), values.split(","), strict=True))
    assert row["code"] == "005930"
    assert all(row[name] == "" for name in absent)


def test_parquet_is_the_frame_itself(run: Run, kw: kl.Session, tmp_path: Path) -> None:
    result = run(*BARS, "--output", "bars.parquet")

    assert (result.exit_code, result.output) == (0, "")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "bars.parquet"), kw.daily("005930", "2026-11-16")
    )


def test_a_file_gets_what_standard_output_would(run: Run, tmp_path: Path) -> None:
    said = run(*BARS, "--format", "csv").output

    assert run(*BARS, "--output", "bars.csv").output == ""
    assert (tmp_path / "bars.csv").read_text(encoding="utf-8-sig") == said  # Excel needs the mark


def test_a_table_lines_up_where_hangul_is_two_columns_wide(run: Run) -> None:
    lines = run("quotes", "005930", "000660", "--columns", "ko").output.splitlines()

    def ends(line: str) -> set[int]:
        """The display columns after which the words of a line end."""
        at, found = 0, set()
        for letter, following in zip(line, line[1:] + " ", strict=True):
            at += 2 if east_asian_width(letter) in "WF" else 1
            if letter != " " and following == " ":
                found.add(at)
        return found

    header, *rows = lines
    numbers = {"현재가", "거래량", "거래대금"}
    wanted = {
        sum(2 if east_asian_width(one) in "WF" else 1 for one in header[: header.index(name) + len(name)])
        for name in numbers
    }
    assert len(rows) == 2
    assert all(wanted <= ends(row) for row in rows)


def test_a_tr_shows_its_single_block_and_its_rows(run: Run) -> None:
    words = ("tr", "opt10081", "종목코드=005930", "수정주가구분=1", "--pages", "1")

    table = run(*words).output.splitlines()
    blocks = json.loads(run(*words, "--format", "json").output)
    csv = run(*words, "--format", "csv").output.splitlines()

    assert table[0].split() == ["종목코드", "005930"]
    assert table[2].split()[:3] == ["종목코드", "현재가", "거래량"]
    assert blocks["single"] == {"종목코드": "005930"}
    assert len(blocks["multi"]) == 600 == len(csv) - 1


def test_an_empty_frame_says_what_it_would_hold(run: Run) -> None:
    words = ("daily", "005930", "--start", "2026-11-14", "--end", "2026-11-15")  # a weekend

    assert run(*words).output == "nothing; columns: date, open, high, low, close, volume, value\n"
    assert run(*words, "--format", "csv").output == "date,open,high,low,close,volume,value\n"
    assert json.loads(run(*words, "--format", "json").output) == []


def test_the_cache(run: Run, tmp_path: Path) -> None:
    assert run("cache", "verify").output == "none\n"
    run(*BARS)
    assert json.loads(run("cache", "info", "--format", "json").output)[0]["code"] == "005930"
    assert run("cache", "export", "out").output.strip().endswith("bars.parquet")
    assert run("cache", "clear", "--all").output == "1\n"


def test_the_reference_needs_no_server(offline: Run) -> None:
    assert "시세조회 과부하" in offline("reference", "error", "-200").output
    assert "수정주가구분" in offline("reference", "tr", "opt10081").output
    assert "현재가" in offline("reference", "fid", "10").output


def test_options_may_stand_before_the_command_and_after_it(offline: Run, run: Run, market: Any) -> None:
    before = run("--format", "json", "--target", market.server.address, "status")
    after = run("status", "--target", market.server.address, "--format", "json")

    assert json.loads(before.output)["server.target"] == json.loads(after.output)["server.target"]


# -- errors


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("daily", "삼성전지"), 1, "삼성전자"),
        (("daily", "005930", "--start", "내일"), 1, "2026-11-02"),
        (("tr", "opt10001"), 1, "종목코드"),
        (("cache", "clear"), 1, "--all"),
        ((*BARS, "--format", "parquet"), 1, "--output FILE"),
        ((*BARS, "--output", "no/such/folder/bars.csv"), 1, "no/such/folder"),
        (("dayly", "005930"), 2, "Did you mean 'daily'"),
        (("daily",), 2, "koalab help daily"),
        (("daily", "005930", "--strat", "2024-01-01"), 2, "--start"),
        (("daily", "005930", "--format", "xls"), 2, "xlsx"),
        (("cache", "nothing"), 2, "koalab help cache"),
    ],
)
def test_an_error_is_one_line_on_standard_error(
    words: tuple[str, ...], code: int, says: str, run: Run
) -> None:
    result = run(*words)

    assert result.exit_code == code
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("koalab: ")
    assert says in line


def test_a_warning_is_one_line_too(run: Run) -> None:
    result = run("daily", "005930", "999999", "--start", "2026-11-20", "--format", "csv")

    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("koalab: 1 of 2 issues did not come, or not all of it: 999999")


def test_what_is_wrong_with_the_output_is_told_before_connecting(offline: Run) -> None:
    assert "--output FILE" in offline(*BARS, "--format", "parquet").stderr
    assert "no folder" in offline(*BARS, "--output", "no/such/folder/bars.csv").stderr


def test_a_server_that_is_not_there(offline: Run) -> None:
    result = offline("status")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "not/a/target" in result.stderr


# -- help


def test_alone_it_lists_its_commands(offline: Run) -> None:
    result = offline()

    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in ("daily", "tr", "serve", "doctor", "notebook"))
    assert "\n  connect " not in result.output


def test_help_explains_a_command(offline: Run) -> None:
    said = offline("help", "daily")

    assert said.exit_code == 0
    assert said.output.startswith("Usage: koalab daily [OPTIONS] CODE...")
    assert said.output == offline("daily", "--help").output
    assert "--format" in said.output


def test_the_version(offline: Run) -> None:
    assert offline("--version").output == f"koalab {importlib.metadata.version('koalab')}\n"


# -- serve and notebook


def test_serve_takes_the_servers_own_options(offline: Run) -> None:
    said = offline("serve", "--help")
    wrong = offline("serve", "--no-such-option")

    assert (said.exit_code, wrong.exit_code) == (0, 2)
    assert "usage: koalab serve" in said.output
    assert "--port" in said.output


def test_serve_has_no_target(offline: Run) -> None:
    result = offline("--target", "10.0.0.1", "serve")

    assert result.exit_code == 2
    assert "--target" in result.stderr


def test_serve_heeds_what_was_said_before_it(offline: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("kernel_server.__main__.main", started.append)

    assert offline("--seed", "7", "--clock", "stepped", "serve", "--port", "0").exit_code == 0
    assert started == [["--seed=7", "--clock=stepped", "--port", "0"]]


def test_notebook_opens_jupyterlab_on_a_folder(
    offline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[list[str]] = []
    lab = types.ModuleType("jupyterlab.labapp")
    lab.main = opened.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", lab)

    assert offline("notebook").exit_code == 0
    assert offline("notebook", str(tmp_path)).exit_code == 0
    assert opened == [["."], [str(tmp_path)]]
    assert "no folder" in offline("notebook", "nowhere").stderr


def test_notebook_without_jupyterlab_says_what_to_install(
    offline: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)

    result = offline("notebook")

    assert result.exit_code == 1
    assert 'pip install "koalab[notebook]"' in result.stderr


# -- doctor


def test_doctor_finds_nothing_wrong_here(market: Any, kw: kl.Session, run: Run) -> None:
    result = run("doctor")

    assert result.exit_code == 0
    assert all(line.startswith(("ok  ", "--  ")) for line in result.output.splitlines())
    assert f"at {market.server.address}, 모의투자" in result.output


def test_doctor_says_what_to_do_about_a_cache_folder(
    run: Run, kw: kl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KOALAB_CACHE_DIR", str(tmp_path / "file"))

    result = run("doctor")

    assert result.exit_code == 1
    (cache,) = (line for line in result.output.splitlines() if line.startswith("!!"))
    assert str(tmp_path / "file") in cache
    assert "set KOALAB_CACHE_DIR" in cache


def test_doctor_reports_a_server_without_a_login(run: Run, market: Any) -> None:
    result = run("doctor")

    assert result.exit_code == 1
    assert f"not logged in: koalab --target {market.server.address} login" in result.output
    assert run("login").exit_code == 0
    assert run("doctor").exit_code == 0


def test_doctor_knows_old_pythons_and_packages() -> None:
    installed = {"here": "2.0", "old": "1.0"}
    wanted = [
        Requirement("here>=1"),
        Requirement("old>=2"),
        Requirement("gone>=3"),
        Requirement("extra>=1; extra == 'notebook'"),
    ]

    def version_of(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    found = [str(one) for one in machine.packages(wanted, version_of)]

    assert found == [
        '!!  old 1.0, >=2 is needed: pip install -U "old>=2"',
        '!!  gone is not installed: pip install -U "gone>=3"',
        '--  extra is not installed: pip install "koalab[notebook]"',
        "ok  here 2.0",
    ]
    assert machine.python((3, 10, 9)).wrong
    assert not machine.python((3, 11, 0)).wrong


# -- processes


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.delenv("KOALAB_TARGET", raising=False)
    return {**os.environ, "PYTHONUTF8": "1"}


@contextlib.contextmanager
def _started(code: str, environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


_KOALAB = "from koalab.cli import main; main()"
_KOALAB_THAT_WAITS = """
import threading
from koalab.cli import main
from koalab.sessions.session import Session

def wait(self):
    print(self._link.transport.target, flush=True)
    threading.Event().wait()

Session.status = wait
main()
"""


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True


def test_a_process_brings_its_own_server_and_takes_it_along(environment: dict[str, str]) -> None:
    with _started(_KOALAB, environment, "--clock", "stepped", "status", "--format", "json") as process:
        out, errors = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, errors) == (0, "")
    status = json.loads(out)
    assert status["connected"] is True
    assert status["server.control"] == "simulated"
    assert not _listens(status["server.target"])


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is another matter on Windows")
def test_ctrl_c_ends_it_and_its_server(environment: dict[str, str]) -> None:
    with _started(_KOALAB_THAT_WAITS, environment, "status") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert _listens(address)

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, errors.strip()) == (130, "")
    assert not _listens(address)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is another matter on Windows")
def test_ctrl_c_ends_it_while_it_connects(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        with _started(_KOALAB, environment, "--target", f"{host}:{port}", "status") as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                out, errors = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, out, errors.strip()) == (130, "", "")


@pytest.mark.skipif(os.name != "posix", reason="pipes close otherwise on Windows")
def test_a_reader_that_has_seen_enough_is_no_error(environment: dict[str, str]) -> None:
    with _started(_KOALAB, environment, "reference", "tr") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_shells_can_complete_it(environment: dict[str, str]) -> None:
    asked = {
        **environment,
        "_KOALAB_COMPLETE": "bash_complete",
        "COMP_WORDS": "koalab tr opt1008",
        "COMP_CWORD": "2",
    }
    with _started(_KOALAB, asked) as process:
        out, errors = process.communicate(timeout=HANGS_AFTER)

    assert errors == ""
    assert "plain,opt10081" in out.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="Windows hands arguments over as Unicode")
def test_hangul_is_found_in_the_c_locale(environment: dict[str, str]) -> None:
    c_locale = {**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with _started(_KOALAB, c_locale, "reference", "fid", "체결강도") as process:
        out, errors = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, errors) == (0, "")
    assert "228 체결강도" in out


def test_output_that_has_no_hangul_says_what_to_do(environment: dict[str, str]) -> None:
    latin = {**environment, "PYTHONIOENCODING": "latin-1"}
    with _started(_KOALAB, latin, "reference", "fid", "10") as process:
        out, errors = process.communicate(timeout=HANGS_AFTER)

    assert (process.returncode, out) == (1, "")
    assert errors.startswith("koalab: standard output is latin-1, which has no ")
    assert "--output FILE writes UTF-8" in errors
    assert len(errors.splitlines()) == 1


def test_python_m_koalab_is_the_same_program(environment: dict[str, str]) -> None:
    def run_module(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "koalab", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )

    assert run_module("--version").stdout == f"koalab {kl.__version__}\n"
    assert run_module().stdout.startswith("Usage: python -m koalab [OPTIONS]")
    wrong = run_module("cache", "clear", "--nothing")
    assert wrong.returncode == 2
    assert "(see python -m koalab help cache clear)" in wrong.stderr

"""Errors in a notebook: the user's own lines and the message; ``%tb`` has the rest, and plain Python shows it all."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import koalab as kl
from koalab.sessions.session import Session

# The error of a function of koalab's, raised some calls deep.
_RAISES = "kl.calendar.sessions('2026-11-02', '어제')"
_SAYS = "BadInput: '어제' is no date: "


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        found = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        found.run_line_magic("load_ext", "koalab")
        found.run_cell("import koalab as kl; import pandas as pd")
        yield found
        InteractiveShell.clear_instance()


@pytest.fixture
def shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[str]]:
    """The lines that a cell shows, without colours."""

    def run(cell: str) -> list[str]:
        capsys.readouterr()
        shell.run_cell(textwrap.dedent(cell).strip(), store_history=True)
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).strip().splitlines()

    return run


def test_an_error_is_the_users_line_and_the_message(
    shown: Callable[[str], list[str]], shell: InteractiveShell
) -> None:
    number = shell.execution_count

    where, message = shown(f"x = 1\n{_RAISES}")

    assert where == f"Cell In[{number}], line 2: {_RAISES}"
    assert message.startswith(_SAYS)


def test_so_is_that_of_a_method(
    kw: Session, shown: Callable[[str], list[str]], shell: InteractiveShell
) -> None:
    shell.user_ns["kw"] = kw

    where, message = shown("kw.daily('삼성전지')")

    assert where.endswith("line 1: kw.daily('삼성전지')")
    assert message.startswith("UnknownCode: no issue has the code or name '삼성전지': did you mean 삼성전자 (005930)")


def test_each_function_of_the_user_has_a_line(shown: Callable[[str], list[str]], tmp_path: Path) -> None:
    (tmp_path / "my_module.py").write_text(f"import koalab as kl\ndef load():\n    return {_RAISES}\n")

    lines = shown(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import my_module
        def work():
            return my_module.load()
        work()
        """
    )

    assert [re.sub(r"^.*(?=, line)", "", one) for one in lines[:-1]] == [
        ", line 6: work()",
        ", line 5, in work: return my_module.load()",
        f", line 3, in load: return {_RAISES}",
    ]
    assert str(tmp_path / "my_module.py") in lines[2]


def test_frames_of_libraries_are_left_out(shown: Callable[[str], list[str]]) -> None:
    first, inner, message = shown(
        """
        days = pd.Series(["2026-11-02", "어제"])
        days.apply(lambda day: kl.calendar.hours(day))
        """
    )

    assert first.endswith("line 2: days.apply(lambda day: kl.calendar.hours(day))")
    assert "in <lambda>: " in inner
    assert message.startswith(_SAYS)


def test_of_a_recursion_the_innermost_lines_are_shown(shown: Callable[[str], list[str]]) -> None:
    lines = shown(f"def down(n): return down(n - 1) if n else {_RAISES}\ndown(100)")

    assert len(lines) == 6
    assert lines[-1].startswith(_SAYS)


def test_a_chain_shows_each_error_in_its_order(shown: Callable[[str], list[str]]) -> None:
    caused = shown(
        f"""
        try:
            {{}}["없는 열"]
        except KeyError as error:
            raise kl.BadInput("표에 없는 열") from error
        """
    )
    during = shown(
        f"""
        try:
            {{}}["없는 열"]
        except KeyError:
            {_RAISES}
        """
    )

    assert [one for one in caused if one][1:3] == [
        "KeyError: '없는 열'",
        "The above exception was the direct cause of the following one:",
    ]
    assert caused[-1] == "BadInput: 표에 없는 열"
    assert "During handling of the above exception, another one occurred:" in during
    assert during[-1].startswith(_SAYS)
    assert len(during) == 7


def test_notes_are_shown(shown: Callable[[str], list[str]]) -> None:
    lines = shown("error = kl.ServerLost('서버가 없음')\nerror.add_note('run() goes on from there')\nraise error")

    assert lines[-2:] == ["ServerLost: 서버가 없음", "  run() goes on from there"]


def test_the_whole_traceback_is_one_magic_away(
    shown: Callable[[str], list[str]], shell: InteractiveShell
) -> None:
    assert len(shown(_RAISES)) == 2

    whole = shown("%tb")

    assert len(whole) > 10
    assert any("calendar.py" in line for line in whole)
    assert shown("%tb") == whole

    shell.run_line_magic("config", "KiwoomMagics.short_errors = False")
    assert len(shown(_RAISES)) > 10
    shell.run_line_magic("config", "KiwoomMagics.short_errors = True")
    assert len(shown(_RAISES)) == 2


def test_an_interrupt_shows_no_frames_of_grpc(
    slow_market: Any, shown: Callable[[str], list[str]], shell: InteractiveShell
) -> None:
    shell.user_ns["kw"] = slow_market.connect()

    # Its seventh TR waits.
    lines = shown(
        """
        import signal
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        kw.daily(["005930", "000660", "035720", "035420", "005380"], progress=False)
        """
    )
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

    where, message = lines
    assert where.endswith('"005380"], progress=False)')
    assert message == "KeyboardInterrupt"


def test_plain_python_shows_all(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import koalab as kl\n{_RAISES}\n")

    ran = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, str(script)],
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stderr.startswith("Traceback (most recent call last):")
    assert "calendar.py" in ran.stderr
    assert "어제" in ran.stderr.splitlines()[-1]
    assert isinstance(kl.BadInput("x"), kl.KoalabError)

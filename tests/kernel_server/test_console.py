"""``koalab`` on the control's machine, where there is nothing of the notebook's side."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kernel_server import __version__, console


def test_it_has_the_commands_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        console.run(["service", "--help"])
    assert capsys.readouterr().out.startswith("usage: koalab service")
    with pytest.raises(SystemExit):
        console.run(["serve", "--help"])
    assert "--state-dir" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
def test_doctor_is_that_of_the_controls_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.run(["doctor"]) == 1
    assert "Kiwoom's control runs on Windows" in capsys.readouterr().out


def test_it_says_which_commands_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.run([]) == 0
    assert "store-credential" in capsys.readouterr().out
    assert console.run(["daily", "005930"]) == 2
    assert "need Python 3.11" in capsys.readouterr().err


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.run(["--version"]) == 0
    assert capsys.readouterr().out == f"koalab {__version__}\n"


def test_on_a_newer_python_it_is_the_notebooks_program(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def points(group: str) -> list[SimpleNamespace]:
        load: Callable[[], Callable[[], None]] = lambda: lambda: called.append(group)  # noqa: E731
        return [SimpleNamespace(load=load)]

    monkeypatch.setattr("sys.version_info", (3, 13, 0, "final", 0))
    monkeypatch.setattr("importlib.metadata.entry_points", points)
    console.main()
    assert called == ["koalab.program"]


def test_ctrl_c_while_modules_load_ends_it_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.version_info", (3, 13, 0, "final", 0))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [SimpleNamespace(load=interrupted)])
    with pytest.raises(SystemExit) as end:
        console.main()
    assert end.value.code == console.INTERRUPTED

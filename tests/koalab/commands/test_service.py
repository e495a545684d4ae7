"""``koalab service``: the words go to the service as they are, in the Python that the control needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from koalab.cli import program
from koalab.commands.service import run
from koalab.errors import KoalabError


class TestOnWindowsInAPythonOf64Bits:
    def test_it_runs_in_the_one_of_32_bits(self) -> None:
        called: list[list[str]] = []

        def call(command: Sequence[str]) -> int:
            called.append(list(command))
            return 3

        assert run(["install", "--", "--login"], "win32", 8, call) == 3
        assert called == [["py", "-3.10-32", "-m", "kernel_server.service", "install", "--", "--login"]]

    def test_it_says_what_to_do_without_a_launcher(self) -> None:
        def call(_command: Sequence[str]) -> int:
            raise FileNotFoundError

        with pytest.raises(KoalabError, match="no py launcher"):
            run(["status"], "win32", 8, call)


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
class TestElsewhere:
    def test_the_task_is_one_of_windows(self) -> None:
        with pytest.raises(SystemExit, match="one of Windows"):
            run(["start"])

    def test_the_words_are_not_parsed_before(self) -> None:
        with pytest.raises(SystemExit, match="start takes no options of the server"):
            program.main(["service", "start", "--", "--login"])

    def test_its_help_is_that_of_the_service(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            program.main(["service", "--help"])
        said = capsys.readouterr().out
        assert said.startswith("usage: koalab service")
        assert "store-credential" in said


def test_it_is_in_the_help_of_all() -> None:
    assert "\n  service " in CliRunner().invoke(program, ["--help"]).output

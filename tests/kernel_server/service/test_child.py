"""The server under the supervisor: it says where it listens and how logins go, and ends for a version update."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kernel_server.service.child import LOG, _said, log_handler
from kernel_server.supervised import UPDATE_EXIT, SupervisedLogins


def test_a_login_that_fails_otherwise_does_not_end_it() -> None:
    said: list[str] = []
    logins = SupervisedLogins(said.append)
    logins.stop = lambda: pytest.fail("it was ended")
    for code in (0, -100, -101, -106):
        logins(code)
    assert logins.exit_code == 0
    assert said == ['{"login": 0}', '{"login": -100}', '{"login": -101}', '{"login": -106}']


def test_one_that_fails_for_want_of_the_update_ends_it() -> None:
    stopped: list[str] = []
    logins = SupervisedLogins(lambda _: None)
    logins.stop = lambda: stopped.append("stopped")
    logins(-102)
    assert stopped == ["stopped"]
    assert logins.exit_code == UPDATE_EXIT


@pytest.mark.parametrize("line", ["", "text", "[]", "1", '{"login', "null"])
def test_other_lines_say_nothing_to_the_supervisor(line: str) -> None:
    assert _said(line) == {}


class TestTheLog:
    def test_has_the_servers_lines_as_they_are_and_the_supervisors_own(self, tmp_path: Path) -> None:
        handler = log_handler(tmp_path)
        handler.handle(logging.LogRecord("server", logging.INFO, "", 0, "a line of it", None, None))
        handler.handle(
            logging.LogRecord(
                "kernel_server.service.supervisor", logging.ERROR, "", 0, "it ended", None, None
            )
        )
        handler.close()
        first, second = (tmp_path / LOG).read_text(encoding="utf-8").splitlines()
        assert first == "a line of it"
        assert second.endswith(" ERROR kernel_server.service.supervisor: it ended")

    def test_rotates(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("kernel_server.service.child.LARGEST", 1000)
        handler = log_handler(tmp_path)
        for number in range(200):
            handler.handle(logging.LogRecord("server", logging.INFO, "", 0, f"{number:099}", None, None))
        handler.close()
        assert sorted(file.name for file in tmp_path.iterdir()) == [
            LOG,
            *(f"{LOG}.{number}" for number in range(1, 6)),
        ]
        assert all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())

"""The doctor says of each part whether it is well, and what to do where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kernel_server.control.installed import ControlMissing
from kernel_server.service import __main__ as command
from kernel_server.service.doctor import Doctor
from kernel_server.service.report import ServiceState

OCX = Path("C:/OpenAPI/khopenapi.ocx")
UP = ServiceState(0.0, "127.0.0.1:5943", True, 0, None)


def missing(reason: str) -> ControlMissing:
    return ControlMissing(reason)


def lines(
    folder: Path,
    task: bool = True,
    state: ServiceState | None = UP,
    control: ControlMissing | list[str] | None = None,
) -> list[str]:
    """What is found on a machine that can run the control."""

    def found() -> tuple[Path, list[str]]:
        if isinstance(control, ControlMissing):
            raise control
        return OCX, control or []

    doctor = Doctor(folder, lambda: task, state, lambda: None, found)
    return [str(finding) for finding in doctor.findings()]


def test_all_is_well(tmp_path: Path) -> None:
    assert lines(tmp_path) == [
        "ok  Python: 32-bit on Windows, with Qt",
        f"ok  OpenAPI+: {OCX}",
        f"ok  log and state: {tmp_path}",
        "ok  start at logon: the task is there",
        "ok  server: the server listens on 127.0.0.1:5943",
    ]


def test_the_control_is_missing(tmp_path: Path) -> None:
    found = lines(tmp_path, control=missing("it is not registered: install it"))
    assert "!!  OpenAPI+: it is not registered: install it" in found


def test_types_that_differ_are_named(tmp_path: Path) -> None:
    assert f"ok  OpenAPI+: {OCX}; GetMarketType is declared as short ()" in lines(
        tmp_path, control=["GetMarketType is declared as short ()"]
    )


def test_neither_task_nor_server(tmp_path: Path) -> None:
    assert lines(tmp_path, task=False, state=None)[3:] == [
        "!!  start at logon: no task: install makes it",
        "!!  server: not running under the service: start starts it",
    ]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert lines(tmp_path / "file")[2].startswith("!!  log and state: ")


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
def test_another_system_is_said_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["doctor"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("!!  Python: Kiwoom's control runs on Windows")

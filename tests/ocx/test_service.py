"""The service in the Windows Python: a control that crashes takes the server with it and not the service, and windows
like Kiwoom's are filled in and confirmed by pywinauto, with a credential from Windows' own store."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from kernel_server.service.desktop import kiwoom
from kernel_server.wire import kernel_pb2
from scripts.ocx.machine import Machine
from tests.conformance.conftest import kernel
from tests.ocx.host import STOP_WITHIN, BrokerProcess, WindowsProgram
from tests.ocx.kiwoom_windows import STORED
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until

UP_WITHIN = 240.0
"""Seconds until a service has started its server and that has logged in: three starts of a Windows Python at most."""


@dataclass
class Service:
    """The service under Wine, whose server logs in to the test control."""

    folder: Path
    program: WindowsProgram

    def reported(self) -> dict[str, Any]:
        """What the supervisor reported last; empty where it has not yet."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "service.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def wait_for_login(self, **expected: int) -> None:
        """Waits until a server with that in its report is logged in."""
        wait_until(lambda: self._logged_in(expected), UP_WITHIN)

    def _logged_in(self, expected: dict[str, int]) -> bool:
        report = self.reported()
        if not report.get("address") or report["login"] != 0:
            return False
        if any(report[name] != value for name, value in expected.items()):
            return False
        with grpc.insecure_channel(report["address"]) as channel:
            return bool(kernel(channel).Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER).connected)

    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def credential(machine: Machine, display: str) -> Iterator[None]:
    """A credential in the store of the Windows machine."""
    assert WindowsProgram(machine, display, ["-m", "tests.ocx.kiwoom_windows", "store"]).first_line()
    yield
    assert WindowsProgram(machine, display, ["-m", "tests.ocx.kiwoom_windows", "delete"]).first_line()


@pytest.fixture(scope="module")
def service(
    machine: Machine, display: str, credential: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder, broker = tmp_path_factory.mktemp("service"), BrokerProcess()
    options = ["--control", "ocx", "--port", "0", "--login", "--state-dir", f"Z:{folder}/calls"]
    arguments = ["-m", "kernel_server.service", "run", "--state-dir", f"Z:{folder}", "--", *options]
    program = WindowsProgram(machine, display, arguments, KOALAB_BROKER_PORT=str(broker.port))
    service = Service(folder, program)
    service.wait_for_login()
    yield service
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(STOP_WITHIN) == 0
    broker.close()


@pytest.fixture
def shown(machine: Machine, display: str) -> Iterator[Callable[[str], WindowsProgram]]:
    """Starts a program with windows like Kiwoom's, which is ended after the test."""
    programs: list[WindowsProgram] = []

    def show(what: str) -> WindowsProgram:
        programs.append(WindowsProgram(machine, display, ["-m", "tests.ocx.kiwoom_windows", what]))
        return programs[-1]

    yield show
    for program in programs:
        program.process.kill()


def test_the_doctor_finds_the_control_and_what_is_missing(
    machine: Machine, display: str, tmp_path: Path, credential: None
) -> None:
    arguments = ["-m", "kernel_server.service", "doctor", "--state-dir", f"Z:{tmp_path}"]
    program = WindowsProgram(machine, display, arguments)
    assert program.process.stdout is not None
    found = [program.first_line(), *program.process.stdout]
    assert [line[:4] for line in found[:5]] == ["ok  "] * 5
    assert "khopenapi.ocx" in found[1]
    assert "a credential is stored" in found[2]
    assert found[6].startswith("!!  server: not running")


def test_the_login_window_is_filled_in_from_the_credential_store(
    service: Service, shown: Callable[[str], WindowsProgram]
) -> None:
    assert json.loads(shown("login").first_line()) == {
        str(kiwoom.USER): STORED.user,
        str(kiwoom.PASSWORD): STORED.password,
        str(kiwoom.CERTIFICATE): STORED.certificate,
    }
    wait_until(lambda: "filled in" in service.log())  # the button is pressed first
    assert STORED.password not in service.log()


def test_a_version_update_is_confirmed_while_no_server_runs(
    service: Service, shown: Callable[[str], WindowsProgram]
) -> None:
    before = service.reported()
    assert len(json.loads(shown("update").first_line())) == 2
    service.wait_for_login(interrupted=before["interrupted"] + 1, restarts=before["restarts"])
    assert "OpenAPI+ was updated" in service.log()


def test_after_a_crash_the_server_is_there_again_and_logged_in(service: Service) -> None:
    before = service.reported()
    with KoapyClient(before["address"]) as client:
        crash = client.start("KOA_Functions", "__crash", "")
        service.wait_for_login(restarts=before["restarts"] + 1)
        assert crash.code() is grpc.StatusCode.UNAVAILABLE

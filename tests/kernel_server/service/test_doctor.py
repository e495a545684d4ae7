"""The doctor says of each part whether it is well, and what to do where it is not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kernel_server.control.installed import ControlMissing
from kernel_server.service import __main__ as command
from kernel_server.service.desktop.credential import Credential, NoStore
from kernel_server.service.doctor import Doctor
from kernel_server.service.report import ServiceState

UP = ServiceState(0.0, "127.0.0.1:5943", True, 0, None)
STORED = Credential("hong", "geheim")


@dataclass
class Machine:
    """A machine that can run the control, and what is there; all is well unless a test changes it."""

    folder: Path
    task: bool = True
    state: ServiceState | None = UP
    control: ControlMissing | list[str] = field(default_factory=list)
    credential: Credential | NoStore | None = STORED
    desktop: bool = True
    free: int = 50_000_000_000

    @property
    def openapi(self) -> Path:
        return self.folder / "OpenAPI" / "khopenapi.ocx"

    @property
    def state_dir(self) -> Path:
        return self.folder / "state"

    def tick_auto(self) -> None:
        auto = self.openapi.parent / "system" / "Autologin.dat"
        auto.parent.mkdir(parents=True)
        auto.touch()

    def found(self) -> tuple[Path, list[str]]:
        if isinstance(self.control, ControlMissing):
            raise self.control
        return self.openapi, self.control

    def stored(self) -> Credential | None:
        if isinstance(self.credential, NoStore):
            raise self.credential
        return self.credential

    def lines(self) -> list[str]:
        doctor = Doctor(
            self.state_dir,
            lambda: self.task,
            self.state,
            lambda: None,
            self.found,
            self.stored,
            lambda: self.desktop,
            lambda _folder: self.free,
        )
        return [str(finding) for finding in doctor.findings()]

    def wrong(self) -> list[str]:
        return [line for line in self.lines() if line.startswith("!!")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_all_is_well(machine: Machine) -> None:
    assert machine.lines() == [
        "ok  Python: 32-bit on Windows, with Qt",
        f"ok  OpenAPI+: {machine.openapi}",
        "ok  automatic login: a credential is stored, and the service fills in the login window",
        f"ok  log and state: {machine.state_dir}",
        "ok  disk: 50.0 GB are free",
        "ok  start at logon: the task is there",
        "ok  server: the server listens on 127.0.0.1:5943",
    ]


def test_the_control_is_missing(machine: Machine) -> None:
    machine.control = ControlMissing("it is not registered: install it")
    assert machine.wrong() == ["!!  OpenAPI+: it is not registered: install it"]


def test_types_that_differ_are_named(machine: Machine) -> None:
    machine.control = ["GetMarketType is declared as short ()"]
    assert f"ok  OpenAPI+: {machine.openapi}; GetMarketType is declared as short ()" in machine.lines()


def test_neither_task_nor_server(machine: Machine) -> None:
    machine.task, machine.state = False, None
    assert machine.wrong() == [
        "!!  start at logon: no task: install makes it",
        "!!  server: not running under the service: start starts it",
    ]


def test_a_folder_that_cannot_be_written(machine: Machine) -> None:
    machine.state_dir.touch()
    assert machine.wrong()[0].startswith("!!  log and state: ")


def test_a_disk_that_is_nearly_full(machine: Machine) -> None:
    machine.free = 300_000_000
    assert machine.wrong() == ["!!  disk: 0.3 GB are free: make room, or choose another --state-dir"]


class TestTheLogin:
    def test_by_a_person_alone(self, machine: Machine) -> None:
        machine.credential = None
        assert machine.wrong() == [
            "!!  automatic login: no credential: store-credential, or tick AUTO in 계좌비밀번호 저장"
        ]

    def test_without_the_packages_for_a_credential(self, machine: Machine) -> None:
        machine.credential = NoStore("keyring is not installed here: pip install it")
        assert "(keyring is not installed here: pip install it)" in machine.wrong()[0]

    def test_with_a_credential_that_nothing_can_fill_in(self, machine: Machine) -> None:
        machine.desktop = False
        assert "pywinauto is missing: py -3.10-32 -m pip install" in machine.wrong()[0]

    def test_of_the_account_window(self, machine: Machine) -> None:
        machine.credential = None
        machine.tick_auto()
        assert not machine.wrong()
        assert "skips its version updates" in machine.lines()[2]

    def test_never_shows_what_is_stored(self, machine: Machine) -> None:
        assert "geheim" not in "".join(machine.lines())


class TestTheServer:
    @pytest.mark.parametrize(
        "state",
        [
            ServiceState(0.0, "", False, 1, 1),
            ServiceState(0.0, "here:1", True, 0, None, login=-101),
            ServiceState(0.0, "here:1", True, 0, None, problem="the login window waits for a person"),
        ],
    )
    def test_that_is_down_or_waits_is_not_well(self, machine: Machine, state: ServiceState) -> None:
        machine.state = state
        assert machine.wrong() == [f"!!  server: {state}"]

    def test_that_is_logged_in_is(self, machine: Machine) -> None:
        machine.state = ServiceState(0.0, "here:1", True, 0, None, login=0)
        assert not machine.wrong()


@pytest.mark.skipif(sys.platform == "win32", reason="about other systems")
def test_another_system_is_said_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["doctor"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("!!  Python: Kiwoom's control runs on Windows")

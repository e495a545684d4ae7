"""The supervisor in the Windows Python: a control that crashes takes the server with it, and not the service."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import grpc

from kernel_server.wire import kernel_pb2
from scripts.ocx.machine import Machine
from tests.conformance.conftest import kernel
from tests.ocx.host import STOP_WITHIN, BrokerProcess, WindowsProgram
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import wait_until


def test_the_doctor_finds_the_control_and_what_is_missing(
    machine: Machine, display: str, tmp_path: Path
) -> None:
    arguments = ["-m", "kernel_server.service", "doctor", "--state-dir", f"Z:{tmp_path}"]
    program = WindowsProgram(machine, display, arguments)
    assert program.process.stdout is not None
    found = [program.first_line(), *program.process.stdout]
    assert [line[:4] for line in found[:3]] == ["ok  "] * 3
    assert "khopenapi.ocx" in found[1]
    assert found[4].startswith("!!  server: not running")


def test_after_a_crash_the_server_is_there_again_and_logged_in(
    machine: Machine, display: str, tmp_path: Path
) -> None:
    broker = BrokerProcess()
    options = ["--control", "ocx", "--port", "0", "--login", "--state-dir", f"Z:{tmp_path}/calls"]
    service = ["-m", "kernel_server.service", "run", "--state-dir", f"Z:{tmp_path}", "--", *options]
    program = WindowsProgram(machine, display, service, KOALAB_BROKER_PORT=str(broker.port))

    def reported() -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((tmp_path / "service.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def logged_in(restarts: int) -> bool:
        report = reported()
        if report.get("restarts") != restarts or not report.get("address"):
            return False
        with grpc.insecure_channel(report["address"]) as channel:
            return bool(kernel(channel).Status(kernel_pb2.StatusRequest(), timeout=20).connected)

    wait_until(lambda: logged_in(0), 60)
    with KoapyClient(reported()["address"]) as client:
        crash = client.start("KOA_Functions", "__crash", "")
        wait_until(lambda: logged_in(1), 120)
        assert crash.code() is grpc.StatusCode.UNAVAILABLE
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(STOP_WITHIN) == 0
    assert (tmp_path / "server.log").exists()
    broker.close()

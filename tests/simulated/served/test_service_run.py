"""The supervisor with a real server under it."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path

import grpc

from kernel_server.service.child import LOG, ServerProcess
from kernel_server.service.report import FILE, ServiceState, read
from kernel_server.supervised import UPDATE_EXIT, VERSION_UPDATE
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc
from tests.support.waiting import HANGS_AFTER, eventually, wait_until


def test_a_server_is_reported_kept_up_and_ended_with_its_supervisor(tmp_path: Path) -> None:
    options = [
        "--control",
        "simulated",
        "--port",
        "0",
        "--clock",
        "stepped",
        "--login",
        "--log-level",
        "INFO",
    ]
    command = [
        sys.executable,
        "-m",
        "kernel_server.service",
        "run",
        "--state-dir",
        str(tmp_path),
        "--",
        *options,
    ]

    def found() -> ServiceState | None:
        return read(tmp_path, (tmp_path / FILE).stat().st_mtime) if (tmp_path / FILE).exists() else None

    def address() -> str:
        report = found()
        return "" if report is None else report.address

    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as supervisor:
        try:
            assert eventually(lambda: address() != ""), (tmp_path / LOG).read_text(encoding="utf-8")
            with grpc.insecure_channel(address()) as channel:
                stub = kernel_pb2_grpc.KernelStub(channel)  # type: ignore[no-untyped-call]
                assert stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER).control == "simulated"
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(HANGS_AFTER) == 0
        finally:
            supervisor.kill()
    assert not (tmp_path / FILE).exists()
    assert "listening" in (tmp_path / "server.log").read_text(encoding="utf-8")


def test_a_server_says_its_logins_and_ends_where_openapi_has_to_be_updated() -> None:
    codes: list[int] = []
    options = ["--control", "simulated", "--port", "0", "--login", "--clock", "fast:60"]
    child = ServerProcess(options, logging.NullHandler(), codes.append)
    try:
        wait_until(lambda: child.address != "" and child.login == 0)
        with grpc.insecure_channel(child.address) as channel:
            stub = kernel_pb2_grpc.KernelStub(channel)  # type: ignore[no-untyped-call]
            for kind in ("demand_update", "cut"):
                stub.Fault(kernel_pb2.FaultRequest(kind=kind), timeout=HANGS_AFTER)
        wait_until(lambda: child.wait(0.1) == UPDATE_EXIT)
    finally:
        child.end()
    assert codes[:3] == [0, -106, VERSION_UPDATE]
    assert set(codes[3:]) <= {VERSION_UPDATE}  # it may try again while it ends

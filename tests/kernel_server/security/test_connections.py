"""Connections that say nothing keep nobody out."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from kernel_server.security import descriptors
from kernel_server.wire import kernel_pb2
from tests.support.canned_server import canned_server
from tests.support.waiting import HANGS_AFTER


@pytest.mark.parametrize("first", [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n"])
def test_a_connection_that_does_not_greet_is_closed(first: bytes) -> None:
    with canned_server({}, greeting_timeout=0.2) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as silent:
            silent.sendall(first)
            while silent.recv(4096):
                pass  # the server's own greeting; it returns nothing when the server has closed
        # On a busy machine gRPC's own greeting may be too late as well, and it tries again.
        assert server.stub.Status(kernel_pb2.StatusRequest(), wait_for_ready=True).version


def test_one_without_an_rpc_is_closed_too_and_its_client_opens_another() -> None:
    with canned_server({}, idle_timeout=0.1) as server:
        for _ in range(3):
            assert server.stub.Status(
                kernel_pb2.StatusRequest(), timeout=HANGS_AFTER, wait_for_ready=True
            ).version


def test_the_server_may_open_as_many_as_the_system_allows() -> None:
    resource: Any = pytest.importorskip("resource", reason="Windows has no limit of descriptors")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
        descriptors.allow_all()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

"""SetInputValue: what a client sets waits for its own CommRqData, within bounds, and goes when the client goes."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import grpc
import pytest

from kernel_server.failure import Failure
from kernel_server.streams import client_inputs
from kernel_server.streams.client_inputs import ClientInputs, InputOwner
from tests.support.canned_server import CannedServer, canned_server
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER

INFO = {"opt10001": [({"종목코드": "005930"}, [])]}
ASK = ("CommRqData", "기본", "opt10001", 0, "0101")


@pytest.fixture(scope="module")
def server() -> Iterator[CannedServer]:
    with canned_server(INFO) as running:
        yield running


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def relayed(address: str, port: int) -> Iterator[str]:
    """An address whose first connection goes on to ``address`` from ``port``; in the end it is reset, as by a crash."""
    host, _, number = address.rpartition(":")
    with socket.socket() as listener, socket.socket() as out:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        out.bind(("127.0.0.1", port))
        out.connect((host, int(number)))
        taken: list[socket.socket] = []

        def serve() -> None:
            near, _ = listener.accept()
            taken.append(near)
            back = threading.Thread(target=_copy, args=(out, near), daemon=True)
            back.start()
            _copy(near, out)
            back.join(HANGS_AFTER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        for end in (*taken, out):
            with suppress(OSError):  # the client may have gone first
                end.shutdown(socket.SHUT_RDWR)
        thread.join(HANGS_AFTER)
        for near in taken:
            near.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass  # the other side is gone


def test_what_is_set_goes_with_the_next_comm_rq_data_of_the_same_client_alone(server: CannedServer) -> None:
    with KoapyClient(server.address) as client, KoapyClient(server.address) as other:
        client.call("SetInputValue", "종목코드", "000660")
        client.call("SetInputValue", "종목코드", "005930")
        other.call("SetInputValue", "계좌번호", "8000000011")
        assert client.call(*ASK) == 0
        assert client.call(*ASK) == 0
        assert other.call(*ASK) == 0
    assert server.control.asked[-3:] == [{"종목코드": "005930"}, {}, {"계좌번호": "8000000011"}]


def test_the_next_client_on_the_same_port_does_not_get_it(server: CannedServer) -> None:
    port = free_port()
    with relayed(server.address, port) as address, KoapyClient(address) as client:
        client.call("SetInputValue", "비밀번호", "0000")
    with relayed(server.address, port) as address, KoapyClient(address) as other:
        assert other.call(*ASK) == 0
    assert server.control.asked[-1] == {}


def refused(server: CannedServer, *inputs: tuple[str, str]) -> tuple[grpc.StatusCode, str]:
    with KoapyClient(server.address) as client:
        for name, value in inputs[:-1]:
            client.call("SetInputValue", name, value)
        with pytest.raises(grpc.RpcError) as error:
            client.call("SetInputValue", *inputs[-1])
    return error.value.code(), error.value.details()


@pytest.mark.parametrize("letter", ["x", "가"])
def test_names_numbers_and_sizes_have_bounds_that_the_error_tells(server: CannedServer, letter: str) -> None:
    for inputs, said in (
        ([(letter * 9000, "1")], "100 letters"),
        ([(letter, "1" * 10_000)], "10,000 letters"),
        ([(f"{letter}{number}", "1" * 400) for number in range(25)], "10,000 letters"),
        ([(f"{letter}{number}", "1") for number in range(51)], "50 inputs"),
    ):
        code, details = refused(server, *inputs)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert said in details


def test_the_same_name_again_counts_once(server: CannedServer) -> None:
    with KoapyClient(server.address) as client:
        for _ in range(60):
            client.call("SetInputValue", "종목코드", "1" * 1000)
        assert client.call(*ASK) == 0
    assert server.control.asked[-1] == {"종목코드": "1" * 1000}


def test_it_is_forgotten_when_its_connection_is_closed() -> None:
    connections = {"a": frozenset({1}), "b": frozenset({2})}
    inputs = ClientInputs(lambda: connections)
    for peer in connections:
        inputs.set(InputOwner(peer), "비밀번호", "0000")
    connections["a"] = frozenset({3})  # another client
    inputs.sweep()
    assert len(inputs) == 1
    assert inputs.take(InputOwner("a")) == {}
    assert inputs.take(InputOwner("b", "another token")) == {}
    assert inputs.take(InputOwner("b")) == {"비밀번호": "0000"}


def test_only_so_many_clients_may_leave_inputs_lying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_inputs, "MOST_CLIENTS", 3)
    connections = {str(number): frozenset({number}) for number in range(5)}
    inputs = ClientInputs(lambda: connections)
    for number in range(3):
        inputs.set(InputOwner(str(number)), "종목코드", "005930")
    with pytest.raises(Failure) as error:
        inputs.set(InputOwner("3"), "종목코드", "005930")
    assert error.value.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    del connections["0"]
    inputs.set(InputOwner("3"), "종목코드", "005930")

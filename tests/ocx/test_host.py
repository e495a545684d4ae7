"""What only the OCX host meets: a control that pumps messages, fails as COM does, or is not what was expected."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from kernel_server.wire import kernel_pb2
from scripts.ocx import control_build
from scripts.ocx.command import run
from scripts.ocx.machine import Machine
from scripts.ocx.wine import START_WITHIN, WINE, environment, register, windows_path
from tests.conformance.conftest import kernel
from tests.ocx.host import STOP_WITHIN, BrokerProcess, OcxHost
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until

# A page of a hundred rows: cells over the socket are slow.
DAYS = {"종목코드": "005930", "조회일자": "20261126", "표시구분": "0"}  # 20 rows of 23 cells


@contextmanager
def hosted(machine: Machine, display: str, state: Path, **variables: str) -> Iterator[OcxHost]:
    """A host over a broker that no other test uses."""
    broker = BrokerProcess()
    try:
        served = OcxHost(machine, display, broker, state, **variables)
        try:
            yield served
        finally:
            if served.program.process.poll() is None:
                served.close()
    finally:
        broker.close()


def refused(machine: Machine, display: str, state: Path) -> str:
    """Why no host starts."""
    with pytest.raises(RuntimeError) as error, hosted(machine, display, state):
        pass
    return str(error.value)


def status(address: str) -> Any:
    with grpc.insecure_channel(address) as channel:
        return kernel(channel).Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)


@pytest.fixture(scope="module")
def host(machine: Machine, display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OcxHost]:
    with hosted(machine, display, tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture
def client(host: OcxHost) -> Iterator[KoapyClient]:
    with KoapyClient(host.address) as client:
        client.login()
        yield client


@contextmanager
def pumping(client: KoapyClient, file: Path) -> Iterator[Any]:
    """A call that pumps messages in the control until the file is taken away."""
    call = client.start("KOA_Functions", "__pump", f"Z:{file}")
    wait_until(file.exists)
    try:
        yield call
    finally:
        file.unlink(missing_ok=True)


class TestAFunctionThatPumpsMessages:
    def test_is_over_before_the_next_call_begins_and_the_state_is_told_in_it(
        self, host: OcxHost, client: KoapyClient, tmp_path: Path
    ) -> None:
        assert status(host.address).connected
        with pumping(client, tmp_path / "box") as box:
            state = client.start("GetConnectState")
            # Told with what was found before, and later than the other call has come to the control thread.
            assert status(host.address).connected
        assert next(state).return_value.long_value == 1
        assert next(box).return_value.string_value == "0 calls, 0 events"

    def test_lets_events_through(self, host: OcxHost, client: KoapyClient, tmp_path: Path) -> None:
        stream = client.real(["005930"], [10])
        stream.initial_metadata()
        with pumping(client, tmp_path / "box") as box:
            host.broker.advance(5)
            assert next(stream).name == "OnReceiveRealData"
        assert not next(box).return_value.string_value.endswith(" 0 events")
        stream.cancel()


class TestAFunctionThatFails:
    def test_with_an_hresult_says_its_number(self, client: KoapyClient) -> None:
        with pytest.raises(grpc.RpcError) as error:
            client.call("KOA_Functions", "__hresult", "80070005")
        assert error.value.code() is grpc.StatusCode.INTERNAL
        assert "KOA_Functions: the control gave nothing back" in error.value.details()

    def test_with_an_exception_says_its_text(self, client: KoapyClient) -> None:
        with pytest.raises(grpc.RpcError) as error:
            client.call("KOA_Functions", "__exception", "비밀번호 오류")
        assert "KOA_Functions: the control failed: 비밀번호 오류 (KHOpenAPI 1001)" in error.value.details()

    def test_leaves_the_control_usable(self, client: KoapyClient) -> None:
        assert client.call("GetConnectState") == 1


def test_faults_on_request_are_the_simulated_controls_alone(host: OcxHost) -> None:
    with grpc.insecure_channel(host.address) as channel, pytest.raises(grpc.RpcError) as error:
        kernel(channel).Fault(kernel_pb2.FaultRequest(kind="cut"), timeout=HANGS_AFTER)
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_one_folder_of_calls_is_one_servers(machine: Machine, display: str, tmp_path: Path) -> None:
    with hosted(machine, display, tmp_path):
        assert "another server keeps its calls in" in refused(machine, display, tmp_path)


@pytest.mark.parametrize("shape", ["bstr", "none"])
def test_pages_are_the_same_read_cell_by_cell(
    host: OcxHost, client: KoapyClient, machine: Machine, display: str, tmp_path: Path, shape: str
) -> None:
    request = kernel_pb2.PagesRequest(transaction_code="opt10086", inputs=DAYS, max_pages=1)
    with hosted(machine, display, tmp_path, KOALAB_TABLE=shape) as other:
        found = []
        for address in (host.address, other.address):
            with KoapyClient(address) as client, grpc.insecure_channel(address) as channel:
                client.login()
                (page,) = (page for page in kernel(channel).Pages(request, timeout=HANGS_AFTER) if page.rows)
                # GetCommData pads with blanks.
                found.append([[cell.strip() for cell in column.split("\n")] for column in page.columns])
        assert found[0] == found[1]
        assert any("cell by cell" in problem for problem in status(other.address).problems)


class TestTheEnd:
    def test_of_the_broker_is_a_lost_connection(self, machine: Machine, display: str, tmp_path: Path) -> None:
        with hosted(machine, display, tmp_path) as served, KoapyClient(served.address) as client:
            client.login()
            heard = client.listen("OnEventConnect")
            heard.initial_metadata()
            served.broker.close()
            assert next(heard).arguments[0].long_value == -106
            with pytest.raises(grpc.RpcError) as error:
                client.call("GetMasterCodeName", "005930")
            assert "the broker is gone" in error.value.details()

    def test_of_the_process_is_clean(self, machine: Machine, display: str, tmp_path: Path) -> None:
        with hosted(machine, display, tmp_path) as served:
            assert served.program.close() == 0

    def test_by_ctrl_c_is_clean_too(self, machine: Machine, display: str, tmp_path: Path) -> None:
        with hosted(machine, display, tmp_path) as served:
            served.program.process.send_signal(signal.SIGINT)
            assert served.program.process.wait(STOP_WITHIN) == 0

    def test_comes_within_its_deadline_though_a_box_of_the_control_is_open(
        self, machine: Machine, display: str, tmp_path: Path
    ) -> None:
        with (
            hosted(machine, display, tmp_path) as served,
            KoapyClient(served.address) as client,
            pumping(client, tmp_path / "box") as box,
        ):
            with pytest.raises(grpc.RpcError) as error:
                client.call("GetConnectState", timeout=1)
            assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert served.program.close() == 1
            wait_until(lambda: "ocx.py" in served.program.errors())  # where each thread stood
            assert box.code() is not grpc.StatusCode.OK

    def test_by_a_crash_of_the_control_ends_the_calls_at_once(
        self, machine: Machine, display: str, tmp_path: Path
    ) -> None:
        with hosted(machine, display, tmp_path) as served, KoapyClient(served.address) as client:
            client.login()
            with pytest.raises(grpc.RpcError) as error:
                client.call("KOA_Functions", "__crash", "")
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
            assert served.program.process.wait(STOP_WITHIN) != 0


class TestAControlThatCannotBeServed:
    @pytest.fixture(autouse=True)
    def registered_again(self, machine: Machine, display: str) -> Iterator[None]:
        yield
        register(machine.control, environment(machine.prefix, display))

    def test_lacks_functions_and_events_which_are_named(
        self, machine: Machine, display: str, tmp_path: Path
    ) -> None:
        older = control_build.require(machine.folder / "older-control", ["SetRealRemove", "OnReceiveMsg"])
        register(older, environment(machine.prefix, display))
        reason = refused(machine, display, tmp_path)
        assert "SetRealRemove is missing; OnReceiveMsg is missing; update Kiwoom OpenAPI+" in reason

    def test_is_not_registered(self, machine: Machine, display: str, tmp_path: Path) -> None:
        variables = environment(machine.prefix, display)
        run(
            [WINE, "regsvr32", "/s", "/u", windows_path(machine.control)], START_WITHIN, environment=variables
        )
        assert "is not registered: install Kiwoom OpenAPI+ (32-bit)" in refused(machine, display, tmp_path)

    def test_is_not_there(self, machine: Machine, display: str, tmp_path: Path) -> None:
        copy = tmp_path / "khopenapi.ocx"
        copy.write_bytes(machine.control.read_bytes())
        register(copy, environment(machine.prefix, display))
        copy.unlink()
        assert "is registered, but its file" in refused(machine, display, tmp_path / "state")

    def test_cannot_be_created(self, machine: Machine, display: str, tmp_path: Path) -> None:
        broker = BrokerProcess()
        broker.close()  # the test control has no broker to connect to then
        with pytest.raises(RuntimeError, match="is registered and cannot be created: "):
            OcxHost(machine, display, broker, tmp_path)

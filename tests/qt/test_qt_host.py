"""The seam fits the real host: Qt's main loop is the control thread, a QObject stands in the OCX's place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("PySide2", reason="PySide2 runs on Python 3.10 only: `make test-310` runs these")

import grpc
from PySide2 import QtCore

from kernel_server import reference
from kernel_server.clock import SteppedClock
from kernel_server.control.ocx import OcxControl
from kernel_server.control.qt import QtThread
from kernel_server.control.qt_messages import QtMessages
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc
from tests.fakes.qt_ocx import StandIn
from tests.support.canned_server import NOW, UNLIMITED, daily_rows
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import HANGS_AFTER

DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
PAGES = {
    "opt10081": [({"종목코드": "005930"}, daily_rows(600, 20261119 - 600 * number)) for number in range(3)]
}


class Hosted:
    def __init__(self, server: BackgroundServer, widget: StandIn, thread: QtThread) -> None:
        self.server = server
        self.widget = widget
        self.thread = thread
        self.channel = grpc.insecure_channel(server.address)
        self.stub = kernel_pb2_grpc.KernelStub(self.channel)


def on_qt(scenario: Callable[[Hosted], None], connected: bool = True) -> None:
    """Runs Qt's loop here, on the main thread, and the scenario beside it over a real server."""
    thread = QtThread()
    failed: list[BaseException] = []

    def beside() -> None:
        widgets: list[StandIn] = []

        def make() -> OcxControl:
            widgets.append(StandIn(PAGES, thread.hand_over, connected))
            return OcxControl(widgets[0], QtMessages())

        try:
            with BackgroundServer(
                make, SteppedClock(NOW), ServerSettings(UNLIMITED, port=0), thread
            ) as server:
                hosted = Hosted(server, widgets[0], thread)
                scenario(hosted)
                hosted.channel.close()
            assert widgets[0].wrong_thread == 0
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread
            failed.append(error)
            thread.stop()

    worker = threading.Thread(target=beside)
    worker.start()
    thread.run()
    worker.join(HANGS_AFTER)
    assert not worker.is_alive()
    if failed:
        raise failed[0]


def test_a_tr_comes_through_page_by_page() -> None:
    def scenario(hosted: Hosted) -> None:
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
        pages = list(hosted.stub.Pages(request, timeout=HANGS_AFTER))
        assert [page.rows for page in pages] == [600, 600, 600]
        assert pages[0].columns[1].startswith(" 70000 \n 70001 ")
        assert hosted.widget.broker.asked[0] == DAILY

    on_qt(scenario)


def test_an_older_client_logs_in_and_reads() -> None:
    def scenario(hosted: Hosted) -> None:
        with KoapyClient(hosted.server.address) as client:
            assert client.call("GetConnectState") == 0
            (event,) = client.login()
            assert plain(event.arguments) == [0]
            assert client.call("GetConnectState") == 1
            assert sum(len(page.multi_data.values) for page in client.transaction("opt10081", DAILY)) == 1800

    on_qt(scenario, connected=False)


def test_a_korean_text_of_one_argument_arrives_whole() -> None:
    def scenario(hosted: Hosted) -> None:
        hosted.widget.broker.GetMasterCodeName = lambda code: f"이름:{code}"  # type: ignore[attr-defined]
        with KoapyClient(hosted.server.address) as client:
            assert client.call("GetMasterCodeName", "005930") == "이름:005930"

    on_qt(scenario)


def test_every_event_is_connected_under_its_signature() -> None:
    def scenario(hosted: Hosted) -> None:
        heard: list[Any] = []
        fake = {"str": "값", "int": 7}

        def fire() -> None:
            hosted.widget.broker.listen(
                lambda event: getattr(hosted.widget, event.name).emit(*event.arguments)
            )
            control = OcxControl(hosted.widget, QtMessages())
            control.listen(heard.append)
            for event in reference.events().values():
                hosted.widget.broker.fire(event.name, *(fake[kind] for _, kind in event.arguments))

        hosted.thread.post(fire).result(HANGS_AFTER)
        expected = [
            (event.name, tuple(fake[kind] for _, kind in event.arguments))
            for event in reference.events().values()
        ]
        assert [(event.name, event.arguments) for event in heard] == expected

    on_qt(scenario)


def test_an_exception_or_exit_in_a_slot_ends_neither_the_events_nor_the_process() -> None:
    def scenario(hosted: Hosted) -> None:
        heard: list[str] = []

        def fire() -> None:
            control = OcxControl(hosted.widget, QtMessages())

            def handler(event: Any) -> None:
                heard.append(event.name)
                raise SystemExit("a handler gone wild")

            control.listen(handler)
            hosted.widget.broker.fire("OnEventConnect", 0)
            hosted.widget.broker.fire("OnEventConnect", 0)

        hosted.thread.post(fire).result(HANGS_AFTER)
        assert heard == ["OnEventConnect"] * 2

    on_qt(scenario)


def test_a_control_that_gives_nothing_back_is_told_and_not_taken_for_zero() -> None:
    def scenario(hosted: Hosted) -> None:
        hosted.widget.broker.GetConnectState = lambda: None  # type: ignore[method-assign,assignment,return-value]
        with KoapyClient(hosted.server.address) as client, pytest.raises(grpc.RpcError) as error:
            client.call("GetConnectState")
        assert error.value.code() is grpc.StatusCode.INTERNAL
        assert "GetConnectState" in error.value.details()
        del hosted.widget.broker.GetConnectState

    on_qt(scenario)


def test_work_never_runs_inside_other_work() -> None:
    thread = QtThread()
    order: list[str] = []

    def inner() -> None:
        order.append("inner")
        thread.stop()

    def outer() -> None:
        thread.hand_over(inner)
        order.append("outer")

    thread.hand_over(outer)
    thread.run()
    assert order == ["outer", "inner"]


def test_work_waits_while_a_function_of_the_control_pumps_messages() -> None:
    thread = QtThread()
    order: list[str] = []

    def behind_a_box() -> None:
        order.append("a box is open")
        for number in range(3):
            thread.hand_over(lambda number=number: order.append(f"next work {number}"))  # type: ignore[misc]
        for _ in range(5):
            QtCore.QCoreApplication.processEvents()
        order.append("the box is closed")
        thread.hand_over(thread.stop)

    thread.hand_over(behind_a_box)
    thread.run()
    assert order == ["a box is open", "the box is closed", "next work 0", "next work 1", "next work 2"]


def test_the_inputs_of_two_trs_do_not_mix_where_the_first_one_pumps_messages() -> None:
    def scenario(hosted: Hosted) -> None:
        broker = hosted.widget.broker
        set_input = broker.SetInputValue

        def with_a_box(name: str, value: str) -> None:
            set_input(name, value)
            for _ in range(5):
                QtCore.QCoreApplication.processEvents()

        broker.SetInputValue = with_a_box  # type: ignore[method-assign]
        asked = [{**DAILY, "종목코드": code} for code in ("000660", "005930", "035420", "051910")]
        streams = [
            hosted.stub.Pages(
                kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=inputs, max_pages=1),
                timeout=HANGS_AFTER,
            )
            for inputs in asked
        ]
        for stream in streams:
            assert [page.rows for page in stream if page.rows] == [600]
        assert sorted(broker.asked, key=lambda inputs: inputs["종목코드"]) == asked
        del broker.SetInputValue

    on_qt(scenario)


def test_a_page_that_cannot_be_read_fails_at_once_with_the_reason() -> None:
    def scenario(hosted: Hosted) -> None:
        hosted.widget.broker.GetRepeatCnt = lambda code, record: None  # type: ignore[method-assign,assignment,return-value]
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
        with pytest.raises(grpc.RpcError) as error:
            list(hosted.stub.Pages(request, timeout=HANGS_AFTER))
        assert error.value.code() is grpc.StatusCode.INTERNAL
        assert "opt10081: the answer could not be read" in error.value.details()
        assert "GetRepeatCnt" in error.value.details()
        del hosted.widget.broker.GetRepeatCnt

    on_qt(scenario)


def test_what_qt_says_of_a_call_stands_in_its_error_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def scenario(hosted: Hosted) -> None:
        def refused() -> None:
            QtCore.qWarning("QAxBase::dynamicCallHelper: GetConnectState: Bad parameter count")

        hosted.widget.broker.GetConnectState = refused  # type: ignore[method-assign,assignment]
        with KoapyClient(hosted.server.address) as client, pytest.raises(grpc.RpcError) as error:
            client.call("GetConnectState")
        assert "Bad parameter count" in error.value.details()
        del hosted.widget.broker.GetConnectState

    on_qt(scenario)
    assert any("Bad parameter count" in record.getMessage() for record in caplog.records)


def test_an_exception_of_the_control_is_the_error_of_the_call_with_its_own_words() -> None:
    def scenario(hosted: Hosted) -> None:
        broker = hosted.widget.broker

        def failing(*_arguments: Any) -> None:
            hosted.widget.exception.emit(1001, "KHOpenAPI", "비밀번호 오류", "")

        broker.SendConditionStop = broker.GetMasterCodeName = failing  # type: ignore[method-assign,assignment]
        with KoapyClient(hosted.server.address) as client:
            for name, arguments in (
                ("SendConditionStop", ("0101", "조건", 0)),
                ("GetMasterCodeName", ("005930",)),
            ):
                with pytest.raises(grpc.RpcError) as error:
                    client.call(name, *arguments)
                assert f"{name}: the control failed: 비밀번호 오류 (KHOpenAPI 1001)" in error.value.details()
        del broker.SendConditionStop, broker.GetMasterCodeName

    on_qt(scenario)


def test_a_function_without_a_result_that_fails_is_an_error_too() -> None:
    def scenario(hosted: Hosted) -> None:
        def failing(*_arguments: Any) -> None:
            QtCore.qWarning("QAxBase: Error calling IDispatch member SendConditionStop: Unknown error")

        hosted.widget.broker.SendConditionStop = failing  # type: ignore[method-assign]
        with KoapyClient(hosted.server.address) as client, pytest.raises(grpc.RpcError) as error:
            client.call("SendConditionStop", "0101", "조건", 0)
        assert "SendConditionStop: the control failed: Unknown error" in error.value.details()
        del hosted.widget.broker.SendConditionStop

    on_qt(scenario)


def test_pages_are_read_cell_by_cell_where_the_array_is_empty_and_the_status_says_so() -> None:
    def scenario(hosted: Hosted) -> None:
        broker = hosted.widget.broker
        arrays: list[str] = []

        def empty(code: str, _record: str) -> list[list[str]]:
            arrays.append(code)
            return []

        broker.GetCommDataEx = empty  # type: ignore[method-assign]
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
        pages = list(hosted.stub.Pages(request, timeout=HANGS_AFTER))
        assert [page.rows for page in pages if page.rows] == [600, 600, 600]
        assert arrays == ["opt10081"]
        (problem,) = hosted.stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER).problems
        assert "cell by cell" in problem

    on_qt(scenario)


def test_ctrl_c_reaches_python_while_qts_loop_runs() -> None:
    thread = QtThread()
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: (seen.append(number), thread.stop()))
    try:
        QtCore.QTimer.singleShot(0, lambda: signal.raise_signal(signal.SIGINT))
        thread.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]

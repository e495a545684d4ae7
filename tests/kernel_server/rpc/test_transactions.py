"""The port as its clients see it: the older ones, which know nothing of koalab, and our own."""

from __future__ import annotations

import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from kernel_server import reference
from kernel_server.clock import RunningClock, seoul
from kernel_server.scheduler import BackOff
from kernel_server.wire import PROBLEM_KEY, kernel_pb2, openapi_pb2
from tests.support.canned_server import NOW, canned_server, daily_rows, official, stepping
from tests.support.koapy_client import KoapyClient, plain
from tests.support.waiting import HANGS_AFTER, wait_until

DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
THREE_PAGES = {
    "opt10081": [({"종목코드": "005930"}, daily_rows(600, 20261119 - 600 * number)) for number in range(3)]
}


def problem(error: grpc.RpcError) -> kernel_pb2.Problem:
    for key, value in error.trailing_metadata():  # type: ignore[attr-defined]
        if key == PROBLEM_KEY:
            return kernel_pb2.Problem.FromString(value)
    raise AssertionError("no problem came with the error")


class TestAnOlderClient:
    def test_calls_control_functions_and_gets_typed_values(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            assert client.call("GetConnectState") == 1
            assert client.call("GetLoginInfo", "USER_ID") == "readymade"
            assert client.call("DisconnectRealData", "0001") is None

    def test_logs_in_and_hears_the_event(self) -> None:
        with canned_server({}, connected=False) as server, KoapyClient(server.address) as client:
            assert client.call("GetConnectState") == 0
            (event,) = client.login()
            assert (event.name, plain(event.arguments)) == ("OnEventConnect", [0])
            assert client.call("GetConnectState") == 1

    def test_a_login_that_is_done_already_is_told_at_once(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            (event,) = client.login()
            assert plain(event.arguments) == [0]

    def test_reads_a_tr_page_by_page_under_its_own_names(self) -> None:
        with canned_server(THREE_PAGES) as server, KoapyClient(server.address) as client:
            pages = list(client.transaction("opt10081", DAILY, "일봉", "1234"))
        assert [plain(page.arguments) for page in pages] == [
            ["1234", "일봉", "opt10081", "", "2"],
            ["1234", "일봉", "opt10081", "", "2"],
            ["1234", "일봉", "opt10081", "", "0"],
        ]
        tr = reference.tr("opt10081")
        for page in pages:
            assert page.name == "OnReceiveTrData"
            assert list(page.single_data.names) == list(tr.single_names)
            assert list(page.multi_data.names) == list(tr.multi_names)
            assert len(page.multi_data.values) == 600

    def test_gets_every_value_without_its_blanks(self) -> None:
        with canned_server(THREE_PAGES) as server, KoapyClient(server.address) as client:
            page = next(client.transaction("opt10081", DAILY))
        assert page.multi_data.values[1].values[1] == "70001"

    @pytest.mark.parametrize(
        ("comparator", "value", "rows"),
        [
            (0, "20261117", 2),
            (1, "20261117", 3),
            (4, "20261119", 0),
            (5, "20261119", 1),
            (2, "30000000", 1800),
        ],
    )
    def test_a_stop_condition_cuts_inside_a_page_and_ends_the_paging(
        self, comparator: int, value: str, rows: int
    ) -> None:
        with canned_server(THREE_PAGES) as server, KoapyClient(server.address) as client:
            pages = list(client.transaction("opt10081", DAILY, stop=("일자", value, comparator)))
            asked = len(server.control.asked)
        assert sum(len(page.multi_data.values) for page in pages) == rows
        assert asked == len(pages) == (3 if rows == 1800 else 1)

    def test_a_stop_at_a_date_works_among_times(self) -> None:
        names = reference.tr("opt10080").multi_names
        times = [f"{day}{minute}00" for day in (20261119, 20261118, 20261117) for minute in (1530, 901)]
        rows = [[time if name == "체결시간" else "" for name in names] for time in times]
        inputs = {"종목코드": "005930", "틱범위": "1", "수정주가구분": "1"}
        with canned_server({"opt10080": [({}, rows)]}) as server, KoapyClient(server.address) as client:
            (page,) = client.transaction("opt10080", inputs, stop=("체결시간", "20261118", 0))
        assert [row.values[names.index("체결시간")] for row in page.multi_data.values] == times[:4]

    def test_inputs_that_are_left_out_are_set_all_the_same_and_in_the_trs_order(self) -> None:
        with canned_server(THREE_PAGES) as server, KoapyClient(server.address) as client:
            next(client.transaction("opt10081", {"없는것": "1", "수정주가구분": "1", "종목코드": "005930"}))
            assert list(server.control.asked[0].items()) == [
                ("종목코드", "005930"),
                ("기준일자", ""),
                ("수정주가구분", "1"),
                ("없는것", "1"),
            ]

    def test_a_row_that_does_not_repeat_is_found_in_either_place(self) -> None:
        names = reference.tr("opt10004").multi_names
        row = [f" {number} " for number in range(len(names))]
        with canned_server({"opt10004": [({}, [row])]}) as server, KoapyClient(server.address) as client:
            (page,) = client.transaction("opt10004", {"종목코드": "005930"})
        values = [text.strip() for text in row]
        assert (list(page.single_data.names), list(page.single_data.values)) == (list(names), values)
        assert [list(found.values) for found in page.multi_data.values] == [values]

    @pytest.mark.parametrize("inputs", [{}, {"종목코드": ""}, {"종목코드": ";"}])
    def test_a_watch_list_without_codes_is_refused_before_anything_is_sent(
        self, inputs: dict[str, str]
    ) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                next(client.transaction("OPTKWFID", inputs))
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "종목코드" in error.value.details()
            assert server.control.calls == []

    def test_two_with_the_same_screen_and_name_do_not_get_in_each_others_way(self) -> None:
        with canned_server(THREE_PAGES) as server:
            found: list[int] = []

            def load() -> None:
                with KoapyClient(server.address) as client:
                    pages = client.transaction("opt10081", DAILY, "같은이름", "0001")
                    found.append(sum(len(page.multi_data.values) for page in pages))

            threads = [threading.Thread(target=load) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(HANGS_AFTER)
        assert found == [1800] * 8

    def test_inputs_set_by_calls_are_its_own_until_its_request(self) -> None:
        with (
            canned_server(THREE_PAGES) as server,
            KoapyClient(server.address) as one,
            KoapyClient(server.address) as two,
        ):
            one.call("SetInputValue", "종목코드", "005930")
            two.call("SetInputValue", "종목코드", "000660")
            assert two.call("CommRqData", "둘", "opt10081", 0, "0102") == 0
            assert one.call("CommRqData", "하나", "opt10081", 0, "0101") == 0
            assert server.control.asked == [{"종목코드": "000660"}, {"종목코드": "005930"}]

    def test_a_wrong_call_is_refused_before_the_control_sees_it(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            for name, arguments in [("NoSuch", ()), ("GetMasterCodeName", ()), ("GetMasterCodeName", (5,))]:
                with pytest.raises(grpc.RpcError) as error:
                    client.call(name, *arguments)
                assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
                assert name in error.value.details()
            assert server.control.calls == []

    def test_an_unknown_tr_is_refused_with_the_reason(self) -> None:
        with canned_server({}) as server, KoapyClient(server.address) as client:
            with pytest.raises(grpc.RpcError) as error:
                list(client.transaction("opt1008", {}))
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "opt10081" in error.value.details()


class TestOurClient:
    def test_gets_a_page_by_column_with_signs_and_blanks(self) -> None:
        with canned_server(THREE_PAGES) as server:
            pages = server.pages("opt10081", {"종목코드": "005930", "수정주가구분": "1"})
        assert [page.rows for page in pages] == [600, 600, 600]
        assert [page.prev_next for page in pages] == ["2", "2", "0"]
        tr = reference.tr("opt10081")
        assert len(pages[0].columns) == len(tr.multi)
        assert pages[0].columns[1].split("\n")[:2] == [" 70000 ", " 70001 "]
        assert list(pages[0].single) == ["005930"]

    def test_cells_read_one_by_one_make_the_same_page(self) -> None:
        with canned_server(THREE_PAGES) as server:
            at_once = server.pages("opt10081", DAILY, max_pages=1)
        with canned_server(THREE_PAGES, bulk=False) as server:
            one_by_one = server.pages("opt10081", DAILY, max_pages=1)
        assert [page.columns for page in at_once] == [page.columns for page in one_by_one]

    def test_a_value_with_a_line_break_cannot_shift_the_rows(self) -> None:
        rows = daily_rows(3)
        rows[1][10] = "두\n줄"
        with canned_server({"opt10081": [({}, rows)]}) as server:
            (page,) = server.pages("opt10081", DAILY)
        assert page.columns[10].split("\n") == ["", "두 줄", ""]

    def test_gets_no_more_pages_than_it_asks_for(self) -> None:
        with canned_server(THREE_PAGES) as server:
            assert len(server.pages("opt10081", DAILY, max_pages=2)) == 2
            assert len(server.control.asked) == 2

    def test_inputs_go_out_in_the_trs_order_with_what_may_be_left_out(self) -> None:
        with canned_server(THREE_PAGES) as server:
            server.pages("opt10081", {"수정주가구분": "1", "종목코드": "005930"}, max_pages=1)
            assert list(server.control.asked[0].items()) == [
                ("종목코드", "005930"),
                ("기준일자", ""),
                ("수정주가구분", "1"),
            ]

    @pytest.mark.parametrize(
        ("inputs", "said"),
        [
            ({"종목코드": "005930"}, "also needs 수정주가구분"),
            ({**DAILY, "틱범위": "1"}, "no input 틱범위"),
            ({**DAILY, "종목코드": "0" * 21}, "takes at most 20 bytes"),
        ],
    )
    def test_inputs_that_do_not_fit_are_refused_before_anything_is_sent(
        self, inputs: dict[str, str], said: str
    ) -> None:
        with canned_server(THREE_PAGES) as server:
            with pytest.raises(grpc.RpcError) as error:
                server.pages("opt10081", inputs)
            assert server.control.asked == []
        assert problem(error.value).kind == "BadInput"
        assert said in problem(error.value).message

    def test_a_stop_at_a_field_that_the_tr_has_not_is_refused(self) -> None:
        stop = openapi_pb2.TransactionStopCondition(name="날짜", value="1")
        with canned_server(THREE_PAGES) as server:
            with pytest.raises(grpc.RpcError) as error:
                server.pages("opt10081", DAILY, stop_condition=stop)
            assert server.control.asked == []
        assert "날짜" in problem(error.value).message

    def test_the_screen_is_freed_however_a_request_ends(self) -> None:
        with canned_server(THREE_PAGES) as server:
            server.pages("opt10081", DAILY)
            stream = server.stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY))
            next(stream)
            stream.cancel()
            with pytest.raises(grpc.RpcError):
                server.pages("opt10001", {"종목코드": "005930"})
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).streams == 0)
            used = {arguments[3] for name, arguments in server.control.calls if name == "CommRqData"}
            cleared = {
                arguments[0] for name, arguments in server.control.calls if name == "DisconnectRealData"
            }
        assert used <= cleared

    def test_a_refusing_broker_is_told_apart_from_a_wrong_request(self) -> None:
        with canned_server({}) as server, pytest.raises(grpc.RpcError) as error:
            server.pages("opt10081", DAILY)
        assert (problem(error.value).kind, problem(error.value).code) == ("BadInput", -202)

    def test_a_broker_that_falls_silent_is_given_up_with_a_reason(self) -> None:
        with canned_server(THREE_PAGES, answer_timeout=0.05) as server:
            server.control.CommRqData = lambda *_: 0  # type: ignore[method-assign]
            with pytest.raises(grpc.RpcError) as error:
                server.pages("opt10081", DAILY)
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert problem(error.value).kind == "NoAnswer"

    def test_an_overloaded_broker_is_asked_again_and_then_told(self) -> None:
        with canned_server(THREE_PAGES, back_off=BackOff(attempts=3)) as server:
            server.control.CommRqData = lambda *_: -200  # type: ignore[method-assign]
            with stepping(server.clock), pytest.raises(grpc.RpcError) as error:
                server.pages("opt10081", DAILY)
        found = problem(error.value)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (found.kind, found.code, found.retry_at) == ("RateLimited", -200, NOW + 1 + 2 + 4)

    def test_pages_wait_for_the_limits_and_say_how_long(self) -> None:
        pages = {"opt10081": THREE_PAGES["opt10081"] * 3}
        with canned_server(pages, official()) as server:
            request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
            stream = server.stub.Pages(request, timeout=HANGS_AFTER)
            for _ in range(5):
                assert next(stream).rows == 600
            waiting = next(stream)
            assert waiting.HasField("waiting")
            assert waiting.waiting.expected_wait == pytest.approx(1.0)
            server.clock.advance(1.0)
            rest = [page for page in stream if not page.HasField("waiting")]
            assert len(rest) == 4
            quotas = server.stub.Status(kernel_pb2.StatusRequest()).quotas
            assert [(one.limit, one.used) for one in quotas if one.kind == "tr"] == [(5, 4), (1000, 9)]

    def test_a_client_that_goes_takes_its_request_out_of_the_queue(self) -> None:
        with canned_server({"opt10081": THREE_PAGES["opt10081"] * 3}, official()) as server:
            stream = server.stub.Pages(kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY))
            for _ in range(5):
                next(stream)
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).queued == 1)
            stream.cancel()
            wait_until(lambda: server.stub.Status(kernel_pb2.StatusRequest()).streams == 0)
            assert server.stub.Status(kernel_pb2.StatusRequest()).queued == 0
            server.clock.advance(10.0)
            assert len(server.control.asked) == 5

    def test_many_calls_in_one_message_come_back_in_order(self) -> None:
        calls = [openapi_pb2.CallRequest(name="GetConnectState")] * 1200
        with canned_server({}) as server:
            response = server.stub.CallMany(kernel_pb2.CallManyRequest(calls=calls))
        assert [value.long_value for value in response.return_values] == [1] * 1200

    @pytest.mark.parametrize("name", ["CommRqData", "SendOrder", "CommConnect", "SetInputValue"])
    def test_what_is_limited_or_has_an_effect_on_others_is_not_one_of_many(self, name: str) -> None:
        with canned_server({}) as server, pytest.raises(grpc.RpcError) as error:
            server.stub.CallMany(kernel_pb2.CallManyRequest(calls=[openapi_pb2.CallRequest(name=name)]))
        assert problem(error.value).kind == "BadInput"

    def test_a_refused_login_says_why(self) -> None:
        with canned_server({}, connected=False) as server:

            def refuse() -> int:
                server.thread.hand_over(lambda: server.control.fire("OnEventConnect", -101))
                return 0

            server.control.CommConnect = refuse  # type: ignore[method-assign]
            with pytest.raises(grpc.RpcError) as error:
                list(server.stub.Login(openapi_pb2.LoginRequest(), timeout=HANGS_AFTER))
        assert (problem(error.value).kind, problem(error.value).code) == ("LoginFailed", -101)
        assert "서버접속 실패" in problem(error.value).message

    def test_a_failure_inside_the_control_is_told_and_the_server_goes_on(self) -> None:
        def broken() -> int:
            raise SystemExit("a slot gone wild")

        with canned_server({}) as server:
            server.control.GetConnectState = broken  # type: ignore[method-assign]
            with pytest.raises(grpc.RpcError) as error:
                server.stub.Call(openapi_pb2.CallRequest(name="GetConnectState"), timeout=HANGS_AFTER)
            assert error.value.code() is grpc.StatusCode.INTERNAL
            del server.control.GetConnectState
            assert (
                server.stub.Call(openapi_pb2.CallRequest(name="GetConnectState")).return_value.long_value == 1
            )

    def test_says_what_it_is(self) -> None:
        with canned_server({}, official()) as server:
            status = server.stub.Status(kernel_pb2.StatusRequest())
        assert (status.control, status.source, status.connected, status.simulation) == (
            "simulated",
            "ready-made",
            True,
            True,
        )
        assert (status.now, status.limits) == (NOW, "official")
        # It was set by hand, and knows no calendar.
        assert (status.clock, status.clock_begins, status.clock_leaps_at) == ("stepped", NOW, 0.0)
        assert (status.clock_replays, status.session, status.phase) == (False, "", "")

    def test_says_how_its_clock_stands_to_the_one_on_the_wall(self) -> None:
        passed = [0.0]
        clock = RunningClock(
            start=NOW,
            leaps_at=NOW + 60.0,
            name="market",
            replays=True,
            wall=lambda: NOW + 7200.0 + passed[0],
            monotonic=lambda: passed[0],
        )
        with canned_server(
            {}, clock=clock, market_phase=lambda now: (f"{seoul(now):%Y-%m-%d}", f"{now - NOW:g}")
        ) as server:
            replaying = server.stub.Status(kernel_pb2.StatusRequest())
            passed[0] = 60.0
            leapt = server.stub.Status(kernel_pb2.StatusRequest())
        facts = ("clock", "now", "clock_begins", "clock_replays", "clock_leaps_at", "session", "phase")
        said = [tuple(getattr(one, fact) for fact in facts) for one in (replaying, leapt)]
        assert said == [
            ("market", NOW, NOW, True, NOW + 60.0, "2026-09-21", "0"),
            ("market", NOW + 7260.0, 0.0, False, 0.0, "2026-09-22", "7260"),
        ]


def test_health_and_reflection_are_on() -> None:
    with canned_server({}) as server:
        channel = grpc.insecure_channel(server.address)
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "koalab.kernel.v1.Kernel"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
        channel.close()
    assert {
        "koalab.kernel.v1.Kernel",
        "koapy.backend.kiwoom_open_api_plus.grpc.KiwoomOpenApiPlusService",
        "grpc.health.v1.Health",
    } <= set(services)

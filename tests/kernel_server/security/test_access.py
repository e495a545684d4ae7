"""The door as clients find it: tokens and their rights, bounds of requests, RPCs that one client may have open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import example, given
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.failure import Failure
from kernel_server.security import bounds, rights, tokens
from kernel_server.security.access import Access, Unprotected
from kernel_server.security.rights import TOKEN_RIGHTS, Right
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.wire import kernel_pb2, koapy_pb2, openapi_pb2
from tests.kernel_server.rpc.test_transactions import problem
from tests.support.canned_server import CannedServer, canned_server, daily_rows, official
from tests.support.waiting import HANGS_AFTER

DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}
PAGES = {"opt10081": [({"종목코드": "005930"}, daily_rows(10))]}
ORDER = ["주문", "0101", "8000000011", 1, "005930", 10, 70_000, "00", ""]


def bearer(token: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")]


def call(name: str, *arguments: str | int) -> openapi_pb2.CallRequest:
    request = openapi_pb2.CallRequest(name=name)
    for argument in arguments:
        request.arguments.add(**{"string_value" if isinstance(argument, str) else "long_value": argument})  # type: ignore[arg-type]
    return request


class Locked:
    """A server that wants tokens, and a token of each right."""

    def __init__(self, server: CannedServer, made: dict[str, str]) -> None:
        self.server = server
        self.stub = server.stub
        self.tokens = made

    def __getattr__(self, right: str) -> list[tuple[str, str]]:
        return bearer(self.tokens[right])


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    file = tmp_path_factory.mktemp("locked") / "tokens.tsv"
    made = {name: tokens.add(file, name, right) for name, right in TOKEN_RIGHTS.items()}
    with canned_server(PAGES, access=Access(tokens=file, refusal_delay=0.0)) as server:
        yield Locked(server, made)


def refused(ask: Any, *arguments: Any, **more: Any) -> tuple[grpc.StatusCode, kernel_pb2.Problem]:
    with pytest.raises(grpc.RpcError) as error:
        list(ask(*arguments, timeout=HANGS_AFTER, **more))
    return error.value.code(), problem(error.value)


class TestAServerWithTokens:
    @pytest.mark.parametrize(
        "metadata",
        [
            None,
            [],
            [("authorization", "")],
            [("authorization", "Bearer ")],
            [("authorization", "Bearer wrong")],
            [("authorization", "Basic dXNlcjpwYXNz")],
            [("token", "wrong")],
        ],
    )
    def test_answers_no_unknown_client(self, locked: Locked, metadata: Any) -> None:
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
        for ask, asked in [
            (locked.stub.Status, kernel_pb2.StatusRequest()),
            (locked.stub.Call, call("GetConnectState")),
            (locked.stub.Pages, request),
        ]:
            code, found = refused(ask, asked, metadata=metadata)
            assert (code, found.kind) == (grpc.StatusCode.UNAUTHENTICATED, "Forbidden")
        assert locked.server.control.asked == []

    def test_takes_one_token_and_not_the_first_of_several(self, locked: Locked) -> None:
        both = [*locked.read, ("authorization", "Bearer wrong")]
        code, _ = refused(locked.stub.Status, kernel_pb2.StatusRequest(), metadata=both)
        assert code is grpc.StatusCode.UNAUTHENTICATED

    def test_says_what_a_token_may(self, locked: Locked) -> None:
        for name, token in locked.tokens.items():
            status = locked.stub.Status(kernel_pb2.StatusRequest(), metadata=bearer(token))
            assert status.rights == name

    def test_lets_the_read_right_read(self, locked: Locked) -> None:
        assert locked.stub.Call(call("GetConnectState"), metadata=locked.read).return_value.long_value == 1
        many = kernel_pb2.CallManyRequest(calls=[call("GetConnectState")] * 3)
        assert len(locked.stub.CallMany(many, metadata=locked.read).return_values) == 3
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
        pages = list(locked.stub.Pages(request, metadata=locked.read))
        assert sum(page.rows for page in pages) == 10
        koa = call("KOA_Functions", "GetServerGubun", "")
        locked.stub.Call(koa, metadata=locked.read)

    @pytest.mark.parametrize("function", ["CommRqData", "RateLimitedCommRqData"])
    @pytest.mark.parametrize(
        "code",
        [
            "KOA_NORMAL_BUY_KP_ORD",
            " KOA_NORMAL_BUY_KP_ORD",
            "koa_credit_sell_kq_ord",
            "\tKOA_CREDIT_BUY_KP_ORD ",
            "\u00a0KOA_NORMAL_KP_CANCEL",
            "\u200bＫＯＡ_NORMAL_KP_MODIFY",
        ],
    )
    def test_takes_no_order_for_a_tr(self, locked: Locked, function: str, code: str) -> None:
        request = call(function, "주문", code, 0, "0101")
        before = len(locked.server.control.asked)
        status, found = refused(locked.stub.Call, request, metadata=locked.read)
        assert (status, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
        for metadata in (locked.trade, locked.admin):
            status, found = refused(locked.stub.Call, request, metadata=metadata)
            assert (status, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")
            assert "SendOrder" in found.message
        pages = kernel_pb2.PagesRequest(transaction_code=code)
        status, _ = refused(locked.stub.Pages, pages, metadata=locked.read)
        assert status is grpc.StatusCode.INVALID_ARGUMENT
        assert len(locked.server.control.asked) == before

    @pytest.mark.parametrize("code", ["", " opt10081", "opt10081\n", "일봉"])
    def test_takes_only_tr_codes_for_trs(self, locked: Locked, code: str) -> None:
        status, found = refused(
            locked.stub.Call, call("CommRqData", "일봉", code, 0, "0101"), metadata=locked.read
        )
        assert (status, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")

    @pytest.mark.parametrize("name", ["SendOrder", "SendOrderFO", "SendOrderCredit"])
    def test_lets_the_read_right_send_no_order(self, locked: Locked, name: str) -> None:
        count = len(reference.function(name).arguments)
        code, found = refused(locked.stub.Call, call(name, *[""] * count), metadata=locked.read)
        assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
        assert name in found.message
        assert "read" in found.message

    def test_lets_the_trade_right_send_orders(self, locked: Locked) -> None:
        locked.stub.Call(call("SendOrder", *ORDER), metadata=locked.trade)
        assert locked.server.control.calls[-1] == ("SendOrder", tuple(ORDER))

    @pytest.mark.parametrize("right", ["read", "trade"])
    @pytest.mark.parametrize(
        "request_",
        [
            call("CommConnect"),
            call("CommTerminate"),
            call("KOA_Functions", "ShowAccountWindow", ""),
            call("SetInfoData", "x"),
            call("NoSuchFunction"),
        ],
        ids=lambda request: request.name,
    )
    def test_keeps_what_affects_all_clients_for_the_admin(
        self, locked: Locked, right: str, request_: openapi_pb2.CallRequest
    ) -> None:
        metadata = getattr(locked, right)
        code, _ = refused(locked.stub.Call, request_, metadata=metadata)
        assert code is grpc.StatusCode.PERMISSION_DENIED
        many = kernel_pb2.CallManyRequest(calls=[call("GetConnectState"), request_])
        code, _ = refused(locked.stub.CallMany, many, metadata=metadata)
        assert code is grpc.StatusCode.PERMISSION_DENIED

    def test_lets_the_admin_do_it(self, locked: Locked) -> None:
        locked.stub.Call(call("SetInfoData", "x"), metadata=locked.admin)
        assert locked.server.control.calls[-1] == ("SetInfoData", ("x",))

    def test_shows_unknown_clients_nothing_about_its_methods(self, locked: Locked) -> None:
        channel = grpc.insecure_channel(locked.server.address)
        answers = set()
        for path in ("/koalab.kernel.v1.Kernel/Status", "/koalab.kernel.v1.Kernel/Nothing", "/a.B/C"):
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary(path)(b"", timeout=HANGS_AFTER)
            answers.add((error.value.code(), error.value.details()))
        channel.close()
        assert len(answers) == 1
        assert next(iter(answers))[0] is grpc.StatusCode.UNAUTHENTICATED

    def test_has_no_method_that_another_way_leads_to(self, locked: Locked) -> None:
        channel = grpc.insecure_channel(locked.server.address)
        ask = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        listing = [reflection_pb2.ServerReflectionRequest(list_services="")]
        (answer,) = ask(iter(listing), timeout=HANGS_AFTER, metadata=locked.read)
        pool = descriptor_pool.Default()
        served = [
            f"/{one.name}/{method.name}"
            for one in answer.list_services_response.service
            for method in pool.FindServiceByName(one.name).methods
        ]
        assert len(served) > 10
        for path in served:
            if rights.of_method(path) is not Right.OPEN:
                with pytest.raises(grpc.RpcError) as error:
                    channel.unary_unary(path)(b"", timeout=HANGS_AFTER)
                assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED, path
        channel.close()

    def test_health_stays_open_and_reflection_does_not(self, locked: Locked) -> None:
        channel = grpc.insecure_channel(locked.server.address)
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        listing = [reflection_pb2.ServerReflectionRequest(list_services="")]
        with pytest.raises(grpc.RpcError) as error:
            list(ask(iter(listing), timeout=HANGS_AFTER))
        assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert len(list(ask(iter(listing), timeout=HANGS_AFTER, metadata=locked.read))) == 1
        channel.close()

    def test_takes_a_token_out_of_a_running_server(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens.tsv"
        token = tokens.add(file, "notebook", Right.READ)
        with canned_server({}, access=Access(tokens=file, refusal_delay=0.0)) as server:
            server.stub.Status(kernel_pb2.StatusRequest(), metadata=bearer(token))
            tokens.remove(file, "notebook")
            code, _ = refused(server.stub.Status, kernel_pb2.StatusRequest(), metadata=bearer(token))
        assert code is grpc.StatusCode.UNAUTHENTICATED

    def test_a_login_that_is_done_is_told_to_readers_and_a_new_one_is_the_admins(
        self, tmp_path: Path
    ) -> None:
        file = tmp_path / "tokens.tsv"
        made = {name: tokens.add(file, name, right) for name, right in TOKEN_RIGHTS.items()}
        login = openapi_pb2.LoginRequest()
        with canned_server({}, connected=False, access=Access(tokens=file)) as server:
            for name in ("read", "trade"):
                code, found = refused(server.stub.Login, login, metadata=bearer(made[name]))
                assert (code, found.kind) == (grpc.StatusCode.PERMISSION_DENIED, "Forbidden")
            assert server.control.GetConnectState() == 0
            assert (
                len(list(server.stub.Login(login, timeout=HANGS_AFTER, metadata=bearer(made["admin"])))) == 1
            )
            assert (
                len(list(server.stub.Login(login, timeout=HANGS_AFTER, metadata=bearer(made["read"])))) == 1
            )


def test_a_server_without_tokens_allows_local_clients_everything() -> None:
    with canned_server({}) as server:
        assert server.stub.Status(kernel_pb2.StatusRequest()).rights == "admin"
        server.stub.Call(call("SendOrder", *ORDER))
        server.stub.Call(call("SetInfoData", "x"))


class TestTheTables:
    def test_know_every_rpc_that_is_served(self) -> None:
        for file in (kernel_pb2, koapy_pb2):
            for service in file.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    assert f"/{service.full_name}/{method.name}" in rights.methods()

    def test_know_every_function_of_the_control(self) -> None:
        known = {name for name, _ in rights.functions()}
        assert set(reference.functions()) <= known

    @given(st.text(), st.lists(st.text(), max_size=2))
    def test_keep_what_they_do_not_know_for_the_admin(self, name: str, arguments: list[str]) -> None:
        if all(name != known for known, _ in rights.functions()):
            assert rights.of_function(name, arguments) is Right.ADMIN
        if name not in rights.methods():
            assert rights.of_method(name) is Right.ADMIN

    def test_bound_fields_that_there_are(self) -> None:
        files = (kernel_pb2.DESCRIPTOR, openapi_pb2.DESCRIPTOR)
        messages = {
            message.full_name: message for file in files for message in file.message_types_by_name.values()
        }
        for (message, field), most in bounds.BOUNDS.items():
            if message in messages:
                found = messages[message].fields_by_name[field]
                assert found.is_repeated or found.type == found.TYPE_STRING
            assert most > 0


class TestARequest:
    def test_with_too_many_inputs_is_refused_with_the_field(self) -> None:
        inputs = {f"입력{number}": "" for number in range(bounds.MAX_ITEMS + 1)}
        with canned_server({}) as server:
            code, found = refused(
                server.stub.Pages, kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=inputs)
            )
            assert (code, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")
            assert "inputs" in found.message

    @pytest.mark.parametrize(
        "request_",
        [
            call("GetConnectState", *range(21)),
            call("x" * (bounds.MAX_CHARACTERS + 1)),
            call("GetMasterCodeName", "x" * (bounds.MAX_CHARACTERS + 1)),
        ],
        ids=["arguments", "name", "text"],
    )
    def test_with_too_much_of_anything_is_refused_wherever_it_stands(
        self, request_: openapi_pb2.CallRequest
    ) -> None:
        with canned_server({}) as server:
            for ask, asked in [
                (server.stub.Call, request_),
                (server.stub.CallMany, kernel_pb2.CallManyRequest(calls=[request_])),
            ]:
                code, found = refused(ask, asked)
                assert (code, found.kind) == (grpc.StatusCode.INVALID_ARGUMENT, "BadInput")

    def test_of_too_many_bytes_is_refused_by_grpc(self) -> None:
        calls = [call("GetMasterCodeName", "x" * 9_000)] * 500
        with canned_server({}) as server, pytest.raises(grpc.RpcError) as error:
            server.stub.CallMany(kernel_pb2.CallManyRequest(calls=calls), timeout=HANGS_AFTER)
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    @example(arguments=20, letters=3)
    @example(arguments=21, letters=3)
    @given(arguments=st.integers(0, 40), letters=st.integers(0, 2 * bounds.MAX_CHARACTERS))
    def test_is_taken_exactly_up_to_its_bounds(self, arguments: int, letters: int) -> None:
        request = call("f" * letters, *["x"] * arguments)
        if arguments <= 20 and letters <= bounds.MAX_CHARACTERS:
            bounds.check(request)
        else:
            with pytest.raises(Failure):
                bounds.check(request)

    @given(st.integers(bounds.MAX_CHARACTERS - 2, bounds.MAX_CHARACTERS + 2), st.booleans())
    def test_is_bounded_in_the_names_and_values_of_its_inputs(self, letters: int, name: bool) -> None:
        text = "x" * letters
        request = kernel_pb2.PagesRequest(inputs={text: ""} if name else {"종목코드": text})
        if letters <= bounds.MAX_CHARACTERS:
            bounds.check(request)
        else:
            with pytest.raises(Failure):
                bounds.check(request)

    def test_for_the_whole_listing_is_within_bounds(self) -> None:
        codes = [f"{number:06d}" for number in range(4_000)]
        calls = [call("KOA_Functions", "GetMasterListedStockCntEx", code) for code in codes for _ in range(5)]
        bounds.check(kernel_pb2.CallManyRequest(calls=calls))


class TestAClientWithManyRpcs:
    def test_is_told_when_it_has_too_many_open(self) -> None:
        pages = {"opt10081": [({"종목코드": "005930"}, daily_rows(600))] * 20}
        with canned_server(pages, official(), access=Access(max_streams=3)) as server:
            request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY)
            open_ = [server.stub.Pages(request) for _ in range(3)]
            for stream in open_:
                next(stream)
            code, found = refused(server.stub.Status, kernel_pb2.StatusRequest())
            assert (code, found.kind) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RateLimited")
            assert "3" in found.message
            open_.pop().cancel()
            while True:
                try:
                    status = server.stub.Status(kernel_pb2.StatusRequest())
                    break
                except grpc.RpcError:
                    continue
            assert status.streams == 2
            other = grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])
            health_pb2_grpc.HealthStub(other).Check(health_pb2.HealthCheckRequest())
            other.close()
            for stream in open_:
                stream.cancel()


class TestAnAddress:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.10", "::", "broker.example"])
    def test_that_others_can_reach_is_refused_without_tls_and_tokens(self, host: str, tmp_path: Path) -> None:
        with pytest.raises(Unprotected, match="--tokens"):
            Access().check_host(host)
        file = tmp_path / "tokens.tsv"
        tokens.add(file, "notebook", Right.READ)
        with pytest.raises(Unprotected, match="--tls-cert"):
            Access(tokens=file).check_host(host)

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
    def test_of_this_machine_alone_needs_nothing(self, host: str) -> None:
        Access().check_host(host)

    def test_is_refused_by_the_server_itself_in_any_way_of_starting_it(self) -> None:
        from kernel_server.clock import SteppedClock
        from kernel_server.control.thread import PlainThread
        from kernel_server.scheduler import PRESETS
        from tests.fakes.canned_control import CannedControl

        thread = PlainThread()
        with pytest.raises(Unprotected):
            BackgroundServer(
                lambda: CannedControl({}, thread.hand_over),
                SteppedClock(0.0),
                ServerSettings(PRESETS["official"], host="0.0.0.0", port=0),
                thread,
            )

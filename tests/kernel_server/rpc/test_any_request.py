"""Whatever is sent, the server answers with a status and a reason, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_server.wire import kernel_pb2, koapy_pb2, openapi_pb2
from tests.kernel_server.rpc.test_transactions import problem
from tests.support.canned_server import CannedServer, canned_server, daily_rows
from tests.support.examples import examples
from tests.support.waiting import HANGS_AFTER

PAGES = {"opt10081": [({"종목코드": "005930"}, daily_rows(3))], "opt10001": [({"종목명": "삼성전자"}, [])]}
SERVICES = [
    koapy_pb2.DESCRIPTOR.services_by_name["KiwoomOpenApiPlusService"],
    kernel_pb2.DESCRIPTOR.services_by_name["Kernel"],
]
METHODS = [method for service in SERVICES for method in service.methods]

# Words that mean something to the server, so that more than the first check is reached.
WORDS = [
    "005930", "opt10081", "OPTKWFID", "종목코드", "8000000011", "00", "0001", "CommRqData", "SendOrder",
    "GetCommData", "OnReceiveTrData", "OnReceiveRealData", "IsConnected", "RateLimitedCommRqData", "recover",
]  # fmt: skip
TEXT = st.sampled_from(WORDS) | st.text(max_size=30) | st.just("가" * 5000)
_NUMBERS = st.sampled_from([0, 1, 10, 20, 27]) | st.integers(0, 2**31 - 1)
_SIGNED = _NUMBERS | st.integers(-(2**31), 2**31 - 1)
_VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: _SIGNED,
    FieldDescriptor.TYPE_INT64: _SIGNED | st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: _NUMBERS,
    FieldDescriptor.TYPE_UINT64: _NUMBERS,
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_ENUM: st.integers(0, 9),
}


@st.composite
def messages(draw: st.DrawFn, descriptor: Any, depth: int = 0) -> Message:
    """Any message of that type."""
    made = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if not draw(st.booleans()) or depth > 3:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(made, field.name).update(draw(st.dictionaries(TEXT, TEXT, max_size=4)))
        elif field.message_type is not None:
            inner = messages(field.message_type, depth + 1)
            if field.is_repeated:
                getattr(made, field.name).extend(draw(st.lists(inner, max_size=4)))
            else:
                getattr(made, field.name).CopyFrom(draw(inner))
        elif field.is_repeated:
            getattr(made, field.name).extend(draw(st.lists(_VALUES[field.type], max_size=6)))
        else:
            setattr(made, field.name, draw(_VALUES[field.type]))
    return made


@contextmanager
def bare_channel(server: CannedServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel


def send(channel: grpc.Channel, method: MethodDescriptor, requests: list[bytes]) -> grpc.StatusCode | None:
    """Sends them; the status, None where the answer was good, or a stream went on until it was left."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, True): channel.stream_stream,
    }
    call: Any = kinds[method.client_streaming, method.server_streaming](
        path, lambda one: one, lambda one: one
    )
    request: Any = iter(requests) if method.client_streaming else requests[0]
    try:
        answer = call(request, timeout=0.1 if method.server_streaming else HANGS_AFTER)
        if method.server_streaming:
            for count, _ in enumerate(answer):
                if count > 5:
                    answer.cancel()
                    return None
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()  # type: ignore[attr-defined]
        went_on = code is grpc.StatusCode.DEADLINE_EXCEEDED and method.server_streaming
        if not went_on and not error.details():  # type: ignore[attr-defined]
            return grpc.StatusCode.UNKNOWN  # a status without a reason says as little
        return code
    return None


def alive(server: CannedServer) -> None:
    """The control thread and the loop answer as before."""
    status = server.stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
    assert status.version


_UNKIND = {grpc.StatusCode.UNKNOWN}
"""A status that says nothing is a defect: somebody forgot to say what was wrong."""


@pytest.fixture(scope="module")
def server() -> Iterator[CannedServer]:
    with canned_server(PAGES) as running:
        yield running


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(
    max_examples=examples(16, 40),
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_any_request_is_answered_with_a_status_that_says_something(
    server: CannedServer, method: MethodDescriptor, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 3)) if method.client_streaming else 1
    requests = [data.draw(messages(method.input_type)).SerializeToString() for _ in range(count)]
    with bare_channel(server) as channel:
        assert send(channel, method, requests) not in _UNKIND
    alive(server)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(
    max_examples=examples(10, 20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_message_do_no_harm(
    server: CannedServer, method: MethodDescriptor, raw: bytes
) -> None:
    with bare_channel(server) as channel:
        send(channel, method, [raw])
    alive(server)


@pytest.mark.parametrize(
    "path",
    [
        *(f"/{method.containing_service.full_name}/{method.name}" for method in METHODS),
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
@pytest.mark.parametrize("raw", [b"\xff\xff", b"\x0a\x02\xff\xff\xff", b"\x0b" * 200])
def test_a_message_that_cannot_be_parsed_is_bad_input_and_no_traceback(
    server: CannedServer, path: str, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The same bytes do for requests of every kind on the wire."""
    with bare_channel(server) as channel, pytest.raises(grpc.RpcError) as error:
        list(channel.stream_stream(path)(iter([raw]), timeout=HANGS_AFTER))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert problem(error.value).kind == "BadInput"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("letter", ["x", "가", "😀", "%"])
def test_a_request_with_long_words_fails_with_its_own_status(server: CannedServer, letter: str) -> None:
    """The failure's message has them; the trailers, which carry it twice, may have 8 KiB."""
    long = letter * 9000
    daily = {"종목코드": "005930", "수정주가구분": "1"}
    stop = openapi_pb2.TransactionStopCondition(name=long)
    for ask, request in (
        (server.stub.Pages, kernel_pb2.PagesRequest(transaction_code="opt10081", inputs={long: "1"})),
        (server.stub.Pages, kernel_pb2.PagesRequest(transaction_code=long)),
        (
            server.stub.Pages,
            kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=daily, stop_condition=stop),
        ),
        (server.stub.Call, openapi_pb2.CallRequest(name=long)),
        (server.stub.Events, openapi_pb2.ListenRequest(slots=[long])),
        (server.stub.Condition, openapi_pb2.ConditionRequest(condition_name=long)),
        (server.stub.Fault, kernel_pb2.FaultRequest(kind=long)),
    ):
        with pytest.raises(grpc.RpcError) as error:
            list(ask(request, timeout=HANGS_AFTER))
        assert problem(error.value).kind, error.value.details()

"""TR pages the way it was done before: every cell asked for by itself and sent as a string of its own.

The server is a thread pool of eight, the page a list of rows of strings, the frame made of those strings;
for the comparison its columns are then made numbers, as a user of it has to do.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pandas as pd

from kernel_server import reference
from kernel_server.control.seam import Event
from kernel_server.control.thread import PlainThread
from kernel_server.wire import openapi_pb2
from tests.fakes.canned_control import CannedControl

_SERVICE, _METHOD = "bench.Cellwise", "TransactionCall"
NUMBERS = ("현재가", "거래량", "거래대금", "시가", "고가", "저가")


def serve(make: Callable[[PlainThread], CannedControl]) -> str:
    """Starts the server in this process and gives its address."""
    thread = PlainThread()
    control = make(thread)

    def stream(request: openapi_pb2.TransactionRequest, _: object) -> Iterator[openapi_pb2.ListenResponse]:
        tr = reference.tr(request.transaction_code)
        pages: queue.SimpleQueue[openapi_pb2.ListenResponse] = queue.SimpleQueue()

        def on_event(event: Event) -> None:
            response = openapi_pb2.ListenResponse(name=event.name)
            for argument in event.arguments[:5]:
                response.arguments.add(string_value=str(argument))
            count = control.call("GetRepeatCnt", (tr.code, ""))
            response.multi_data.names.extend(tr.multi_names)
            for row in range(int(str(count))):
                values = [
                    str(control.call("GetCommData", (tr.code, "", row, name))).strip()
                    for name in tr.multi_names
                ]
                response.multi_data.values.add().values.extend(values)
            pages.put(response)

        def ask(prev_next: int) -> None:
            for name, value in request.inputs.items():
                control.call("SetInputValue", (name, value))
            control.call("CommRqData", ("bench", tr.code, prev_next, "0001"))

        control.listen(on_event)
        prev_next = 0
        while True:
            thread.post(lambda prev_next=prev_next: ask(prev_next)).result()  # type: ignore[misc]
            page = pages.get()
            yield page
            if page.arguments[4].string_value != "2":
                return
            prev_next = 2

    handler = grpc.unary_stream_rpc_method_handler(
        stream,
        request_deserializer=openapi_pb2.TransactionRequest.FromString,
        response_serializer=openapi_pb2.ListenResponse.SerializeToString,
    )
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _running.append(server)
    return f"127.0.0.1:{port}"


_running: list[Any] = []


def load(channel: grpc.Channel, code: str, inputs: dict[str, str]) -> pd.DataFrame:
    """The pages as one frame with numbers."""
    call = channel.unary_stream(
        f"/{_SERVICE}/{_METHOD}",
        request_serializer=openapi_pb2.TransactionRequest.SerializeToString,
        response_deserializer=openapi_pb2.ListenResponse.FromString,
    )
    rows: list[list[str]] = []
    names: list[str] = []
    for page in call(openapi_pb2.TransactionRequest(transaction_code=code, inputs=inputs)):
        names = list(page.multi_data.names)
        rows += [list(row.values) for row in page.multi_data.values]
    frame = pd.DataFrame.from_records(rows, columns=names)
    for name in NUMBERS:
        frame[name] = pd.to_numeric(frame[name])
    frame["일자"] = pd.to_datetime(frame["일자"], format="%Y%m%d")
    return frame
